"""Metric math's functions over arrays of time series, and those that fold one series into a scalar."""

import math
import statistics
from collections.abc import Callable

from cwalarm.metric_math.operators import finite
from cwalarm.metric_math.values import Arguments, Array, Points, Value

_FOLDS: dict[str, Callable[[list[float], int], float]] = {
    # Missing values count as 0, so the divisor is the number of slots.
    "AVG": lambda present, size: math.fsum(present) / size,
    "MAX": lambda present, _: max(present),
    "MIN": lambda present, _: min(present),
    "SUM": lambda present, _: math.fsum(present),
    "STDDEV": lambda present, _: statistics.pstdev(present),
    "DATAPOINT_COUNT": lambda present, _: float(len(present)),
}


def _folded(name: str) -> Callable[[Arguments], Value]:
    """Return a function that folds one series into a scalar, and an array into a series, slot by slot."""
    fold = _FOLDS[name]

    def applied(arguments: Arguments) -> Value:
        value = arguments.values[0]
        if value == ():
            return arguments.nothing()
        if isinstance(value, tuple):
            return [_fold_of(fold, list(column)) for column in zip(*value, strict=True)]
        if isinstance(value, (int, float)):
            return value
        points = arguments.series(0)
        folded = _fold_of(fold, points)
        if folded is not None:
            return folded
        # Of an empty series nothing was counted or summed up; the rest has no value.
        is_empty = all(value is None for value in points)
        return 0.0 if is_empty and name in ("SUM", "DATAPOINT_COUNT") else math.nan

    return applied


def _fold_of(fold: Callable[[list[float], int], float], points: Points) -> float | None:
    present = [value for value in points if value is not None]
    return finite(lambda: fold(present, len(points))) if present else None


def _metrics(arguments: Arguments) -> Array:
    part = str(arguments.values[0]) if arguments.values else ""
    return tuple(fetch() for name, fetch in arguments.frame.metrics.items() if part in name)


def _end(index: int) -> Callable[[Arguments], Value]:
    def applied(arguments: Arguments) -> Value:
        array = arguments.array(0)
        return array[index] if array else arguments.nothing()

    return applied


def _slice(arguments: Arguments) -> Value:
    start = arguments.whole(1)
    end = arguments.whole(2) if len(arguments.values) > 2 else None
    return arguments.array(0)[start:end]


def _sort(arguments: Arguments) -> Value:
    """SORT(array, AVG | MIN | MAX | SUM, ASC | DESC[, limit]); series without datapoints come last."""
    fold = _FOLDS[arguments.keyword(1, "AVG", "MIN", "MAX", "SUM")]
    sign = -1 if arguments.keyword(2, "ASC", "DESC") == "DESC" else 1
    limit = arguments.whole(3) if len(arguments.values) > 3 else None

    def rank(points: Points) -> float:
        folded = _fold_of(fold, points)
        return math.inf if folded is None else sign * folded

    return tuple(sorted(arguments.array(0), key=rank)[:limit])


def _remove_empty(arguments: Arguments) -> Value:
    return tuple(points for points in arguments.array(0) if any(value is not None for value in points))


FUNCTIONS: dict[str, Callable[[Arguments], Value]] = {
    **{name: _folded(name) for name in _FOLDS},
    "METRICS": _metrics,
    "METRIC_COUNT": lambda arguments: float(len(arguments.array(0))),
    "FIRST": _end(0),
    "LAST": _end(-1),
    "SLICE": _slice,
    "SORT": _sort,
    "REMOVE_EMPTY": _remove_empty,
}
