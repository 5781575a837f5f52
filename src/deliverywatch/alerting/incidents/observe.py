"""A watch and the message that led to it -> its state now.

The live alarms are read, because messages come twice, late and out of order. If CloudWatch cannot be read, the message
has to do. Of an assessed watch the newest assessment is read too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from deliverywatch.alerting.incidents.assessed import assessment_of
from deliverywatch.alerting.incidents.severity import Reading
from deliverywatch.alerting.incidents.watch_state import WatchState
from deliverywatch.alerting.inputs.alarm import State
from deliverywatch.errors import MetricsUnavailable

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.severity import Severity, Watch
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.inputs.notice import Notice
    from deliverywatch.storage.store import Store


class Alarms(Protocol):
    """What the notifier needs of CloudWatch. Every method raises MetricsUnavailable if it cannot be reached."""

    def describe(self, names: Sequence[str]) -> list[Alarm]:
        """Return those of the alarms that exist."""

    def newest(self, alarms: Iterable[Alarm], now: datetime) -> Mapping[str, Mapping[str, float]]:
        """Return by alarm name, by query id, the value of the alarm's period that ends at the minute of `now`."""

    def sums(self, alarm: Alarm, start: datetime, end: datetime) -> Mapping[str, float]:
        """Return by query id the sum of each of the alarm's own metrics over a time."""

    def is_muted(self, names: Sequence[str]) -> bool:
        """Return whether a mute rule holds back the actions of one of the alarms now."""


class Stack(Protocol):
    """The CloudFormation stack that the alarms belong to."""

    def is_changing(self) -> bool:
        """Return whether it is being created, updated or deleted; False if that cannot be read."""

    def deleted_at(self) -> datetime | None:
        """Return when its deletion began; None if it is not being deleted."""


def observe(
    watch: Watch, notice: Notice | None, time: datetime, now: datetime, port: Alarms, stack: Stack, store: Store
) -> WatchState:
    """Return the state of a watch, after a message if one led here.

    Args:
        watch: What to look at.
        notice: The message; None in a sweep.
        time: Of the message or the sweep.
        now: The real time.
        port: CloudWatch.
        stack: Asked only if one of the watch's alarms does not exist.
        store: Holds the assessments.
    """
    described = _described(watch, port)
    alarms = _with_news(described or {}, notice)
    newest = max([time, *(alarm.updated_at for alarm in alarms.values() if alarm.updated_at)])
    # The values of an alarm that does not exist are not asked for: none would mean that there are no data.
    existing = {name: alarm for name, alarm in alarms.items() if described and name in described}
    values = _values(existing, newest, port) if existing else None
    names = alarms if described is not None else dict.fromkeys([*watch.alarms, *alarms])
    missing = frozenset(watch.alarms) - alarms.keys() if described is not None else frozenset()
    readings = {name: _reading(alarms.get(name), values if name in existing else None) for name in names}
    # Without data a new alarm proves nothing yet.
    new = {one.alarm for one in watch.severities if _waits(one, alarms.get(one.alarm), notice, now)}
    return WatchState(
        watch,
        newest,
        now,
        alarms,
        readings | dict.fromkeys(new, Reading(State.INSUFFICIENT_DATA)),
        is_live=described is not None,
        missing=missing,
        unconfirmed=frozenset(alarms.keys() - described.keys()) if described is not None else frozenset(),
        is_changing=bool(missing) and stack.is_changing(),
        assessment=assessment_of(watch, notice, store, now),
    )


def _waits(severity: Severity, alarm: Alarm | None, notice: Notice | None, now: datetime) -> bool:
    is_about = notice is not None and notice.alarm is not None and notice.alarm.name == severity.alarm
    before = notice.old_state if notice and is_about else None
    return alarm is not None and alarm.waits(severity.warm_up, now, before)


def _described(watch: Watch, port: Alarms) -> dict[str, Alarm] | None:
    if not watch.severities:
        # An assessed watch without alarms is seen as soon as its assessment is.
        return {} if watch.is_assessed else None
    try:
        return {alarm.name: alarm for alarm in port.describe(watch.alarms)}
    except MetricsUnavailable:
        return None


def _with_news(described: dict[str, Alarm], notice: Notice | None) -> dict[str, Alarm]:
    """Return the alarms with the message's own where it is newer: DescribeAlarms may lag behind."""
    alarm = notice.alarm if notice else None
    if alarm is None:
        return described
    before = described.get(alarm.name)
    if before is not None and alarm.state is None:  # about one of many series, not about the alarm
        return described
    if before is None or (before.updated_at and alarm.updated_at and alarm.updated_at > before.updated_at):
        return described | {alarm.name: alarm}
    return described


def _values(alarms: Mapping[str, Alarm], now: datetime, port: Alarms) -> Mapping[str, Mapping[str, float]] | None:
    """Return the newest values of the alarms; None if they cannot be read."""
    measured = [alarm for alarm in alarms.values() if alarm.queries and alarm.threshold is not None]
    try:
        return port.newest(measured, now) if measured else {}
    except MetricsUnavailable:
        return None


def _reading(alarm: Alarm | None, values: Mapping[str, Mapping[str, float]] | None) -> Reading:
    if alarm is None:
        return Reading(None)
    returned = alarm.returned.get("Id", "")
    own = (values or {}).get(alarm.name, {})
    value = own.get(returned)
    counts = {query_id: number for query_id, number in own.items() if query_id != returned}
    # An alarm without data has no say: on a new stack FILL turns nothing into 0 runs.
    has_say = alarm.state is not State.INSUFFICIENT_DATA
    return Reading(
        alarm.state,
        value,
        exceeds=has_say and alarm.exceeds(value),
        counts=counts,
        is_measured=values is not None and bool(alarm.queries) and alarm.threshold is not None,
        is_without_data=alarm.is_without_data and value is None,
    )
