"""Records, declared watches and the states of all alarms -> the watches that a sweep has to look at.

The messages of CloudWatch may be lost, the openings too, so every declared watch is looked at, with or without a
record: all alarms at once, and their values only where something is raised, open or missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents import incident_store
from deliverywatch.alerting.incidents.assessed import assessment_of
from deliverywatch.alerting.incidents.severity import Severity, Watch, watch_named
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.alerting.inputs.notice import Notice
from deliverywatch.errors import MetricsUnavailable, StoreUnavailable
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.observe import Stack
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.ports import Ports
    from deliverywatch.messages.verdict import Assessment


@dataclass(slots=True)
class Once:
    """A stack that is asked once."""

    stack: Stack
    answer: bool | None = None

    def is_changing(self) -> bool:
        """Return whether it is being created, updated or deleted."""
        if self.answer is None:
            self.answer = self.stack.is_changing()
        return self.answer

    def deleted_at(self) -> datetime | None:
        """Return when its deletion began; None if that is not known to be under way."""
        return self.stack.deleted_at() if self.answer else None


@dataclass(frozen=True, slots=True)
class Overview:
    """What a sweep sees before it looks at single watches.

    Attributes:
        watches: The declared ones, and those of open or due incidents.
        incidents: The last incident by watch, of the records that could be read.
        unsure: The watches whose record could not be read or is older than what was mailed.
        alarms: By name; None if CloudWatch could not be read.
        assessments: By watch; the fresh ones.
    """

    watches: tuple[Watch, ...]
    incidents: Mapping[str, Incident]
    unsure: frozenset[str]
    alarms: Mapping[str, Alarm] | None
    assessments: Mapping[str, Assessment] = field(default_factory=dict)

    def needs_look(self, watch: Watch) -> bool:
        """Return whether something of a watch is raised, open, due, missing or unknown."""
        incident, assessment = self.incidents.get(watch.name), self.assessments.get(watch.name)
        if watch.name in self.unsure or (incident and (incident.is_open or incident.is_pending)):
            return True
        if assessment and assessment.opens is not Level.OK:
            return True
        if self.alarms is None or not watch.severities:
            return False
        raised = (self.alarms.get(severity.alarm) for severity in watch.severities)
        missing = frozenset(watch.alarms) - self.alarms.keys() - (incident.unseen if incident else frozenset())
        is_back = incident is not None and bool(incident.unseen & self.alarms.keys())
        return is_back or bool(missing) or any(alarm and alarm.acts and alarm.state is State.ALARM for alarm in raised)


def overview(declared: tuple[Watch, ...], ports: Ports, now: datetime) -> Overview:
    """Return what a sweep sees; a record that cannot be read is left to the look at its watch, which fails loudly."""
    incidents: dict[str, Incident] = {}
    unreadable: set[str] = set()
    for name in incident_store.recorded_watches(ports.store):
        try:
            incident = incident_store.read(ports.store, name)
        except StoreUnavailable:
            unreadable.add(name)
        else:
            incidents |= {name: incident} if incident else {}
    mailed = {name: one.incident for name, one in ports.unrecorded.incidents.items()}
    names = {watch.name for watch in declared}
    active = [
        one for one in incidents.values() if one.watch not in names | mailed.keys() and (one.is_open or one.is_pending)
    ]
    active += [one for name, one in mailed.items() if name not in names]
    others = [watch_of_incident(incident, declared) for incident in active]
    unknown = [watch_named(name, name, ()) for name in sorted(unreadable - names - mailed.keys())]
    watches = (*declared, *others, *unknown)
    assessments = {watch.name: assessment_of(watch, None, ports.store, now) for watch in declared if watch.is_assessed}
    fresh = {name: assessment for name, assessment in assessments.items() if assessment}
    return Overview(watches, incidents, frozenset(unreadable | mailed.keys()), _alarms(watches, ports), fresh)


def deletion(stack: Once, prefix: str, now: datetime) -> Notice | None:
    """Return the notice that the stack is being deleted, which explains that its alarms are gone; None if it is not."""
    deleted_at = stack.deleted_at()
    if deleted_at is None:
        return None
    return Notice(
        time=deleted_at,
        title=f"{prefix} is being deleted",
        sentence=f"The stack {prefix} is being deleted on purpose: from now on nothing of it is watched.",
        is_single=True,
        message_id=f"{prefix} deleted {deleted_at.isoformat()}",
        received_at=now,
    )


def watch_of_incident(incident: Incident, declared: Iterable[Watch]) -> Watch:
    """Return the watch of a recorded incident: the declared one, or one of what the incident itself knows.

    A release may take a watch away, and a parameter switch it off, while it has an open incident. That proves no
    health: its alarms are looked at as long as they exist; without any, it is held until it is closed as unknown.
    """
    declared = [watch for watch in declared if watch.name == incident.watch]
    alarms = sorted(incident.raised | incident.unseen)
    if declared or not (alarms or _has_no_source(incident)):
        return watch_named(incident.watch, incident.title, declared)
    severities = tuple(Severity(name, incident.level) for name in alarms)
    return Watch(incident.watch, incident.title, severities, is_assessed=not alarms)


def _has_no_source(incident: Incident) -> bool:
    """Return whether nothing that could end an incident is known: no alarm, no system that reported it."""
    return incident.is_open and incident.noticed is Level.OK and incident.noticed_at is None


def _alarms(watches: Iterable[Watch], ports: Ports) -> dict[str, Alarm] | None:
    names = list(dict.fromkeys(name for watch in watches for name in watch.alarms))
    try:
        return {alarm.name: alarm for alarm in ports.alarms.describe(names)} if names else {}
    except MetricsUnavailable:
        return None
