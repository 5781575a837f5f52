"""CloudWatch's API where MiniStack falls short: metric math, alarms on it, and pictures of metrics.

Requests and answers are those of GetMetricData, PutMetricAlarm and GetMetricWidgetImage in the AWS API reference.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cwalarm.evaluation.fetch import query
from cwalarm.evaluation.series import Series
from deliverywatch.local.cloud.cloudwatch import widget, wire
from deliverywatch.local.cloud.cloudwatch.wire import CLOUDWATCH
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock


class Monitoring:
    """Answers from the visible points, with the engine's metric math."""

    def __init__(self, clock: Clock, series: Series) -> None:
        self._clock = clock
        self._series = series

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridges into MiniStack."""
        placed.replace(CLOUDWATCH, "_put_metric_alarm", _around_put)
        wire.serve(placed, {"GetMetricData": self._data, "GetMetricWidgetImage": self._picture})

    def _answer(
        self, queries: Sequence[Mapping[str, Any]], start: datetime, end: datetime
    ) -> dict[str, list[tuple[datetime, float]]]:
        """Return the points of each query, oldest first; the end is not included."""
        return query(queries, self._series, start, end)

    def _data(self, request: Mapping[str, Any]) -> dict[str, Any]:
        queries = request["MetricDataQueries"]
        points = self._answer(queries, _time(request["StartTime"]), _time(request["EndTime"]))
        step = -1 if request.get("ScanBy", "TimestampDescending") == "TimestampDescending" else 1
        shown = [query for query in queries if query.get("ReturnData", True)]
        return {"MetricDataResults": [_result(query, points[query["Id"]][::step]) for query in shown]}

    def _picture(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"MetricWidgetImage": widget.image(request["MetricWidget"], self._answer, self._clock.now)}


def _result(query: Mapping[str, Any], points: list[tuple[datetime, float]]) -> dict[str, Any]:
    return {
        "Id": query["Id"],
        "Label": query.get("Label", query["Id"]),
        "StatusCode": "Complete",
        "Timestamps": [at for at, _ in points],
        "Values": [value for _, value in points],
    }


def _around_put(original: Callable[..., Any]) -> Callable[..., Any]:
    """Keep an alarm's `Metrics`, which MiniStack drops."""

    def put(params: Any, data: Any, *protocol: bool) -> Any:
        answer = original(params, data, *protocol)
        if any(protocol) and data.get("Metrics"):
            alarms = hooks.inside(CLOUDWATCH, "_alarms")
            alarms[data["AlarmName"]] = wire.on_queries(alarms[data["AlarmName"]], data["Metrics"])
        return answer

    return put


def _time(value: Any) -> datetime:
    return datetime.fromtimestamp(hooks.inside(CLOUDWATCH, "_parse_ts")(value), UTC)
