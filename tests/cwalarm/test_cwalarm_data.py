"""GetMetricData over the engine's store."""

import pytest
from engine_alarms import NOON, counted, entry, minutes

from cwalarm.errors import InputError
from cwalarm.evaluation.fetch import query
from cwalarm.evaluation.series import Series


def hour() -> Series:
    series = Series()
    for minute, (failed, total) in {0: (1, 4), 10: (2, 4), 50: (0, 2)}.items():
        series.add(counted("Failed"), NOON + minutes(minute), failed)
        series.add(counted("Total"), NOON + minutes(minute), total)
    return series


QUERIES = [
    {"Id": "rate", "Expression": "100 * failed / total"},
    entry("failed", "Failed", 600),
    entry("total", "Total", 600),
]


def test_metrics_and_expressions_come_back_slot_by_slot() -> None:
    points = query(QUERIES, hour(), NOON, NOON + minutes(60))
    assert points["rate"] == [(NOON, 25.0), (NOON + minutes(10), 50.0), (NOON + minutes(50), 0.0)]
    assert [value for _, value in points["total"]] == [4, 4, 2]


def test_the_start_is_rounded_down_to_the_minute_and_the_end_is_not_included() -> None:
    points = query(QUERIES, hour(), NOON.replace(second=59), NOON + minutes(10))
    assert points["failed"] == [(NOON, 1.0)]


def test_an_expression_has_the_longest_period_of_its_metrics() -> None:
    mixed = [QUERIES[0], entry("failed", "Failed", 600), entry("total", "Total", 1800)]
    points = query(mixed, hour(), NOON, NOON + minutes(60))
    assert points["rate"] == [(NOON, 37.5), (NOON + minutes(30), 0.0)]
    assert len(points["failed"]) == 3


def test_expressions_may_name_one_another_in_any_order() -> None:
    points = query([{"Id": "twice", "Expression": "rate * 2"}, *QUERIES], hour(), NOON, NOON + minutes(20))
    assert [value for _, value in points["twice"]] == [50, 100]


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("rate + missing", "refers to missing"),
        ("x + 1", "refers to itself"),
        ("[total, failed]", "not one time series"),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(expression: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        query([{"Id": "x", "Expression": expression}, *QUERIES], hour(), NOON, NOON + minutes(20))


def test_a_number_is_the_same_in_every_slot() -> None:
    points = query([{"Id": "line", "Expression": "25", "Period": 600}], Series(), NOON, NOON + minutes(20))
    assert points["line"] == [(NOON, 25.0), (NOON + minutes(10), 25.0)]
