"""A story -> the numbers of a mail's first screen, at most four, and the facts of an alarm that no system explains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.alerting import words
from deliverywatch.alerting.context import recipients_affected
from deliverywatch.alerting.sentences import measure

if TYPE_CHECKING:
    from deliverywatch.alerting.sentences import Story


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its label above and a small note below."""

    label: str
    value: str
    note: str = ""


def figures(story: Story) -> tuple[Figure, ...]:
    """Return the numbers that say how bad it is, or how bad it was."""
    found = _of_end(story) if story.is_over else _of_blindness(story) if story.is_blind else _of_trouble(story)
    return tuple(figure for figure in found if figure is not None)


def alarm_facts(story: Story) -> tuple[tuple[str, str], ...]:
    """Return what the alarm says of itself, for a reader whom no context tells more."""
    alarm = story.alarm
    if alarm is None:
        return story.change.facts
    missing = f"missing data is treated as {alarm.treat_missing_data}" if alarm.treat_missing_data else ""
    facts = [
        ("CloudWatch says", alarm.reason or story.change.reason),
        ("Measures", measure(alarm) if alarm.queries else ""),
        ("Expression", str(alarm.returned.get("Expression", ""))),
        *[(f"Metric {name}", described) for name, described in _metrics(story)],
        ("Composite rule", alarm.rule),
        ("Otherwise", missing),
        *story.change.facts,
    ]
    return tuple((name, value) for name, value in facts if value)


def _of_trouble(story: Story) -> list[Figure | None]:
    return [_rate(story), _counts(story), _since(story), _peak(story)]


def _of_blindness(story: Story) -> list[Figure | None]:
    since, now = story.blind_since, story.change.time
    seen = story.context.updated_at
    last = (
        Figure("Last reading", story.clock.day_time(seen, now), f"{words.span(now - seen)} ago")
        if seen and seen < now
        else None
    )
    kind = Figure("Cause", story.context.problem.kind) if story.context.problem else None
    return [Figure("Blind since", story.clock.day_time(since, now), f"for {words.span(now - since)}"), last, kind]


def _of_end(story: Story) -> list[Figure | None]:
    incident, change = story.incident, story.change
    if incident.is_presumed:
        return [Figure("Over since", story.clock.day_time(change.time, change.time))]
    times = f"{story.clock.day_time(incident.opened_at, change.time)} to {story.clock.time(change.time)}"
    lasted = Figure("Duration", words.span(change.time - incident.opened_at), times)
    return [lasted] if story.is_blind else [lasted, _peak(story), _counts(story), _affected(story)]


def _rate(story: Story) -> Figure | None:
    alarm, value = story.alarm, story.value
    if alarm is None or value is None:
        return None
    limit = f"threshold {story.measured(alarm.threshold)}" if alarm.threshold is not None else ""
    return Figure("Failure rate" if alarm.is_ratio else "Value", story.measured(value), limit)


def _counts(story: Story) -> Figure | None:
    if story.counts is None:
        return _overdue(story)
    failed, total = story.counts
    during = (
        "in the incident" if story.is_over else f"in {words.window(story.alarm.period_seconds)}" if story.alarm else ""
    )
    return Figure("Failed", words.amount(failed), f"of {words.amount(total)} {during}")


def _overdue(story: Story) -> Figure | None:
    # The one number of a context that is not about failures: it belongs to the alarm that measures it.
    if story.context.overdue is None or story.alarm is None or "overdue" not in measure(story.alarm).lower():
        return None
    pending, total = story.context.overdue
    return Figure("Without an outcome", words.amount(pending), f"of {words.amount(total)}")


def _since(story: Story) -> Figure:
    now, opened = story.change.time, story.incident.opened_at
    lasting = f"for {words.span(now - opened)}" if now > opened else "just now"
    return Figure("Since", story.clock.day_time(opened, now), lasting)


def _peak(story: Story) -> Figure | None:
    peak = story.incident.peak
    return (
        Figure("Peak", story.measured(peak), "so far" if not story.is_over else "highest seen")
        if peak is not None
        else None
    )


def _affected(story: Story) -> Figure | None:
    if story.alarm is None or not story.alarm.is_ratio:
        return None
    found = recipients_affected(story.context, story.incident.opened_at, story.alarm.period_seconds)
    if found is None:
        return None
    recipients, is_whole = found
    return Figure("Recipients affected", words.amount(recipients), "" if is_whole else "in the last 3 hours")


def _metrics(story: Story) -> list[tuple[str, str]]:
    stats = [
        (query["Id"], query["MetricStat"])
        for query in (story.alarm.queries if story.alarm else ())
        if "MetricStat" in query
    ]
    return [(name, _metric(stat)) for name, stat in stats]


def _metric(stat: dict[str, dict[str, list[dict[str, str]]]]) -> str:
    metric = stat["Metric"]
    dimensions = ", ".join(f"{pair['Name']}={pair['Value']}" for pair in metric["Dimensions"])
    return f"{stat['Stat']} of {metric['Namespace']} {metric['MetricName']}" + (
        f" ({dimensions})" if dimensions else ""
    )
