"""Datapoints of `Total` and `Failed` -> what the runs of the pipeline knew of its slots, at any moment of the past."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from deliverywatch.sms.assessments.slot_counts import SlotCount, counted
from deliverywatch.thresholds import STAMP_DELAY_SECONDS

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Metric
    from cwalarm.evaluation.series import Series

_MINUTE = 60


@dataclass(slots=True)
class _Counts:
    """The counts of one slot as its own run knew them, and what came out later: (second, total, failed)."""

    total: float = 0.0
    failed: float = 0.0
    late: list[tuple[float, float, float]] = field(default_factory=list)

    def at(self, second: int) -> tuple[int, int]:
        """Return total and failed as they were known at a time."""
        late = [change for change in self.late if change[0] <= second]
        total, failed = (sum(change[part] for change in late) for part in (1, 2))
        return round(self.total + total), round(self.failed + failed)


@dataclass(frozen=True, slots=True)
class PastRuns:
    """The runs, each at the minute in which alarms evaluate its slot first.

    Attributes:
        times: Epoch seconds, ascending.
        newest: For each of them the position of the newest slot that was known.
        stamps: Of the slots, ascending, in epoch seconds.
        slot_minutes: Length of a slot.
    """

    times: Sequence[int]
    newest: Sequence[int]
    stamps: Sequence[int]
    slot_minutes: int
    _due: Sequence[int]
    _counts: Sequence[_Counts]

    def index_at(self, moment: datetime) -> int:
        """Return the position of the last run until a moment; -1 before the first one."""
        return bisect_right(self.times, moment.timestamp()) - 1

    def time(self, run: int) -> datetime:
        """Return when a run's slot was evaluated first."""
        return datetime.fromtimestamp(self.times[run], UTC)

    def end(self, run: int) -> datetime:
        """Return the end of the newest slot that a run knew."""
        return self._end(self.newest[run])

    def slots(self, run: int) -> Iterator[SlotCount]:
        """Yield the slots as a run knew them, the newest first."""
        for index in range(self.newest[run], -1, -1):
            if self._due[index] <= self.times[run]:
                total, failed = self._counts[index].at(self.times[run])
                begin = self._end(index) - timedelta(minutes=self.slot_minutes)
                yield counted(begin, self.slot_minutes, total, min(max(failed, 0), total))

    def stamp(self, end: datetime) -> int:
        """Return the stamp of the slot that ends at a time, in epoch seconds."""
        return int(end.timestamp()) + STAMP_DELAY_SECONDS

    def most(self) -> tuple[list[float], list[float]]:
        """Return totals and failures per slot, the most that was ever known of each."""
        totals = [counts.total + sum(max(change[1], 0) for change in counts.late) for counts in self._counts]
        failures = [counts.failed + sum(max(change[2], 0) for change in counts.late) for counts in self._counts]
        return totals, failures

    def _end(self, slot: int) -> datetime:
        return datetime.fromtimestamp(self.stamps[slot] - STAMP_DELAY_SECONDS, UTC)


@lru_cache(maxsize=1)
def past_runs(series: Series, total: Metric, failed: Metric, slot_minutes: int) -> PastRuns:
    """Return the runs that published the datapoints of the two metrics.

    A history is complete before it is replayed, and many settings are replayed over the same: the last one is kept.
    """
    published: dict[int, float] = {}
    for stamp, sample in series.samples(total):
        published[stamp] = min(published.get(stamp, sample.published), sample.published)
    stamps = sorted(published)
    # A datapoint is in the windows that end after its minute.
    due = [max(stamp + _MINUTE, _minute_after(published[stamp])) for stamp in stamps]
    counts = dict(zip(stamps, (_Counts() for _ in stamps), strict=True))
    for metric, is_failed in ((total, False), (failed, True)):
        _add(series, metric, counts, dict(zip(stamps, due, strict=True)), is_failed=is_failed)
    times, newest = _runs(due)
    return PastRuns(times, newest, stamps, slot_minutes, due, [*counts.values()])


def _add(series: Series, metric: Metric, slots: dict[int, _Counts], due: dict[int, int], *, is_failed: bool) -> None:
    for stamp, sample in series.samples(metric):
        counts = slots.get(stamp)
        if counts is None:
            continue
        total, failed = (0.0, sample.sum) if is_failed else (sample.sum, 0.0)
        if sample.published > due[stamp]:
            counts.late.append((sample.published, total, failed))
        else:
            counts.total += total
            counts.failed += failed


def _runs(due: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return the times of runs, once each, and the newest slot that was known at each."""
    newest, newest_slot = dict[int, int](), -1
    for slot in sorted(range(len(due)), key=due.__getitem__):
        newest_slot = max(newest_slot, slot)
        newest[due[slot]] = newest_slot
    return [*newest], [*newest.values()]


def _minute_after(second: float) -> int:
    return int(-(-second // _MINUTE) * _MINUTE) if second > 0 else 0
