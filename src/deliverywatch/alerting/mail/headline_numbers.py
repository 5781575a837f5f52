"""A story -> the numbers on a mail's first screen, at most four, and the facts of an alarm that no system explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.window import counts_before, recipients_affected
from deliverywatch.messages.level import Level

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
    if story.change.event in (Event.QUIET, Event.UNSEEN):
        numbers = _of_held(story)
    else:
        numbers = _of_end(story) if story.is_over else _of_blindness(story) if story.is_blind else _of_trouble(story)
    return tuple(number for number in numbers if number is not None)


def alarm_facts(story: Story) -> tuple[tuple[str, str], ...]:
    """Return what the alarm says about itself, for where no context says more."""
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
    # At the beginning the peak is the rate itself: the rate before says more.
    fourth = _before(story) if story.change.event is Event.OPENED else _peak(story)
    return [_rate(story), _counts(story), _since(story), fourth]


def _of_held(story: Story) -> list[HeadlineNumber | None]:
    if story.change.before is Level.OK:  # nothing was going on
        return [_since(story)]
    level = HeadlineNumber("Level", story.change.level.value, "held")
    return [level, _last_seen(story), _since(story), _peak(story)]


def _last_seen(story: Story) -> HeadlineNumber | None:
    assessment = story.change.assessment
    if assessment is None or assessment.last_seen is None:
        return None
    ago = f"{formatting.span(story.change.time - assessment.last_seen)} ago"
    return HeadlineNumber("Last seen", story.clock.day_time(assessment.last_seen, story.change.time), ago)


def _of_blindness(story: Story) -> list[HeadlineNumber | None]:
    since, now, read_at = story.blind_since, story.change.time, story.context.read_at
    blind = HeadlineNumber("Blind since", story.clock.day_time(since, now), f"for {formatting.span(now - since)}")
    cause = HeadlineNumber("Cause", story.context.problem.kind) if story.context.problem else None
    if read_at is None or read_at >= now:
        return [blind, cause]
    ago = f"{formatting.span(now - read_at)} ago"
    return [blind, HeadlineNumber("Last reading", story.clock.day_time(read_at, now), ago), cause]


def _of_end(story: Story) -> list[HeadlineNumber | None]:
    incident, change = story.incident, story.change
    if incident.is_presumed:
        return [HeadlineNumber("Over since", story.clock.day_time(change.time, change.time))]
    times = f"{story.clock.day_time(incident.opened_at, change.time)} to {story.clock.time(change.time)}"
    lasted = HeadlineNumber("Duration", formatting.span(change.time - incident.opened_at), times)
    if change.event is Event.CLOSED:
        return [lasted, _last_seen(story), _peak(story)]
    return [lasted] if story.is_blind else [lasted, _peak(story), _counts(story), _affected(story)]


def _rate(story: Story) -> HeadlineNumber | None:
    alarm, value = story.alarm, story.value
    if alarm is None or value is None:
        return None
    name = "Failure rate" if story.is_about_failures else "Now"
    note = _judged(story) or (f"threshold {story.threshold}" if story.threshold else "")
    return HeadlineNumber(name, story.measured(value), note)


def _judged(story: Story) -> str:
    """Return what a finding of the system rests on where its limits are not those of the alarm; else empty."""
    if not story.finding:
        return ""
    if story.is_points:
        return "above the usual share"
    count = story.change.assessment.seen_count if story.change.assessment else 0
    return f"of the last {formatting.amount(count)} {story.context.noun}" if count and story.is_about_failures else ""


def _counts(story: Story) -> HeadlineNumber | None:
    if story.finding:
        return None
    if story.counts is None:
        return _overdue(story)
    failed, total = story.counts
    during = _sent_since(story) if story.is_over else _window(story)
    return HeadlineNumber("Failed", formatting.amount(failed), f"of {formatting.amount(total)} {during}")


def _window(story: Story) -> str:
    """Return the time that the value is about; what a system's data prove is about a time of its own."""
    if story.alarm is None or (story.change.assessment and not story.alarm.is_ratio):
        return ""
    return f"in {formatting.span(timedelta(seconds=story.alarm.period_seconds))}"


def _sent_since(story: Story) -> str:
    """Return the beginning of the window that opened the incident."""
    if story.alarm is None:
        return "sent"
    begin = story.incident.opened_at - timedelta(seconds=story.alarm.period_seconds)
    return f"sent since {story.clock.time(begin)}"


def _overdue(story: Story) -> HeadlineNumber | None:
    if story.overdue is None:
        return None
    pending, total = story.overdue[:2]
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
    # Without an alarm nobody knows the unit, or whether high is bad: the most hours of credit are the best.
    peak = story.incident.peak if story.alarm is not None else None
    # The highest value of the alarm's window, not of the chart's slots.
    note = (_window(story) or ("" if story.is_low_bad else "highest")) + ("" if story.is_over else ", so far")
    name = "Lowest" if story.is_low_bad else "Peak"
    return HeadlineNumber(name, story.measured(peak), note) if peak is not None else None


def _affected(story: Story) -> HeadlineNumber | None:
    if story.alarm is None or not story.alarm.is_ratio:
        return None
    affected = recipients_affected(story.context, story.incident.opened_at, story.alarm.period_seconds)
    if affected is None:
        return None
    recipients, is_whole = affected
    note = "" if is_whole else "in the last 3 hours"
    return HeadlineNumber("Recipients affected", formatting.amount(recipients), note)


def _metrics(story: Story) -> list[tuple[str, str]]:
    queries = [query for query in (story.alarm.queries if story.alarm else ()) if "MetricStat" in query]
    names = ["Metric"] if len(queries) == 1 else [f"Metric {query['Id']}" for query in queries]
    return [(name, _metric(query)) for name, query in zip(names, queries, strict=True)]


def _metric(query: Mapping[str, Any]) -> str:
    stat = query["MetricStat"]
    metric = stat["Metric"]
    dimensions = ", ".join(f"{pair['Name']}={pair['Value']}" for pair in metric["Dimensions"])
    parts = [
        f"{stat['Stat']} of {metric['Namespace']} {metric['MetricName']}",
        f"({dimensions})" if dimensions else "",
        f"in account {query['AccountId']}" if query.get("AccountId") else "",
        f"called '{query['Label']}'" if query.get("Label") else "",
    ]
    return " ".join(part for part in parts if part)
