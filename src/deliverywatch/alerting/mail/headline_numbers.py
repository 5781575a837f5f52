"""A story -> the numbers of a mail's first screen, at most four, and the facts of an alarm that no system explains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.window import counts_before, recipients_affected

if TYPE_CHECKING:
    from deliverywatch.alerting.mail.story import Story


@dataclass(frozen=True, slots=True)
class HeadlineNumber:
    """One number with its label above and a small note below."""

    label: str
    value: str
    note: str = ""


def headline_numbers(story: Story) -> tuple[HeadlineNumber, ...]:
    """Return the numbers that say how bad it is, or how bad it was."""
    numbers = _of_end(story) if story.is_over else _of_blindness(story) if story.is_blind else _of_trouble(story)
    return tuple(number for number in numbers if number is not None)


def alarm_facts(story: Story) -> tuple[tuple[str, str], ...]:
    """Return what the alarm says of itself, for a reader whom no context tells more."""
    alarm = story.alarm
    if alarm is None:
        return story.change.facts
    facts = [
        ("CloudWatch says", alarm.reason or story.change.reason),
        ("Expression", str(alarm.returned.get("Expression", ""))),
        *_metrics(story),
        ("Composite rule", alarm.rule),
        ("Missing data", f"treated as {alarm.treat_missing_data}" if alarm.treat_missing_data else ""),
        *story.change.facts,
    ]
    return tuple((name, value) for name, value in facts if value)


def _of_trouble(story: Story) -> list[HeadlineNumber | None]:
    # The peak of what has just begun is the rate itself: what was usual before tells more.
    fourth = _before(story) if story.change.event is Event.OPENED else _peak(story)
    return [_rate(story), _counts(story), _since(story), fourth]


def _of_blindness(story: Story) -> list[HeadlineNumber | None]:
    since, now = story.blind_since, story.change.time
    read_at = story.context.updated_at
    last = (
        HeadlineNumber("Last reading", story.clock.day_time(read_at, now), f"{formatting.span(now - read_at)} ago")
        if read_at and read_at < now
        else None
    )
    kind = HeadlineNumber("Cause", story.context.problem.kind) if story.context.problem else None
    return [
        HeadlineNumber("Blind since", story.clock.day_time(since, now), f"for {formatting.span(now - since)}"),
        last,
        kind,
    ]


def _of_end(story: Story) -> list[HeadlineNumber | None]:
    incident, change = story.incident, story.change
    if incident.is_presumed:
        return [HeadlineNumber("Over since", story.clock.day_time(change.time, change.time))]
    times = f"{story.clock.day_time(incident.opened_at, change.time)} to {story.clock.time(change.time)}"
    lasted = HeadlineNumber("Duration", formatting.span(change.time - incident.opened_at), times)
    return [lasted] if story.is_blind else [lasted, _peak(story), _counts(story), _affected(story)]


def _rate(story: Story) -> HeadlineNumber | None:
    alarm, value = story.alarm, story.value
    if alarm is None or value is None:
        return None
    limit = story.threshold
    name = "Failure rate" if alarm.is_ratio else "Now"
    return HeadlineNumber(name, story.measured(value), f"threshold {limit}" if limit else "")


def _counts(story: Story) -> HeadlineNumber | None:
    if story.counts is None:
        return _overdue(story)
    failed, total = story.counts
    during = (
        _sent_since(story)
        if story.is_over
        else f"in {formatting.span(timedelta(seconds=story.alarm.period_seconds))}"
        if story.alarm
        else ""
    )
    return HeadlineNumber("Failed", formatting.amount(failed), f"of {formatting.amount(total)} {during}")


def _sent_since(story: Story) -> str:
    """What opened the incident was sent in the window before."""
    if story.alarm is None:
        return "sent"
    begin = story.incident.opened_at - timedelta(seconds=story.alarm.period_seconds)
    return f"sent since {story.clock.time(begin)}"


def _overdue(story: Story) -> HeadlineNumber | None:
    if story.overdue is None:
        return None
    pending, total, _ = story.overdue
    return HeadlineNumber("Without an outcome", formatting.amount(pending), f"of {formatting.amount(total)}")


def _since(story: Story) -> HeadlineNumber:
    now, opened = story.change.time, story.incident.opened_at
    lasting = f"for {formatting.span(now - opened)}" if now > opened else "just now"
    return HeadlineNumber("Since", story.clock.day_time(opened, now), lasting)


def _before(story: Story) -> HeadlineNumber | None:
    before = counts_before(story.context, story.alarm.period_seconds) if story.alarm and story.alarm.is_ratio else None
    if before is None:
        return None
    failed, total, (start, end) = before
    times = f"{story.clock.time(start)} to {story.clock.time(end)}"
    return HeadlineNumber("Before that", formatting.percent(100 * failed / total), times)


def _peak(story: Story) -> HeadlineNumber | None:
    peak = story.incident.peak
    return HeadlineNumber("Peak", story.measured(peak), _peak_note(story)) if peak is not None else None


def _peak_note(story: Story) -> str:
    """The peak is one of the alarm's window, not of the slots that the chart shows."""
    window = f"in {formatting.span(timedelta(seconds=story.alarm.period_seconds))}" if story.alarm else "highest"
    return window if story.is_over else f"{window}, so far"


def _affected(story: Story) -> HeadlineNumber | None:
    if story.alarm is None or not story.alarm.is_ratio:
        return None
    affected = recipients_affected(story.context, story.incident.opened_at, story.alarm.period_seconds)
    if affected is None:
        return None
    recipients, is_whole = affected
    return HeadlineNumber(
        "Recipients affected", formatting.amount(recipients), "" if is_whole else "in the last 3 hours"
    )


def _metrics(story: Story) -> list[tuple[str, str]]:
    queries = [query for query in (story.alarm.queries if story.alarm else ()) if "MetricStat" in query]
    names = ["Metric"] if len(queries) == 1 else [f"Metric {query['Id']}" for query in queries]
    return [(name, _metric(query["MetricStat"])) for name, query in zip(names, queries, strict=True)]


def _metric(stat: dict[str, dict[str, list[dict[str, str]]]]) -> str:
    metric = stat["Metric"]
    dimensions = ", ".join(f"{pair['Name']}={pair['Value']}" for pair in metric["Dimensions"])
    return f"{stat['Stat']} of {metric['Namespace']} {metric['MetricName']}" + (
        f" ({dimensions})" if dimensions else ""
    )
