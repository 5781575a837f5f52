"""The state of a watch, the message and the incident so far -> what they mean for the incident."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import Finding
from deliverywatch.alerting.incidents.severity import Reading, level_of, raised_alarms
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.watch_state import WatchState
    from deliverywatch.alerting.inputs.notice import Notice


def find(state: WatchState, notice: Notice | None, incident: Incident | None) -> Finding:
    """Return what a state means for the watch's last incident: while it is open, recovery alarms hold the level.

    A system notice or an unreadable message carries its own level.
    """
    still_open = incident if incident is not None and incident.is_open else None
    open_level, raised = (still_open.level, still_open.raised) if still_open else (Level.OK, frozenset[str]())
    level = level_of(state.watch, state.readings, open_level, raised)
    if notice is not None and notice.level is not None:
        return _of_notice(notice, notice.level, level)
    # The level that a system reported holds until the system takes it back, whatever the watch's alarms say.
    return _of_alarms(state, _worst(level, still_open.noticed if still_open else Level.OK), notice)


def _of_notice(notice: Notice, noticed: Level, level: Level) -> Finding:
    return Finding(
        level=_worst(noticed, level),
        time=notice.time,
        noticed=noticed,
        is_live=False,
        title=notice.title,
        reason=notice.sentence or notice.problem,
        facts=notice.facts,
    )


def _worst(one: Level, other: Level) -> Level:
    return max(one, other, key=lambda level: level.rank)


def _of_alarms(state: WatchState, level: Level, notice: Notice | None) -> Finding:
    named = notice.alarm.name if notice and notice.alarm else ""
    alarm = state.alarm_of(level, named)
    reading = state.readings[alarm.name] if alarm else Reading(None)
    counts = reading.counts or {}
    return Finding(
        level=level,
        time=state.now,
        value=alarm.quoted_value if alarm and reading.value is None else reading.value,
        is_low_bad=alarm is not None and alarm.sign.startswith("<"),
        failed=counts.get("failed"),
        total=counts.get("total"),
        raised=raised_alarms(state.watch, state.readings),
        is_live=state.is_live,
        alarm=alarm.name if alarm else named,
        title=state.watch.title,
        reason=alarm.reason if alarm else "",
        facts=notice.facts if notice else (),
    )
