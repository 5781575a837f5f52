"""From log lines to points: the embedded metric format, metric filters, and the time until a point is seen."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from deliverywatch import emf
from deliverywatch.local.cloud.cloudwatch.metrics import Point, Publisher, delay_of, embedded, filtered
from deliverywatch.local.cloud.emulator.clock import Clock

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
STAMP = NOW - timedelta(minutes=8)


def line(**changes: object) -> str:
    document = json.loads(
        emf.document("Ours", {"Environment": "prod"}, {"Total": (7, "Count"), "Failed": (2, "Count")}, STAMP)
    )
    return json.dumps(document | changes)


def test_a_document_becomes_one_point_for_each_of_its_metrics() -> None:
    assert embedded(line(), NOW) == [
        Point("Ours", "Total", (("Environment", "prod"),), STAMP, 7.0, "Count"),
        Point("Ours", "Failed", (("Environment", "prod"),), STAMP, 2.0, "Count"),
    ]


def test_each_value_of_a_list_is_a_point() -> None:
    assert [point.value for point in embedded(line(Total=[1, 2, 3]), NOW) if point.name == "Total"] == [1.0, 2.0, 3.0]


def test_each_set_of_dimensions_is_a_metric_of_its_own() -> None:
    document = json.loads(line(Country="AU"))
    document["_aws"]["CloudWatchMetrics"][0]["Dimensions"] = [["Country", "Environment"], []]
    points = {point.dimensions for point in embedded(json.dumps(document), NOW)}
    assert points == {(("Country", "AU"), ("Environment", "prod")), ()}


@pytest.mark.parametrize(
    "text", ["", "hello", '{"level": "INFO"}', '{"_aws": 3}', '{"_aws"', '["_aws"]', '{"_aws": {"Timestamp": 1}}']
)
def test_any_other_line_makes_no_point(text: str) -> None:
    assert embedded(text, NOW) == []


@pytest.mark.parametrize(("age", "count"), [(timedelta(days=13), 2), (timedelta(days=15), 0), (timedelta(hours=-3), 0)])
def test_a_stamp_outside_of_what_cloudwatch_takes_is_dropped(age: timedelta, count: int) -> None:
    assert len(embedded(line(), STAMP + age)) == count


def test_a_point_is_seen_after_its_delay_and_not_before() -> None:
    clock, seen = Clock(NOW), []
    publisher = Publisher(clock, seen.append)
    publisher.submit("log", embedded(line(), NOW))
    delay = delay_of("log", NOW)
    assert timedelta(seconds=20) <= delay <= timedelta(seconds=40)
    clock.advance_to(NOW + delay - timedelta(seconds=1))
    publisher.release()
    assert seen == []
    clock.advance_to(NOW + delay)
    publisher.release()
    assert [point.name for point in seen] == ["Total", "Failed"]


FILTER = {
    "metricTransformations": [
        {"metricName": "Slow", "metricNamespace": "Ours", "metricValue": "$.took.ms", "dimensions": {"Job": "$.job"}}
    ]
}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("", True),
        ("nightly", True),
        ('"nightly" missing', False),
        ('{ $.job = "nightly" }', True),
        ("{ $.took.ms > 1500 }", False),
        ("{ $.took.ms >= 1200 && $.job != hourly }", True),
        ('{ ($.job = "hourly") || ($.took.ms < 2000) }', True),
        ("{ $.nothing = 1 }", False),
    ],
)  # fmt: skip
def test_a_metric_filter_takes_the_lines_that_match_its_pattern(pattern: str, matches: bool) -> None:
    points = filtered('{"job": "nightly", "took": {"ms": 1200}}', FILTER | {"filterPattern": pattern}, NOW)
    assert points == ([Point("Ours", "Slow", (("Job", "nightly"),), NOW, 1200.0)] if matches else [])


def test_the_clock_never_goes_back() -> None:
    clock = Clock(NOW)
    clock.advance_to(NOW - timedelta(hours=1))
    assert clock.now == NOW
