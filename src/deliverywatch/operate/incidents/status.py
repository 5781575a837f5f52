"""The incident records, the alarms, the mute rules and the outbox -> what is going on now: the content of `status`.

The JSON document follows `status.schema.json`, which lies beside this module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.alerting.mail.story import Story, entry_text
from deliverywatch.messages import context
from deliverywatch.operate.incidents import mails as outbox
from deliverywatch.operate.incidents import mutes
from deliverywatch.operate.incidents.mails import utc
from deliverywatch.operate.incidents.records import last_incidents

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.incidents.aws_incidents import Alarms
    from deliverywatch.operate.incidents.mutes import Mute, Rules
    from deliverywatch.storage.store import Store

_MAIL_COUNT = 5
_MAIL_DAYS = timedelta(days=7)
_STATE = "state/"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a system last left its context, and what keeps it from seeing."""

    system: str
    read_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What is going on in a stack.

    Attributes:
        incidents: The last incident of each watch, the open ones first, the worst of them first.
        raised: The alarms that are in ALARM and notify the alerts topic, or would if they were not muted.
        mutes: The rules that are active or still to come.
        mails: The last mails, the newest first.
    """

    at: datetime
    stack: Deployment
    incidents: tuple[Incident, ...]
    raised: tuple[Alarm, ...]
    heartbeats: tuple[Heartbeat, ...]
    mutes: tuple[Mute, ...]
    mails: tuple[Record, ...]

    @property
    def open(self) -> tuple[Incident, ...]:
        """The incidents that are going on."""
        return tuple(incident for incident in self.incidents if incident.is_open)

    @property
    def unsent(self) -> tuple[tuple[str, int], ...]:
        """Mails that are due and not known to be sent, by incident and number."""
        return tuple((due.id, change.seq) for incident in self.incidents for due, change in incident.due)


def current_status(stack: Deployment, store: Store, alarms: Alarms, rules: Rules, now: datetime) -> Status:
    """Return what is going on."""
    calling = alarms.calling(stack.output("AlertsTopicArn"))
    sent = outbox.mails(store, now - _MAIL_DAYS, now)
    return Status(
        at=now,
        stack=stack,
        incidents=tuple(last_incidents(store)),
        raised=tuple(alarm for alarm in calling if alarm.state is State.ALARM),
        heartbeats=tuple(heartbeats(store)),
        mutes=tuple(mutes.of_stack(rules, stack.prefix)),
        mails=tuple(reversed(sent[-_MAIL_COUNT:])),
    )


def heartbeats(store: Store) -> list[Heartbeat]:
    """Return when each system last left its context in the lake."""
    read = ((key, store.read(key)) for key in store.keys(_STATE))
    contexts = ((key, context.from_json(stored.body)) for key, stored in read if stored)
    return [
        Heartbeat(
            key.removeprefix(_STATE).removesuffix(".json"), one.updated_at, one.problem.sentence if one.problem else ""
        )
        for key, one in contexts
        if one.updated_at
    ]


def last_change(incident: Incident, status: Status, clock: Clock) -> str:
    """Return what the last mail of an incident said: critical at 29 % (126 of 439); worst so far 40 %."""
    change = incident.timeline[-1]
    alarms = {alarm.name: alarm for alarm in status.raised}
    story = Story(incident, change, alarms.get(change.alarm), context.Context(), clock, incident.title)
    if change.reason and not change.alarm:
        return change.reason
    is_worse = incident.peak is not None and change.value is not None and incident.peak != change.value
    worst = f"; worst so far {story.measured(incident.peak)}" if is_worse and incident.peak is not None else ""
    return f"{entry_text(story, change)}{worst}"


def document(status: Status) -> dict[str, Any]:
    """Return what `status --json` prints."""
    return {
        "deliverywatch": 1,
        "at": utc(status.at),
        "stack": status.stack.name,
        "environment": status.stack.environment,
        "region": status.stack.region,
        "is_alarm_active": bool(status.open),
        "incidents": [_incident(incident, status.at) for incident in status.open],
        "raised_alarms": [alarm.name for alarm in status.raised],
        "heartbeats": [_heartbeat(heartbeat, status.at) for heartbeat in status.heartbeats],
        "mutes": [mute_document(mute) for mute in status.mutes],
        "mails": [outbox.document(mail, status.at) for mail in status.mails],
        "unsent_mails": [{"incident": incident, "number": number} for incident, number in status.unsent],
    }


def _incident(one: Incident, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "watch": one.watch,
        "title": one.title,
        "level": one.level.value,
        "opened_at": utc(one.opened_at),
        "level_since": utc(one.changed_at),
        "open_seconds": _seconds(now - one.opened_at),
        "peak": one.peak,
        "mails": one.seq,
        "acknowledged": [{"by": ack.by, "at": utc(ack.time), "note": ack.note} for ack in one.acks],
    }


def _heartbeat(one: Heartbeat, now: datetime) -> dict[str, Any]:
    age = _seconds(now - one.read_at)
    return {"system": one.system, "read_at": utc(one.read_at), "age_seconds": age, "problem": one.problem}


def mute_document(one: Mute) -> dict[str, Any]:
    """Return a mute rule as JSON has it."""
    return {
        "name": one.name,
        "reason": one.reason,
        "status": one.status,
        "alarms": list(one.alarms),
        "start": utc(one.start) if one.start else None,
        "end": utc(one.end) if one.end else None,
        "is_ours": one.is_ours,
    }


def _seconds(age: timedelta) -> int:
    return max(0, round(age.total_seconds()))


def muted(status: Status, alarm: str) -> Mute | None:
    """Return the rule that mutes an alarm now, if one does."""
    active = (mute for mute in status.mutes if mute.status == "ACTIVE")
    return next((mute for mute in active if alarm in mute.alarms), None)
