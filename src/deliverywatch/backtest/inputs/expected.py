"""Datapoints of `Total` -> those of `Expected` that the pipeline would have published, for a history without them.

A history says by its own weeks what was usual; a case has always sent what it sends in its first hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cwalarm.replay.numeric import Flags, numpy
from cwalarm.unit_tests import notation
from deliverywatch.environment import limits, parameter_name
from deliverywatch.sms.assessments import silence
from deliverywatch.sms.assessments.silence import SilenceLimits
from deliverywatch.sms.assessments.usual_volume import Forecast
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.thresholds import SLOT_MINUTES, STAMP_DELAY_SECONDS, WINDOW_SECONDS

if TYPE_CHECKING:
    from cwalarm.definitions.alarm import Metric
    from cwalarm.evaluation.series import Series
    from cwalarm.unit_tests.cases import Case
    from deliverywatch.backtest.inputs.definitions import Definitions
    from deliverywatch.backtest.inputs.history import History
    from deliverywatch.backtest.inputs.past_runs import PastRuns
    from deliverywatch.messages.verdict import Assessment

METRIC = "Expected"
WATCH = "sms-silence"
_NAME = (NAMESPACE, METRIC)
_MINUTE = timedelta(minutes=1)


def with_expected(history: History, definitions: Definitions) -> History:
    """Return a history with what was to be expected; without two weeks of it nothing was."""
    metric = _watched(definitions)
    held = {(held.namespace, held.name): held for held in history.series.metrics()}
    if metric is None or _NAME in held:
        return history
    total = held.get((NAMESPACE, "Total"))
    if total is None or not _add(history, total, metric, definitions.parameters):
        return replace(history, unknowable=history.unknowable | {_NAME})
    return history


def with_expected_of_case(case: Case, definitions: Definitions) -> Case:
    """Return a case with the series `Expected`, if it has a series `Total` and none of what was expected."""
    if "Total" not in case.series or "Expected" in case.series or _watched(definitions) is None:
        return case
    totals = notation.values(case.series["Total"])
    sent = [total or 0 for total in totals]
    per_slot = silence.expected_if_steady(sent, case.interval / _MINUTE, _limits(definitions.parameters))
    # Both metrics of a slot come together, or not at all.
    line = " ".join("_" if total is None else f"{per_slot:.2f}" for total in totals)
    return replace(case, series={**case.series, "Expected": line})


@dataclass(frozen=True, slots=True)
class SilenceJudge:
    """`sms-silence` by the two metrics of a history; its alarm opens incidents, so no run does."""

    runs: PastRuns
    expected: Mapping[int, float]
    limits: SilenceLimits

    def assess(self, run: int) -> Assessment:
        """Return what the last 30 minutes of a run say."""
        since = self.runs.end(run) - timedelta(seconds=WINDOW_SECONDS)
        slots = list(takewhile(lambda slot: slot.start >= since, self.runs.slots(run)))
        stamps = [int((slot.end + timedelta(seconds=STAMP_DELAY_SECONDS)).timestamp()) for slot in slots]
        expected = sum(self.expected.get(stamp, 0.0) for stamp in stamps)
        return silence.assess_counts(expected, sum(slot.total for slot in slots), self.runs.time(run), self.limits)

    def may_open(self) -> Flags:
        """Return that none did."""
        return numpy().zeros(len(self.runs.times), dtype=bool)


def silence_judge(runs: PastRuns, series: Series, metric: Metric, parameters: Mapping[str, str]) -> SilenceJudge:
    """Return the judge of a history that holds what was expected."""
    expected = {second: sample.sum for second, sample in series.samples(metric)}
    return SilenceJudge(runs, expected, _limits(parameters))


def _watched(definitions: Definitions) -> Metric | None:
    metrics = (stat.metric for alarm in definitions.alarms for stat in alarm.metrics)
    return next((metric for metric in metrics if (metric.namespace, metric.name) == _NAME), None)


def _add(history: History, total: Metric, metric: Metric, parameters: Mapping[str, str]) -> bool:
    forecast, chosen = Forecast(ZoneInfo(parameters.get("TimeZone", "UTC"))), _limits(parameters)
    slot_minutes = int(parameters.get("SlotMinutes", SLOT_MINUTES))
    counts, published = history.values(total), dict[int, float]()
    for second, sample in history.series.samples(total):
        published[second] = min(published.get(second, sample.published), sample.published)
    is_known = False
    for second, count in sorted(counts.items()):
        stamp = datetime.fromtimestamp(second, UTC)
        slot = stamp - timedelta(minutes=slot_minutes, seconds=STAMP_DELAY_SECONDS)
        forecast.add(slot, round(count))
        value = silence.expected(forecast.at(slot), slot_minutes, chosen)
        if value is not None:
            is_known = True
            seen_at = datetime.fromtimestamp(published[second], UTC) if published[second] > 0 else None
            history.series.add(metric, stamp, value, published=seen_at)
    return is_known


def _limits(parameters: Mapping[str, str]) -> SilenceLimits:
    return limits(SilenceLimits, parameters, parameter_name)
