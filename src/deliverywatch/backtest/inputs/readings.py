"""What the ingest reads beside its metrics, in a case -> what each run said of `sms-unknown` and `sms-credit`.

`Unknown` counts the messages of a slot that have a status which no rule covers, `Balance` is the account's credit. No
alarm watches them and no metric holds them: what they prove becomes an assessment, as in the ingest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cwalarm.definitions.alarm import Metric
from cwalarm.replay.numeric import Flags, numpy
from cwalarm.unit_tests import notation
from deliverywatch.sms.assessments import credit, unknown
from deliverywatch.sms.assessments.balances import Balance, Balances
from deliverywatch.sms.assessments.credit import Refusals
from deliverywatch.sms.assessments.unknown import Statuses
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.thresholds import ASSESSED_HOURS, CREDIT_WARNING_HOURS, UNKNOWN_HOURS, UNKNOWN_SEEN_COUNT

if TYPE_CHECKING:
    from cwalarm.evaluation.series import Series
    from cwalarm.unit_tests.cases import Case
    from deliverywatch.backtest.inputs.past_runs import PastRuns
    from deliverywatch.messages.verdict import Assessment
    from deliverywatch.sms.assessments.unknown import UnknownLimits

UNKNOWN, BALANCE = "Unknown", "Balance"
_READINGS = {name: Metric(NAMESPACE, name) for name in (UNKNOWN, BALANCE)}


def without_readings(case: Case) -> Case:
    """Return a case with the series that alarms may watch; it lasts as long as it did."""
    rest = {name: line for name, line in case.series.items() if name not in _READINGS}
    lengths = [len(notation.values(line)) * case.interval for line in case.series.values()]
    return replace(case, series=rest, until=max([case.until, *lengths]))


def add_readings(series: Series, case: Case) -> None:
    """Add the readings of a case to a series."""
    for name, metric in _READINGS.items():
        if name in case.series:
            notation.add(series, metric, case.series[name], case.start, case.interval, case.delay)


@dataclass(frozen=True, slots=True)
class UnknownJudge:
    """`sms-unknown` by the counts of slots: how many were sent, and how many of them have an unknown status."""

    runs: PastRuns
    unknown: Mapping[int, float]
    limits: UnknownLimits

    def assess(self, run: int) -> Assessment:
        """Return what a run said of the watch."""
        return unknown.assess(self._statuses(run), self.runs.time(run), self.limits)

    def may_open(self) -> Flags:
        """Return the runs whose newest day holds an unknown status."""
        np, day = numpy(), ASSESSED_HOURS * 3600
        times = np.asarray(self.runs.times)
        seen = np.asarray([second for second, count in self.unknown.items() if count] or [-day])
        return np.asarray([bool(((seen > time - day) & (seen <= time)).any()) for time in times])

    def _statuses(self, run: int) -> Statuses:
        end, statuses = self.runs.end(run), Statuses()
        for slot in self.runs.slots(run):
            age = end - slot.end
            is_enough = age >= timedelta(hours=UNKNOWN_HOURS) and statuses.total >= UNKNOWN_SEEN_COUNT
            if is_enough or age >= timedelta(hours=ASSESSED_HOURS):
                break
            count = round(self.unknown.get(self.runs.stamp(slot.end), 0.0))
            statuses.total += slot.total
            statuses.unknown += count
            statuses.words += Counter({"unknown": count})
            if slot.total and not statuses.newest:
                statuses.newest = int(slot.end.timestamp()) * 1000
        return statuses


@dataclass(frozen=True, slots=True)
class CreditJudge:
    """`sms-credit` by the balances that were read; nothing is refused in a case."""

    runs: PastRuns
    balances: tuple[Balance, ...]
    warning_hours: float

    def assess(self, run: int) -> Assessment:
        """Return what a run said of the watch."""
        now = self.runs.time(run)
        kept = tuple(one for one in self.balances if one.at <= now)
        return credit.assess(Balances(kept=kept), Refusals(), now, self.warning_hours)

    def may_open(self) -> Flags:
        """Return that each run may have opened an incident."""
        return numpy().ones(len(self.runs.times), dtype=bool)


def unknown_judge(runs: PastRuns, series: Series, limits: UnknownLimits) -> UnknownJudge:
    """Return the judge of the unknown statuses of a case."""
    return UnknownJudge(runs, {second: sample.sum for second, sample in series.samples(_READINGS[UNKNOWN])}, limits)


def credit_judge(runs: PastRuns, series: Series, parameters: Mapping[str, str]) -> CreditJudge:
    """Return the judge of the balances of a case."""
    samples = series.samples(_READINGS[BALANCE])
    balances = tuple(Balance(datetime.fromtimestamp(second, UTC), sample.sum) for second, sample in samples)
    return CreditJudge(runs, balances, float(parameters.get("CreditWarningHours", CREDIT_WARNING_HOURS)))
