"""Alarms of every kind over random datapoints: the replay over arrays has the states of the plain evaluation."""

import re
from typing import Any

import pytest
from engine_alarms import NOON, counted, entry, minutes, ratio
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cwalarm.definitions.alarm import Alarm
from cwalarm.describe.soundness import problems
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.statistic import Sample
from cwalarm.metric_math.functions import FUNCTIONS
from cwalarm.replay.backtest import backtest
from cwalarm.replay.backtest import plain as step_by_step
from cwalarm.replay.method import follows_grid, why_step_by_step
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.replay import Replay

np: Any = pytest.importorskip(
    "numpy", reason="the replay over arrays needs NumPy, which is not part of every installation"
)

FIRST = int(NOON.timestamp()) // 60
SPAN_MINUTES = 60
NAMES = ("Failed", "Total", "Slow")
TREATMENTS = st.sampled_from(["missing", "ignore", "breaching", "notBreaching"])
COMPARISONS = st.sampled_from(
    ["GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"]
)
NUMBERS = st.sampled_from([0.0, 1.0, 2.0, 5.0, 0.1, 0.3, 99.9, -4.0, 12345.6, 1e-9])
# Minute, which metric, value, how often it occurred, and how many minutes late it was published.
POINTS = st.lists(
    st.tuples(st.integers(-30, 60), st.sampled_from(NAMES), NUMBERS, st.integers(1, 4), st.integers(0, 8)), max_size=90
)


def store(points: list[tuple[int, str, float, int, int]], *, is_late: bool, are_single: bool = True) -> Series:
    series = Series()
    for minute, name, value, count, late in points:
        moment = NOON + minutes(minute)
        published = moment + minutes(late) if is_late else None
        series.add(counted(name), moment, value, count=1 if are_single else count, published=published)
    return series


def assert_equal(alarm: Alarm, series: Series) -> None:
    history = Minutes(series)
    assert why_step_by_step(alarm, history) is None
    fast = Replay(history, FIRST, FIRST + SPAN_MINUTES).changes(alarm)
    assert fast == list(step_by_step(alarm, series, FIRST, FIRST + SPAN_MINUTES))


# What a series (S), a number (N), an array (A) and an operator (O) are made of, on the way down and at the bottom.
PATTERNS = {
    "S": [
        "({S} {O} {S})", "({S} {O} {N})", "({N} {O} {S})", "-{S}",
        "FILL({S}, REPEAT)", "FILL({S}, LINEAR)", "FILL({S}, 0)", "FILL({S}, {S})", "FILL({S}, {N})",
        "DIFF({S})", "DIFF_TIME({S})", "RATE({S})", "RUNNING_SUM({S})",
        "IF({S}, {S}, {S})", "IF({S}, {N}, {S})", "IF({S}, {S}, {N})", "IF({S}, {N}, {N})",
        "IF({S}, {S})", "IF({S}, {N})",
        "IF({N}, {S}, {S})", "IF({N}, {N}, {S})", "IF({N}, {S}, {N})", "IF({N}, {S})",
        "ABS({S})", "CEIL({S})", "FLOOR({S})", "LOG({S})", "LOG10({S})", "TIME_SERIES({N})",
        "MAX({A})", "MIN({A})", "AVG({A})", "SUM({A})", "STDDEV({A})", "DATAPOINT_COUNT({A})",
        "FIRST({A})", "LAST({A})", "MINUTE({S})", "HOUR({S})", "DAY({S})", "DATE({S})",
        "MONTH({S})", "YEAR({S})", "EPOCH({S})",
    ],
    "N": [
        "MAX({S})", "MIN({S})", "AVG({S})", "SUM({S})", "STDDEV({S})", "DATAPOINT_COUNT({S})", "({N} {O} {N})",
        "METRIC_COUNT({A})", "IF({N}, {N}, {N})", "PERIOD(failed)", "ABS({N})",
    ],
    "A": [
        'METRICS("l")', "[{S}, {S}]", "[{S}, {A}, {S}]", "SORT({A}, AVG, ASC)", "SORT({A}, MAX, DESC)",
        "SORT({A}, MIN, ASC)", "SORT({A}, SUM, DESC, 2)", "SLICE({A}, 1)", "SLICE({A}, 0, 2)", "REMOVE_EMPTY({A})",
        "FILL({A}, REPEAT)", "FILL({A}, LINEAR)", "FILL({A}, 0)", "RATE({A})", "ABS({A})",
        "({A} {O} {S})", "({N} {O} {A})",
    ],
    "O": [*"+-*/^<>", "==", "!=", "<=", ">=", "AND", "OR"],
}  # fmt: skip
BOTTOM = {
    "S": ["failed", "total", "slow", "part"],
    "N": ["0", "1", "3", "0.5", "20", "(1/0)"],
    "A": ["METRICS()"],
    "O": PATTERNS["O"],
}


@st.composite
def expressions(draw: st.DrawFn, kind: str = "S", depth: int = 3) -> str:
    pattern = draw(st.sampled_from((PATTERNS if depth else BOTTOM)[kind]))
    return re.sub(r"{(.)}", lambda match: draw(expressions(match[1], depth - 1)), pattern)


def test_every_function_is_among_the_random_expressions() -> None:
    text = " ".join(pattern for patterns in PATTERNS.values() for pattern in patterns)
    assert set(re.findall(r"([A-Z_0-9]+)\(", text)) == set(FUNCTIONS)


def math(
    text: str, period: int, stats: tuple[str, ...] = ("Sum", "Sum", "Sum"), part: str = "failed", **changes: Any
) -> Alarm:
    """Return an alarm on an expression, which may refer to another one, `part`."""
    queries = [entry(name.lower(), name, period, stat) for name, stat in zip(NAMES, stats, strict=True)]
    other = {"Id": "part", "Expression": part, "ReturnData": False}
    return ratio(Metrics=[{"Id": "x", "Expression": text}, other, *queries], **changes)


@settings(max_examples=200, deadline=None)
@given(
    points=POINTS,
    text=expressions(),
    part=expressions(depth=2),
    is_late=st.booleans(),
    period=st.sampled_from([60, 120, 300]),
    n=st.integers(1, 3),
    spare=st.integers(0, 2),
    treat=TREATMENTS,
    comparison=COMPARISONS,
    threshold=st.sampled_from([0, 0.3, 1, 2.5, 20]),
)
def test_random_metric_math_is_replayed_as_it_is_evaluated(
    points: Any,
    text: str,
    part: str,
    is_late: bool,
    period: int,
    n: int,
    spare: int,
    treat: str,
    comparison: str,
    threshold: float,
) -> None:
    alarm = math(
        text,
        period,
        part=part.replace("part", "failed"),
        EvaluationPeriods=n + spare,
        DatapointsToAlarm=n,
        TreatMissingData=treat,
        ComparisonOperator=comparison,
        Threshold=threshold,
    )
    assume(not problems(alarm))
    series = store(points, is_late=is_late)
    assume(not why_step_by_step(alarm, Minutes(series)))
    assert_equal(alarm, series)


STATISTICS = [
    *("Sum", "Average", "Minimum", "Maximum", "SampleCount", "IQM"),
    *("p0", "p50", "p90", "p99.9", "p100", "tm90", "tm(10%:90%)", "tm(1:20)", "tc80", "tc(2:)", "tc(:1)", "ts(5%:95%)"),
    *("ts(0:3)", "wm90", "wm(10%:50%)", "wm(1:4)", "wm(:2)", "PR(1:)", "PR(:2)", "PR(0:99)", "pr(:0.3)"),
]


@settings(max_examples=100, deadline=None)
@given(
    points=POINTS,
    statistic=st.sampled_from(STATISTICS),
    is_late=st.booleans(),
    are_single=st.booleans(),
    sets=st.lists(st.tuples(st.integers(-10, 60), st.integers(0, 5), st.integers(0, 5)), max_size=2),
    period=st.sampled_from([60, 180, 600]),
    n=st.integers(1, 3),
    low=st.sampled_from(["evaluate", "ignore"]),
    treat=TREATMENTS,
    comparison=COMPARISONS,
    threshold=st.sampled_from([0, 0.3, 1, 2.5, 50, 99.9]),
)
def test_every_statistic_of_raw_samples_is_replayed_as_it_is_evaluated(
    points: Any, statistic: str, is_late: bool, are_single: bool, sets: list[tuple[int, int, int]], period: int, n: int,
    low: str, treat: str, comparison: str, threshold: float,
) -> None:  # fmt: skip
    series = store(points, is_late=is_late, are_single=are_single)
    for minute, lowest, more in sets:
        sample = Sample(2 * lowest + more, 2, lowest, lowest + more)
        series.add_set(counted("Failed"), NOON + minutes(minute), sample)
    alarm = math(
        "failed",
        period,
        (statistic, "Sum", "Sum"),
        EvaluationPeriods=n,
        EvaluateLowSampleCountPercentile=low,
        TreatMissingData=treat,
        ComparisonOperator=comparison,
        Threshold=threshold,
    )
    assert_equal(alarm, series)


@settings(max_examples=60, deadline=None)
@given(
    points=POINTS,
    zone=st.sampled_from(["UTC", "Europe/Rome", "Asia/Kolkata", "+05:30", "-09:00"]),
    period=st.sampled_from([60, 300, 3600]),
    is_late=st.booleans(),
    n=st.integers(1, 3),
    treat=TREATMENTS,
    start=st.integers(0, 70),
    text=st.sampled_from(["failed", "FILL(failed, REPEAT)", "failed / total"]),
)
def test_a_wall_clock_window_is_replayed_as_it_is_evaluated(
    points: Any, zone: str, period: int, is_late: bool, n: int, treat: str, start: int, text: str
) -> None:
    alarm = math(text, period, EvaluationPeriods=n, TreatMissingData=treat, Threshold=1,
        EvaluationWindow={"WallClockWindow": {"Timezone": zone}})  # fmt: skip
    series, begin = store(points, is_late=is_late), NOON + minutes(start)
    changes = backtest([alarm], series, begin, begin + minutes(SPAN_MINUTES))
    first = FIRST + start
    expected = list(step_by_step(alarm, series, first, first + SPAN_MINUTES))
    assert [(int(change.time.timestamp()), change.state) for change in changes] == expected


def test_a_wall_clock_follows_the_grid_where_its_zone_does() -> None:
    history = Minutes(store([(0, "Failed", 1.0, 1, 0)], is_late=False))
    grid = {
        (zone, period): follows_grid(
            math("failed", period, EvaluationWindow={"WallClockWindow": {"Timezone": zone}}), history, FIRST, FIRST + 60
        )
        for zone in ("UTC", "Asia/Kolkata")
        for period in (300, 3600, 86400, 604800)
    }
    assert [key for key, follows in grid.items() if follows] == [
        ("UTC", 300),
        ("UTC", 3600),
        ("UTC", 86400),
        ("Asia/Kolkata", 300),
    ]
