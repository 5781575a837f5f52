"""A year of minutes through the engine: one alarm against the obvious loop, many alarms, a sweep, a lake to read.

The history is synthetic and seeded: two metrics with a datapoint a minute, 8 % single gaps and 25 outages. Prepared on
both sides are the datapoints and their running sums, which are made once per metric and shared by all alarms; what they
cost is a figure of its own. In the timing are, for every minute, the sums of the windows, the guarded share of each
slot, the rule, and the changes of state. The loop is the code that one would write first, with the engine's own rule.
One process, one core; processor time; the best of some runs.
"""

import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any

import engine_kinds
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measure import Figure

from cwalarm.definitions.alarm import Alarm, Metric, State, from_description
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.verdict import verdict
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.replay import Replay
from cwalarm.replay.samples import Samples
from cwalarm.replay.sweep import sweep
from deliverywatch.backtest.inputs import lake
from deliverywatch.sms.lake.parquet import SCHEMA
from deliverywatch.sms.lake.slots import key_of

START = datetime(2025, 11, 1, tzinfo=UTC)
FIRST = int(START.timestamp()) // 60
YEAR_MINUTES, MONTH_MINUTES = 525_600, 43_800
WINDOW_MINUTES = 30
LAKE_HOURS, ROWS_AN_HOUR = 8_760, 30
FAILED, TOTAL = Metric("Bench", "Failed"), Metric("Bench", "Total")


@dataclass(frozen=True, slots=True)
class Year:
    """The datapoints: per minute from FIRST on, the sums and whether there is a datapoint."""

    failed: Any
    total: Any
    is_there: Any

    def history(self) -> Minutes:
        """The datapoints as the engine takes them, with nothing computed yet."""
        history = Minutes(Series())
        minute = np.flatnonzero(self.is_there) + FIRST
        for metric, values in ((FAILED, self.failed), (TOTAL, self.total)):
            kept = values[self.is_there]
            history.put(metric, Samples(minute, kept, np.ones(len(kept)), kept, kept, minute + 1))
        return history


def year(minutes: int = YEAR_MINUTES) -> Year:
    """Return a year: a rate that wanders between 0 and 12 % and has an outage a fortnight."""
    dice = np.random.default_rng(1)
    total = dice.poisson(20, minutes).astype(float)
    hour = np.arange(minutes) / 60
    share = 0.04 + 0.04 * np.sin(hour / 7) + 0.3 * (hour % 340 < 2)
    failed = dice.binomial(total.astype(int), np.clip(share, 0, 1)).astype(float)
    is_there = dice.random(minutes) > 0.08
    for start in dice.integers(0, minutes, 25):
        is_there[start : start + 180] = False
    return Year(failed, total, is_there)


def alarm(threshold: float = 5, m: int = 2, n: int = 3, minimum: int = 100) -> Alarm:
    """Return a ratio alarm over 30 minutes with a guard, M of N."""
    stats = [
        {
            "Id": metric.name.lower(),
            "ReturnData": False,
            "MetricStat": {
                "Metric": {"Namespace": metric.namespace, "MetricName": metric.name},
                "Period": WINDOW_MINUTES * 60,
                "Stat": "Sum",
            },
        }
        for metric in (FAILED, TOTAL)
    ]
    share = {"Id": "share", "Expression": f"IF(total >= {minimum}, 100 * failed / total, 0)"}
    return from_description(
        {
            "AlarmName": f"bench-{threshold}-{m}-{n}-{minimum}",
            "Metrics": [share, *stats],
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": n,
            "DatapointsToAlarm": m,
            "TreatMissingData": "ignore",
        }
    )


def prepared(data: Year) -> Minutes:
    """The datapoints with their running sums, and nothing of any alarm."""
    history = data.history()
    for metric in (FAILED, TOTAL):
        history.prepare(metric)
        history.late_minutes(metric)
    return history


def replayed(history: Minutes, one: Alarm, minutes: int = YEAR_MINUTES) -> list[tuple[int, State]]:
    """Ours: the changes of state, in epoch seconds; a State is equal to its word, which the loop has."""
    return Replay(history, FIRST, FIRST + minutes).changes(one)


def running(data: Year) -> list[list[float]]:
    """The running sums of the loop: failed, total, and minutes with a datapoint."""
    is_present = data.is_there.tolist()
    columns = (data.failed.tolist(), data.total.tolist(), [1.0] * len(is_present))
    return [
        [0.0, *accumulate(value if present else 0.0 for value, present in zip(column, is_present, strict=True))]
        for column in columns
    ]


def looped(sums: list[list[float]], one: Alarm, minimum: int = 100) -> list[tuple[int, str]]:
    """The loop: two periods more than the evaluation periods are looked at, as the engine does."""
    sums_failed, sums_total, counts = sums
    width, slots = WINDOW_MINUTES, one.evaluation_periods + 2
    changes, state = [], "INSUFFICIENT_DATA"
    for minute in range(len(counts) - 1):
        row: list[bool | None] = []
        for slot in range(slots, 0, -1):
            low, high = max(minute - slot * width, 0), max(minute - (slot - 1) * width, 0)
            if counts[high] == counts[low]:
                row.append(None)
                continue
            sent = sums_total[high] - sums_total[low]
            share = 100 * (sums_failed[high] - sums_failed[low]) / sent if sent and sent >= minimum else 0.0
            row.append(share > one.threshold)
        new_state = verdict(row, one.m, one.evaluation_periods, one.treat_missing_data)
        if new_state is not None and new_state.value != state:
            state = new_state.value
            changes.append(((FIRST + minute) * 60, state))
    return changes


def best(way: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Return the least processor seconds of some runs, and what the last one returned."""
    times, result = [], None
    for _ in range(runs):
        gc.collect()
        began = time.process_time()
        result = way()
        times.append(time.process_time() - began)
    return min(times), result


def many() -> list[Alarm]:
    """A thousand alarms on two metrics: ten guards, five rules, twenty thresholds."""
    rules = ((1, 1), (2, 2), (2, 3), (3, 3), (3, 5))
    return [
        alarm(1 + threshold / 2, m, n, minimum)
        for minimum in range(50, 550, 50)
        for m, n in rules
        for threshold in range(20)
    ]


def distinct() -> list[Alarm]:
    """A thousand alarms on two metrics, each with a guard of its own, so that none shares its values with another."""
    return [alarm(1 + minimum % 20 / 2, 2, 3, minimum) for minimum in range(50, 1050)]


def figures() -> Iterator[Figure]:
    """All figures of this module."""
    data = year()
    one_seconds = yield from _one(data)
    yield from _linear(data)
    yield from _many(data)
    yield _swept(data, one_seconds)
    with tempfile.TemporaryDirectory() as folder:
        yield _lake(Path(folder))
    yield from engine_kinds.figures()


def _one(data: Year) -> Any:
    sums_seconds, sums = best(lambda: running(data), 1)
    loop_seconds, expected = best(lambda: looped(sums, alarm()), 1)
    # A history for each run, because it keeps the sums of the windows that it was asked for.
    ready = [prepared(data) for _ in range(5)]
    seconds, changes = best(lambda: replayed(ready.pop(), alarm()), 5)
    if changes != expected:
        raise SystemExit(f"The replay has {len(changes)} changes of state, the loop {len(expected)}, and they differ.")
    times = f"{loop_seconds / seconds:,.0f} times as fast, all {len(changes):,} changes equal"
    text = f"{loop_seconds * 1000:,.0f} ms, the loop: {times}"
    yield Figure("one ratio alarm, 525,600 minutes", f"{seconds * 1000:.1f} ms", text, seconds / loop_seconds)
    both, _ = best(lambda: prepared(data), 3)
    text = f"{sums_seconds * 1000:,.0f} ms, those of the loop, once per history"
    yield Figure("... the running sums before it", f"{both * 1000:.1f} ms", text, both / sums_seconds)
    return seconds


def _linear(data: Year) -> Iterator[Figure]:
    taken = {months: _seconds_of(data, months * MONTH_MINUTES) for months in (1, 3, 12)}
    for before, months in ((1, 3), (3, 12)):
        reference = f"{taken[before] * 1000:.1f} ms over {before}; the minutes are {months // before} to 1"
        ratio = taken[months] / taken[before]
        yield Figure(f"one alarm over {months} months", f"{taken[months] * 1000:.1f} ms", reference, ratio)


def _seconds_of(data: Year, minutes: int) -> float:
    part = Year(data.failed[:minutes], data.total[:minutes], data.is_there[:minutes])
    ready = [prepared(part) for _ in range(7)]
    return best(lambda: replayed(ready.pop(), alarm(), minutes), 7)[0]


def _many(data: Year) -> Iterator[Figure]:
    alarms, history = many(), prepared(data)

    def run(some: list[Alarm]) -> int:
        replay = Replay(history, FIRST, FIRST + YEAR_MINUTES)
        return sum(len(replay.changes(each)) for each in some)

    seconds, changes = best(lambda: run(alarms), 1)
    reference = f"15 s, the limit; {changes:,} changes, 10 expressions"
    yield Figure("1,000 alarms over one year, one core", f"{seconds:.2f} s", reference, seconds / 15, seconds <= 15)
    own, changes = best(lambda: run(distinct()), 1)
    reference = f"15 s, the limit; {changes:,} changes, 1,000 expressions"
    yield Figure("... each with an expression of its own", f"{own:.2f} s", reference, own / 15, own <= 15)
    tenth, _ = best(lambda: run(alarms[:100]), 1)
    yield Figure("... 100 of them", f"{tenth:.2f} s", f"{seconds:.2f} s; the alarms are 1 to 10", tenth / seconds)


def _swept(data: Year, one_seconds: float) -> Figure:
    thresholds = [0.02 * step for step in range(1, 1001)]
    ready = [prepared(data) for _ in range(3)]

    def run() -> Any:
        return sweep(Replay(ready.pop(), FIRST, FIRST + YEAR_MINUTES), alarm(), thresholds)

    seconds, outcomes = best(run, 3)
    _check_sweep(data, outcomes[::333])
    reference = f"{one_seconds * 1000:.1f} ms, one of them; the limit is 12 times"
    ratio = seconds / one_seconds
    return Figure(
        "a sweep of 1,000 thresholds over one year", f"{seconds * 1000:.0f} ms", reference, ratio, ratio <= 12
    )


def _check_sweep(data: Year, outcomes: list[Any]) -> None:
    for outcome in outcomes:
        changes = replayed(data.history(), replace(alarm(), threshold=outcome.threshold))
        raised = sum(state == "ALARM" for _, state in changes)
        if raised != outcome.raised:
            raise SystemExit(f"The sweep raises {outcome.raised} times at {outcome.threshold} %, a replay {raised}.")


def write_lake(folder: Path) -> None:
    """Write a year of lake: an object an hour, of which only the columns that count hold something."""
    types = {name: SCHEMA.field(name).type for name in lake.NAMES}
    for index in range(LAKE_HOURS):
        hour = START + timedelta(hours=index)
        sent = [hour + timedelta(seconds=3600 * row // ROWS_AN_HOUR) for row in range(ROWS_AN_HOUR)]
        outcome = ["failed" if (row + index) % 25 == 0 else "delivered" for row in range(ROWS_AN_HOUR)]
        fault = ["carrier" if each == "failed" else "none" for each in outcome]
        updated = [each + timedelta(minutes=12) for each in sent]
        filled = dict(zip(lake.NAMES, (sent, outcome, fault, updated), strict=True))
        columns = {
            field.name: pa.array(filled[field.name], types[field.name])
            if field.name in filled
            else pa.nulls(ROWS_AN_HOUR, field.type)
            for field in SCHEMA
        }
        path = folder / key_of(hour)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns, schema=SCHEMA), path)


def _lake(folder: Path) -> Figure:
    write_lake(folder)
    paths = sorted(folder.glob("sms/dt=*/*.parquet"))
    plain, rows = best(lambda: sum(pq.ParquetFile(each).read(list(lake.NAMES)).num_rows for each in paths), 1)
    seconds, past = best(lambda: lake.read(folder, "prod", 10, count_recipient_faults=True), 1)
    slots = sum(1 for _ in past.series.samples(past.series.metrics()[0]))
    name = f"a lake of one year: {len(paths):,} objects, {rows:,} rows"
    reference = f"{plain:.1f} s, pyarrow opening them and nothing more; {slots:,} slots"
    return Figure(name, f"{seconds:.1f} s", reference, seconds / plain)
