"""One incident with its mails, alarms and what its system knows -> what happened, why, who has it and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.alerting.mail import formatting
from deliverywatch.alerting.mail.comparison import compare
from deliverywatch.alerting.mail.story import Story, entry_text, rule
from deliverywatch.alerting.mail.window import recipients_affected
from deliverywatch.messages.level import Level
from deliverywatch.operate.incidents import mails as outbox
from deliverywatch.operate.incidents.records import owner

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
class Facts:
    """What is known of an incident.

    Attributes:
        mails: Its lines of the outbox, in order.
        alarms: Those that it was about, by full name, as they are now.
        context: What its watch's system left last.
        mutes: The rules that are active now.
        unknown: By part, such as `mutes`, why it could not be read.
    """

    incident: Incident
    mails: Sequence[Record]
    alarms: Mapping[str, Alarm]
    context: Context
    mutes: Sequence[Mute]
    clock: Clock
    now: datetime
    unknown: Mapping[str, str] = field(default_factory=dict)


def explained(facts: Facts) -> list[Section]:
    """Return the sections, in the order in which somebody who was just woken needs it."""
    incident = facts.incident
    level = incident.level.value if incident.is_open else "over"
    sections = [
        Section(f"{incident.id}: {incident.title or incident.watch}, {level}", tuple(_state(facts))),
        Section("What happened", tuple(_happened(facts))),
        Section("Why", tuple(_why(facts))),
        Section("Mails", tuple(_mails(facts))),
        Section("What to do", tuple(_steps(facts))),
        Section("Not known", tuple(not_known(facts))),
    ]
    return [section for section in sections if section.lines]


def not_known(facts: Facts) -> list[str]:
    """Return a line for each part that could not be read."""
    return [f"{part[0].upper()}{part[1:]}: {why}" for part, why in facts.unknown.items()]


def _state(facts: Facts) -> list[str]:
    incident, clock, now = facts.incident, facts.clock, facts.now
    since = clock.day_time(incident.opened_at, now)
    if not incident.is_open:
        lasted = formatting.span(incident.changed_at - incident.opened_at)
        ended = clock.day_time(incident.changed_at, now)
        return [f"It began at {since}, ended at {ended} and lasted {lasted}.{peak(facts)}"]
    lines = [f"It has been open since {since}, for {formatting.span(now - incident.opened_at)}.{peak(facts)}"]
    if incident.changed_at != incident.opened_at:
        lines.append(f"It has been {incident.level.value} since {clock.day_time(incident.changed_at, now)}.")
    lines.append(f"{owner(incident, clock, now) or 'Nobody has taken it on yet'}.")
    names = set(alarm_names(incident))
    for mute in facts.mutes:
        if mute.status == "ACTIVE" and names & set(mute.alarms):
            until = clock.day_time(mute.end, now) if mute.end else "its schedule ends"
            lines.append(f"Muted until {until}: {mute.reason or 'no reason given'}.")
    return lines


def peak(facts: Facts) -> str:
    """Return a sentence with the worst value, a space before it; empty if that is not known."""
    alarm, worst = _alarm(facts), facts.incident.peak
    if worst is None or facts.incident.is_presumed:
        return ""
    value = formatting.percent(worst) if alarm and alarm.is_percent else formatting.amount(worst)
    return f" The worst value was {value}."


def is_fresh(facts: Facts) -> bool:
    """Return whether what the system left is still about this incident: it is open, or just over."""
    return facts.incident.is_open or facts.now - facts.incident.changed_at <= _FRESH


def _happened(facts: Facts) -> list[str]:
    sent = {record.seq: record for record in facts.mails}
    incident = facts.incident
    timed = [(change.time, _changed(facts, change, sent.get(change.seq))) for change in incident.timeline]
    timed += [(ack.time, f"{ack.by} took it on{f': {ack.note}' if ack.note else ''}.") for ack in incident.acks]
    return [
        f"{facts.clock.day_time(time, facts.now)}  {line}" for time, line in sorted(timed, key=lambda pair: pair[0])
    ]


def _changed(facts: Facts, change: Change, record: Record | None) -> str:
    story = Story(
        facts.incident, change, facts.alarms.get(change.alarm), facts.context, facts.clock, facts.incident.title
    )
    said = change.reason if change.reason and not change.alarm else entry_text(story, change)
    mail = f"mail {change.seq} {outbox.state_of(record, facts.now)}" if record else f"mail {change.seq} is due"
    return f"{change.event.value.capitalize()}: {said.removesuffix('.')}; {mail}."


def _why(facts: Facts) -> list[str]:
    lines = [_alarm_line(alarm) for alarm in facts.alarms.values()] + _reported(facts)
    if not is_fresh(facts):
        return lines
    context = facts.context
    if context.problem:
        lines.append(context.problem.sentence)
    alarm = _alarm(facts)
    if alarm is None or not alarm.is_ratio or facts.incident.level is Level.BLIND:
        return lines
    lines += [sentence] if (sentence := compare(context).sentence) else []
    lines += [
        f"{formatting.amount(one.count)} ({formatting.percent(one.share_percent)}) "
        f"{one.text} (code {one.code}, {one.fault})"
        for one in context.reasons[:_REASON_COUNT]
    ]
    affected = recipients_affected(context, facts.incident.opened_at, alarm.period_seconds)
    if affected and affected[0]:
        time = "" if affected[1] else " in the last 3 hours"
        people = f"{formatting.amount(affected[0])} people had a message that failed{time}"
        lines.append(f"{people}; 'deliverywatch recipients {facts.incident.id}' lists those not reached since.")
    return lines


def _reported(facts: Facts) -> list[str]:
    """What a system reported without an alarm, with the facts that it gave."""
    changes = [change for change in facts.incident.timeline if not change.alarm and change.level is not Level.OK]
    if not changes:
        return []
    pairs = [f"{name}: {value}" for name, value in changes[-1].facts[:_FACT_COUNT]]
    return [line for line in (changes[-1].reason, *pairs) if line]


def _alarm_line(alarm: Alarm) -> str:
    now = {State.ALARM: "in ALARM now", State.OK: "OK now"}.get(alarm.state or State.OK, "without data now")
    return f"{alarm.name} ({now}): {alarm.description or rule(alarm)}"


def _mails(facts: Facts) -> list[str]:
    lines = []
    for record in facts.mails:
        addresses = f"{record.recipients} address{'' if record.recipients == 1 else 'es'}"
        state = f"{outbox.state_of(record, facts.now)}{f', to {addresses}' if record.recipients else ''}"
        when = facts.clock.day_time(record.time, facts.now)
        lines.append(f"{record.seq}  {when}  {record.subject or record.event} ({state})")
    due = [change.seq for due, change in facts.incident.due if due.id == facts.incident.id]
    unclaimed = [seq for seq in due if seq not in {record.seq for record in facts.mails}]
    lines += [f"{seq}  is due and not yet claimed; the sweep sends it within 10 minutes" for seq in unclaimed]
    waiting = [(channel, due) for channel in sorted(facts.incident.waiting_channels) for due in _due(facts, channel)]
    return lines + [f"{seq}  has not reached {channel} yet; the sweep tries it again" for channel, seq in waiting]


def _due(facts: Facts, channel: str) -> list[int]:
    return [change.seq for due, change in facts.incident.due_to(channel) if due.id == facts.incident.id]


def _steps(facts: Facts) -> list[str]:
    if not facts.incident.is_open:
        return []
    steps = facts.context.problem.steps if facts.context.problem else facts.context.steps
    return [f"{number}. {step}" for number, step in enumerate(steps, 1)]


def _alarm(facts: Facts) -> Alarm | None:
    """The alarm of the newest change that had one."""
    names = [change.alarm for change in reversed(facts.incident.timeline) if change.alarm in facts.alarms]
    return facts.alarms[names[0]] if names else None


def alarm_names(incident: Incident) -> list[str]:
    """Return the full names of the alarms that an incident was about."""
    return sorted({*incident.raised, *(change.alarm for change in incident.timeline if change.alarm)})
