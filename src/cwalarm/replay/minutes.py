"""A store of datapoints -> one array per metric and statistic, with a sliding window's value at every minute.

A window is named by the minute at which it ends. Its sum is exact and rounded once, as that of the plain evaluation.
"""

import math
from dataclasses import dataclass, replace

from cwalarm.definitions.alarm import Metric, MetricStat
from cwalarm.evaluation.series import Series
from cwalarm.replay.exact import Terms, added, joined, terms
from cwalarm.replay.numeric import Flags, Floats, numpy

STATISTICS = frozenset({"Sum", "SampleCount", "Average", "Minimum", "Maximum"})


@dataclass(frozen=True, slots=True)
class Column:
    """Values over consecutive slots; where `missing` is set the value is 0, and None means that none is missing."""

    values: Floats
    missing: Flags | None = None


@dataclass(frozen=True, slots=True)
class Samples:
    """The samples of one metric as arrays: minute, sum, count, extremes, and the minute from which each can be seen."""

    minute: Floats
    sum: Floats
    count: Floats
    minimum: Floats
    maximum: Floats
    visible: Floats

    @property
    def late_minutes(self) -> int:
        """The longest time from the end of a sample's minute to the minute in which it can be seen."""
        return int(max(0, (self.visible - self.minute - 1).max())) if len(self.minute) else 0


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
        self._samples: dict[Metric, Samples] = {}
        self._late: dict[Metric, int] = {}
        self._terms: dict[tuple[Metric, str], Terms | None] = {}
        self._running: dict[tuple[Metric, str], tuple[_Running, ...]] = {}
        self._windows: dict[tuple[MetricStat, int, int, int], Column] = {}

    def put(self, metric: Metric, samples: Samples) -> None:
        """Give the samples of a metric as arrays, in any order; they take the place of those in the store."""
        self._samples[metric] = samples

    def late_minutes(self, metric: Metric) -> int:
        """Return how many minutes after its own minute a sample of the metric may appear."""
        if metric not in self._late:
            self._late[metric] = self._of(metric).late_minutes
        return self._late[metric]

    def prepare(self, metric: Metric) -> None:
        """Turn the samples of a metric into running sums now, rather than when the first alarm asks."""
        for name in ("sum", "count"):
            if self._parts(metric, name):
                self._sums(metric, name)

    def is_exact(self, stat: MetricStat) -> bool:
        """Return whether windows of a statistic come out as those of the plain evaluation, to the last bit."""
        if stat.statistic in ("Minimum", "Maximum"):
            return self.late_minutes(stat.metric) == 0
        held = [self._parts(stat.metric, name) for name in ("sum", "count")]
        # An average with a fraction needs the extremes of its window, which are not known of late samples.
        is_plain = stat.statistic != "Average" or self.late_minutes(stat.metric) == 0
        return None not in held and (is_plain or all(part.is_whole for part in held if part))

    def window(self, stat: MetricStat, first: int, last: int, age_minutes: int = 0) -> Column:
        """Return the value of the sliding window that ends at each minute (since 1970) from `first` to before `last`.

        Each window is looked at `age_minutes` after its end; what is published later is not in it.
        """
        age = min(age_minutes, self.late_minutes(stat.metric))
        key = (stat, first, last, age)
        if key not in self._windows:
            self._windows[key] = self._computed(stat, first, last, age)
        return self._windows[key]

    def _computed(self, stat: MetricStat, first: int, last: int, age: int) -> Column:
        np = numpy()
        counts = self._total(stat, "count", first, last, age)
        missing = counts == 0
        if stat.statistic == "SampleCount":
            values = counts
        elif stat.statistic in ("Minimum", "Maximum"):
            values = self._extreme(stat, first, last)
        else:
            values = self._total(stat, "sum", first, last, age)
            if stat.statistic == "Average":
                values = self._average(stat, first, last, np.divide(values, np.where(missing, 1, counts)))
        if not missing.any():
            return Column(values)
        np.putmask(values, missing, 0)
        return Column(values, missing)

    def _total(self, stat: MetricStat, name: str, first: int, last: int, age: int) -> Floats:
        """Return the sum of a member of the samples over each window."""
        held = self._parts(stat.metric, name)
        if held is None:
            raise ValueError(f"the samples of {stat.name} have no exact sums")
        if age < self.late_minutes(stat.metric):
            return joined([self._late_total(stat, part, first, last, age) for part in held.parts], held.exponent)
        width, running = stat.period_seconds // 60, self._sums(stat.metric, name)
        sums = [part.before(first, last) - part.before(first - width, last - width) for part in running]
        return joined(sums, held.exponent)

    def _late_total(self, stat: MetricStat, part: Floats, first: int, last: int, age: int) -> Floats:
        """Count a late sample in the windows that end after it, from the moment on at which it can be seen."""
        np, width = numpy(), stat.period_seconds // 60
        samples = self._of(stat.metric)
        starts = np.clip(np.maximum(samples.minute + 1, samples.visible - age) - first, 0, last - first)
        ends = np.clip(samples.minute + width + 1 - first, starts, last - first)
        change = added(starts, part, last - first + 1) - added(ends, part, last - first + 1)
        return np.cumsum(change)[:-1]

    def _average(self, stat: MetricStat, first: int, last: int, values: Floats) -> Floats:
        """Return averages, where all samples of a window are equal without the rounding of their sum."""
        held = self._parts(stat.metric, "sum")
        if held and held.is_whole:
            return values
        lowest, highest = (self._extreme(replace(stat, statistic=name), first, last) for name in ("Minimum", "Maximum"))
        return numpy().where(lowest == highest, lowest, values)

    def _extreme(self, stat: MetricStat, first: int, last: int) -> Floats:
        """Return the smallest (or largest) sample of each window, by joining windows of half the width."""
        np = numpy()
        member, join = ("minimum", np.minimum) if stat.statistic == "Minimum" else ("maximum", np.maximum)
        width, done = stat.period_seconds // 60, 1
        extremes = self._per_minute(stat.metric, member, first - width, last - 1)
        while done * 2 <= width:
            extremes = join(extremes[:-done], extremes[done:])
            done *= 2
        rest = width - done
        return join(extremes[: len(extremes) - rest], extremes[rest:])

    def _per_minute(self, metric: Metric, name: str, first: int, last: int) -> Floats:
        """Return the extreme of each minute, from `first` up to and without `last`."""
        np = numpy()
        samples = self._of(metric)
        inside = (samples.minute >= first) & (samples.minute < last)
        empty, join = (math.inf, np.minimum) if name == "minimum" else (-math.inf, np.maximum)
        extremes = np.full(last - first, empty)
        join.at(extremes, samples.minute[inside] - first, getattr(samples, name)[inside])
        return extremes

    def _sums(self, metric: Metric, name: str) -> tuple[_Running, ...]:
        if (metric, name) not in self._running:
            held = self._parts(metric, name)
            self._running[metric, name] = tuple(self._summed(metric, part) for part in (held.parts if held else ()))
        return self._running[metric, name]

    def _summed(self, metric: Metric, part: Floats) -> _Running:
        np, minute = numpy(), self._of(metric).minute
        first = int(minute.min()) if len(minute) else 0
        per_minute = added(minute - first, part, int(minute.max()) - first + 1 if len(minute) else 0)
        return _Running(first, np.concatenate((np.zeros_like(per_minute, shape=1), np.cumsum(per_minute))))

    def _parts(self, metric: Metric, name: str) -> Terms | None:
        if (metric, name) not in self._terms:
            self._terms[metric, name] = terms(getattr(self._of(metric), name))
        return self._terms[metric, name]

    def _of(self, metric: Metric) -> Samples:
        if metric not in self._samples:
            self._samples[metric] = _arrays(self.series, metric)
        return self._samples[metric]


def _arrays(series: Series, metric: Metric) -> Samples:
    np = numpy()
    rows = [(start, *sample) for start, sample in series.samples(metric)]
    table = np.array(rows, dtype=float).reshape(-1, 6).T
    minute = np.floor(table[0] / 60).astype(np.int64)
    visible = np.maximum(np.ceil(table[5] / 60), minute + 1).astype(np.int64)
    return Samples(minute, table[1], table[2], table[3], table[4], visible)
