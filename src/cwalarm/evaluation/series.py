"""Datapoints as they were published -> statistics of any window, as CloudWatch aggregates them.

Points of one minute add up and never replace one another (publishingMetrics.html). Each point may carry the time from
which it could be seen, so that a replay decides on what an alarm knew then.
"""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cwalarm.definitions.alarm import Metric, MetricStat
from cwalarm.errors import InputError
from cwalarm.evaluation.statistic import ALWAYS, Sample, Window, is_significant, measure

# 1 January 9000: far enough from the end of Python's calendar for any period to be added.
END_OF_TIME = 221_845_392_000

# CloudWatch takes no value beyond (API_PutMetricData), so that no sum of values overflows.
LARGEST = 2.0**360


@dataclass(frozen=True, slots=True)
class _Cells:
    """The samples of one metric, added up per minute (or second, for high resolution), oldest first."""

    starts: list[int]
    samples: list[Sample]
    # Cells of more than one sample; most have one, and a year of lists would cost a hundred megabytes.
    crowded: dict[int, list[Sample]]

    def add(self, start: int, sample: Sample) -> None:
        index = bisect_left(self.starts, start)
        if index == len(self.starts) or self.starts[index] != start:
            self.starts.insert(index, start)
            self.samples.insert(index, sample)
            return
        self.crowded.setdefault(start, [self.samples[index]]).append(sample)
        self.samples[index] = _merged((self.samples[index], sample))

    def between(self, start: int, end: int, as_of: float) -> Window:
        first, last = bisect_left(self.starts, start), bisect_left(self.starts, end)
        cells = self.samples[first:last]
        if all(cell[4] <= as_of for cell in cells):
            # A sum of sums that are rounded already would be rounded twice.
            return Window(
                self._samples(first, last) if self.crowded else cells,
                lambda: self._samples(first, last),
            )
        seen = [sample for sample in self._samples(first, last) if sample.published <= as_of]
        return Window(seen, lambda: seen)

    def _samples(self, first: int, last: int) -> list[Sample]:
        return [
            sample
            for index in range(first, last)
            for sample in self.crowded.get(self.starts[index], (self.samples[index],))
        ]


class Series:
    """The datapoints of any number of metrics; points may be added late and in any order."""

    def __init__(self) -> None:
        self._cells: dict[Metric, _Cells] = {}
        # Those with a unit again, by metric and unit.
        self._by_unit: dict[Metric, dict[str, _Cells]] = {}

    def add(
        self,
        metric: Metric,
        time: datetime,
        value: float,
        *,
        count: float = 1,
        published: datetime | None = None,
        resolution_seconds: int = 60,
        unit: str | None = None,
    ) -> None:
        """Add a value that occurred `count` times, visible from `published` on; None for always.

        The time is rounded down to the resolution: 60 seconds, or 1 for a high-resolution metric. A unit is one of
        CloudWatch's, such as `Percent`; None where it is not known.

        Raises:
            InputError: The value is not finite, or a time has no zone.
        """
        self.add_set(
            metric,
            time,
            Sample(value * count, count, value, value),
            published=published,
            resolution_seconds=resolution_seconds,
            unit=unit,
        )

    def add_set(
        self,
        metric: Metric,
        time: datetime,
        sample: Sample,
        *,
        published: datetime | None = None,
        resolution_seconds: int = 60,
        unit: str | None = None,
    ) -> None:
        """Add a statistic set as `add` does; percentiles of it are known only where minimum and maximum are equal."""
        if not all(-LARGEST <= value <= LARGEST for value in sample[:4]):
            raise InputError(
                f"Metric {metric[1]} has a value at {time.isoformat()} that is not a finite number within 2^360.",
                next_step="Leave it out: a gap is not a zero, and CloudWatch would refuse the value.",
            )
        start = int(_epoch(time, metric) // resolution_seconds * resolution_seconds)
        visible = ALWAYS if published is None else _epoch(published, metric)
        seen = sample._replace(published=visible)
        self._cells.setdefault(metric, _Cells([], [], {})).add(start, seen)
        if unit:
            self._by_unit.setdefault(metric, {}).setdefault(unit, _Cells([], [], {})).add(start, seen)

    def metrics(self) -> list[Metric]:
        """Return the metrics that have a datapoint, in order."""
        return sorted(self._cells)

    def units(self, metric: Metric) -> list[str]:
        """Return the units that are known of a metric's datapoints, in order."""
        return sorted(self._by_unit.get(metric, ()))

    def unit_of(self, stat: MetricStat) -> str | None:
        """Return the unit that chooses the datapoints of a statistic; None where all count, or no unit is known."""
        return stat.unit if stat.unit and stat.metric in self._by_unit else None

    def samples(self, metric: Metric, unit: str | None = None) -> Iterator[tuple[int, Sample]]:
        """Yield each sample of a metric, or those of one unit, with the epoch seconds of its cell, oldest first."""
        cells = self._of(metric, unit) or _Cells([], [], {})
        for start, sample in zip(cells.starts, cells.samples, strict=True):
            yield from ((start, single) for single in cells.crowded.get(start, (sample,)))

    def columns(self, metric: Metric, unit: str | None = None) -> tuple[Sequence[int], Sequence[Sample]]:
        """Return what `samples` yields as two columns, which are not to be changed."""
        cells = self._of(metric, unit) or _Cells([], [], {})
        if not cells.crowded:
            return cells.starts, cells.samples
        rows = list(self.samples(metric, unit))
        return [start for start, _ in rows], [sample for _, sample in rows]

    def extent(self, metric: Metric) -> tuple[int, int] | None:
        """Return the epoch seconds of a metric's oldest and newest cell; None if it has no datapoint."""
        cells = self._cells.get(metric)
        return (cells.starts[0], cells.starts[-1]) if cells else None

    def window(self, stat: MetricStat, start: int, end: int, as_of: float = math.inf) -> float | None:
        """Return a statistic of a window, None without a datapoint published by `as_of`; times are epoch seconds."""
        cells = self._of(stat.metric, self.unit_of(stat))
        return None if cells is None else measure(stat.statistic, cells.between(start, end, as_of))

    def is_significant(self, stat: MetricStat, start: int, end: int, as_of: float = math.inf) -> bool:
        """Return whether a window has samples enough for its statistic; one without any has no datapoint to judge."""
        cells = self._of(stat.metric, self.unit_of(stat))
        return cells is None or is_significant(stat.statistic, cells.between(start, end, as_of))

    def _of(self, metric: Metric, unit: str | None) -> _Cells | None:
        return self._by_unit.get(metric, {}).get(unit) if unit else self._cells.get(metric)


def _merged(samples: Iterable[Sample]) -> Sample:
    sums, counts, minima, maxima, published = zip(*samples, strict=True)
    return Sample(math.fsum(sums), sum(counts), min(minima), max(maxima), max(published))


def _epoch(time: datetime, metric: Metric) -> float:
    if time.tzinfo is None:
        raise InputError(
            f"Metric {metric[1]} has a datapoint at {time.isoformat()} without a time zone.",
            next_step="Write times with their zone, such as 2026-11-21T12:00:00Z.",
        )
    second = time.timestamp()
    if not 0 <= second < END_OF_TIME:
        raise InputError(
            f"Metric {metric[1]} has a datapoint at {time.isoformat()}, which is not between 1970 and 9000.",
            next_step="Correct the time: CloudWatch takes none so far away.",
        )
    return second
