"""Metric math's functions that look along a series, for many evaluations at once: a row per slot, oldest first.

The same rules as `cwalarm.metric_math.gaps`; tests hold the two together.
"""

from collections.abc import Callable

from cwalarm.replay.numeric import Floats, numpy
from cwalarm.replay.values import Column, finite, missing_of


def repeated(column: Column) -> Column:
    """Fill each gap with the value before it; before the first value there is nothing to repeat."""
    if column.missing is None:
        return column
    values, missing = column.values.copy(), column.missing.copy()
    for row in range(1, len(values)):
        numpy().copyto(values[row], values[row - 1], where=missing[row])
        missing[row] &= missing[row - 1]
    return Column(values, missing)


def interpolated(column: Column) -> Column:
    """Fill each gap between two values along the line between them; gaps at either end stay."""
    if column.missing is None:
        return column
    np = numpy()
    values, missing = column.values.copy(), column.missing.copy()
    firsts, starts = _before(column)
    last, end = np.full(values.shape[1:], -1), np.zeros(values.shape[1:])
    for row in range(len(values) - 1, -1, -1):
        gap = column.missing[row]
        between = gap & (firsts[row] >= 0) & (last >= 0)
        first, start = firsts[row], starts[row]
        line = start + (end - start) * (row - first) / np.where(between, last - first, 1)
        np.copyto(values[row], line, where=between)
        missing[row] &= ~between
        last, end = np.where(gap, last, row), np.where(gap, end, column.values[row])
    return finite(values, missing)


def _before(column: Column) -> tuple[list[Floats], list[Floats]]:
    """Return for each row the row of the newest datapoint before it, -1 without one, and its value."""
    np = numpy()
    missing = missing_of(column)
    rows, values = [np.full(column.values.shape[1:], -1)], [np.zeros(column.values.shape[1:])]
    for row in range(len(column.values) - 1):
        rows.append(np.where(missing[row], rows[-1], row))
        values.append(np.where(missing[row], values[-1], column.values[row]))
    return rows, values


def steps(column: Column, step: Callable[[Floats, Floats], Floats]) -> Column:
    """Return for each datapoint what `step` makes of the slots and the difference since the one before it."""
    np = numpy()
    befores, olds = _before(column)
    values, missing = np.zeros(column.values.shape), missing_of(column).copy()
    for row, (before, old) in enumerate(zip(befores, olds, strict=True)):
        missing[row] |= before < 0
        values[row] = step(np.where(before < 0, 1, row - before), column.values[row] - old)
    return finite(values, missing)


def running(column: Column) -> Column:
    """Return the sum of all values so far, where there is a datapoint."""
    sums = column.values.astype(float)
    for row in range(1, len(sums)):
        sums[row] += sums[row - 1]
    return finite(sums, column.missing)
