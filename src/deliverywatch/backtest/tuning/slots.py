"""A history -> its slots: when they began, what was counted in them, and how many of them have no data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from cwalarm.replay.numeric import Floats, numpy
from deliverywatch.backtest.results.recommendation import Coverage
from deliverywatch.backtest.results.result import Span
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.thresholds import SLOT_MINUTES, STAMP_DELAY_SECONDS

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Alarm, Metric
    from deliverywatch.backtest.inputs.history import History

_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Grid:
    """How the datapoints of a history lie in time.

    Attributes:
        minutes: From one to the next.
        offset_seconds: From the begin of what a datapoint is about to its time; our own counts are stamped later.
    """

    minutes: int
    offset_seconds: int

    @property
    def seconds(self) -> int:
        """From one datapoint to the next."""
        return self.minutes * _MINUTE

    def begin(self, second: int) -> int:
        """Return when the slot of a datapoint began."""
        return (second - self.offset_seconds) // _MINUTE * _MINUTE


@dataclass(frozen=True, slots=True)
class Slots:
    """The slots that have data, oldest first: epoch seconds of their begin, and two counts or one value of each."""

    minutes: int
    begins: Floats
    total: Floats
    failed: Floats

    @property
    def ends(self) -> Floats:
        """When each of them ended."""
        return self.begins + self.minutes * _MINUTE


def grid_of(alarm: Alarm, history: History, parameters: Mapping[str, str]) -> Grid:
    """Return how an alarm's datapoints lie: as the pipeline publishes them, else by the most frequent distance."""
    if all(metric.namespace == NAMESPACE for metric in metrics_of(alarm)):
        minutes = int(parameters.get("SlotMinutes", SLOT_MINUTES))
        return Grid(minutes, minutes * _MINUTE + STAMP_DELAY_SECONDS)
    distances = Counter(
        later - earlier for metric in metrics_of(alarm) for earlier, later in pairwise(sorted(history.values(metric)))
    )
    usual = distances.most_common(1)[0][0] if distances else alarm.period_seconds
    return Grid(max(1, usual // _MINUTE), 0)


def metrics_of(alarm: Alarm) -> list[Metric]:
    """Return the metrics of an alarm, once."""
    return list(dict.fromkeys(stat.metric for stat in alarm.metrics))


def coverage(alarm: Alarm, history: History, grid: Grid, span: Span) -> Coverage:
    """Return how many of the slots in a time have a datapoint of each metric of an alarm."""
    begins = set.intersection(*(_begins(history.values(metric), grid) for metric in metrics_of(alarm)))
    inside = sorted(begin for begin in begins if span.start.timestamp() <= begin < span.end.timestamp())
    every = _every(span, inside, grid)
    missing = sorted(set(every) - set(inside))
    return Coverage(grid.minutes, len(every), len(every) - len(missing), tuple(_runs(missing, grid)))


def _begins(values: Iterable[int], grid: Grid) -> set[int]:
    return {grid.begin(second) for second in values}


def _every(span: Span, inside: Sequence[int], grid: Grid) -> range:
    """Return the begins of all slots that should be there: those whose end lies in the time, in step with the data."""
    start, end = int(span.start.timestamp()), int(span.end.timestamp())
    first = start + ((inside[0] if inside else start) - start) % grid.seconds
    # What was sent last may not be published yet.
    last = max(end - grid.offset_seconds - grid.seconds, inside[-1] if inside else start)
    return range(first, last + 1, grid.seconds)


def _runs(missing: Sequence[int], grid: Grid) -> Iterable[Span]:
    begin = None
    for index, second in enumerate(missing):
        begin = second if begin is None else begin
        if index + 1 == len(missing) or missing[index + 1] != second + grid.seconds:
            yield Span(at(begin), at(second + grid.seconds))
            begin = None


def at(second: float) -> datetime:
    """Return an epoch second as a time."""
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=second)


def counts(total: Metric, failed: Metric, history: History, grid: Grid, span: Span) -> Slots:
    """Return what was counted in each slot, as it was known in the end."""
    np = numpy()
    totals, failures = history.values(total), history.values(failed)
    seconds = [
        second for second in sorted(totals) if span.start.timestamp() <= grid.begin(second) < span.end.timestamp()
    ]
    sent = np.asarray([max(totals[second], 0.0) for second in seconds])
    bad = np.asarray([max(failures.get(second, 0.0), 0.0) for second in seconds])
    begins = np.asarray([grid.begin(second) for second in seconds], dtype=np.int64)
    return Slots(grid.minutes, begins, sent, np.minimum(bad, sent))
