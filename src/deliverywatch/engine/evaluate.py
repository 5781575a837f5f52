"""One evaluation of an alarm: datapoints as they are visible at a moment -> a state, with CloudWatch's reason for it.

Follows "Alarm evaluation" of the CloudWatch user guide. The rule is in `verdict`, the slots are in `windows`, the words
in `reason`.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.engine import windows
from deliverywatch.engine.alarm import Alarm, Comparison, State, Treat
from deliverywatch.engine.fetch import Fetch
from deliverywatch.engine.reason import reason, reason_data
from deliverywatch.engine.values import Frame, Points
from deliverywatch.engine.verdict import verdict
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from deliverywatch.engine.series import Series

__all__ = ["Evaluation", "Slot", "breaches", "evaluate", "returned", "slot_values", "verdict"]

BREACH: dict[Comparison, Callable[[float, float], bool]] = {
    Comparison.ABOVE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.BELOW: operator.lt,
    Comparison.AT_MOST: operator.le,
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One period that an evaluation looked at; `start` in epoch seconds, `value` None without a datapoint."""

    start: int
    value: float | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation came to.

    Attributes:
        state: The state after it.
        previous: The state before it.
        reason: CloudWatch's StateReason.
        reason_data: CloudWatch's StateReasonData, before it is written as JSON.
        slots: All periods that were fetched, oldest first.
        time: When it took place.
    """

    state: State
    previous: State
    reason: str
    reason_data: dict[str, Any]
    slots: tuple[Slot, ...]
    time: datetime

    @property
    def is_transition(self) -> bool:
        """Whether the state changed."""
        return self.state != self.previous


def evaluate(
    alarm: Alarm,
    series: Series,
    now: datetime,
    previous: State | str = State.INSUFFICIENT_DATA,
    *,
    extra_points: Callable[[int], int] = windows.extra_points,
    created: datetime | None = None,
) -> Evaluation:
    """Evaluate an alarm once.

    Args:
        alarm: The definition.
        series: The datapoints; those published after `now` are not looked at.
        now: The time of the evaluation; the newest period ends with the minute before it.
        previous: The state so far.
        extra_points: Periods fetched beyond the evaluation periods, by the length of the period in seconds.
        created: When the alarm was created, from which its warm-up counts; None for long ago.

    Raises:
        InputError: The alarm's expression cannot be evaluated.
    """
    *starts, end = windows.slot_bounds(alarm, now, extra_points(alarm.period_seconds))
    values = slot_values(alarm, series, tuple(starts), now.timestamp(), end)
    slots = tuple(Slot(*pair) for pair in zip(starts, values, strict=True))
    found = verdict([breaches(alarm, value) for value in values], alarm.m, alarm.evaluation_periods, treatment(alarm))
    if created is not None and _is_warming_up(alarm, now, created, State(previous), values):
        found = None
    state = State(previous) if found is None else found
    words = reason(alarm, slots, found, breaches)
    return Evaluation(state, State(previous), words, reason_data(alarm, slots, now), slots, now)


def _is_warming_up(alarm: Alarm, now: datetime, created: datetime, previous: State, values: Points) -> bool:
    if alarm.warm_up is None or now >= created + timedelta(minutes=alarm.warm_up.minutes):
        return False
    has_begun = previous is not State.INSUFFICIENT_DATA or None not in values[-alarm.evaluation_periods :]
    return alarm.warm_up.is_whole or not has_begun


def slot_values(alarm: Alarm, series: Series, starts: tuple[int, ...], as_of: float, end: int | None = None) -> Points:
    """Return the values that the alarm compares with its threshold, one per slot.

    Args:
        alarm: The definition.
        series: The datapoints.
        starts: The slots' starts in epoch seconds.
        as_of: Epoch seconds; points published later are not there yet.
        end: Where the newest slot ends, if slots end where the next begins; None if all are a period long.

    Raises:
        InputError: The alarm's expression cannot be evaluated.
    """
    frame = Frame(starts, alarm.period_seconds, end=end)
    low_samples = alarm.low_sample_percentile != "ignore"
    fetch = Fetch(alarm.queries, series, frame, as_of, low_samples=low_samples)
    watched = returned(alarm)
    try:
        return fetch.points(watched)
    except InputError as error:
        raise InputError(
            f"Alarm {alarm.name} cannot be evaluated: {error}", kind=error.kind, next_step=error.next_step
        ) from error


def returned(alarm: Alarm) -> str:
    """Return the id of the query whose result the alarm watches.

    Raises:
        InputError: Not exactly one query returns data.
    """
    found = [query.id for query in alarm.queries if query.return_data]
    if len(found) != 1:
        raise InputError(
            f"Alarm {alarm.name} has {len(found)} entries with ReturnData; CloudWatch wants exactly one.",
            next_step="Set ReturnData to false on every entry but the one to compare with the threshold.",
        )
    return found[0]


def breaches(alarm: Alarm, value: float | None) -> bool | None:
    """Return whether a value breaches the alarm's threshold; None if there is no value."""
    return None if value is None else BREACH[alarm.comparison](value, alarm.threshold)


def treatment(alarm: Alarm) -> Treat:
    """Return what missing data counts as: DynamoDB's metrics are always ignored where they are missing."""
    metrics = [query.metric for query in alarm.queries if query.metric]
    if (
        alarm.treat_missing_data == Treat.MISSING
        and metrics
        and all(each.namespace == "AWS/DynamoDB" for each in metrics)
    ):
        return Treat.IGNORE
    return alarm.treat_missing_data
