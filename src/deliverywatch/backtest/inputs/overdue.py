"""The points of late messages in a history -> what each run said of `sms-overdue`; its alarm opens the incidents."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cwalarm.replay.numeric import Flags, numpy
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.assessments import delivery

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Metric
    from cwalarm.evaluation.series import Series
    from deliverywatch.backtest.inputs.past_runs import PastRuns
    from deliverywatch.sms.assessments.delivery import DeliveryLimits

WATCH = "sms-overdue"
METRIC = "OverduePercent"

# A run emits the points of its own slot, or none.
_OF_ITS_SLOT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Overdue:
    """The points that were known, by the second from which on they were, ascending."""

    runs: PastRuns
    limits: DeliveryLimits
    seconds: Sequence[float]
    points: Sequence[float]

    def assess(self, run: int) -> Assessment:
        """Return what a run said of the watch; a slot without points has too few messages to judge."""
        now = self.runs.time(run)
        index = bisect_right(self.seconds, now.timestamp()) - 1
        newest = now - timedelta(minutes=self.runs.slot_minutes) + _OF_ITS_SLOT
        if index < 0 or self.seconds[index] < newest.timestamp():
            return Assessment(verdict=Verdict.TOO_LITTLE, as_of=now, sentence="Too few SMS to judge how late they are.")
        points = self.points[index]
        return delivery.judged(points, now, self.limits, f"SMS without an outcome: {points:.3g} points above usual.")

    def may_open(self) -> Flags:
        """Return by run whether it may have opened an incident: none, the alarm does."""
        return numpy().zeros(len(self.runs.times), dtype=bool)


def overdue(runs: PastRuns, series: Series, metric: Metric, limits: DeliveryLimits) -> Overdue:
    """Return the judge of a history's points."""
    seen = sorted((max(second + 60.0, sample.published), sample.sum) for second, sample in series.samples(metric))
    return Overdue(runs, limits, [second for second, _ in seen], [points for _, points in seen])
