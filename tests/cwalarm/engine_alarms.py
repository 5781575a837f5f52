"""Alarms and datapoints of the engine's tests: short to write, complete to read."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from cwalarm.definitions.alarm import Alarm, Metric, from_description
from cwalarm.evaluation.series import Series

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ERRORS = Metric("App", "Errors", ())
TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def plain(**changes: Any) -> Alarm:
    """Return an alarm on App/Errors: Sum over 5 minutes > 3, one datapoint of one."""
    description: dict[str, Any] = {
        "AlarmName": "errors",
        "Namespace": "App",
        "MetricName": "Errors",
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return from_description({**description, **changes})


def entry(query_id: str, name: str, period: int = 1800, stat: str = "Sum") -> dict[str, Any]:
    metric = {"Namespace": "App", "MetricName": name, "Dimensions": [{"Name": "Environment", "Value": "test"}]}
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, "ReturnData": False}


def ratio(**changes: Any) -> Alarm:
    """Return an alarm on the failed share of 30 minutes, guarded by a minimum of ten."""
    guarded = "IF(total >= 10 AND failed >= 3, 100 * failed / total, 0)"
    description: dict[str, Any] = {
        "AlarmName": "ratio",
        "AlarmDescription": "too many failures",
        "Metrics": [
            {"Id": "rate", "Expression": guarded, "Label": "Failed share", "ReturnData": True},
            entry("failed", "Failed"),
            entry("total", "Total"),
        ],
        "EvaluationPeriods": 1,
        "Threshold": 25,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore",
        "AlarmActions": [TOPIC],
        "OKActions": [TOPIC],
    }
    return from_description({**description, **changes})


def counted(name: str) -> Metric:
    return Metric("App", name, (("Environment", "test"),))


def per_period(values: Sequence[float | None], period_seconds: int = 300, end: datetime = NOON) -> Series:
    """Return App/Errors with one point at the start of each period; the last period ends at `end`."""
    series = Series()
    for index, value in enumerate(values):
        if value is not None:
            series.add(ERRORS, end - timedelta(seconds=period_seconds * (len(values) - index)), value)
    return series
