"""GetMetricData: one request for the alarms of a watch, and its answers."""

from datetime import timedelta
from typing import Any

import pytest
from alerting_fakes import DESCRIBED, PREFIX, at, ratio_alarm

from deliverywatch.alerting.inputs.alarm import Alarm, from_description
from deliverywatch.alerting.inputs.metric_queries import newest_requests, newest_values, sums_request

ALARMS = {one["AlarmName"].removeprefix(f"{PREFIX}-"): from_description(one) for one in DESCRIBED}
NOW = at("12:04") + timedelta(seconds=23)


def by_id(request: dict[str, Any]) -> dict[str, Any]:
    return {query["Id"]: query for query in request["MetricDataQueries"]}


def test_alarms_of_one_period_share_a_request_that_ends_at_the_minute() -> None:
    (request,) = newest_requests([ALARMS["sms-critical"], ALARMS["sms-warning"]], NOW)
    assert (request["StartTime"], request["EndTime"]) == (at("11:34"), at("12:04"))
    assert list(by_id(request)) == ["a0_share", "a0_total", "a0_failed", "a1_share", "a1_total", "a1_failed"]
    assert all(query["ReturnData"] for query in by_id(request).values())


def test_expressions_are_rewritten_to_the_ids_of_their_alarm() -> None:
    (request,) = newest_requests([ALARMS["sms-critical"]], NOW)
    expected = "IF(a0_total >= 10 AND a0_failed >= 3, 100 * a0_failed / a0_total, 0)"
    assert by_id(request)["a0_share"]["Expression"] == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m1/m10", "a0_m1/m10"),
        ("SUM([m1, m1])", "SUM([a0_m1, a0_m1])"),
        ("IF(m1 > 1e3, m1, 0)", "IF(a0_m1 > 1e3, a0_m1, 0)"),
        ("SEARCH('{m1} m1', 'Sum') + m1", "SEARCH('{m1} m1', 'Sum') + a0_m1"),
        ('FILL(m1, "m1")', 'FILL(a0_m1, "m1")'),
    ],
)
def test_only_ids_are_rewritten(expression: str, expected: str) -> None:
    metric = {"Namespace": "N", "MetricName": "M", "Dimensions": []}
    described = ratio_alarm("x", 1) | {
        "Metrics": [
            {"Id": "e", "Expression": expression, "ReturnData": True},
            {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
        ]
    }
    (request,) = newest_requests([from_description(described)], NOW)
    assert by_id(request)["a0_e"]["Expression"] == expected


def test_each_period_has_a_request_of_its_own() -> None:
    requests = newest_requests([ALARMS["sms-blind"], ALARMS["sms-ingest-errors"]], NOW)
    assert [(request["EndTime"] - request["StartTime"]).seconds for request in requests] == [1800, 600]


def test_what_cannot_be_read_is_left_out() -> None:
    everything = ratio_alarm("x", 1) | {"Metrics": [{"Id": "e", "Expression": "SUM(METRICS())", "ReturnData": True}]}
    assert newest_requests([Alarm("composite"), from_description(everything)], NOW) == []


def test_answers_find_their_alarms_and_the_newest_value_counts() -> None:
    alarms = [ALARMS["sms-critical"], ALARMS["sms-warning"]]
    results = [
        {"Id": "a0_share", "Timestamps": [at("11:33"), at("11:34")], "Values": [1.0, 29.0]},
        {"Id": "a1_failed", "Timestamps": [at("11:34")], "Values": [349]},
        {"Id": "a1_total", "Timestamps": [], "Values": []},
    ]
    assert newest_values(alarms, results) == {
        f"{PREFIX}-sms-critical": {"share": 29.0},
        f"{PREFIX}-sms-warning": {"failed": 349.0},
    }


@pytest.mark.parametrize(("hours", "grain_seconds"), [(1, 60), (24, 60), (25, 300), (24 * 14, 300), (24 * 15, 3600)])
def test_sums_are_read_at_a_grain_that_cloudwatch_still_keeps(hours: int, grain_seconds: int) -> None:
    start = NOW - timedelta(hours=hours)
    request = sums_request(ALARMS["sms-critical"], start, NOW)
    assert request is not None
    assert {query["Id"]: query["MetricStat"]["Period"] for query in request["MetricDataQueries"]} == {
        "total": grain_seconds,
        "failed": grain_seconds,
    }
    assert request["StartTime"].timestamp() % grain_seconds == 0
    assert timedelta(0) <= start - request["StartTime"] < timedelta(seconds=grain_seconds)


def test_an_alarm_that_adds_up_nothing_has_no_sums() -> None:
    assert sums_request(ALARMS["sms-overdue"], at("11:00"), NOW) is None
