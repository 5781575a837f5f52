"""Metric math's functions over arrays of series, and those that fold one series into a number, for many evaluations.

The same rules as `cwalarm.metric_math.arrays`; tests hold the two together.
"""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from cwalarm.replay.exact import are_small_and_whole, exact_sum
from cwalarm.replay.numeric import Flags, Floats, numpy
from cwalarm.replay.values import Column, Columns, Operand, finite, missing_of

FOLDS = frozenset({"AVG", "MAX", "MIN", "SUM", "STDDEV", "DATAPOINT_COUNT"})


def of_series(name: str, column: Column) -> Floats:
    """Return one number per evaluation; NaN where there is none. Missing values count as 0 in an average."""
    np = numpy()
    folded = _folded(name, column.values, column.missing, len(column.values))
    if column.missing is None:
        return folded
    # Of an empty series nothing was counted or summed up; the rest has no value.
    of_nothing = 0.0 if name in ("SUM", "DATAPOINT_COUNT") else math.nan
    return np.where(column.missing.all(axis=0), of_nothing, folded)


def of_array(name: str, array: Columns) -> Column:
    """Return one series: each slot folded over all series of the array."""
    np = numpy()
    values = np.stack([member.values for member in array.members])
    is_full = any(member.missing is None for member in array.members)
    missing = np.stack([missing_of(member) for member in array.members])
    folded = _folded(name, values, missing, np.maximum(array.size, 1))
    return finite(folded, None if is_full else missing.all(axis=0))


def _folded(name: str, values: Floats, missing: Flags | None, size: Floats) -> Floats:
    """Fold the first axis; what comes of nothing is for the caller to say."""
    np = numpy()
    with np.errstate(all="ignore"):
        match name:
            case "MAX":
                folded = (values if missing is None else np.where(missing, -math.inf, values)).max(axis=0)
            case "MIN":
                folded = (values if missing is None else np.where(missing, math.inf, values)).min(axis=0)
            case "DATAPOINT_COUNT":
                folded = _count(values, missing)
            case "STDDEV":
                folded = _deviation(values, missing)
            case "AVG":
                folded = exact_sum(values) / size
            case _:
                folded = exact_sum(values)
        return np.where(np.isfinite(folded), folded, math.nan)


def _count(values: Floats, missing: Flags | None) -> Floats:
    np = numpy()
    if missing is None:
        return np.full(values.shape[1:], float(len(values)))
    return len(values) - missing.sum(axis=0, dtype=float)


def _deviation(values: Floats, missing: Flags | None) -> Floats:
    """Return the standard deviation, as exact as `statistics.pstdev`, which is asked wherever rounding may decide."""
    np = numpy()
    present = np.ones(values.shape, bool) if missing is None else ~missing
    count, size = present.sum(axis=0), len(values)
    known: dict[Any, float] = {}
    if is_whole := are_small_and_whole(values * values * size):
        deviation, doubt = _of_whole(values, count), 4 * np.finfo(np.longdouble).eps
    else:
        deviation, doubt = _of_fractions(values, present, count)
    low, high = (deviation * (1 - doubt)).astype(float), (deviation * (1 + doubt)).astype(float)
    # Of equal values it is 0, and a mean that is rounded must not lift it.
    low[_are_equal(values, present)] = 0.0
    doubtful = (low != high) & (low > 0)
    for place in zip(*np.nonzero(doubtful), strict=True):
        # Of whole numbers, deviations are equal where these are.
        key, at = deviation[place] if is_whole else place, (slice(None), *place)
        if key not in known:
            known[key] = statistics.pstdev(values[at][present[at]].tolist())
        low[place] = known[key]
    return low


def _of_whole(values: Floats, count: Floats) -> Floats:
    """Return the deviation of whole numbers, whose sums are exact; missing ones are 0."""
    np = numpy()
    total = values.sum(axis=0)
    spread = (count * (values * values).sum(axis=0) - total * total).astype(np.longdouble)
    return np.sqrt(spread) / np.maximum(count, 1)


def _of_fractions(values: Floats, present: Flags, count: Floats) -> tuple[Floats, Floats]:
    """Return the deviation, and by what part of it rounding may have changed it."""
    np, size = numpy(), len(values)
    wide = values.astype(np.longdouble)
    away = np.where(present, wide - wide.sum(axis=0) / np.maximum(count, 1), 0)
    squares = (away * away).sum(axis=0)
    unit = np.finfo(np.longdouble).eps
    # Rounding of each square, and of the mean: the latter counts by its own square.
    shift = unit * size * np.abs(wide).max(axis=0)
    doubt = unit * (size / 4 + 2) + size * shift * shift / np.where(squares > 0, squares, 1)
    return np.sqrt(squares / np.maximum(count, 1)), doubt


def _are_equal(values: Floats, present: Flags) -> Flags:
    np = numpy()
    lowest = np.where(present, values, math.inf).min(axis=0)
    return lowest >= np.where(present, values, -math.inf).max(axis=0)


def sorted_by(fold: str, array: Columns, limit: int | None, *, descending: bool) -> Columns:
    """Return the series in order of what each folds into; those without datapoints come last."""
    if not array.members:
        return array
    np = numpy()
    rows = [_rank(fold, member, descending=descending) for member in array.members]
    ordered = _taken(array.members, np.argsort(np.stack(rows), axis=0, kind="stable"))
    return sliced(Columns(ordered, array.count), 0, limit)


def _rank(fold: str, column: Column, *, descending: bool) -> Floats:
    np = numpy()
    folded = _folded(fold, column.values, column.missing, len(column.values))
    ranked = np.where(np.isnan(folded), math.inf, -folded if descending else folded)
    return ranked if column.missing is None else np.where(column.missing.all(axis=0), math.inf, ranked)


def _taken(members: Sequence[Column], order: Floats) -> tuple[Column, ...]:
    """Return for each evaluation its members in an order of its own; `order` has a row per place."""
    np = numpy()
    values = np.stack([member.values for member in members])
    missing = np.stack([missing_of(member) for member in members])
    places = order[:, None, :]
    taken = np.take_along_axis(values, places, axis=0), np.take_along_axis(missing, places, axis=0)
    return tuple(Column(*member) for member in zip(*taken, strict=True))


def without_empty(array: Columns) -> Columns:
    """Return the series that have a datapoint, in their order."""
    if not array.members:
        return array
    np = numpy()
    is_empty = np.stack([missing_of(member).all(axis=0) for member in array.members])
    return Columns(_taken(array.members, np.argsort(is_empty, axis=0, kind="stable")), (~is_empty).sum(axis=0))


def listed(arrays: Sequence[Columns]) -> Columns:
    """Return the series of some arrays as one."""
    np = numpy()
    members = tuple(member for array in arrays for member in array.members)
    if not members or all(array.count is None for array in arrays):
        return Columns(members)
    size = members[0].values.shape[-1]
    is_left_out = np.concatenate(
        [np.arange(len(array.members))[:, None] >= np.broadcast_to(array.size, size) for array in arrays]
    )
    return Columns(_taken(members, np.argsort(is_left_out, axis=0, kind="stable")), (~is_left_out).sum(axis=0))


def sliced(array: Columns, start: int, end: int | None = None) -> Columns:
    """Return part of an array; where its size differs by evaluation, positions count from its start."""
    if array.count is None:
        return Columns(array.members[start:end])
    np = numpy()
    kept = array.members[start:end]
    return Columns(kept, np.clip(array.count - start, 0, len(kept)))


def last(array: Columns) -> Column:
    """Return the last series of an array, for each evaluation its own."""
    if array.count is None:
        return array.members[-1]
    np = numpy()
    return _taken(array.members, np.maximum(array.count - 1, 0)[None, :])[0]


def number_of(array: Operand) -> Operand:
    """Return how many series there are."""
    if not isinstance(array, Columns):
        return 1.0
    return float(len(array.members)) if array.count is None else array.count.astype(float)
