"""The incident records, the alarms, the mute rules and the outbox -> what is going on now: the content of `status`.

That nothing is open is said only of what was seen: a record that cannot be read, a stack that is half deployed, an
alarm that is gone and a watch that is blind are named. Each reading stands alone: one that fails leaves its part
unknown, which is not the same as empty, and the rest as it is. The JSON document follows `status.schema.json` beside
this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.incidents import incident_store
from deliverywatch.alerting.incidents.incident import from_json
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.alerting.mail.story import Story, entry_text
from deliverywatch.messages import context
from deliverywatch.messages.verdict import Verdict
from deliverywatch.operate.account.readings import Readings
from deliverywatch.operate.doctor import findings
from deliverywatch.operate.doctor.findings import Findings
from deliverywatch.operate.incidents import mails as outbox
from deliverywatch.operate.incidents import mutes, watch_verdicts
from deliverywatch.operate.incidents.mails import utc
from deliverywatch.operate.incidents.readable_lake import ReadableLake
from deliverywatch.operate.incidents.records import last_incidents
from deliverywatch.storage.records import readable, whole_document

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.messages.context import Context
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.incidents.aws_incidents import Alarms
    from deliverywatch.operate.incidents.mutes import Mute, Rules
    from deliverywatch.operate.incidents.watch_verdicts import WatchVerdict
    from deliverywatch.storage.store import Store

_MAIL_COUNT = 5
_MAIL_DAYS = timedelta(days=7)
_STATE = "state/"
_MUTES = ("ACTIVE", "SCHEDULED", mutes.ENDED)
_WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
# What somebody has to look at comes first.
_ORDER = (Verdict.FAILING, Verdict.BLIND, Verdict.TOO_LITTLE, Verdict.HEALTHY)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a system last left its context, and what keeps it from seeing all."""

    system: str
    read_at: datetime
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What is going on in a stack.

    Attributes:
        incidents: The last incident of each watch, the open ones first, the worst of them first.
        raised: The alarms that are in ALARM and notify the alerts topic, or would if they were not muted.
        watches: What can be said of each watch, those that are not healthy first.
        mutes: The rules that are active or still to come, and those that ended in the last week.
        mails: The last mails, the newest first.
        unseen: What keeps the rest from being all there is, one sentence each.
        unknown: By part, such as `mutes`, why it could not be read.
    """

    at: datetime
    stack: Deployment
    incidents: tuple[Incident, ...]
    raised: tuple[Alarm, ...]
    heartbeats: tuple[Heartbeat, ...]
    mutes: tuple[Mute, ...]
    mails: tuple[Record, ...]
    watches: tuple[WatchVerdict, ...] = ()
    unseen: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> tuple[Incident, ...]:
        """The incidents that are going on."""
        return tuple(incident for incident in self.incidents if incident.is_open)

    @property
    def unsent(self) -> tuple[tuple[str, int], ...]:
        """Mails that are due and not known to be sent, by incident and number."""
        return tuple((due.id, change.seq) for incident in self.incidents for due, change in incident.due)


def current_status(
    stack: Deployment,
    store: Store,
    alarms: Alarms,
    rules: Rules,
    now: datetime,
    declared: Callable[[], Sequence[Watch]] = tuple,
) -> Status:
    """Return what is going on; `declared` returns the watches of the deployed template."""
    lake, readings = ReadableLake(store), Readings()
    watched = readings.read("watches", declared, ())
    of_stack = readings.read("alarms", lambda: alarms.of_prefix(f"{stack.prefix}-"), None)
    calling = readings.read("alarms", lambda: alarms.calling(stack.output("AlertsTopicArn")), [])
    muting = readings.read("mutes", lambda: mutes.of_stack(rules, stack.prefix, _MUTES), [])
    sent = outbox.mails(lake, now - _MAIL_DAYS, now)
    contexts, unreadable = _contexts(lake)
    by_name = None if of_stack is None else {alarm.name: alarm for alarm in of_stack}
    watches = watch_verdicts.watch_verdicts(watched, by_name, contexts, now)
    unseen = [*_of_deployment(stack), *_of_readings(readings), *_unreadable_records(lake), *unreadable]
    unseen += [] if by_name is None else _blind(watches)
    unseen += _unchecked(stack, findings.read(lake), now)
    incidents = tuple(last_incidents(lake))
    return Status(
        at=now,
        stack=stack,
        incidents=incidents,
        raised=tuple(alarm for alarm in calling if alarm.state is State.ALARM),
        heartbeats=tuple(_heartbeats(contexts)),
        mutes=tuple(mute for mute in muting if not _is_old(mute, now)),
        mails=tuple(reversed(sent[-_MAIL_COUNT:])),
        watches=tuple(sorted(watches, key=lambda one: _ORDER.index(one.verdict))),
        unseen=(*unseen, *lake.sentences()),
        unknown=readings.unknown,
    )


def _of_readings(readings: Readings) -> list[str]:
    """Return what is not known and could be an incident; which alarms are muted could not."""
    return [sentence for part, sentence in readings.unknown.items() if part != "mutes"]


def without_lake(stack: Deployment, now: datetime) -> Status:
    """Return what can be said of a stack that does not name its lake, as it was never deployed whole."""
    unseen = (*_of_deployment(stack), "It has no lake yet, so that nothing else is known of it.")
    return Status(now, stack, (), (), (), (), (), (), unseen)


def _of_deployment(stack: Deployment) -> list[str]:
    if stack.status in _WHOLE:
        return []
    if stack.status == "UPDATE_ROLLBACK_COMPLETE":
        return [f"The last deploy was rolled back ({stack.status}): the stack is as it was before."]
    if stack.status.endswith("_IN_PROGRESS"):
        return [f"The stack is being changed ({stack.status}): what is missing may be missing on purpose."]
    return [f"The stack is half deployed ({stack.status}): run 'deliverywatch deploy'."]


def _unreadable_records(store: Store) -> list[str]:
    """Return a sentence for each watch of which nobody can say whether it has an open incident."""
    keys = {watch: incident_store.incident_key(watch) for watch in incident_store.recorded_watches(store)}
    stored = ((watch, store.read(key)) for watch, key in keys.items())
    return [
        f"The record of {watch} cannot be read: whether it has an open incident is not known."
        for watch, record in stored
        if record and from_json(record.body) is None
    ]


def _contexts(store: Store) -> tuple[dict[str, Context], list[str]]:
    """Return what the systems left by key, and a sentence for each document that cannot be read."""
    stored = {key: record for key in store.keys(_STATE) if (record := store.read(key))}
    unreadable = [key for key, record in stored.items() if readable(whole_document, record.body) is None]
    contexts = {key: context.from_json(record.body) for key, record in stored.items() if key not in unreadable}
    return contexts, [f"{key} cannot be read: what its system saw is not known." for key in unreadable]


def _blind(watches: Iterable[WatchVerdict]) -> list[str]:
    return [f"{one.watch} is blind: {one.sentence}" for one in watches if one.verdict is Verdict.BLIND]


def _unchecked(stack: Deployment, checks: Findings | None, now: datetime) -> list[str]:
    """Return a sentence if a night went by without the checks that find what would stop mails."""
    if stack.parameters.get("NightlyDoctor") != "true":
        return []
    since = checks.at if checks else stack.made_at
    if since is None or not Findings(since).is_late(now):
        return []
    return [f"The nightly checks did not run since {utc(since)}: see 'deliverywatch doctor'."]


def _is_old(mute: Mute, now: datetime) -> bool:
    return mute.status == mutes.ENDED and (mute.end is None or now - mute.end > _MAIL_DAYS)


def _heartbeats(contexts: Mapping[str, Context]) -> list[Heartbeat]:
    """Return when each system last read what it watches."""
    return [
        Heartbeat(key.removeprefix(_STATE).removesuffix(".json"), one.read_at, _problem(one))
        for key, one in contexts.items()
        if one.read_at
    ]


def _problem(one: Context) -> str:
    """Return why a system is blind, or what it could not read."""
    return one.problem.sentence if one.problem else dict(one.facts).get(context.NOT_READ, "")


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
    """Return what `status --json` prints; what could not be read is null, never empty."""

    def known(part: str, value: list[Any]) -> list[Any] | None:
        return None if part in status.unknown else value

    return {
        "deliverywatch": 1,
        "at": utc(status.at),
        "stack": status.stack.name,
        "environment": status.stack.environment,
        "region": status.stack.region,
        "is_alarm_active": bool(status.open),
        "is_everything_seen": not status.unseen,
        "unseen": list(status.unseen),
        "unknown": dict(status.unknown),
        "watches": known("watches", [watch_verdicts.document(one) for one in status.watches]),
        "incidents": [_incident(incident, status.at) for incident in status.open],
        "raised_alarms": known("alarms", [alarm.name for alarm in status.raised]),
        "heartbeats": [_heartbeat(heartbeat, status.at) for heartbeat in status.heartbeats],
        "mutes": known("mutes", [mute_document(mute) for mute in status.mutes if mute.status != mutes.ENDED]),
        "ended_mutes": known("mutes", [mute_document(mute) for mute in status.mutes if mute.status == mutes.ENDED]),
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
