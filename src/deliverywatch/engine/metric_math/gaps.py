"""Metric math's functions that look along one time series: FILL, DIFF, DIFF_TIME, RATE, RUNNING_SUM.

Each sees the slots that were fetched and no further, as CloudWatch's alarms do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.engine.metric_math.values import Call, Points, Value


def _fill(call: Call) -> Value:
    """FILL(series, number | series | REPEAT | LINEAR)."""
    call.count(2, 2)
    filler = call.values[1]
    if filler == "REPEAT":
        return _along(call, _repeated)
    if filler == "LINEAR":
        return _along(call, _interpolated)
    if isinstance(filler, (str, tuple)):
        raise call.misfit(1, "a number, a time series, REPEAT or LINEAR")
    return _along(call, lambda points: _filled(points, filler))


def _filled(points: Points, filler: float | Points) -> Points:
    fillers = filler if isinstance(filler, list) else [filler] * len(points)
    return [spare if each is None else each for each, spare in zip(points, fillers, strict=True)]


def _repeated(points: Points) -> Points:
    """Fill each gap with the value before it; before the first value there is nothing to repeat."""
    found: Points = []
    for each in points:
        found.append(found[-1] if each is None and found else each)
    return found


def _interpolated(points: Points) -> Points:
    """Fill each gap between two values along the line between them; gaps at either end stay."""
    found = list(points)
    for (first, start), (last, end) in pairwise(_present(points)):
        for slot in range(first + 1, last):
            found[slot] = start + (end - start) * (slot - first) / (last - first)
    return found


def _present(points: Points) -> list[tuple[int, float]]:
    return [(slot, each) for slot, each in enumerate(points) if each is not None]


def _steps(points: Points, step: Callable[[int, float], float]) -> Points:
    """Return for each value what `step` makes of the slots and the difference since the value before it."""
    found: Points = [None] * len(points)
    for (before, old), (slot, new) in pairwise(_present(points)):
        found[slot] = step(slot - before, new - old)
    return found


def _running(points: Points) -> Points:
    total, found = 0.0, []
    for each in points:
        total += each or 0.0
        found.append(None if each is None else total)
    return found


def _along(call: Call, compute: Callable[[Points], Points]) -> Value:
    found = tuple(_finite(compute(points)) for points in call.array(0))
    return found if isinstance(call.values[0], tuple) else found[0]


def _finite(points: Points) -> Points:
    return [each if each is None or math.isfinite(each) else None for each in points]


def _single(call: Call, compute: Callable[[Points], Points]) -> Value:
    call.count(1, 1)
    return _along(call, compute)


def _seconds(call: Call) -> int:
    if not call.frame.starts:
        raise InputError(f"{call.function} needs to know the slots' times.", kind="expression")
    return call.frame.period_seconds


FUNCTIONS: dict[str, Callable[[Call], Value]] = {
    "FILL": _fill,
    "DIFF": lambda call: _single(call, lambda points: _steps(points, lambda _, change: change)),
    "DIFF_TIME": lambda call: _single(
        call, lambda points: _steps(points, lambda slots, _: float(slots * _seconds(call)))
    ),
    "RATE": lambda call: _single(
        call, lambda points: _steps(points, lambda slots, change: change / (slots * _seconds(call)))
    ),
    "RUNNING_SUM": lambda call: _single(call, _running),
}
