"""One incident with its mails, alarms and what its system knows -> what happened, why, who has it and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.comparison import verdict
from deliverywatch.alerting.mail.story import Story, entry_text, rule
from deliverywatch.alerting.mail.window import recipients_affected
from deliverywatch.messages.level import Level
from deliverywatch.operate.incidents import mails as outbox

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.messages.context import Context
    from deliverywatch.operate.incidents.mutes import Mute

# What the system knows is about the last minutes: it explains an incident that is open, and one that is just over.
_FRESH = timedelta(hours=3)
_REASON_COUNT = 5
_FACT_COUNT = 8


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and the lines below it; each line is a paragraph of its own."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an incident.

    Attributes:
        mails: Its lines of the outbox, in order.
        alarms: Those that it was about, by full name, as they are now.
        context: What its watch's system left last.
        mutes: The rules that are active now.
    """

    incident: Incident
    mails: Sequence[Record]
    alarms: Mapping[str, Alarm]
    context: Context
    mutes: Sequence[Mute]
    clock: Clock
    now: datetime


def explained(known: Known) -> list[Section]:
    """Return what is to be told, in the order in which somebody who was just woken needs it."""
    sections = [
        Section(_headline(known), tuple(_state(known))),
        Section("What happened", tuple(_happened(known))),
        Section("Why", tuple(_why(known))),
        Section("Mails", tuple(_mails(known))),
        Section("What to do", tuple(_steps(known))),
    ]
    return [section for section in sections if section.lines]


def _headline(known: Known) -> str:
    incident = known.incident
    level = incident.level.value if incident.is_open else "over"
    return f"{incident.id}: {incident.title or incident.watch}, {level}"


def _state(known: Known) -> list[str]:
    incident, clock, now = known.incident, known.clock, known.now
    since = clock.day_time(incident.opened_at, now)
    if not incident.is_open:
        lasted = formatting.span(incident.changed_at - incident.opened_at)
        ended = clock.day_time(incident.changed_at, now)
        return [f"It began at {since}, ended at {ended} and lasted {lasted}.{_peak(known)}"]
    found = [f"It has been open since {since}, for {formatting.span(now - incident.opened_at)}.{_peak(known)}"]
    if incident.changed_at != incident.opened_at:
        found.append(f"It has been {incident.level.value} since {clock.day_time(incident.changed_at, now)}.")
    found.append(_owner(known))
    found += [f"Muted until {_until(each, known)}: {each.reason or 'no reason given'}." for each in _muting(known)]
    return found


def _peak(known: Known) -> str:
    alarm, peak = _alarm(known), known.incident.peak
    if peak is None or known.incident.is_presumed:
        return ""
    value = formatting.percent(peak) if alarm and alarm.is_percent else formatting.amount(peak)
    return f" The worst value was {value}."


def _owner(known: Known) -> str:
    acks = known.incident.acks
    if not acks:
        return "Nobody has taken it on yet."
    last = acks[-1]
    note = f": {last.note}" if last.note else ""
    return f"{last.by} has taken it on, at {known.clock.day_time(last.time, known.now)}{note}."


def _muting(known: Known) -> list[Mute]:
    names = _names(known.incident)
    return [mute for mute in known.mutes if mute.status == "ACTIVE" and names & set(mute.alarms)]


def _until(one: Mute, known: Known) -> str:
    return known.clock.day_time(one.end, known.now) if one.end else "its schedule ends"


def _happened(known: Known) -> list[str]:
    told = {record.seq: record for record in known.mails}
    incident = known.incident
    timed = [(change.time, _changed(known, change, told.get(change.seq))) for change in incident.timeline]
    timed += [(ack.time, f"{ack.by} took it on{f': {ack.note}' if ack.note else ''}.") for ack in incident.acks]
    return [
        f"{known.clock.day_time(time, known.now)}  {line}" for time, line in sorted(timed, key=lambda pair: pair[0])
    ]


def _changed(known: Known, change: Change, record: Record | None) -> str:
    story = Story(
        known.incident, change, known.alarms.get(change.alarm), known.context, known.clock, known.incident.title
    )
    said = change.reason if change.reason and not change.alarm else entry_text(story, change)
    mail = f"mail {change.seq} {outbox.state_of(record, known.now)}" if record else f"mail {change.seq} is due"
    return f"{change.event.value.capitalize()}: {said.removesuffix('.')}; {mail}."


def _why(known: Known) -> list[str]:
    found = [_alarm_line(alarm) for alarm in known.alarms.values()] + _told(known)
    if not known.incident.is_open and known.now - known.incident.changed_at > _FRESH:
        return found
    context = known.context
    if context.problem:
        found.append(context.problem.sentence)
    alarm = _alarm(known)
    if alarm is None or not alarm.is_ratio or known.incident.level is Level.BLIND:
        return found
    found += [verdict(context)] if verdict(context) else []
    found += [
        f"{formatting.amount(one.count)} ({formatting.percent(one.share_percent)}) "
        f"{one.text} (code {one.code}, {one.fault})"
        for one in context.reasons[:_REASON_COUNT]
    ]
    affected = recipients_affected(context, known.incident.opened_at, alarm.period_seconds)
    if affected and affected[0]:
        time = "" if affected[1] else " in the last 3 hours"
        people = f"{formatting.amount(affected[0])} people had a message that failed{time}"
        found.append(f"{people}; 'deliverywatch recipients {known.incident.id}' lists those not reached since.")
    return found


def _told(known: Known) -> list[str]:
    """What a system told without an alarm, with the facts that it gave."""
    told = [change for change in known.incident.timeline if not change.alarm and change.level is not Level.OK]
    if not told:
        return []
    facts = [f"{name}: {value}" for name, value in told[-1].facts[:_FACT_COUNT]]
    return [each for each in (told[-1].reason, *facts) if each]


def _alarm_line(alarm: Alarm) -> str:
    now = {State.ALARM: "in ALARM now", State.OK: "OK now"}.get(alarm.state or State.OK, "without data now")
    return f"{alarm.name} ({now}): {alarm.description or rule(alarm)}"


def _mails(known: Known) -> list[str]:
    lines = [
        f"{record.seq}  {known.clock.day_time(record.time, known.now)}  {record.subject or record.event} "
        f"({outbox.state_of(record, known.now)}{_to(record)})"
        for record in known.mails
    ]
    due = [change.seq for due, change in known.incident.due if due.id == known.incident.id]
    unclaimed = [seq for seq in due if seq not in {record.seq for record in known.mails}]
    return lines + [f"{seq}  is due and not yet claimed; the sweep sends it within 10 minutes" for seq in unclaimed]


def _to(record: Record) -> str:
    return f", to {record.recipients} address{'' if record.recipients == 1 else 'es'}" if record.recipients else ""


def _steps(known: Known) -> list[str]:
    if not known.incident.is_open:
        return []
    steps = known.context.problem.steps if known.context.problem else known.context.steps
    return [f"{number}. {step}" for number, step in enumerate(steps, 1)]


def _alarm(known: Known) -> Alarm | None:
    """The alarm of the newest change that had one."""
    names = [change.alarm for change in reversed(known.incident.timeline) if change.alarm in known.alarms]
    return known.alarms[names[0]] if names else None


def _names(incident: Incident) -> set[str]:
    return set(incident.raised) | {change.alarm for change in incident.timeline if change.alarm}


def alarm_names(incident: Incident) -> list[str]:
    """Return the full names of the alarms that an incident was about."""
    return sorted(_names(incident))
