"""An incident's record, mails, acknowledgements and mutes, and the lake -> what happened when, in one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Event
from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.story import Story, entry_text
from deliverywatch.messages.level import Level
from deliverywatch.operate.incidents.explain import alarm_names

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.operate.incidents.explain import Facts
    from deliverywatch.operate.review.impact import Impact

_WORDS = {Event.RESOLVED: "Recovery", Event.CLOSED: "End", Event.OPENED: "Alarm"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line; `text` may hold what others wrote."""

    time: datetime
    what: str
    text: str
    tone: str = "notice"


def timeline(
    facts: Facts, impact: Impact | None, warning_percent: float, messages: Sequence[Record] = ()
) -> list[Entry]:
    """Return what happened, the oldest first; `messages` went to channels beside mail."""
    seen = _seen(impact, warning_percent) if impact else iter(())
    sent = _sent_to([*facts.mails, *messages])
    return sorted([*seen, *_changes(facts), *sent, *_acks(facts), *_mutes(facts)], key=lambda entry: entry.time)


def _seen(impact: Impact, warning_percent: float) -> Iterator[Entry]:
    limit = f"{formatting.exact(warning_percent)} %"
    if impact.first_bad:
        begin = f"The first SMS that failed of the {impact.minutes} minutes in which more than {limit} did."
        yield Entry(impact.first_bad, "First bad message", begin, "critical")
    if impact.well_from:
        yield Entry(impact.well_from, "Well again", f"No {impact.minutes} minutes after it were over {limit}.", "ok")


def _changes(facts: Facts) -> Iterator[Entry]:
    for change in facts.incident.timeline:
        tone = "ok" if change.level is Level.OK else change.level.value
        yield Entry(change.time, _WORDS.get(change.event, change.event.value.capitalize()), _said(facts, change), tone)


def _said(facts: Facts, change: Change) -> str:
    alarm = facts.alarms.get(change.alarm)
    story = Story(facts.incident, change, alarm, facts.context, facts.clock, facts.incident.title)
    said = change.reason if change.reason and not change.alarm else entry_text(story, change)
    if change.level is Level.OK and not change.reason:
        return f"{said[:1].upper()}{said[1:]}."
    named = f", by {change.alarm}" if change.alarm else ""
    return f"{said[:1].upper()}{said[1:].removesuffix('.')}{named}."


def _sent_to(records: Iterable[Record]) -> Iterator[Entry]:
    for record in records:
        if record.sent_at is not None:
            yield Entry(record.sent_at, f"{named(record)} {record.seq}", _sent(record))


def named(record: Record) -> str:
    """Return what carries a record's message: a mail, or the name of its channel."""
    return "Mail" if record.is_mail else str(record.channel).capitalize()


def _sent(record: Record) -> str:
    if not record.is_mail:
        return f"Sent{f' at attempt {record.attempts}' if (record.attempts or 1) > 1 else ''}."
    people = "1 address" if record.recipients == 1 else f"{record.recipients or 0} addresses"
    whereto = "the fallback topic, as SES did not take it" if record.channel == "fallback" else people
    return f"Sent to {whereto}: {record.subject or record.event}."


def _acks(facts: Facts) -> Iterator[Entry]:
    for ack in facts.incident.acks:
        yield Entry(ack.time, "Taken on", f"{ack.by}{f': {ack.note}' if ack.note else ''}.", "blind")


def _mutes(facts: Facts) -> Iterator[Entry]:
    incident = facts.incident
    names, end = set(alarm_names(incident)), facts.now if incident.is_open else incident.changed_at
    for mute in facts.mutes:
        if mute.start and mute.end and names & set(mute.alarms) and mute.start < end and mute.end > incident.opened_at:
            yield Entry(
                mute.start, "Mute", f"Alarms muted for {formatting.span(mute.end - mute.start)}: {mute.reason}."
            )
            if mute.end < end:
                yield Entry(mute.end, "Mute", "Alarms act again.")
