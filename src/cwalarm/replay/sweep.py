"""One alarm, all thresholds at once: how often it would have gone into ALARM and for how long.

For every evaluation there is one number X such that the alarm is in ALARM exactly under the thresholds that X breaches:
an order statistic of the slots. Keeping the state (missing data that is ignored) bounds X by what it was before.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cwalarm.definitions.alarm import Alarm, Comparison, Treat
from cwalarm.evaluation.evaluate import treatment
from cwalarm.replay.numeric import Floats, numpy
from cwalarm.replay.replay import Replay
from cwalarm.replay.values import Column


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a threshold would have meant: times the alarm was raised, and minutes spent in ALARM."""

    threshold: float
    raised: int
    alarm_minutes: int


def sweep(replay: Replay, alarm: Alarm, thresholds: Sequence[float]) -> list[Outcome]:
    """Return what each threshold would have meant for an alarm that is evaluated every minute, in their order."""
    np = numpy()
    sign = 1.0 if alarm.comparison in (Comparison.ABOVE, Comparison.AT_LEAST) else -1.0
    low, high = _bounds(alarm, replay.columns(alarm), sign)
    signed = np.sort(np.asarray(thresholds, float) * sign)
    side = "left" if alarm.comparison in (Comparison.ABOVE, Comparison.BELOW) else "right"
    # The number of thresholds that are breached: with them sorted, always the first ones.
    breached = np.searchsorted(signed, _settled(low, high), side)
    raised, minutes = _counts(breached, len(signed))
    counts = dict(zip(signed.tolist(), zip(raised.tolist(), minutes.tolist(), strict=True), strict=True))
    return [Outcome(float(threshold), *counts[float(threshold) * sign]) for threshold in thresholds]


def _counts(breached: Floats, size: int) -> tuple[Floats, Floats]:
    np = numpy()
    minutes = np.bincount(breached, minlength=size + 1)[::-1].cumsum()[::-1][1:]
    before = np.concatenate(([0], breached[:-1]))
    rising = breached > before
    change = np.bincount(before[rising], minlength=size + 1) - np.bincount(breached[rising], minlength=size + 1)
    return change.cumsum()[:-1], minutes


def _bounds(alarm: Alarm, columns: Sequence[Column], sign: float) -> tuple[Floats, Floats]:
    """Return the bounds of X per evaluation: below the first ALARM, above the second OK, between them no change."""
    np = numpy()
    n, m, treat = alarm.evaluation_periods, alarm.m, treatment(alarm)
    real = np.zeros(len(columns[0].values), np.int32)
    ranked = [np.full(len(real), -math.inf) for _ in range(m)]
    least, age = np.full(len(real), math.inf), np.zeros(len(real), np.int32)
    for position, column in enumerate(columns, 1):
        values = column.values * sign
        is_real = ~column.missing if column.missing is not None else np.ones(len(real), bool)
        _insert(ranked, np.where(is_real & (real < n), values, -math.inf))
        least = np.where(is_real, np.minimum(least, values), least)
        age[is_real] = position
        real += is_real
    return _treated(ranked, real, least, age, n, treat)


def _insert(ranked: list[Floats], values: Floats) -> None:
    """Put values into the M largest seen so far, largest first."""
    np = numpy()
    for rank, held in enumerate(ranked):
        ranked[rank], values = np.maximum(held, values), np.minimum(held, values)


def _treated(
    ranked: list[Floats], real: Floats, least: Floats, age: Floats, n: int, treat: Treat
) -> tuple[Floats, Floats]:
    np = numpy()
    m = len(ranked)
    low = ranked[-1]
    if treat == Treat.BREACHING:
        # Each fill breaches every threshold: with F of them, the (M - F)-th largest real value decides.
        filled = np.clip(n - real, 0, m)
        rows = np.stack([np.full(len(low), math.inf), *ranked])
        low = rows[m - filled, np.arange(len(low))]
        return low, low
    if treat == Treat.NOT_BREACHING:
        return low, low
    premature = (real > 0) & (real < n) & (age >= m)
    high = np.where(premature, np.maximum(low, least), low)
    if treat == Treat.MISSING:
        return high, high
    return low, np.where(real == 0, math.inf, high)


def _settled(low: Floats, high: Floats) -> Floats:
    """Return X over time: where the bounds leave room, it stays as near as they allow to what it was."""
    np = numpy()
    if low is high:
        return low
    settled = low.copy()
    for start, end in _runs(np.flatnonzero(low != high)):
        held = settled[start - 1] if start else -math.inf
        for position in range(start, end):
            held = min(max(held, low[position]), high[position])
            settled[position] = held
    return settled


def _runs(positions: Floats) -> list[tuple[int, int]]:
    np = numpy()
    if not len(positions):
        return []
    breaks = np.flatnonzero(np.diff(positions) > 1)
    starts = np.concatenate(([positions[0]], positions[breaks + 1]))
    ends = np.concatenate((positions[breaks], [positions[-1]])) + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
