"""The state of a watch, the message and the incident so far -> what they mean for the incident."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Finding
from deliverywatch.alerting.incidents.severity import (
    CLOSED,
    Open,
    Reading,
    has_evidence,
    is_evidence,
    level_of,
    raised_alarms,
)
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.watch_state import WatchState
    from deliverywatch.alerting.inputs.notice import Notice


def find(state: WatchState, notice: Notice | None, incident: Incident | None) -> Finding:
    """Return what a state means for the watch's last incident: while it is open, its level falls on evidence alone.

    A system notice or an unreadable message carries its own level, unless it only asks to look at an assessed watch.
    """
    state = _without_late(state, notice, incident)
    still_open = incident if incident is not None and incident.is_open else None
    reported = _reported(notice)
    level = level_of(
        state.watch,
        _counting(state, incident),
        Open(still_open.level, still_open.raised | reported, still_open.unseen) if still_open else CLOSED,
        missing=state.missing,
        assessment=state.assessment,
    )
    if notice is not None and notice.level is not None and not (notice.assessment and state.watch.is_assessed):
        return replace(_of_notice(notice, notice.level, level), seen_at=state.seen_at)
    # The level that a system reported holds until the system takes it back, whatever the watch's alarms say.
    noticed = still_open.noticed if still_open else Level.OK
    finding = _of_alarms(state, _worst(level, noticed), notice, reported)
    is_proven = (
        has_evidence(state.watch, state.readings, state.assessment)
        or noticed.rank >= finding.level.rank
        or _is_known_blind(state, finding.level)
    )
    return replace(finding, is_held=finding.level is not Level.OK and not is_proven)


def _is_known_blind(state: WatchState, level: Level) -> bool:
    """Return whether the system says that it is blind, which is no quiet that is to be mailed as well."""
    return level is Level.BLIND and state.assessment is not None and state.assessment.opens is level


def _without_late(state: WatchState, notice: Notice | None, incident: Incident | None) -> WatchState:
    """Return the state without the message's own alarm if that does not exist and something newer came meanwhile."""
    alarm = notice.alarm if notice else None
    is_late = alarm and incident and alarm.name in state.unconfirmed and notice and notice.time < incident.changed_at
    if not (alarm and is_late):
        return state
    alarms = {name: one for name, one in state.alarms.items() if name != alarm.name}
    readings = {name: one for name, one in state.readings.items() if name != alarm.name}
    return replace(state, alarms=alarms, readings=readings, missing=state.missing | {alarm.name})


def _counting(state: WatchState, incident: Incident | None) -> Mapping[str, Reading]:
    """Return the readings that may open an incident.

    An alarm that ignores missing data keeps its state ALARM while there are none: once an incident of an assessed watch
    is over, that state, as old as the incident, does not open the next one; a value over the threshold does.
    """
    if incident is None or incident.is_open or not state.watch.is_assessed:
        return state.readings
    return {
        name: reading
        for name, reading in state.readings.items()
        if reading.exceeds or _changed_after(state, name, incident)
    }


def _changed_after(state: WatchState, name: str, incident: Incident) -> bool:
    updated_at = state.alarms[name].updated_at if name in state.alarms else None
    return updated_at is None or updated_at > incident.changed_at


def _of_notice(notice: Notice, noticed: Level, level: Level) -> Finding:
    return Finding(
        level=_worst(noticed, level),
        time=notice.time,
        noticed=noticed,
        is_live=False,
        alarm=notice.alarm.name if notice.alarm else "",
        value=notice.alarm.quoted_value if notice.alarm else None,
        title=notice.title,
        reason=notice.sentence or notice.problem,
        facts=notice.facts,
    )


def _worst(one: Level, other: Level) -> Level:
    return max(one, other, key=lambda level: level.rank)


def _of_alarms(state: WatchState, level: Level, notice: Notice | None, reported: frozenset[str]) -> Finding:
    named = notice.alarm.name if notice and notice.alarm else ""
    alarm = state.alarm_of(level, named)
    reading = state.readings[alarm.name] if alarm else Reading(None)
    by_data = state.assessment if _is_by_data(state, level) else None
    # The alarm's counts are of its own window, in which there may be hardly any.
    counts = {} if by_data else reading.counts or {}
    value = alarm.quoted_value if alarm and reading.value is None else reading.value
    return Finding(
        level=level,
        time=state.now,
        seen_at=state.seen_at,
        value=by_data.value if by_data else value,
        is_low_bad=alarm is not None and alarm.sign.startswith("<"),
        failed=counts.get("failed"),
        total=counts.get("total"),
        raised=raised_alarms(state.watch, state.readings) | reported,
        is_live=state.is_live,
        alarm=alarm.name if alarm else named,
        title=state.watch.title,
        reason=by_data.sentence if by_data else alarm.reason if alarm else "",
        facts=notice.facts if notice else (),
        assessment=state.assessment,
        missing=frozenset() if state.is_changing else state.missing,
        known=_known(state),
    )


def _known(state: WatchState) -> frozenset[str]:
    """Return the alarms of which there is evidence again: their own state, or their system's data."""
    is_judged = state.watch.is_assessed and is_evidence(state.assessment)
    readings = state.readings.items()
    return frozenset(name for name, one in readings if not one.is_unknown or (is_judged and one.state is not None))


def _reported(notice: Notice | None) -> frozenset[str]:
    """Return the alarm that a message reports as raised: it was, even if its state is unknown by now."""
    alarm = notice.alarm if notice else None
    return frozenset([alarm.name]) if alarm and alarm.state is State.ALARM else frozenset()


def _is_by_data(state: WatchState, level: Level) -> bool:
    """Return whether the assessment says more of the level than the alarms: they are not raised, or there are none."""
    is_raised = any(
        severity.level is level and severity.alarm in state.readings and state.readings[severity.alarm].is_raised
        for severity in state.watch.severities
    )
    return state.assessment is not None and not is_raised and state.assessment.opens is level
