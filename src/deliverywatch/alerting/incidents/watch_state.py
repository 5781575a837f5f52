"""A message and the live alarms of its watch -> what is known now, and what that means for the watch's incident.

CloudWatch is asked rather than believed: messages come twice, late and out of order, the alarms are as they are. Where
it cannot be asked, the message's own word stands in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from deliverywatch.alerting.incidents.incident import Finding
from deliverywatch.alerting.incidents.severity import Reading, level, raised_alarms
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.errors import MetricsUnavailable
from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.inputs.notice import Notice


class Alarms(Protocol):
    """CloudWatch, as far as the notifier needs it. Every method raises MetricsUnavailable when it cannot be asked."""

    def describe(self, names: Sequence[str]) -> list[Alarm]:
        """Return those of the alarms that exist."""
        ...

    def newest(self, alarms: Iterable[Alarm], now: datetime) -> Mapping[str, Mapping[str, float]]:
        """Return by alarm name, by query id, the value of the alarm's period that ends at the minute of `now`."""
        ...

    def sums(self, alarm: Alarm, start: datetime, end: datetime) -> Mapping[str, float]:
        """Return by query id the sum of each of the alarm's own metrics over a time."""
        ...

    def is_muted(self, names: Sequence[str]) -> bool:
        """Return whether a mute rule holds back the actions of one of the alarms now."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """What is known of a watch at one time.

    Attributes:
        now: The newest time that the message or an alarm tells.
        alarms: By name; those that exist, and the message's own.
        readings: By name; in a sight that is not live also the alarms that nothing is known of.
        is_live: Whether CloudWatch told the states.
    """

    watch: Watch
    now: datetime
    alarms: Mapping[str, Alarm]
    readings: Mapping[str, Reading]
    is_live: bool


def look(watch: Watch, notice: Notice | None, now: datetime, port: Alarms) -> Sight:
    """Return what is known of the watch's alarms.

    Args:
        watch: The watch; one without rungs has no alarms to ask for.
        notice: The message that led here, if one did.
        now: The time of the message or the run.
        port: CloudWatch.
    """
    described = _described(watch, port)
    alarms = _with_news(described or {}, notice)
    newest = max([now, *(alarm.updated_at for alarm in alarms.values() if alarm.updated_at)])
    values = _values(alarms, newest, port) if described else {}
    names = alarms if described is not None else dict.fromkeys([*watch.alarms, *alarms])
    readings = {name: _reading(alarms.get(name), values.get(name, {})) for name in names}
    return Sight(watch, newest, alarms, readings, is_live=described is not None)


def find(sight: Sight, notice: Notice | None, incident: Incident | None) -> Finding:
    """Return what a sight means for the watch's incident.

    Args:
        sight: What is known.
        notice: The message that led here; an own or an unreadable one brings its level with it.
        incident: The watch's last incident: while it is open, recovery alarms hold the level.
    """
    still_open = incident if incident is not None and incident.is_open else None
    found = level(
        sight.watch,
        sight.readings,
        still_open.level if still_open else Level.OK,
        still_open.raised if still_open else (),
    )
    if notice is not None and notice.level is not None:
        return _told(notice, notice.level, found)
    # What a system told of its watch holds until it takes it back, whatever the watch's alarms say.
    return _finding(sight, _worst(found, still_open.told if still_open else Level.OK), notice)


def focus(sight: Sight, found: Level, told: str = "") -> Alarm | None:
    """Return the alarm that a mail about this level is about.

    Args:
        sight: What is known.
        found: The level; an alarm that calls at it comes first, then one of that level, then the one told, then the
            worst.
        told: The alarm that a message named.
    """
    rungs = [rung for rung in sight.watch.by_severity if rung.alarm in sight.alarms]
    calling = [rung.alarm for rung in rungs if rung.level is found and sight.readings[rung.alarm].is_raised]
    equal = [rung.alarm for rung in rungs if rung.level is found]
    names = [*calling, *equal, *(rung.alarm for rung in rungs if rung.alarm == told), *(rung.alarm for rung in rungs)]
    return sight.alarms[names[0]] if names else None


def _described(watch: Watch, port: Alarms) -> dict[str, Alarm] | None:
    if not watch.rungs:
        return None
    try:
        return {alarm.name: alarm for alarm in port.describe(watch.alarms)}
    except MetricsUnavailable:
        return None


def _with_news(described: dict[str, Alarm], notice: Notice | None) -> dict[str, Alarm]:
    """DescribeAlarms may lag behind the message: of the two, the newer word counts."""
    told = notice.alarm if notice else None
    if told is None:
        return described
    known = described.get(told.name)
    if known is None or (known.updated_at and told.updated_at and told.updated_at > known.updated_at):
        return described | {told.name: told}
    return described


def _values(alarms: Mapping[str, Alarm], now: datetime, port: Alarms) -> Mapping[str, Mapping[str, float]]:
    asked = [alarm for alarm in alarms.values() if alarm.queries and alarm.threshold is not None]
    try:
        return port.newest(asked, now) if asked else {}
    except MetricsUnavailable:
        return {}


def _reading(alarm: Alarm | None, values: Mapping[str, float]) -> Reading:
    if alarm is None:
        return Reading(None)
    returned = alarm.returned.get("Id", "")
    value = values.get(returned)
    counts = {name: one for name, one in values.items() if name != returned}
    # An alarm without data, or one that warms up, has no say: on a new stack FILL makes 0 runs out of nothing.
    has_say = alarm.state is not State.INSUFFICIENT_DATA
    return Reading(alarm.state, value, exceeds=has_say and alarm.exceeds(value), counts=counts)


def _told(notice: Notice, told: Level, found: Level) -> Finding:
    return Finding(
        level=_worst(told, found),
        time=notice.time,
        told=told,
        is_live=False,
        title=notice.title,
        reason=notice.sentence or notice.problem,
        facts=notice.facts,
    )


def _worst(one: Level, other: Level) -> Level:
    return max(one, other, key=lambda level: level.rank)


def _finding(sight: Sight, found: Level, notice: Notice | None) -> Finding:
    told = notice.alarm.name if notice and notice.alarm else ""
    alarm = focus(sight, found, told)
    reading = sight.readings[alarm.name] if alarm else Reading(None)
    counts = reading.counts or {}
    return Finding(
        level=found,
        time=sight.now,
        value=alarm.told_value if alarm and reading.value is None else reading.value,
        is_low_bad=alarm is not None and alarm.sign.startswith("<"),
        failed=counts.get("failed"),
        total=counts.get("total"),
        raised=raised_alarms(sight.watch, sight.readings),
        is_live=sight.is_live,
        alarm=alarm.name if alarm else told,
        title=sight.watch.title,
        reason=alarm.reason if alarm else "",
        facts=notice.facts if notice else (),
    )
