"""From the first bad message to the mail, by volume; and the mails of a month of noise with ten incidents.

Replayed minute by minute through the alarms of the built template, the assessments of the ingest and the notifier's own
code. The reference is the alarms of version 0.2, with the same notifier. Slots are 10 minutes, stamped as the pipeline
does, and visible 0.7 to 2.6 minutes after their end. All is seeded, so that each run prints the same. The end is about
silence (`silence`).
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import silence
from measure import ROOT, Figure

from cwalarm.definitions.alarm import Metric, from_description
from cwalarm.evaluation.series import Series
from cwalarm.replay.minutes import Minutes
from deliverywatch.alerting.incidents.severity import Severity, Watch
from deliverywatch.backtest import simulate
from deliverywatch.backtest.inputs.definitions import Definitions, TemplateFile
from deliverywatch.backtest.results.result import Span
from deliverywatch.messages.level import Level
from deliverywatch.sms.counts import NAMESPACE
from deliverywatch.sms.lake.slots import stamp_of

START = datetime(2026, 11, 1, tzinfo=UTC)
SLOT = timedelta(minutes=10)
DAY_SLOTS = 144
TOTAL, FAILED = (Metric(NAMESPACE, name, (("Environment", "prod"),)) for name in ("Total", "Failed"))
PREFIX = "deliverywatch-prod-"

# Messages of three slots, over and over; all fail after six healthy hours.
VOLUMES = {1: (1, 0, 0), 2: (1, 1, 0), 3: (1, 1, 1), 5: (2, 2, 1), 9: (3, 3, 3), 10: (4, 3, 3), 12: (4, 4, 4)}
HEALTHY_SLOTS, FAILING_SLOTS = 36, 30
# From the third failed message: its slot, the stamp after that, and the evaluation.
GOAL = timedelta(minutes=13)

SEEDS, DAYS = range(4), 30
MIDDAY, NIGHT, BASE_SHARE = 350.0, 2.0, 0.008
INCIDENTS = 10
MOST_MORE_MAILS = 2

# Name, level that it opens, its recovery alarm, threshold, period, expression.
_GUARDED = "IF(total >= 10 AND failed >= 3, 100 * failed / total, 0)"
VERSION_0_2: tuple[tuple[str, str, Level | None, float, int, str], ...] = (
    ("sms-critical", "sms-critical-recovery", Level.CRITICAL, 25, 1800, _GUARDED),
    ("sms-warning", "sms-warning-recovery", Level.WARNING, 3, 1800, _GUARDED),
    ("sms-critical-recovery", "", None, 15, 1800, _GUARDED),
    ("sms-warning-recovery", "", None, 2, 1800, _GUARDED),
    ("sms-trickle", "", Level.WARNING, 25, 21600, "IF(failed >= 3, 100 * failed / total, 0)"),
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was sent and what failed, slot by slot."""

    total: Any
    failed: Any

    def series(self, seed: int = 0) -> Series:
        """Return the datapoints that the pipeline publishes of it."""
        series, dice = Series(), np.random.default_rng(seed)
        delays = dice.uniform(42, 156, len(self.total))
        for index, (total, failed) in enumerate(zip(self.total, self.failed, strict=True)):
            slot = START + index * SLOT
            visible = slot + SLOT + timedelta(seconds=float(delays[index]))
            for metric, value in ((TOTAL, total), (FAILED, failed)):
                series.add(metric, stamp_of(slot, 10), float(value), published=visible)
        return series

    @property
    def span(self) -> Span:
        """From its begin until after its last slot could be evaluated."""
        return Span(START, START + len(self.total) * SLOT + timedelta(minutes=5))


def built(folder: Path) -> Definitions:
    """Build the template, and return what of it watches the two counts."""
    command = [sys.executable, str(ROOT / "cfn/build.py"), "--bundle", "none", "--out", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    definitions = TemplateFile(folder / "template.json").load({})
    return replace(definitions, alarms=tuple(one for one in definitions.alarms if _counts(one)))


def _counts(alarm: Any) -> bool:
    return {stat.metric for stat in alarm.metrics} <= {TOTAL, FAILED}


def version_0_2() -> Definitions:
    """Return what watched the two counts in version 0.2."""
    alarms = tuple(from_description(_described(*row)) for row in VERSION_0_2)
    severities = {
        name: Severity(f"{PREFIX}{name}", level, f"{PREFIX}{recovery}" if recovery else "")
        for name, recovery, level, *_ in VERSION_0_2
        if level
    }
    trickle = Watch("sms-trickle", "SMS failing in a trickle", (severities.pop("sms-trickle"),))
    failures = Watch("sms-failures", "SMS failures", tuple(severities.values()))
    return Definitions({}, {}, alarms, (), (), (failures, trickle))


def _described(
    name: str, _: str, level: Level | None, threshold: float, period: int, expression: str
) -> dict[str, Any]:
    stats = [
        {
            "Id": metric.name.lower(),
            "ReturnData": False,
            "MetricStat": {
                "Metric": {
                    "Namespace": metric.namespace,
                    "MetricName": metric.name,
                    "Dimensions": [{"Name": key, "Value": value} for key, value in metric.dimensions],
                },
                "Period": period,
                "Stat": "Sum",
            },
        }
        for metric in (TOTAL, FAILED)
    ]
    topic = ["arn:aws:sns:us-east-1:123456789012:alerts"]
    return {
        "AlarmName": f"{PREFIX}{name}",
        "Metrics": [{"Id": "value", "Expression": expression}, *stats],
        "Threshold": threshold,
        "ComparisonOperator": "GreaterThanThreshold",
        "EvaluationPeriods": 1,
        "TreatMissingData": "ignore",
        "AlarmActions": topic if level else [],
        "OKActions": topic,
    }


def outage(pattern: Sequence[int]) -> Traffic:
    """Return six healthy hours and five in which all fails."""
    total = np.resize(pattern, HEALTHY_SLOTS + FAILING_SLOTS)
    return Traffic(total, np.where(np.arange(len(total)) < HEALTHY_SLOTS, 0, total))


def minutes_to_critical(definitions: Definitions, traffic: Traffic) -> float | None:
    """Return how long after the begin of the first bad slot the first mail came that says CRITICAL."""
    minutes = Minutes(traffic.series())
    changes = simulate.replay(definitions, minutes, traffic.span)
    mails = simulate.deliver(definitions, minutes, changes, traffic.span, "UTC")
    critical = [mail.time for mail in mails if mail.level == "critical"]
    return (critical[0] - (START + HEALTHY_SLOTS * SLOT)) / timedelta(minutes=1) if critical else None


def month(seed: int) -> Traffic:
    """Return thirty days with a day's curve, a base rate of failures, and ten incidents."""
    dice = np.random.default_rng(seed)
    slots = np.arange(DAYS * DAY_SLOTS)
    hour = slots % DAY_SLOTS / 6
    total = dice.poisson(NIGHT + (MIDDAY - NIGHT) * np.clip(np.sin(np.pi * (hour - 5) / 16), 0, None) ** 2)
    share = np.full(len(slots), BASE_SHARE)
    for begin in dice.choice(DAYS * 3, INCIDENTS, replace=False) * (DAY_SLOTS // 3) + dice.integers(0, 24, INCIDENTS):
        share[begin : begin + dice.integers(3, 24)] = dice.uniform(0.05, 0.9)
    return Traffic(total, dice.binomial(total, share))


def small_month(seed: int) -> Traffic:
    """Return thirty days of a small account without an incident: forty messages a day, of which one in twenty fails."""
    dice = np.random.default_rng(seed)
    hour = np.arange(DAYS * DAY_SLOTS) % DAY_SLOTS / 6
    total = dice.poisson(np.where((hour >= 7) & (hour < 20), 40 / 78, 0.02))
    return Traffic(total, dice.binomial(total, 0.05))


def mails_a_month(definitions: Definitions, traffic: Traffic, seed: int) -> int:
    """Return how many mails a month of traffic makes."""
    minutes = Minutes(traffic.series(seed))
    changes = simulate.replay(definitions, minutes, traffic.span)
    return simulate.count(definitions, minutes, changes, traffic.span, traffic.span.start)


def figures() -> Iterator[Figure]:
    """All figures of this module."""
    with tempfile.TemporaryDirectory() as folder:
        ours, before = built(Path(folder)), version_0_2()
    yield from _outages(ours, before)
    yield from _months(ours, before)
    yield from silence.figures()


def _outages(ours: Definitions, before: Definitions) -> Iterator[Figure]:
    for volume, pattern in VOLUMES.items():
        traffic = outage(pattern)
        took, earlier = (minutes_to_critical(definitions, traffic) for definitions in (ours, before))
        third = int(np.searchsorted(np.cumsum(traffic.failed), 3)) - HEALTHY_SLOTS
        goal = (third * SLOT + GOAL) / timedelta(minutes=1)
        reference = f"{_minutes(earlier)} in version 0.2; {_minutes(goal)}, the third failed message plus 13"
        is_met = took is not None and took <= goal
        ratio = (took or float("inf")) / goal
        yield Figure(
            f"all fail at {volume} SMS per half hour: first CRITICAL", _minutes(took), reference, ratio, is_met
        )


def _minutes(minutes: float | None) -> str:
    return "never" if minutes is None else f"{minutes:.0f} minutes"


def _months(ours: Definitions, before: Definitions) -> Iterator[Figure]:
    mails, earlier = (
        sum(mails_a_month(definitions, month(seed), seed) for seed in SEEDS) / len(SEEDS)
        for definitions in (ours, before)
    )
    reference = f"{earlier:.1f} in version 0.2; at most {MOST_MORE_MAILS} more"
    is_met = mails <= earlier + MOST_MORE_MAILS
    yield Figure(
        f"mails a month, {INCIDENTS} incidents, {len(SEEDS)} seeds", f"{mails:.1f}", reference, mails / earlier, is_met
    )
    small, earlier = (
        sum(mails_a_month(definitions, small_month(seed), seed) for seed in SEEDS) / len(SEEDS)
        for definitions in (ours, before)
    )
    reference = f"{earlier:.1f} in version 0.2"
    yield Figure("... of 40 SMS a day, 5 % failing, no incident", f"{small:.1f}", reference, small / (earlier or 1))
