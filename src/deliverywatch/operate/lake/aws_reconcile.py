"""CloudWatch's sums of the SMS metrics, and what is added to them, over boto3.

GetMetricData keeps minutes for 15 days, and PutMetricData takes 1000 values a request (both in the API reference).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.aws import translated
from deliverywatch.sms.counts import NAMESPACE

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.lake.reconcile import Difference

_NAMES = ("Total", "Failed")
# One request answers at most 100,800 values: two metrics of five days have 14,400.
_STEP = timedelta(days=5)


class Metrics:
    """`Total` and `Failed` of one environment."""

    def __init__(self, cloud: Cloud, environment: str) -> None:
        self._client = cloud.client("cloudwatch")
        self._dimensions = [{"Name": "Environment", "Value": environment}]

    def sums(self, start: datetime, end: datetime) -> Mapping[str, Mapping[datetime, float]]:
        """Return the sums by their stamp, of stamps in [start, end)."""
        values: dict[str, dict[datetime, float]] = {name: {} for name in _NAMES}
        with translated("The metrics"):
            while start < end:
                for name, stamp, value in self._sums(start, min(end, start + _STEP)):
                    values[name][stamp] = value
                start += _STEP
        return values

    def put(self, differences: Sequence[Difference]) -> None:
        """Add to the sums, in one request: at most 500 slots."""
        data = [
            {
                "MetricName": name,
                "Dimensions": self._dimensions,
                "Timestamp": difference.stamp,
                "Value": float(value),
                "Unit": "Count",
            }
            for difference in differences
            for name, value in zip(_NAMES, (difference.total, difference.failed), strict=True)
        ]
        with translated("The metrics"):
            self._client.put_metric_data(Namespace=NAMESPACE, MetricData=data)

    def _sums(self, start: datetime, end: datetime) -> Iterator[tuple[str, datetime, float]]:
        queries = [self._query(name) for name in _NAMES]
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                for stamp, value in zip(result["Timestamps"], result["Values"], strict=True):
                    yield result["Id"].capitalize(), stamp, value

    def _query(self, name: str) -> dict[str, Any]:
        metric = {"Namespace": NAMESPACE, "MetricName": name, "Dimensions": self._dimensions}
        return {"Id": name.lower(), "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
