"""A whole evaluation: which periods it looks at, what it decides, and in which words."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from engine_alarms import ERRORS, NOON, counted, minutes, per_period, plain, ratio
from hypothesis import given
from hypothesis import strategies as st

from cwalarm.definitions.alarm import Alarm, Metric, State
from cwalarm.errors import InputError
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.series import Series

N = None


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return NOON.replace(hour=hour, minute=minute, second=second)


def slot_starts(alarm: Alarm, now: datetime, extra: int | None = None) -> tuple[int, ...]:
    return windows.slot_bounds(alarm, now, extra)[:-1]


def test_the_window_slides_by_the_minute_and_ends_at_the_floored_minute() -> None:
    starts = slot_starts(plain(), at(12, 7, 51), 0)
    assert starts == (at(12, 2).timestamp(),)


def test_slots_step_back_by_the_period_two_beyond_the_evaluation_periods() -> None:
    starts = slot_starts(plain(EvaluationPeriods=3), NOON)
    assert [NOON.timestamp() - start for start in starts] == [1500, 1200, 900, 600, 300]


def test_at_sixty_seconds_five_slots_more_are_fetched() -> None:
    assert len(slot_starts(plain(Period=60, EvaluationPeriods=2), NOON)) == 7


def test_a_period_of_ten_seconds_is_evaluated_every_ten() -> None:
    alarm = plain(Period=10)
    assert windows.cadence_seconds(alarm) == 10
    assert slot_starts(alarm, at(12, 0, 27), 0) == (at(12, 0, 10).timestamp(),)


def test_an_alarm_over_more_than_a_day_is_evaluated_hourly_on_data_up_to_the_hour() -> None:
    alarm = plain(Period=86400, EvaluationPeriods=3)
    assert [windows.is_due(alarm, at(12, minute)) for minute in (0, 1)] == [True, False]
    assert slot_starts(alarm, at(12, 59), 0)[-1] == (at(12, 0) - timedelta(days=1)).timestamp()


def wall(zone: str, period: int, periods: int = 1) -> tuple[int, ...]:
    window = {"WallClockWindow": {"Timezone": zone}}
    return slot_starts(plain(EvaluationWindow=window, Period=period, EvaluationPeriods=periods), at(12, 34))


@pytest.mark.parametrize(
    ("zone", "period", "start"),
    [
        ("UTC", 3600, at(11, 0)),
        ("UTC", 300, at(12, 25)),
        ("+05:30", 3600, at(11, 30)),
        ("Europe/Rome", 86400, at(23, 0) - timedelta(days=2)),
        ("UTC", 604800, datetime.fromisoformat("2026-11-09T00:00:00Z")),
    ],
)
def test_a_wall_clock_window_is_the_last_completed_aligned_period(zone: str, period: int, start: datetime) -> None:
    assert wall(zone, period) == (start.timestamp(),)


def test_a_wall_clock_window_fetches_exactly_its_evaluation_periods() -> None:
    assert len(wall("UTC", 300, 4)) == 4


def test_a_day_of_the_clock_change_has_twenty_three_hours() -> None:
    window = {"WallClockWindow": {"Timezone": "Europe/Rome"}}
    alarm = plain(EvaluationWindow=window, Period=86400, EvaluationPeriods=2)
    starts = slot_starts(alarm, datetime.fromisoformat("2026-03-30T12:00:00+02:00"))
    assert starts[1] - starts[0] == 86400
    assert datetime.fromisoformat("2026-03-30T00:00:00+02:00").timestamp() - starts[1] == 23 * 3600


CHANGES = [("Europe/Rome", "2026-03-29"), ("Europe/Rome", "2026-10-25"), ("America/New_York", "2026-03-08")]


@pytest.mark.parametrize(("zone", "day"), [*CHANGES, ("America/New_York", "2026-11-01"), ("Asia/Beirut", "2026-03-29")])
@pytest.mark.parametrize("period", [300, 3600])
def test_around_a_clock_change_no_slot_comes_twice_or_is_left_out(zone: str, day: str, period: int) -> None:
    alarm = plain(EvaluationWindow={"WallClockWindow": {"Timezone": zone}}, Period=period, EvaluationPeriods=3)
    first = datetime.fromisoformat(f"{day}T00:00:00Z")
    for minute in range(0, 1440, 7):
        bounds = windows.slot_bounds(alarm, first + minutes(minute))
        assert [late - early for early, late in itertools.pairwise(bounds)] == [period] * 3


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-06-01", 24), ("2026-10-25", 25)])
def test_a_calendar_day_counts_all_its_hours_and_no_more(day: str, hours: int) -> None:
    alarm = plain(EvaluationWindow={"WallClockWindow": {"Timezone": "Europe/Rome"}}, Period=86400)
    noon = datetime.fromisoformat(f"{day}T12:00:00Z")
    series = Series()
    for hour in range(-48, 49):
        series.add(ERRORS, noon + timedelta(hours=hour), 1)
    evaluation = evaluate(alarm, series, noon + timedelta(days=1))
    assert [slot.value for slot in evaluation.slots] == [hours]


@pytest.mark.parametrize(
    ("zone", "period"),
    [("UTC", 1800), ("Europe/Nowhere", 300), ("Europe", 300), ("+xx", 300), ("+05:07", 300), ("+25:00", 300)],
)
def test_a_wall_clock_window_that_cloudwatch_does_not_allow_is_refused(zone: str, period: int) -> None:
    with pytest.raises(InputError):
        wall(zone, period)


@pytest.mark.parametrize(
    ("comparison", "value", "state"),
    [
        ("GreaterThanThreshold", 3, "OK"),
        ("GreaterThanThreshold", 3.5, "ALARM"),
        ("GreaterThanOrEqualToThreshold", 3, "ALARM"),
        ("LessThanThreshold", 3, "OK"),
        ("LessThanThreshold", 2, "ALARM"),
        ("LessThanOrEqualToThreshold", 3, "ALARM"),
    ],
)
def test_a_value_breaches_as_the_comparison_says(comparison: str, value: float, state: str) -> None:
    assert evaluate(plain(ComparisonOperator=comparison), per_period([value]), NOON).state == state


def test_a_single_burst_keeps_an_alarm_up_for_three_periods_when_no_more_data_comes() -> None:
    series = per_period([5])
    states = [
        evaluate(plain(TreatMissingData="notBreaching"), series, NOON + minutes(m)).state for m in range(0, 16, 5)
    ]
    assert states == ["ALARM", "ALARM", "ALARM", "OK"]


def test_a_quarter_hourly_error_never_lets_the_alarm_go() -> None:
    alarm, series = plain(TreatMissingData="notBreaching", Threshold=0), Series()
    for quarter in range(8):
        series.add(ERRORS, NOON + minutes(15 * quarter), 1)
    assert {evaluate(alarm, series, NOON + minutes(m)).state for m in range(1, 105)} == {"ALARM"}


def test_an_alarm_that_ignores_missing_data_keeps_its_state() -> None:
    assert evaluate(ratio(), Series(), NOON, "ALARM").state is State.ALARM


def test_a_late_point_counts_from_its_publish_time_on() -> None:
    series = Series()
    series.add(ERRORS, NOON - minutes(2), 9, published=NOON + minutes(1))
    assert evaluate(plain(), series, NOON).state == "INSUFFICIENT_DATA"
    assert evaluate(plain(), series, NOON + minutes(1)).state == "ALARM"


def test_a_minute_of_which_half_is_published_counts_by_half() -> None:
    series = Series()
    series.add(ERRORS, NOON - minutes(2), 2)
    series.add(ERRORS, NOON - minutes(2), 2, published=NOON + minutes(1))
    assert evaluate(plain(), series, NOON).slots[-1].value == 2
    assert evaluate(plain(), series, NOON + minutes(1)).slots[-1].value == 4


def sent(*counts: tuple[int, int]) -> Series:
    """Return Failed and Total, ten minutes apart, the newest ten minutes before noon."""
    series = Series()
    for index, (failed, total) in enumerate(reversed(counts), 1):
        series.add(counted("Failed"), NOON - minutes(10 * index), failed)
        series.add(counted("Total"), NOON - minutes(10 * index), total)
    return series


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ([(10, 30)], "ALARM"),
        ([(7, 30)], "OK"),
        ([(4, 9)], "OK"),
        ([(2, 3), (2, 3), (3, 6)], "ALARM"),
        ([(0, 0)], "OK"),
    ],
)
def test_a_guarded_ratio_weighs_by_volume(counts: list[tuple[int, int]], state: str) -> None:
    assert evaluate(ratio(), sent(*counts), NOON).state == state


def test_the_reason_of_a_math_alarm_is_in_cloudwatchs_words() -> None:
    result = evaluate(ratio(DatapointsToAlarm=1), sent((12, 30)), NOON, "OK")
    assert result.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [40.0 (21/11/26 11:30:00)] was greater than the threshold "
        "(25.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )


REASONS = [
    ({}, [9], "1 datapoint [9.0 (21/11/26 11:55:00)] was greater than the threshold (3.0)."),
    ({}, [1], "1 datapoint [1.0 (21/11/26 11:55:00)] was not greater than the threshold (3.0)."),
    (
        {"EvaluationPeriods": 2},
        [9, 8],
        "2 datapoints [8.0 (21/11/26 11:55:00), 9.0 (21/11/26 11:50:00)] were greater than the threshold (3.0).",
    ),
    (
        {"EvaluationPeriods": 5},
        [9, 9, 9, 9, 9],
        (
            "5 datapoints were greater than the threshold (3.0). The most recent datapoints which crossed the "
            "threshold: [9.0 (21/11/26 11:55:00), 9.0 (21/11/26 11:50:00), 9.0 (21/11/26 11:45:00), "
            "9.0 (21/11/26 11:40:00), 9.0 (21/11/26 11:35:00)]."
        ),
    ),
    (
        {"EvaluationPeriods": 3, "DatapointsToAlarm": 2},
        [9, 1, 8],
        (
            "2 out of the last 3 datapoints [8.0 (21/11/26 11:55:00), 9.0 (21/11/26 11:45:00)] were greater than the "
            "threshold (3.0) (minimum 2 datapoints for OK -> ALARM transition)."
        ),
    ),
    (
        {"EvaluationPeriods": 3, "DatapointsToAlarm": 2},
        [1, 1, 8],
        (
            "2 out of the last 3 datapoints [1.0 (21/11/26 11:50:00), 1.0 (21/11/26 11:45:00)] were not greater than "
            "the threshold (3.0) (minimum 2 datapoints for ALARM -> OK transition)."
        ),
    ),
    (
        {"EvaluationPeriods": 2, "TreatMissingData": "breaching"},
        [],
        "no datapoints were received for 2 periods and 2 missing datapoints were treated as [Breaching].",
    ),
    (
        {"TreatMissingData": "notBreaching"},
        [],
        "no datapoints were received for 1 period and 1 missing datapoint was treated as [NonBreaching].",
    ),
    (
        {"EvaluationPeriods": 2, "TreatMissingData": "breaching", "ComparisonOperator": "LessThanThreshold"},
        [4],
        (
            "1 datapoint [4.0 (21/11/26 11:55:00)] was not less than the threshold (3.0) and 1 missing datapoint was "
            "treated as [Breaching]."
        ),
    ),
    ({}, [12345678.0], "1 datapoint [1.2345678E7 (21/11/26 11:55:00)] was greater than the threshold (3.0)."),
]


@pytest.mark.parametrize(("changes", "values", "words"), REASONS)
def test_a_reason_is_in_cloudwatchs_words(changes: dict[str, object], values: list[float], words: str) -> None:
    assert evaluate(plain(**changes), per_period(values), NOON).reason == f"Threshold Crossed: {words}"


def test_without_data_the_reason_counts_what_was_unknown() -> None:
    assert (
        evaluate(plain(EvaluationPeriods=3), Series(), NOON).reason == "Insufficient Data: 3 datapoints were unknown."
    )


def test_reason_data_has_cloudwatchs_layout() -> None:
    result = evaluate(plain(EvaluationPeriods=2), per_period([9, None]), at(12, 0, 7))
    assert result.reason_data == {
        "version": "1.0",
        "queryDate": "2026-11-21T12:00:07.000+0000",
        "startDate": "2026-11-21T11:50:00.000+0000",
        "statistic": "Sum",
        "period": 300,
        "recentDatapoints": [9.0],
        "threshold": 3.0,
        "evaluatedDatapoints": [
            {"timestamp": "2026-11-21T11:55:00.000+0000"},
            {"timestamp": "2026-11-21T11:50:00.000+0000", "sampleCount": 1.0, "value": 9.0},
        ],
    }


def test_the_datapoints_of_metric_math_have_no_sample_count() -> None:
    series = Series()
    for name in ("Failed", "Total"):
        series.add(counted(name), NOON - minutes(5), 20)
    newest = evaluate(ratio(), series, NOON).reason_data["evaluatedDatapoints"][0]
    assert newest == {"timestamp": "2026-11-21T11:30:00.000+0000", "value": 100.0}


@pytest.mark.parametrize(
    ("values", "changes", "words"),
    [
        (
            [1, N, N, N],
            {"EvaluationPeriods": 2, "DatapointsToAlarm": 1, "TreatMissingData": "breaching"},
            "1 datapoint was received for 2 periods and 1 missing datapoint was treated as [Breaching].",
        ),
        (
            [9, N],
            {"EvaluationPeriods": 3, "TreatMissingData": "notBreaching"},
            "1 datapoint was received for 3 periods and 2 missing datapoints were treated as [NonBreaching].",
        ),
        (
            # As an alarm of four error counters read on 2026-09-05, of which none had counted one.
            [0, N, N, N],
            {"EvaluationPeriods": 3, "DatapointsToAlarm": 2, "TreatMissingData": "breaching"},
            "1 datapoint was received for 3 periods and 2 missing datapoints were treated as [Breaching].",
        ),
        (
            [N, N, N, 9],
            {"EvaluationPeriods": 3},
            (
                "only 1 datapoint [9.0 (21/11/26 11:55:00)] was greater than the threshold (3.0), "
                "too few for a minimum of 3 datapoints for OK -> ALARM transition."
            ),
        ),
    ],
)
def test_a_state_for_which_no_datapoint_speaks_has_a_reason_that_says_so(
    values: list[float | None], changes: dict[str, Any], words: str
) -> None:
    assert evaluate(plain(**changes), per_period(values), NOON).reason == f"Threshold Crossed: {words}"


FEW = {"Statistic": None, "ExtendedStatistic": "p90", "EvaluateLowSampleCountPercentile": "ignore"}


@pytest.mark.parametrize("treat", ["missing", "ignore", "breaching", "notBreaching"])
@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("value", [1, 9])
def test_a_percentile_of_few_samples_keeps_the_state_whatever_missing_data_counts_as(
    treat: str, before: State, value: float
) -> None:
    evaluation = evaluate(plain(**FEW, TreatMissingData=treat), per_period([value]), NOON, before)
    assert (evaluation.state, evaluation.reason) == (before, "Unchanged: too few samples for the percentile.")


def test_a_percentile_of_samples_enough_or_of_none_changes_the_state() -> None:
    series = Series()
    series.add(ERRORS, NOON - minutes(5), 9, count=100)
    assert evaluate(plain(**FEW), series, NOON, State.OK).state is State.ALARM
    assert evaluate(plain(**FEW), Series(), NOON, State.OK).state is State.INSUFFICIENT_DATA


POINTS = st.lists(st.tuples(st.integers(1, 90), st.integers(0, 9), st.integers(0, 30)), max_size=25)


@given(
    points=POINTS,
    m=st.integers(1, 3),
    extra=st.integers(0, 1),
    treat=st.sampled_from(["missing", "ignore", "breaching", "notBreaching"]),
    minute=st.integers(0, 30),
)
def test_an_evaluation_equals_adding_up_every_point_by_hand(
    points: list[tuple[int, int, int]], m: int, extra: int, treat: str, minute: int
) -> None:
    n, now, series = m + extra, NOON + minutes(minute), Series()
    alarm = plain(EvaluationPeriods=n, DatapointsToAlarm=m, TreatMissingData=treat)
    for before, value, delay in points:
        moment = NOON - minutes(before)
        series.add(ERRORS, moment, value, published=moment + minutes(delay))
    values: list[float | None] = []
    for slot in range(n + 2):
        end = now - minutes(5 * slot)
        inside = [
            value
            for before, value, delay in points
            if end - minutes(5) <= NOON - minutes(before) < end and NOON - minutes(before) + minutes(delay) <= now
        ]
        values.insert(0, float(sum(inside)) if inside else None)
    assert [slot.value for slot in evaluate(alarm, series, now).slots] == values


def test_dynamodb_alarms_ignore_missing_data_unless_set_otherwise() -> None:
    series = Series()
    alarm = plain(Namespace="AWS/DynamoDB", MetricName="ThrottledRequests")
    assert evaluate(alarm, series, NOON, "OK").state == "OK"
    assert series.metrics() == []


def test_a_metric_is_identified_by_its_dimensions() -> None:
    series = Series()
    series.add(Metric("App", "Errors", (("Host", "a"),)), NOON - minutes(1), 9)
    assert evaluate(plain(), series, NOON).state == "INSUFFICIENT_DATA"
