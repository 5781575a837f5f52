"""Every kind of alarm over a year of minutes, beside the loop that evaluates it minute by minute.

The loop is the engine's own plain evaluation, run over half a day and scaled to the year; over that half day both sides
must come to the same changes. Nothing is prepared for ours: the timing holds the running sums, too. One process, one
core; processor time. A thousand alarms of all kinds, each with an expression of its own, run as `backtest` runs them.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from measure import Figure, python
from peak import peak_bytes

from cwalarm.definitions.alarm import Alarm, Metric, State, from_description
from cwalarm.definitions.composites import from_description as composite_from
from cwalarm.evaluation.series import Series
from cwalarm.replay.actions import combine, executed
from cwalarm.replay.backtest import Change, backtest, plain
from cwalarm.replay.method import follows_grid, why_step_by_step
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.samples import Samples

START = datetime(2025, 11, 1, tzinfo=UTC)
FIRST = int(START.timestamp()) // 60
YEAR_MINUTES, LOOP_MINUTES = 525_600, 720
LIMIT_SECONDS, RAW_LIMIT_SECONDS, MANY_LIMIT_SECONDS, MANY_LIMIT_MEGABYTES = 0.5, 2.0, 60.0, 1000
METRICS = ("a", "b", "c", "d", "e")
FIVE_FILLED = ", ".join(f"FILL({name}, 0)" for name in METRICS)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of alarm: its name, its expression, the statistic of its metrics, and what differs from the usual."""

    name: str
    expression: str
    statistic: str = "Sum"
    period_seconds: int = 300
    members: dict[str, Any] = field(default_factory=dict)

    def alarm(self, threshold: float = 20.0, shift: float = 0.0) -> Alarm:
        """Return the alarm; another `shift` makes its expression another one."""
        expression = f"{self.expression} + {shift}" if shift else self.expression
        named = [name for name in (*METRICS, "raw", "late") if name in _words(expression) or "METRICS" in expression]
        queries = [self._query(name) for name in named]
        plain_members = {"EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "notBreaching"}
        return from_description(
            {
                "AlarmName": f"{self.name} {threshold} {shift}",
                "Metrics": [{"Id": "x", "Expression": expression}, *queries],
                "Threshold": threshold,
                "ComparisonOperator": "GreaterThanThreshold",
                **plain_members,
                **self.members,
            }
        )

    def _query(self, name: str) -> dict[str, Any]:
        metric = {"Namespace": "Bench", "MetricName": name}
        stat = {"Metric": metric, "Period": self.period_seconds, "Stat": self.statistic}
        return {"Id": name, "ReturnData": False, "MetricStat": stat}


def _words(expression: str) -> set[str]:
    return set("".join(letter if letter.isalnum() else " " for letter in expression).split())


_INDIA = {"WallClockWindow": {"Timezone": "Asia/Kolkata"}}
KINDS = (
    Kind("ratio of two", "IF(b >= 50, 100 * a / b, 0)"),
    Kind("M of N, 3 of 10 minutes", "a", period_seconds=60, members={"EvaluationPeriods": 10, "DatapointsToAlarm": 3}),
    Kind("five metrics", "100 * (a + c + e) / (b + d)"),
    Kind("IF of three", "IF(a > b, a, c)"),
    Kind("late datapoints", "late"),
    Kind("late datapoints, RATE of FILL", "ABS(RATE(FILL(late, REPEAT)))"),
    Kind("Maximum", "a", "Maximum"),
    Kind("Average of fractions", "e", "Average"),
    Kind("FILL with a value", "FILL(a, 0)"),
    Kind("FILL with REPEAT", "FILL(a, REPEAT)"),
    Kind("FILL with LINEAR", "FILL(a, LINEAR)"),
    Kind("MAX of five FILLs", f"MAX([{FIVE_FILLED}])"),
    Kind("MIN of five", "MIN([a, b, c, d, e])"),
    Kind("AVG of five", "AVG([a, b, c, d, e])"),
    Kind("SUM of five FILLs", f"SUM([{FIVE_FILLED}])"),
    Kind("STDDEV of five", "STDDEV([a, b, c, d, e])"),
    Kind("SORT of five", "FIRST(SORT([a, b, c, d, e], AVG, DESC))"),
    Kind("RUNNING_SUM", "RUNNING_SUM(a)"),
    Kind("RUNNING_SUM of 60 minutes", "RUNNING_SUM(a)", period_seconds=60, members={"EvaluationPeriods": 60}),
    Kind("TIME_SERIES of SUM", "TIME_SERIES(SUM(a))"),
    Kind("DIFF", "DIFF(a)"),
    Kind("RATE", "RATE(a)"),
    Kind("business hours", "IF(HOUR(a) >= 8 AND HOUR(a) < 18 AND DAY(a) < 6, a)"),
    *(Kind(f"{name} of raw samples", "raw", name) for name in ("p50", "p90", "p99", "tm90", "tm(10%:90%)", "wm95")),
    *(Kind(f"{name} of raw samples", "raw", name) for name in ("ts(5%:95%)", "tc(10%:90%)", "IQM", "PR(5:20)")),
    Kind("p99, few samples ignored", "raw", "p99", members={"EvaluateLowSampleCountPercentile": "ignore"}),
    Kind("p90 of half an hour", "raw", "p90", 1800),
    Kind("wall clock, hours", "a", period_seconds=3600, members={"EvaluationWindow": {"WallClockWindow": {}}}),
)
# What is still evaluated step by step; the reason is printed.
SLOW_KINDS = (
    Kind("wall clock, hours in India", "a", period_seconds=3600, members={"EvaluationWindow": _INDIA}),
    Kind("period of ten seconds", "a", period_seconds=10),
    Kind("IF of numbers without else", "a + IF(MAX(a) > 1, 1)"),
)


def samples(seed: int, per_minute: int = 1, fraction: float = 0.0, late: int = 0) -> Samples:
    """Return a year of one metric: counts that wander, 8 % gaps and 25 outages."""
    dice = np.random.default_rng(seed)
    is_there = dice.random(YEAR_MINUTES) > 0.08
    for start in dice.integers(0, YEAR_MINUTES, 25):
        is_there[start : start + 180] = False
    minute = np.repeat(np.flatnonzero(is_there) + FIRST, per_minute)
    level = 4 + 4 * np.sin(minute / 420) + 30 * (minute % 20_400 < 120)
    values = dice.poisson(np.maximum(level, 0.1)) + fraction
    visible = minute + 1 + (dice.integers(0, late + 1, len(minute)) if late else 0)
    return Samples(minute, values, np.ones(len(minute)), values, values, visible)


def year() -> dict[str, Samples]:
    """Return the metrics: five of counts, of which the last has fractions; raw samples; and one that comes late."""
    five = {name: samples(seed, fraction=0.1 * (name == "e")) for seed, name in enumerate(METRICS)}
    return {**five, "raw": samples(7, per_minute=3, fraction=0.25), "late": samples(8, late=6)}


def history(data: dict[str, Samples]) -> Minutes:
    """Return the datapoints as the engine takes them, with nothing computed yet."""
    minutes = Minutes(Series())
    for name, held in data.items():
        minutes.put(Metric("Bench", name), held)
    return minutes


def half_day(data: dict[str, Samples]) -> Series:
    """Return the first half day as the plain evaluation takes it."""
    series = Series()
    for name, held in data.items():
        for index in np.flatnonzero(held.minute < FIRST + LOOP_MINUTES).tolist():
            moment = START + timedelta(minutes=int(held.minute[index]) - FIRST)
            seen = START + timedelta(minutes=int(held.visible[index]) - FIRST)
            series.add(Metric("Bench", name), moment, float(held.minimum[index]), published=seen)
    return series


def timed(way: Callable[[], Any]) -> tuple[float, Any]:
    """Return processor seconds, and what came of them."""
    gc.collect()
    began = time.process_time()
    result = way()
    return time.process_time() - began, result


def figures() -> Iterator[Figure]:
    """A figure for every kind, for composites, and for a thousand alarms."""
    data = year()
    series = half_day(data)
    for kind in (*KINDS, *SLOW_KINDS):
        yield _kind(kind, data, series)
    yield _composite(data)
    yield from _mixed()


def _kind(kind: Kind, data: dict[str, Samples], series: Series) -> Figure:
    alarm, loaded = kind.alarm(), history(data)
    loop_seconds, expected = timed(lambda: list(plain(alarm, series, FIRST, FIRST + LOOP_MINUTES)))
    scaled = loop_seconds * YEAR_MINUTES / LOOP_MINUTES
    why = why_step_by_step(alarm, loaded)
    if why and not follows_grid(alarm, loaded, FIRST, FIRST + YEAR_MINUTES):
        return Figure(kind.name, f"{scaled:.0f} s", f"step by step, as the loop: {why}", 1.0)
    seconds, changes = timed(lambda: _changes(alarm, loaded, YEAR_MINUTES))
    if _changes(alarm, loaded, LOOP_MINUTES) != expected:
        raise SystemExit(f"The replay of {kind.name} differs from the plain evaluation.")
    limit = RAW_LIMIT_SECONDS if "raw" in kind.expression else LIMIT_SECONDS
    reference = f"{scaled:.0f} s, the loop; {len(changes):,} changes; the limit is {limit} s"
    return Figure(kind.name, f"{seconds * 1000:.0f} ms", reference, seconds / scaled, seconds <= limit)


def _changes(alarm: Alarm, loaded: Minutes, minutes: int) -> list[tuple[int, State]]:
    changes = backtest([alarm], loaded, START, START + timedelta(minutes=minutes))
    return [(int(change.time.timestamp()), change.state) for change in changes]


def _composite(data: dict[str, Samples]) -> Figure:
    """A composite with a suppressor over three alarms that change often."""
    alarms = [Kind("child", "a").alarm(threshold) for threshold in (35, 45, 60)]
    first, second, third = (alarm.name for alarm in alarms)
    composite = composite_from(
        {
            "AlarmName": "composite",
            "AlarmRule": f'ALARM("{first}") AND NOT ALARM("{second}")',
            "ActionsSuppressor": third,
            "ActionsSuppressorWaitPeriod": 60,
            "ActionsSuppressorExtensionPeriod": 120,
            "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:alerts"],
        }
    )
    end = START + timedelta(minutes=YEAR_MINUTES)
    changes = backtest(alarms, history(data), START, end)

    def run() -> tuple[list[Change], int]:
        combined = combine(changes, [composite], START)
        every = sorted([*changes, *combined], key=lambda change: change.time)
        return combined, len(executed(every, [composite], [], START, end))

    seconds, (combined, actions) = timed(run)
    reference = f"{len(changes):,} changes of its children; {len(combined):,} of its own, {actions:,} actions"
    met = seconds <= LIMIT_SECONDS
    return Figure("composite with a suppressor", f"{seconds * 1000:.0f} ms", reference, seconds / LIMIT_SECONDS, met)


def mixed() -> list[Alarm]:
    """A thousand alarms, of each kind as many, each with an expression of its own."""
    each = -(-1000 // len(KINDS))
    return [kind.alarm(40 + step, shift=0.5 + step / 100) for step in range(each) for kind in KINDS][:1000]


def _mixed() -> Iterator[Figure]:
    """In a process of its own, whose memory holds nothing else."""
    seconds, busy, changes, held = map(float, python(str(Path(__file__).resolve())).split())
    reference = (
        f"{MANY_LIMIT_SECONDS:.0f} s on two cores, the limit; {busy:.0f} s of processors; {changes:,.0f} changes"
    )
    met = seconds <= MANY_LIMIT_SECONDS
    yield Figure("1,000 alarms of all kinds", f"{seconds:.1f} s", reference, seconds / MANY_LIMIT_SECONDS, met)
    reference = f"{MANY_LIMIT_MEGABYTES} MB, the limit"
    yield Figure("... memory", f"{held:.0f} MB", reference, held / MANY_LIMIT_MEGABYTES, held <= MANY_LIMIT_MEGABYTES)


def main() -> None:
    """Replay a thousand alarms; print the seconds, those of all processors, the number of changes, and megabytes."""
    alarms, loaded = mixed(), history(year())
    began = time.perf_counter()
    changes = backtest(alarms, loaded, START, START + timedelta(minutes=YEAR_MINUTES), processes=2)
    seconds, used = time.perf_counter() - began, os.times()
    busy = used.user + used.system + used.children_user + used.children_system
    print(seconds, busy, len(changes), peak_bytes() / 1e6)


if __name__ == "__main__":
    main()
