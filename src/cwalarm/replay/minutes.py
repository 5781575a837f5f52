"""A store of datapoints -> one array per metric and statistic, with a sliding window's value at every minute.

A window is named by the minute at which it ends. Its sum is exact and rounded once, as that of the plain evaluation.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from cwalarm.definitions.alarm import Metric, MetricStat
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.statistic import low_sample_limit, trim_of
from cwalarm.replay import distribution
from cwalarm.replay.exact import Terms, added, joined, terms
from cwalarm.replay.numeric import Flags, Floats, numpy
from cwalarm.replay.samples import Samples, samples_of
from cwalarm.replay.values import Column

# How many windows are kept for the next alarm: 5 MB each for a year.
_MAXIMUM_WINDOWS = 16

Source = Metric | tuple[Metric, str]

_EXTREMES = ("Minimum", "Maximum")


@dataclass(frozen=True, slots=True)
class _Running:
    """Running sums over minutes: `sums[i]` is what lies before minute `first + i`."""

    first: int
    sums: Floats

    def before(self, start: int, end: int) -> Floats:
        """Return what lies before each minute from `start` up to and without `end`."""
        low, high = start - self.first, end - self.first
        if low >= 0 and high <= len(self.sums):
            return self.sums[low:high]
        np, size = numpy(), len(self.sums)
        ahead, behind = min(max(-low, 0), high - low), min(max(high - size, 0), high - low)
        inside = self.sums[max(low, 0) : max(high, 0)]
        return np.concatenate((np.zeros_like(self.sums, shape=ahead), inside, np.full(behind, self.sums[-1])))


class Minutes:
    """The datapoints of a replay, turned into arrays once per metric and once per window."""

    def __init__(self, series: Series) -> None:
        self.series = series
        self._samples: dict[Source, Samples] = {}
        self._late: dict[Source, int] = {}
        self._terms: dict[tuple[Source, str], Terms | None] = {}
        self._running: dict[tuple[Source, str], tuple[_Running, ...]] = {}
        self._windows: OrderedDict[tuple[MetricStat, int, int], tuple[int, Column]] = OrderedDict()

    def source(self, stat: MetricStat) -> Source:
        """Return what the datapoints of a statistic are held by: its metric, and its unit if units are known."""
        unit = self.series.unit_of(stat)
        return (stat.metric, unit) if unit else stat.metric

    def put(self, metric: Metric, samples: Samples) -> None:
        """Give the samples of a metric as arrays, in any order; they take the place of those in the store."""
        self._samples[metric] = samples.ordered()

    def late_minutes(self, source: Source) -> int:
        """Return how many minutes after its own minute a sample of the metric may appear."""
        if source not in self._late:
            self._late[source] = self._of(source).late_minutes
        return self._late[source]

    def prepare(self, source: Source) -> None:
        """Turn the samples of a metric into running sums now, rather than when the first alarm asks."""
        for name in ("sum", "count"):
            if self._parts(source, name):
                self._sums(source, name)
        self.late_minutes(source)

    def why_inexact(self, stat: MetricStat) -> str | None:
        """Return why windows of a statistic may differ from those of the plain evaluation; None if to no bit."""
        np, samples = numpy(), self._of(self.source(stat))
        if not (samples.count > 0).all():
            return f"{stat.name} has datapoints that never occurred."
        if stat.is_extended:
            is_whole = (samples.count == np.floor(samples.count)).all()
            return None if is_whole else f"{stat.name} has datapoints that occurred a fraction of a time."
        names = {"Sum": ("sum", "count"), "Average": ("sum", "count"), "SampleCount": ("count",)}
        held = [self._parts(self.source(stat), name) for name in names.get(stat.statistic, ())]
        return f"The values of {stat.name} lie too far apart for exact sums." if None in held else None

    def window(self, stat: MetricStat, first: int, last: int, age_minutes: int = 0) -> Column:
        """Return the value of the sliding window that ends at each minute (since 1970) from `first` to before `last`.

        Each window is looked at `age_minutes` after its end; what is published later is not in it.
        """
        age = min(age_minutes, self.late_minutes(self.source(stat)))
        key = (stat, last, age)
        begin, column = self._windows.pop(key, (last, Column(())))
        if begin > first:
            begin, column = first, self._computed(stat, first, last, age)
        self._windows[key] = begin, column
        if len(self._windows) > _MAXIMUM_WINDOWS:
            self._windows.popitem(last=False)
        start = first - begin
        return Column(column.values[start:], None if column.missing is None else column.missing[start:])

    def has_few_samples(self, stat: MetricStat, first: int, last: int, age_minutes: int) -> Flags:
        """Return for each window whether it has samples, and too few of them for a percentile to mean something."""
        fraction = trim_of(stat.statistic).high / 100
        age = min(age_minutes, self.late_minutes(self.source(stat)))
        counts = self._total(stat, "count", first, last, age)
        if not 0 < fraction < 1:
            return counts > 0
        return (counts > 0) & (counts < low_sample_limit(fraction) - 1e-6)

    def _computed(self, stat: MetricStat, first: int, last: int, age: int) -> Column:
        np = numpy()
        if stat.is_extended:
            width = stat.period_seconds // 60
            trim = trim_of(stat.statistic)
            return distribution.windowed(self._of(self.source(stat)), trim, first, last, width, age)
        counts = self._total(stat, "count", first, last, age) if stat.statistic not in _EXTREMES else None
        if counts is None:
            values = self._extreme(stat, first, last, age)
            missing = np.isinf(values)
        else:
            missing = counts == 0
            values = counts if stat.statistic == "SampleCount" else self._total(stat, "sum", first, last, age)
            if stat.statistic == "Average":
                values = self._average(stat, first, last, age, np.divide(values, np.where(missing, 1, counts)))
        if not missing.any():
            return Column(values)
        np.putmask(values, missing, 0)
        return Column(values, missing)

    def _total(self, stat: MetricStat, name: str, first: int, last: int, age: int) -> Floats:
        """Return the sum of a member of the samples over each window."""
        held = self._parts(self.source(stat), name)
        if held is None:
            raise ValueError(f"the samples of {stat.name} have no exact sums")
        if age < self.late_minutes(self.source(stat)):
            return joined([self._late_total(stat, part, first, last, age) for part in held.parts], held.exponent)
        width, running = stat.period_seconds // 60, self._sums(self.source(stat), name)
        sums = [part.before(first, last) - part.before(first - width, last - width) for part in running]
        return joined(sums, held.exponent)

    def _late_total(self, stat: MetricStat, part: Floats, first: int, last: int, age: int) -> Floats:
        """Count a late sample in the windows that end after it, from the moment on at which it can be seen."""
        np, width = numpy(), stat.period_seconds // 60
        samples = self._of(self.source(stat))
        starts = np.clip(np.maximum(samples.minute + 1, samples.visible - age) - first, 0, last - first)
        ends = np.clip(samples.minute + width + 1 - first, starts, last - first)
        change = added(starts, part, last - first + 1) - added(ends, part, last - first + 1)
        return np.cumsum(change)[:-1]

    def _average(self, stat: MetricStat, first: int, last: int, age: int, values: Floats) -> Floats:
        """Return averages, where all samples of a window are equal without the rounding of their sum."""
        held = self._parts(self.source(stat), "sum")
        if held and held.is_whole:
            return values
        low, high = (self._extreme(replace(stat, statistic=name), first, last, age) for name in ("Minimum", "Maximum"))
        return numpy().where(low == high, low, values)

    def _extreme(self, stat: MetricStat, first: int, last: int, age: int) -> Floats:
        """Return the smallest (or largest) sample of each window, infinity without one.

        Of a sample that is seen late, a window misses as many minutes at its end as the sample is late for it.
        """
        np, width, samples = numpy(), stat.period_seconds // 60, self._of(self.source(stat))
        join, empty = (np.minimum, math.inf) if stat.statistic == "Minimum" else (np.maximum, -math.inf)
        lost = np.maximum(samples.visible - samples.minute - 1 - age, 0)
        extremes = np.full(last - first, empty)
        for short in np.unique(lost[lost < width]).tolist():
            per_minute = _per_minute(samples, lost == short, stat, first - width, last - 1 - short)
            extremes = join(extremes, _sliding(per_minute, width - short, join))
        return extremes

    def _sums(self, source: Source, name: str) -> tuple[_Running, ...]:
        if (source, name) not in self._running:
            held = self._parts(source, name)
            self._running[source, name] = tuple(self._summed(source, part) for part in (held.parts if held else ()))
        return self._running[source, name]

    def _summed(self, source: Source, part: Floats) -> _Running:
        np, minute = numpy(), self._of(source).minute
        first = int(minute.min()) if len(minute) else 0
        per_minute = added(minute - first, part, int(minute.max()) - first + 1 if len(minute) else 0)
        return _Running(first, np.concatenate((np.zeros_like(per_minute, shape=1), np.cumsum(per_minute))))

    def _parts(self, source: Source, name: str) -> Terms | None:
        if (source, name) not in self._terms:
            self._terms[source, name] = terms(getattr(self._of(source), name))
        return self._terms[source, name]

    def _of(self, source: Source) -> Samples:
        if source not in self._samples:
            metric, unit = (source, None) if isinstance(source, Metric) else source
            self._samples[source] = samples_of(self.series, metric, unit)
        return self._samples[source]


def _per_minute(samples: Samples, chosen: Flags, stat: MetricStat, first: int, last: int) -> Floats:
    """Return the extreme of the chosen samples in each minute, from `first` up to and without `last`."""
    np = numpy()
    chosen = chosen & (samples.minute >= first) & (samples.minute < last)
    is_least = stat.statistic == "Minimum"
    extremes = np.full(last - first, math.inf if is_least else -math.inf)
    values = (samples.minimum if is_least else samples.maximum)[chosen]
    (np.minimum if is_least else np.maximum).at(extremes, samples.minute[chosen] - first, values)
    return extremes


def _sliding(values: Floats, width: int, join: Callable[[Floats, Floats], Floats]) -> Floats:
    """Return the extreme of each window of some values, by joining windows of half the width."""
    done = 1
    while done * 2 <= width:
        values = join(values[:-done], values[done:])
        done *= 2
    rest = width - done
    return join(values[: len(values) - rest], values[rest:])
