"""The counts of a history -> what the pipeline would have said of its watches at a moment, and when that was news.

The functions that judge are those of the pipeline. A year has fifty thousand slots and hardly any of them can open an
incident: those are found in arrays, and only they, and what lies in an open incident, are judged.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from cwalarm.replay.numeric import Flags, numpy
from deliverywatch.backtest.inputs import expected, overdue, readings
from deliverywatch.backtest.inputs.past_runs import PastRuns, past_runs
from deliverywatch.environment import limits, parameter_name
from deliverywatch.messages import context as documents
from deliverywatch.messages import verdict
from deliverywatch.sms import assess
from deliverywatch.sms.assessments import credit, failures, unknown
from deliverywatch.sms.assessments.delivery import DeliveryLimits
from deliverywatch.sms.assessments.failures import FailureLimits
from deliverywatch.sms.assessments.unknown import UnknownLimits
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.sms.mail_context import context
from deliverywatch.thresholds import SLOT_MINUTES

if TYPE_CHECKING:
    from cwalarm.evaluation.series import Series
    from deliverywatch.backtest.inputs.definitions import Definitions
    from deliverywatch.messages.notice import SystemNotice
    from deliverywatch.messages.verdict import Assessment

KEY = context.KEY


class Judge(Protocol):
    """One watch, judged by the counts of a history."""

    def assess(self, run: int) -> Assessment:
        """Return what a run said of the watch."""

    def may_open(self) -> Flags:
        """Return by run whether it may have opened an incident; a run without it never did."""


@dataclass(slots=True)
class Assessed:
    """The watches that can be judged, run after run.

    Attributes:
        judges: By watch; empty if the history does not hold the counts.
    """

    runs: PastRuns
    judges: Mapping[str, Judge]
    _news: list[int] = field(default_factory=list)
    _published: dict[str, Assessment] = field(default_factory=dict)
    _last: tuple[int, dict[str, Assessment]] = (-1, {})

    def __post_init__(self) -> None:
        """Find the runs that may have opened an incident."""
        if self.judges:
            self._news = numpy().flatnonzero(sum(judge.may_open() for judge in self.judges.values())).tolist()

    def at(self, moment: datetime) -> dict[str, Assessment]:
        """Return what the last run until a moment said; nothing before the first one."""
        run = self.runs.index_at(moment)
        if self._last[0] != run:
            judged = {watch: judge.assess(run) for watch, judge in self.judges.items()} if run >= 0 else {}
            self._last = (run, judged)
        return self._last[1]

    def document(self, moment: datetime, rest: bytes | None) -> bytes:
        """Return the context document of a moment, with the rest of what it says."""
        assessments = {watch: verdict.to_document(one) for watch, one in self.at(moment).items()}
        return json.dumps({**documents.decoded(rest), "assessments": assessments}).encode()

    def next_run(self, after: datetime, *, is_open: bool) -> datetime | None:
        """Return when the next run took place that matters: any while an incident is open, else one that may open."""
        from bisect import bisect_right

        run = self.runs.index_at(after) + 1
        if not is_open:
            position = bisect_right(self._news, run - 1)
            run = self._news[position] if position < len(self._news) else len(self.runs.times)
        return self.runs.time(run) if self.judges and run < len(self.runs.times) else None

    def notices(self, moment: datetime) -> list[SystemNotice]:
        """Return the notices that the run of a moment published; none if there was no run."""
        run = self.runs.index_at(moment)
        if run < 0 or self.runs.time(run) != moment:
            return []
        due = assess.due(self.at(moment), self._published, moment)
        self._published |= due
        return [assess.notice_of(watch, assessment) for watch, assessment in due.items()]


@dataclass(frozen=True, slots=True)
class _Failures:
    """`sms-failures` by the shares of a history."""

    runs: PastRuns
    limits: FailureLimits

    def assess(self, run: int) -> Assessment:
        return failures.assess(self.runs.slots(run), self.runs.time(run), self.runs.end(run), self.limits)

    def may_open(self) -> Flags:
        """Return whether among the newest messages, as many as any of the rules looks at, enough have failed."""
        np, chosen = numpy(), self.limits
        totals, failed = (np.cumsum([0.0, *counts]) for counts in self.runs.most())
        fewest = min(chosen.trickle_failed, chosen.outage_minimum_failed)
        most = math.ceil(100 * chosen.trickle_failed / chosen.trickle_percent)
        enough = max(chosen.minimum_total, chosen.outage_minimum_failed, most)
        newest = np.asarray(self.runs.newest, dtype=int) + 1
        # The begin of the shortest newest stretch that holds so many.
        begin = np.maximum(np.searchsorted(totals, totals[newest] - enough, side="right") - 1, 0)
        return failed[newest] - failed[begin] >= fewest


# Metrics of which a run publishes one datapoint for each slot, or nearly each.
_OF_RUNS = (("Total", "Failed"), (overdue.METRIC, overdue.METRIC), (readings.BALANCE, readings.BALANCE))

_JUDGES: Mapping[str, Callable[[PastRuns, Mapping[str, str]], Judge]] = {
    "sms-failures": lambda runs, parameters: _Failures(runs, limits(FailureLimits, parameters, parameter_name)),
}


def assessed(definitions: Definitions, series: Series) -> Assessed:
    """Return the declared watches that the pipeline judges and whose counts a history holds."""
    metrics: dict[str, Any] = {metric.name: metric for metric in series.metrics() if metric.namespace == NAMESPACE}
    names = next((pair for pair in _OF_RUNS if metrics.keys() >= set(pair)), None)
    if names is None:
        return Assessed(PastRuns([], [], [], SLOT_MINUTES, [], []), {})
    slot_minutes = int(definitions.parameters.get("SlotMinutes", SLOT_MINUTES))
    runs = past_runs(series, metrics[names[0]], metrics[names[1]], slot_minutes)
    judges: dict[str, Judge] = {}
    if names == _OF_RUNS[0]:
        judges |= {watch: judge(runs, definitions.parameters) for watch, judge in _JUDGES.items()}
        if usual := metrics.get(expected.METRIC):
            judges[expected.WATCH] = expected.silence_judge(runs, series, usual, definitions.parameters)
        if readings.UNKNOWN in metrics:
            chosen_unknown = limits(UnknownLimits, definitions.parameters, parameter_name)
            judges[unknown.WATCH] = readings.unknown_judge(runs, series, chosen_unknown)
    if readings.BALANCE in metrics:
        judges[credit.WATCH] = readings.credit_judge(runs, series, definitions.parameters)
    if late := metrics.get(overdue.METRIC):
        chosen = limits(DeliveryLimits, definitions.parameters, parameter_name)
        judges[overdue.WATCH] = overdue.overdue(runs, series, late, chosen)
    declared = {watch.name for watch in definitions.watches if watch.is_assessed}
    return Assessed(runs, {watch: judge for watch, judge in judges.items() if watch in declared})
