"""The replay over arrays equals the plain evaluation, minute by minute, and a sweep equals a replay per threshold."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from engine_alarms import ERRORS, NOON, counted, entry, minutes, plain, ratio
from hypothesis import given, settings
from hypothesis import strategies as st

from cwalarm.definitions.alarm import Alarm, MetricStat, State, Treat
from cwalarm.errors import InputError
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.verdict import verdict
from cwalarm.metric_math import expression
from cwalarm.metric_math.values import Frame
from cwalarm.replay import replay, vector
from cwalarm.replay.backtest import Change, backtest
from cwalarm.replay.backtest import plain as step_by_step
from cwalarm.replay.method import can_vectorise, why_step_by_step
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.replay import Replay
from cwalarm.replay.sweep import sweep
from cwalarm.replay.values import Column, VectorFrame

np: Any = pytest.importorskip(
    "numpy", reason="the replay over arrays needs NumPy, which is not part of every installation"
)

FIRST = int(NOON.timestamp()) // 60
SPAN_MINUTES = 150

SAMPLES = st.lists(st.tuples(st.integers(-60, 150), st.integers(0, 6), st.integers(0, 12)), max_size=60)
# Their sums are not sums of floats: 0.1 + 0.2 - 0.3 is none, and each lies where rounding tips it over a threshold.
FRACTIONS = st.lists(
    st.tuples(
        st.integers(-60, 150),
        st.sampled_from([0.1, 0.2, 0.3, 0.7, 2.0, 0.0, -0.1, 99.9, 1e-9, 12345.6]),
        st.integers(0, 12),
    ),
    max_size=60,
)
SPARSE = st.lists(st.tuples(st.integers(-30, 150), st.integers(-9, 12), st.just(0)), max_size=9)
TREATMENTS = st.sampled_from(["missing", "ignore", "breaching", "notBreaching"])
COMPARISONS = st.sampled_from(
    ["GreaterThanThreshold", "GreaterThanOrEqualToThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold"]
)


def held(samples: Sequence[tuple[int, float, int]], *, is_late: bool) -> Series:
    """Return samples of Errors, and of Failed and Total turn by turn."""
    series = Series()
    for index, (minute, value, late) in enumerate(samples):
        moment = NOON + minutes(minute)
        published = moment + minutes(late) if is_late else None
        series.add(ERRORS, moment, value, published=published)
        series.add(counted(("Failed", "Total")[index % 2]), moment, value, published=published)
    return series


def both(alarm: Alarm, series: Series) -> tuple[list[tuple[int, State]], list[tuple[int, State]]]:
    arrays = Minutes(series)
    assert can_vectorise(alarm, arrays)
    fast = Replay(arrays, FIRST, FIRST + SPAN_MINUTES).changes(alarm)
    return fast, list(step_by_step(alarm, series, FIRST, FIRST + SPAN_MINUTES))


@settings(max_examples=40)
@given(
    samples=SAMPLES,
    is_late=st.booleans(),
    statistic=st.sampled_from(["Sum", "Average", "SampleCount"]),
    n=st.integers(1, 3),
    spare=st.integers(0, 2),
    treat=TREATMENTS,
    comparison=COMPARISONS,
)
def test_a_plain_alarm_is_replayed_as_it_is_evaluated(
    samples: list[tuple[int, int, int]], is_late: bool, statistic: str, n: int, spare: int, treat: str, comparison: str
) -> None:
    alarm = plain(
        Statistic=statistic,
        EvaluationPeriods=n + spare,
        DatapointsToAlarm=n,
        TreatMissingData=treat,
        ComparisonOperator=comparison,
    )
    fast, slow = both(alarm, held(samples, is_late=is_late))
    assert fast == slow


@settings(max_examples=150)
@given(
    samples=FRACTIONS,
    is_late=st.booleans(),
    statistic=st.sampled_from(["Sum", "Average"]),
    period=st.sampled_from([60, 180, 300]),
    threshold=st.sampled_from([0, 0.1, 0.3, 0.6, 0.7, 99.9, 100.0]),
    comparison=COMPARISONS,
)
def test_values_with_a_fraction_are_replayed_as_they_are_evaluated(
    samples: list[tuple[int, float, int]],
    is_late: bool,
    statistic: str,
    period: int,
    threshold: float,
    comparison: str,
) -> None:
    alarm = plain(Statistic=statistic, Period=period, Threshold=threshold, ComparisonOperator=comparison)
    fast, slow = both(alarm, held(samples, is_late=is_late))
    assert fast == slow


@pytest.mark.parametrize("comparison", ["LessThanThreshold", "GreaterThanThreshold"])
@pytest.mark.parametrize(("value", "period"), [(99.9, 60), (99.9, 180), (0.1, 180), (0.1, 720)])
def test_the_average_of_one_value_is_that_value_and_does_not_cross_it(
    value: float, period: int, comparison: str
) -> None:
    alarm = plain(Statistic="Average", Period=period, Threshold=value, ComparisonOperator=comparison)
    fast, slow = both(alarm, held([(minute, value, 0) for minute in range(-30, SPAN_MINUTES)], is_late=False))
    assert fast == slow == [(FIRST * 60, State.OK)]


def test_numbers_too_far_apart_for_exact_sums_are_left_to_the_plain_evaluation() -> None:
    arrays = Minutes(held([(0, 1e-90, 0), (2, 1e100, 0)], is_late=False))
    assert not can_vectorise(plain(), arrays)
    assert can_vectorise(plain(Statistic="Maximum"), arrays)
    arrays.prepare(ERRORS)


@settings(max_examples=60)
@given(
    numbers=st.lists(
        st.lists(st.floats(-1e6, 1e6).map(lambda number: round(number, 6)), max_size=8), min_size=1, max_size=30
    )
)
def test_a_window_of_any_fractions_has_the_exact_sum_rounded_once(numbers: list[list[float]]) -> None:
    series = Series()
    for minute, values in enumerate(numbers):
        for value in values:
            series.add(ERRORS, NOON + minutes(minute), value)
    stat = MetricStat(*ERRORS, 300, "Sum")
    column = Minutes(series).window(stat, FIRST, FIRST + 40)
    expected = [math.fsum(itertools.chain(*numbers[max(end - 5, 0) : end])) for end in range(40)]
    assert column.values.tolist() == expected


@settings(max_examples=40)
@given(
    samples=SAMPLES,
    is_late=st.booleans(),
    statistic=st.sampled_from(["Minimum", "Maximum"]),
    period=st.sampled_from([60, 180, 300, 420]),
)
def test_extremes_are_replayed_as_they_are_evaluated(
    samples: list[tuple[int, int, int]], is_late: bool, statistic: str, period: int
) -> None:
    fast, slow = both(plain(Statistic=statistic, Period=period), held(samples, is_late=is_late))
    assert fast == slow


@settings(max_examples=30)
@given(samples=SAMPLES, treat=TREATMENTS, m=st.integers(1, 12))
def test_an_alarm_with_too_many_slots_for_a_table_is_counted_to_the_same_end(
    samples: list[tuple[int, int, int]], treat: str, m: int
) -> None:
    alarm = plain(Period=60, EvaluationPeriods=12, DatapointsToAlarm=m, TreatMissingData=treat, Threshold=2)
    fast, slow = both(alarm, held(samples, is_late=True))
    assert fast == slow


EXPRESSIONS = [
    "IF(total >= 4 AND failed >= 2, 100 * failed / total, 0)",
    "100 * failed / total",
    "FILL(failed, 0) + total ^ 2",
    "FILL(failed, total) - 3",
    "IF(failed > 2, total)",
    "IF(failed > 2, 30, total * 10)",
    "IF(failed > 2, total * 10, 30)",
    "IF(failed > 2 OR total > 3, failed, total) * 10",
    "-failed + 30",
    "LOG(failed) * 40 + total / 0",
    "CEIL(failed / total * 10) * 5",
    "ABS(total - failed) * 10 > 20",
    "(1 / 0) * failed + 40",
    "failed > (1 / 0)",
    "LOG10(total) ^ 2 + failed ^ -0.5",
    "(failed - total) * 10 >= 1",
]


FRAME = VectorFrame(np.arange(20) * 60, 60)
POINTS = st.lists(st.one_of(st.none(), st.integers(0, 6).map(float), st.floats(-1e3, 1e3)), min_size=20, max_size=20)


@settings(max_examples=40)
@pytest.mark.parametrize("text", EXPRESSIONS)
@given(failed=POINTS, total=POINTS)
def test_metric_math_over_arrays_equals_metric_math_slot_by_slot(
    text: str, failed: list[float | None], total: list[float | None]
) -> None:
    node = expression.parse(text)
    computed = vector.evaluate(node, {"failed": column(failed), "total": column(total)}.__getitem__, FRAME)
    assert isinstance(computed, Column)
    missing = np.zeros(20, bool) if computed.missing is None else computed.missing
    expected = expression.evaluate(node, {"failed": failed, "total": total}.__getitem__, Frame())
    assert [None if gone else float(value) for value, gone in zip(computed.values, missing, strict=True)] == expected


def column(points: list[float | None]) -> Column:
    missing = np.array([point is None for point in points])
    return Column(np.array([point or 0.0 for point in points]), missing if missing.any() else None)


@given(
    rows=st.lists(st.lists(st.integers(0, 2), min_size=8, max_size=8), min_size=1, max_size=30),
    n=st.integers(1, 8),
    data=st.data(),
    treat=TREATMENTS,
)
def test_the_table_and_the_counting_both_equal_the_rule(
    rows: list[list[int]], n: int, data: st.DataObject, treat: str
) -> None:
    m = data.draw(st.integers(1, n))
    alarm = plain(EvaluationPeriods=n, DatapointsToAlarm=m, TreatMissingData=treat)
    newest_first = [np.array(row, np.uint8) for row in zip(*rows, strict=True)][::-1]
    slots = [[(False, True, None)[digit] for digit in row] for row in rows]
    expected = [replay._code(verdict(row, m, n, Treat(treat))) for row in slots]
    assert replay._by_table(alarm, newest_first).tolist() == expected
    assert replay._by_counting(alarm, newest_first).tolist() == expected


@settings(max_examples=100)
@given(
    samples=st.one_of(SAMPLES, FRACTIONS),
    text=st.sampled_from(EXPRESSIONS),
    is_late=st.booleans(),
    treat=TREATMENTS,
)
def test_metric_math_is_replayed_as_it_is_evaluated(
    samples: list[tuple[int, float, int]], text: str, is_late: bool, treat: str
) -> None:
    math = [{"Id": "x", "Expression": text}, entry("failed", "Failed", 600), entry("total", "Total", 600)]
    alarm = ratio(Metrics=math, TreatMissingData=treat, Threshold=0.5 if text.endswith("20") else 25)
    fast, slow = both(alarm, held(samples, is_late=is_late))
    assert fast == slow


@settings(max_examples=200)
@given(
    samples=st.one_of(SAMPLES, SPARSE, FRACTIONS),
    n=st.integers(1, 3),
    spare=st.integers(0, 2),
    treat=TREATMENTS,
    comparison=COMPARISONS,
)
def test_a_sweep_equals_one_replay_per_threshold(
    samples: list[tuple[int, float, int]], n: int, spare: int, treat: str, comparison: str
) -> None:
    alarm = plain(
        EvaluationPeriods=n + spare, DatapointsToAlarm=n, TreatMissingData=treat, ComparisonOperator=comparison
    )
    span = Replay(Minutes(held(samples, is_late=True)), FIRST, FIRST + SPAN_MINUTES)
    for outcome in sweep(span, alarm, [5, 0, 2.5, 11, -1, -5, 0.1, 0.3, 99.9]):
        changes = span.changes(replace(alarm, threshold=outcome.threshold))
        assert outcome.raised == sum(state == State.ALARM for _, state in changes)
        assert outcome.alarm_minutes == minutes_in_alarm(changes)


def minutes_in_alarm(changes: list[tuple[int, State]]) -> int:
    ends = [second for second, _ in changes[1:]] + [(FIRST + SPAN_MINUTES) * 60]
    spans = zip(changes, ends, strict=True) if changes else iter(())
    return sum((end - second) // 60 for (second, state), end in spans if state == State.ALARM)


def end_of_span() -> datetime:
    return NOON + minutes(SPAN_MINUTES)


def test_a_backtest_lists_the_changes_of_all_alarms_in_order_of_time() -> None:
    series = held([(10, 9, 0), (11, 9, 0)], is_late=False)
    changes = backtest(
        [plain(TreatMissingData="notBreaching"), plain(AlarmName="zz", Threshold=0)], series, NOON, end_of_span()
    )
    assert changes[:3] == [
        Change(NOON, "errors", State.OK, State.INSUFFICIENT_DATA),
        Change(NOON + minutes(11), "errors", State.ALARM, State.OK),
        Change(NOON + minutes(11), "zz", State.ALARM, State.INSUFFICIENT_DATA),
    ]


NUMBERS_ONLY = [{"Id": "x", "Expression": "a + IF(MAX(a) > 1, 1)"}, entry("a", "Failed", 300)]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "wall clock"),
        ({"Period": 10}, "shorter than a minute"),
        ({"Metrics": NUMBERS_ONLY}, "IF of numbers"),
    ],
)
def test_an_alarm_that_arrays_do_not_fit_is_replayed_step_by_step(changes: dict[str, Any], why: str) -> None:
    alarm, series = plain(**changes), held([(minute, minute % 7, 0) for minute in range(100)], is_late=False)
    assert why in str(why_step_by_step(alarm, Minutes(series)))
    expected = list(step_by_step(alarm, series, FIRST, FIRST + SPAN_MINUTES))
    found = backtest([alarm], series, NOON, end_of_span())
    assert [(int(change.time.timestamp()), change.state) for change in found] == expected


def test_an_alarm_over_days_changes_on_the_hour_only() -> None:
    alarm = plain(Period=3600, EvaluationPeriods=25, DatapointsToAlarm=1, TreatMissingData="notBreaching")
    series = held([(10, 9, 0)], is_late=False)
    changes = backtest([alarm], series, NOON, NOON + minutes(300))
    assert [(change.time, change.state) for change in changes] == [(NOON, "OK"), (NOON + minutes(60), "ALARM")]
    later = backtest([alarm], series, NOON + minutes(7), NOON + minutes(300))
    assert [(change.time, change.state) for change in later] == [(NOON + minutes(60), "ALARM")]


def test_a_sweep_lets_an_alarm_go_that_kept_its_state_above_what_is_left() -> None:
    alarm = plain(EvaluationPeriods=2, TreatMissingData="ignore", Threshold=-5)
    series = held([(1, -3, 0), (3, -3, 0)], is_late=False)
    span = Replay(Minutes(series), FIRST, FIRST + SPAN_MINUTES)
    changes = span.changes(alarm)
    assert changes == list(step_by_step(alarm, series, FIRST, FIRST + SPAN_MINUTES))
    assert sweep(span, alarm, [-5])[0].alarm_minutes == minutes_in_alarm(changes)


def test_an_alarm_over_days_is_evaluated_step_by_step_on_the_hour_too() -> None:
    alarm = plain(Period=3600, EvaluationPeriods=25, TreatMissingData="notBreaching")
    assert list(step_by_step(alarm, Series(), FIRST + 7, FIRST + 200)) == [((FIRST + 60) * 60, State.OK)]


def test_a_span_without_minutes_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to replay"):
        backtest([plain()], Series(), NOON, NOON)


def test_an_empty_history_is_a_gap_and_not_zero() -> None:
    assert backtest([plain(TreatMissingData=Treat.MISSING)], Series(), NOON, end_of_span()) == []


def test_many_alarms_are_replayed_by_several_processes_to_the_same_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cwalarm.replay.backtest._MINUTES_FOR_PROCESSES", 0)
    alarms = [plain(AlarmName=f"alarm-{index:02}", Threshold=index % 7, Period=60) for index in range(50)]
    series = held([(minute, minute % 7, minute % 3) for minute in range(100)], is_late=True)
    progress: list[tuple[int, int]] = []
    together = backtest(
        alarms, series, NOON, end_of_span(), processes=2, on_progress=lambda done, every: progress.append((done, every))
    )
    assert together == backtest(alarms, series, NOON, end_of_span())
    assert progress[-1] == (50, 50)


def test_an_alarm_that_lists_its_metric_before_its_expression_watches_the_expression() -> None:
    queries = [entry("a", "Failed", 300), {"Id": "x", "Expression": "a * 10"}]
    fast, slow = both(plain(Metrics=queries), held([(minute, 1, 0) for minute in range(0, 90, 9)], is_late=False))
    assert fast == slow
    assert State.ALARM in [state for _, state in slow]
