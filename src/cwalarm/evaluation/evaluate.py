"""One evaluation of an alarm: datapoints as they are visible at a moment -> a state, with CloudWatch's reason for it.

Follows "Alarm evaluation" of the CloudWatch user guide. The rule is in `verdict`, the slots are in `windows`, the words
in `reason`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from cwalarm.definitions.alarm import Alarm, State, Treat
from cwalarm.errors import InputError
from cwalarm.evaluation import windows
from cwalarm.evaluation.fetch import Fetch
from cwalarm.evaluation.reason import FEW_SAMPLES, WARMING_UP, reason, reason_data, used
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.verdict import breaches, verdict
from cwalarm.evaluation.windows import Slot
from cwalarm.metric_math.values import Frame, Points


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules make of the slots: a state, or None to keep the present one, and maybe why in words."""

    slots: tuple[Slot, ...]
    state: State | None
    kept_because: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation came to: the state after it, and why, in CloudWatch's StateReason and StateReasonData.

    `slots` are all periods that were fetched, oldest first.
    """

    state: State
    reason: str
    reason_data: dict[str, Any]
    slots: tuple[Slot, ...]


def evaluate(
    alarm: Alarm,
    series: Series,
    now: datetime,
    previous: State | str = State.INSUFFICIENT_DATA,
    *,
    extra_points: Callable[[int], int] = windows.extra_points,
    created: datetime | None = None,
) -> Evaluation:
    """Evaluate an alarm once, with the datapoints published by `now`; the newest period ends with the minute before.

    Periods beyond the evaluation periods are fetched as `extra_points` says, by the length of the period in seconds. An
    alarm warms up from `created` on; None means long ago.

    Raises:
        InputError: The alarm's expression cannot be evaluated.
    """
    judged = judge(alarm, series, now, previous, extra_points=extra_points, created=created)
    slots, state = judged.slots, State(previous) if judged.state is None else judged.state
    counts = {} if alarm.is_math else _sample_counts(alarm, series, slots, now.timestamp())
    return Evaluation(
        state=state,
        reason=judged.kept_because or reason(alarm, slots, judged.state),
        reason_data=reason_data(alarm, slots, judged.state, now, counts),
        slots=slots,
    )


def judge(
    alarm: Alarm,
    series: Series,
    now: datetime,
    previous: State | str,
    *,
    extra_points: Callable[[int], int] = windows.extra_points,
    created: datetime | None = None,
) -> Judgement:
    """Return what `evaluate` decides, without CloudWatch's words for it; arguments and errors are the same."""
    bounds = windows.slot_bounds(alarm, now, extra_points(alarm.period_seconds))
    values = slot_values(alarm, series, bounds[:-1], now.timestamp(), bounds[-1])
    slots = tuple(Slot(*slot) for slot in zip(bounds[:-1], values, bounds[1:], strict=True))
    if created is not None and _is_warming_up(alarm, now, created, State(previous), values):
        return Judgement(slots, None, WARMING_UP)
    if alarm.low_sample_percentile == "ignore" and _has_few_samples(alarm, series, slots, now.timestamp()):
        return Judgement(slots, None, FEW_SAMPLES)
    rows = [breaches(alarm, value) for value in values]
    return Judgement(slots, verdict(rows, alarm.m, alarm.evaluation_periods, treatment(alarm)))


def _has_few_samples(alarm: Alarm, series: Series, slots: tuple[Slot, ...], as_of: float) -> bool:
    """Return whether a percentile of a datapoint that would decide has too few samples to mean anything."""
    return not all(
        series.is_significant(query.metric, slot.start, slot.end or slot.start, as_of)
        for slot in used(slots, alarm.evaluation_periods)
        for query in alarm.queries
        if query.metric
    )


def _sample_counts(alarm: Alarm, series: Series, slots: tuple[Slot, ...], as_of: float) -> dict[int, float | None]:
    metric = alarm.queries[0].metric
    if metric is None:
        return {}
    counted = replace(metric, statistic="SampleCount")
    return {slot.start: series.window(counted, slot.start, slot.end or slot.start, as_of) for slot in slots}


def _is_warming_up(alarm: Alarm, now: datetime, created: datetime, previous: State, values: Points) -> bool:
    if alarm.warm_up is None or now >= created + timedelta(minutes=alarm.warm_up.minutes):
        return False
    has_begun = previous is not State.INSUFFICIENT_DATA or None not in values[-alarm.evaluation_periods :]
    return alarm.warm_up.is_whole or not has_begun


def slot_values(alarm: Alarm, series: Series, starts: tuple[int, ...], as_of: float, end: int | None = None) -> Points:
    """Return the values that the alarm compares with its threshold, one per slot; all times are epoch seconds.

    Points published after `as_of` are not visible. With `end` slots end where the next begins, else after a period.
    """
    frame = Frame(starts, alarm.period_seconds, end=end)
    fetch = Fetch(alarm.queries, series, frame, as_of)
    watched = returned(alarm)
    try:
        return fetch.points(watched)
    except InputError as error:
        raise InputError(
            f"Alarm {alarm.name} cannot be evaluated: {error}", kind=error.kind, next_step=error.next_step
        ) from error


def returned(alarm: Alarm) -> str:
    """Return the id of the query that the alarm watches; raise InputError if not exactly one query returns data."""
    ids = [query.id for query in alarm.queries if query.return_data]
    if len(ids) != 1:
        raise InputError(
            f"Alarm {alarm.name} has {len(ids)} entries with ReturnData; CloudWatch wants exactly one.",
            next_step="Set ReturnData to false on every entry but the one to compare with the threshold.",
        )
    return ids[0]


def treatment(alarm: Alarm) -> Treat:
    """Return what missing data counts as: DynamoDB's metrics are always ignored where they are missing."""
    metrics = alarm.metrics
    if (
        alarm.treat_missing_data == Treat.MISSING
        and metrics
        and all(metric.namespace == "AWS/DynamoDB" for metric in metrics)
    ):
        return Treat.IGNORE
    return alarm.treat_missing_data
