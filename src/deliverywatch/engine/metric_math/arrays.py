"""Metric math's functions over arrays of time series, and those that fold one series into a scalar."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from typing import TYPE_CHECKING

from deliverywatch.engine.metric_math.operators import finite

if TYPE_CHECKING:
    from deliverywatch.engine.metric_math.values import Array, Call, Points, Value


def _average(present: list[float], size: int) -> float:
    """Missing values count as 0, so the divisor is the number of slots (or of series)."""
    return math.fsum(present) / size


_FOLDS: dict[str, Callable[[list[float], int], float]] = {
    "AVG": _average,
    "MAX": lambda present, _: max(present),
    "MIN": lambda present, _: min(present),
    "SUM": lambda present, _: math.fsum(present),
    "STDDEV": lambda present, _: statistics.pstdev(present),
    "DATAPOINT_COUNT": lambda present, _: float(len(present)),
}


def _folded(name: str) -> Callable[[Call], Value]:
    """Return a function that folds one series into a scalar, and an array into a series, slot by slot."""
    fold = _FOLDS[name]

    def applied(call: Call) -> Value:
        call.count(1, 1)
        value = call.values[0]
        if isinstance(value, tuple):
            return [_fold_of(fold, list(column)) for column in zip(*value, strict=True)] if value else call.nothing()
        if isinstance(value, (int, float)):
            return value
        points = call.series(0)
        found = _fold_of(fold, points)
        return found if found is not None else _empty_scalar(name, points)

    return applied


def _fold_of(fold: Callable[[list[float], int], float], points: Points) -> float | None:
    present = [each for each in points if each is not None]
    return finite(lambda: fold(present, len(points))) if present else None


def _empty_scalar(name: str, points: Points) -> float:
    """Return what a series folds into that is empty: nothing was counted or summed up; the rest has no value."""
    is_empty = all(each is None for each in points)
    return 0.0 if is_empty and name in ("SUM", "DATAPOINT_COUNT") else math.nan


def _metrics(call: Call) -> Array:
    call.count(0, 1)
    part = str(call.values[0]) if call.values else ""
    return tuple(fetch() for name, fetch in call.frame.metrics.items() if part in name)


def _metric_count(call: Call) -> float:
    call.count(1, 1)
    return float(len(call.array(0)))


def _end(index: int) -> Callable[[Call], Value]:
    def applied(call: Call) -> Value:
        call.count(1, 1)
        array = call.array(0)
        return array[index] if array else call.nothing()

    return applied


def _slice(call: Call) -> Value:
    call.count(2, 3)
    start = call.whole(1)
    end = call.whole(2) if len(call.values) > 2 else None
    return call.array(0)[start:end]


def _sort(call: Call) -> Value:
    """SORT(array, AVG | MIN | MAX | SUM, ASC | DESC[, limit]); series without datapoints come last."""
    call.count(3, 4)
    fold = _FOLDS[call.keyword(1, "AVG", "MIN", "MAX", "SUM")]
    sign = -1 if call.keyword(2, "ASC", "DESC") == "DESC" else 1
    limit = call.whole(3) if len(call.values) > 3 else None

    def rank(points: Points) -> float:
        found = _fold_of(fold, points)
        return math.inf if found is None else sign * found

    return tuple(sorted(call.array(0), key=rank)[:limit])


def _remove_empty(call: Call) -> Value:
    call.count(1, 1)
    return tuple(points for points in call.array(0) if any(each is not None for each in points))


FUNCTIONS: dict[str, Callable[[Call], Value]] = {
    **{name: _folded(name) for name in _FOLDS},
    "METRICS": _metrics,
    "METRIC_COUNT": _metric_count,
    "FIRST": _end(0),
    "LAST": _end(-1),
    "SLICE": _slice,
    "SORT": _sort,
    "REMOVE_EMPTY": _remove_empty,
}
