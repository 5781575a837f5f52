"""The store of datapoints: points of a minute add up, in any order of arrival, and every statistic of a window."""

from datetime import datetime

import pytest
from engine_alarms import ERRORS, NOON, minutes
from hypothesis import given
from hypothesis import strategies as st

from cwalarm.definitions.alarm import MetricStat
from cwalarm.errors import InputError
from cwalarm.evaluation import statistic
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.statistic import Sample

START = int(NOON.timestamp())


def stat_of(name: str) -> MetricStat:
    return MetricStat("App", "Errors", (), 60, name)


def held(*values: float) -> Series:
    series = Series()
    for value in values:
        series.add(ERRORS, NOON, value)
    return series


def measured(statistic_name: str, *values: float) -> float | None:
    return held(*values).window(stat_of(statistic_name), START, START + 60)


@pytest.mark.parametrize(
    ("name", "expected"), [("Sum", 12), ("Average", 3), ("SampleCount", 4), ("Minimum", 1), ("Maximum", 6)]
)
def test_points_of_one_minute_add_up(name: str, expected: float) -> None:
    assert measured(name, 1, 2, 3, 6) == expected


HUNDRED = [float(value) for value in range(1, 101)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p0", 1),
        ("p50", 50.5),
        ("p100", 100),
        ("p99", 99.01),
        ("p99.9", 99.901),
        ("tm90", 45.5),
        ("TM(10%:90%)", 50.5),
        ("TM(:50)", 25.5),
        ("TM(90:)", 95.5),
        ("IQM", 50.5),
        ("tc90", 90),
        ("TC(80:90)", 10),
        ("ts10", 55),
        ("TS(80%:)", 1810),
        ("PR(:30)", 30),
        ("PR(50:75)", 25),
        ("PR(90:)", 10),
        ("wm98", (sum(range(1, 99)) + 2 * 98.02) / 100),
    ],
)
def test_percentiles_and_trimmed_statistics_follow_their_definitions(name: str, expected: float) -> None:
    assert measured(name, *HUNDRED) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["Median", "p101", "tm", "PR(10%:90%)", "TM(90%:10%)", "TM(:)", "TM(-:5)", "sum"])
def test_an_unknown_statistic_is_refused_by_name(name: str) -> None:
    assert not statistic.is_known(name)
    with pytest.raises(InputError, match="is unknown"):
        measured(name, 1)


@pytest.mark.parametrize(("name", "is_significant"), [("p90", True), ("p91", False), ("p100", False), ("Sum", True)])
def test_a_percentile_of_a_hundred_samples_is_significant_up_to_the_ninetieth(name: str, is_significant: bool) -> None:
    assert held(*HUNDRED).is_significant(stat_of(name), START, START + 60) is is_significant


def test_a_window_without_samples_has_none_to_be_too_few() -> None:
    assert held(1).is_significant(stat_of("p99"), START + 60, START + 120)


def test_percentiles_are_not_available_where_a_value_is_negative() -> None:
    assert measured("p50", 3, -1, 2) is None
    assert measured("tm50", 3, -1, 2) is not None


@pytest.mark.parametrize(("fraction", "samples"), [(0.99, 1000), (0.5, 20), (0.1, 100)])
def test_few_samples_depend_on_the_percentile(fraction: float, samples: float) -> None:
    assert statistic.low_sample_limit(fraction) == pytest.approx(samples)


def test_a_statistic_set_has_a_sum_and_no_percentile() -> None:
    series = Series()
    series.add_set(ERRORS, NOON, Sample(10, 4, 1, 5))
    stats = [MetricStat("App", "Errors", (), 60, name) for name in ("Sum", "Average", "p50")]
    assert [series.window(stat, START, START + 60) for stat in stats] == [10, 2.5, None]


def test_a_window_ends_before_its_end() -> None:
    series = Series()
    series.add(ERRORS, NOON, 1)
    series.add(ERRORS, NOON + minutes(1), 10)
    stat = MetricStat("App", "Errors", (), 60, "Sum")
    assert series.window(stat, START, START + 60) == 1
    assert series.window(stat, START + 60, START + 120) == 10


def test_a_high_resolution_point_keeps_its_second() -> None:
    series = Series()
    series.add(ERRORS, NOON.replace(second=37), 1, resolution_seconds=1)
    stat = MetricStat("App", "Errors", (), 10, "Sum")
    assert [series.window(stat, START + second, START + second + 10) for second in (20, 30, 40)] == [None, 1, None]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_refused(value: float) -> None:
    with pytest.raises(InputError, match="Errors has a value"):
        measured("Sum", value)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InputError, match="without a time zone"):
        Series().add(ERRORS, datetime(2026, 11, 21), 1)  # noqa: DTZ001


@given(st.lists(st.tuples(st.integers(0, 20), st.floats(-1e6, 1e6)), max_size=30))
def test_the_order_of_arrival_does_not_matter(points: list[tuple[int, float]]) -> None:
    stat = MetricStat("App", "Errors", (), 60, "Average")
    windows = []
    for ordered in (points, sorted(points), points[::-1]):
        series = Series()
        for minute, value in ordered:
            series.add(ERRORS, NOON + minutes(minute), value)
        windows.append(series.window(stat, START, START + 15 * 60))
    assert windows[0] == pytest.approx(windows[1])
    assert windows[0] == pytest.approx(windows[2])
