"""Metric math's functions that look along one time series: FILL, DIFF, DIFF_TIME, RATE, RUNNING_SUM.

Each sees the slots that were fetched and no further, as CloudWatch's alarms do.
"""

import math
from collections.abc import Callable
from itertools import accumulate, pairwise

from cwalarm.errors import InputError
from cwalarm.metric_math.values import Arguments, Points, Value


def _fill(arguments: Arguments) -> Value:
    """FILL(series, number | series | REPEAT | LINEAR)."""
    filler = arguments.values[1]
    if filler == "REPEAT":
        return _along(arguments, _repeated)
    if filler == "LINEAR":
        return _along(arguments, _interpolated)
    if isinstance(filler, (str, tuple)):
        raise arguments.misfit(1, "a number, a time series, REPEAT or LINEAR")
    return _along(arguments, lambda points: _filled(points, filler))


def _filled(points: Points, filler: float | Points) -> Points:
    fillers = filler if isinstance(filler, list) else [filler] * len(points)
    return [spare if value is None else value for value, spare in zip(points, fillers, strict=True)]


def _repeated(points: Points) -> Points:
    """Fill each gap with the value before it; before the first value there is nothing to repeat."""
    filled: Points = []
    for value in points:
        filled.append(filled[-1] if value is None and filled else value)
    return filled


def _interpolated(points: Points) -> Points:
    """Fill each gap between two values along the line between them; gaps at either end stay."""
    filled = list(points)
    for (first, start), (last, end) in pairwise(_present(points)):
        for slot in range(first + 1, last):
            filled[slot] = start + (end - start) * (slot - first) / (last - first)
    return filled


def _present(points: Points) -> list[tuple[int, float]]:
    return [(slot, value) for slot, value in enumerate(points) if value is not None]


def _steps(arguments: Arguments, step: Callable[[int, float], float]) -> Value:
    """Return for each value what `step` makes of the slots and the difference since the value before it."""

    def stepped(points: Points) -> Points:
        steps: Points = [None] * len(points)
        for (before, old), (slot, new) in pairwise(_present(points)):
            steps[slot] = step(slot - before, new - old)
        return steps

    return _along(arguments, stepped)


def _running(points: Points) -> Points:
    sums = accumulate(value or 0.0 for value in points)
    return [None if value is None else total for value, total in zip(points, sums, strict=True)]


def _along(arguments: Arguments, compute: Callable[[Points], Points]) -> Value:
    series = tuple(_finite(compute(points)) for points in arguments.array(0))
    return series if isinstance(arguments.values[0], tuple) else series[0]


def _finite(points: Points) -> Points:
    return [value if value is None or math.isfinite(value) else None for value in points]


def _seconds(arguments: Arguments) -> int:
    if not arguments.frame.starts:
        raise InputError(f"{arguments.function} needs to know the slots' times.", kind="expression")
    return arguments.frame.period_seconds


FUNCTIONS: dict[str, Callable[[Arguments], Value]] = {
    "FILL": _fill,
    "DIFF": lambda args: _steps(args, lambda _, change: change),
    "DIFF_TIME": lambda args: _steps(args, lambda slots, _: float(slots * _seconds(args))),
    "RATE": lambda args: _steps(args, lambda slots, change: change / (slots * _seconds(args))),
    "RUNNING_SUM": lambda args: _along(args, _running),
}
