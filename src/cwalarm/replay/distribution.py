"""Samples -> percentiles and trimmed statistics of a sliding window, at every minute.

The samples of each window lie in a row of their own, smallest first; rows shorter than the longest end in infinity. The
same rules as `cwalarm.evaluation.statistic`; tests hold the two together.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cwalarm.evaluation.statistic import Trim
from cwalarm.replay.exact import exact_sum
from cwalarm.replay.numeric import Flags, Floats, numpy
from cwalarm.replay.samples import Samples
from cwalarm.replay.values import Column, cleared

# So many samples of windows are held at once: 2 MB for each array of them, which a processor's cache takes.
_HELD = 262_144


@dataclass(frozen=True, slots=True)
class _Rows:
    """The samples of some windows, one row each: values, how often each occurred, and where the row has a sample.

    Attributes:
        ends: How often this value and those before it in the row occurred.
        total: How often all values of the row occurred.
        number: How many samples a row holds.
        is_known: Whether all of them are single values, and there is one.
        are_single: Whether every value occurred once, so that its place is its rank.
    """

    values: Floats
    counts: Floats
    is_held: Flags
    ends: Floats
    total: Floats
    number: Floats
    is_known: Flags
    are_single: bool


class _Source:
    """Samples in order of time, and which windows they lie in."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self._is_set = samples.minimum != samples.maximum
        self._occurs = samples.count > 0
        self._has_sets = bool(self._is_set.any())
        self._are_single = bool((samples.count == 1).all())

    def rows(self, starts: Floats, stops: Floats, seen_at: Floats) -> _Rows:
        """Return the rows of windows that hold the samples from a start to before a stop; one of them holds any."""
        np, samples = numpy(), self.samples
        index = starts[:, None] + np.arange(int((stops - starts).max()))
        is_held = index < stops[:, None]
        index = np.minimum(index, len(samples.minute) - 1)
        is_held &= samples.visible[index] <= seen_at[:, None]
        is_known = ~(self._is_set[index] & is_held).any(axis=1) if self._has_sets else True
        is_held &= self._occurs[index]
        number = is_held.sum(axis=1)
        values = np.where(is_held, samples.minimum[index], math.inf)
        counts = None if self._are_single else np.where(is_held, samples.count[index], 0)
        return _sorted(values, counts, number, is_known & (number > 0))


def windowed(samples: Samples, trim: Trim, first: int, last: int, width: int, age: int) -> Column:
    """Return a statistic of the window that ends at each minute from `first` to before `last`.

    A window is `width` minutes long, and is looked at `age` minutes after its end.
    """
    np, source = numpy(), _Source(samples)
    values, missing = np.zeros(last - first), np.ones(last - first, bool)
    ends = np.arange(first, last)
    starts, stops = (np.searchsorted(samples.minute, edge) for edge in (ends - width, ends))
    with np.errstate(all="ignore"):
        for part in _parts(stops - starts):
            if (stops[part] > starts[part]).any():
                rows = source.rows(starts[part], stops[part], ends[part] + age)
                values[part] = _STATISTICS[trim.kind](trim, rows)
                missing[part] = ~rows.is_known | np.isnan(values[part])
    return cleared(values, missing if missing.any() else None)


def _parts(sizes: Floats) -> Iterator[slice]:
    """Yield the windows in parts whose samples, all rows as long as the longest, can be held at once."""
    start, step = 0, _HELD
    while start < len(sizes):
        longest = max(1, int(sizes[start : start + step].max()))
        if longest * min(step, len(sizes) - start) > _HELD and step > 1:
            step = max(1, min(step // 2, _HELD // longest))
            continue
        yield slice(start, min(start + step, len(sizes)))
        start, step = start + step, min(step * 2, _HELD)


def _sorted(values: Floats, counts: Floats | None, number: Floats, is_known: Flags) -> _Rows:
    """Return rows with their samples in order; without counts every value occurred once."""
    np = numpy()
    place = np.arange(values.shape[1])
    is_held = place < number[:, None]
    if counts is None:
        ends = np.minimum(place + 1, number[:, None]).astype(float)
        return _Rows(
            np.sort(values, axis=1),
            is_held.astype(float),
            is_held,
            ends,
            number + 0.0,
            number,
            is_known,
            are_single=True,
        )
    order = np.lexsort((counts, values), axis=1)
    values, counts = np.take_along_axis(values, order, axis=1), np.take_along_axis(counts, order, axis=1)
    ends = np.cumsum(counts, axis=1)
    return _Rows(values, counts, is_held, ends, ends[:, -1], number, is_known, are_single=False)


def _percentile(percent: float, rows: _Rows) -> Floats:
    """Return the value at a rank, interpolated linearly between the two beside it."""
    np = numpy()
    rank = percent / 100 * (rows.total - 1)
    part = np.mod(rank, 1)
    return _at(rows, np.floor(rank)) * (1 - part) + _at(rows, np.ceil(rank)) * part


def _at(rows: _Rows, rank: Floats) -> Floats:
    np = numpy()
    place = rank.astype(np.int64) if rows.are_single else (rows.ends <= rank[:, None]).sum(axis=1)
    place = np.clip(place, 0, np.maximum(rows.number - 1, 0))
    return np.take_along_axis(rows.values, place[:, None], axis=1)[:, 0]


def _kept(trim: Trim, rows: _Rows) -> Floats:
    """Return how much of each value lies between the bounds."""
    np = numpy()
    if not trim.is_percent:
        return np.where((rows.values > trim.low) & (rows.values <= trim.high), rows.counts, 0)
    low, high = (rows.total * bound / 100 for bound in (trim.low, trim.high))
    parts = np.minimum(rows.ends, high[:, None]) - np.maximum(rows.ends - rows.counts, low[:, None])
    return np.where(rows.is_held, np.maximum(parts, 0), 0)


def _total(values: Floats, counts: Floats) -> Floats:
    np = numpy()
    return exact_sum(np.ascontiguousarray(np.where(counts > 0, values * counts, 0).T))


def _number(counts: Floats) -> Floats:
    return exact_sum(numpy().ascontiguousarray(counts.T))


def _trimmed_mean(trim: Trim, rows: _Rows) -> Floats:
    kept = _kept(trim, rows)
    return _total(rows.values, kept) / _number(kept)


def _winsorized_mean(trim: Trim, rows: _Rows) -> Floats:
    np = numpy()
    low, high = (_percentile(bound, rows)[:, None] if trim.is_percent else bound for bound in (trim.low, trim.high))
    return _total(np.minimum(np.maximum(rows.values, low), high), rows.counts) / rows.total


def _positive_percentile(trim: Trim, rows: _Rows) -> Floats:
    return numpy().where(rows.values[:, 0] < 0, math.nan, _percentile(trim.high, rows))


_STATISTICS: dict[str, Callable[[Trim, _Rows], Floats]] = {
    "p": _positive_percentile,
    "tm": _trimmed_mean,
    "tc": lambda trim, rows: _number(_kept(trim, rows)),
    "ts": lambda trim, rows: _total(rows.values, _kept(trim, rows)),
    "wm": _winsorized_mean,
    "pr": lambda trim, rows: 100 * _number(_kept(trim, rows)) / rows.total,
}
