"""CloudWatch's API where MiniStack falls short: metric math, alarms on it, and pictures of metrics.

Requests and answers are those of GetMetricData, PutMetricAlarm and GetMetricWidgetImage in the AWS API reference.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.engine.evaluation.fetch import query
from deliverywatch.errors import InputError
from deliverywatch.local.cloud.cloudwatch import widget, wire
from deliverywatch.local.cloud.cloudwatch.wire import CLOUDWATCH
from deliverywatch.local.cloud.emulator import hooks

if TYPE_CHECKING:
    from deliverywatch.engine.evaluation.series import Series
    from deliverywatch.local.cloud.emulator.clock import Clock


class Monitoring:
    """Answers from the visible points, with the engine's metric math."""

    def __init__(self, clock: Clock, series: Series) -> None:
        self._clock = clock
        self._series = series

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridges into MiniStack."""
        placed.replace(CLOUDWATCH, "_get_metric_data", self._around_get)
        placed.replace(CLOUDWATCH, "_put_metric_alarm", _around_put)
        placed.replace(CLOUDWATCH, "handle_request", self._around_requests)

    def answer(
        self, queries: Sequence[Mapping[str, Any]], start: datetime, end: datetime
    ) -> dict[str, list[tuple[datetime, float]]]:
        """Return the points of each query in the form of GetMetricData, oldest first; the end is not included.

        Raises:
            InputError: An expression cannot be read, or names a query that does not exist.
        """
        return query(queries, self._series, start, end)

    def _around_get(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def get(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:  # noqa: FBT001, FBT002
            if not (is_cbor or is_json):
                return original(params, data, is_cbor, is_json)
            queries = data["MetricDataQueries"]
            try:
                points = self.answer(queries, _time(data["StartTime"]), _time(data["EndTime"]))
            except InputError as error:
                return wire.refusal("ValidationError", str(error), is_cbor=is_cbor)
            step = -1 if data.get("ScanBy", "TimestampDescending") == "TimestampDescending" else 1
            shown = [each for each in queries if each.get("ReturnData", True)]
            results = [_result(each, points[each["Id"]][::step], is_cbor=is_cbor) for each in shown]
            return wire.answer({"MetricDataResults": results}, is_cbor=is_cbor)

        return get

    def _around_requests(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
            if "GetMetricWidgetImage" not in f"{headers.get('x-amz-target', '')} {path}":
                return await original(method, path, headers, body, query)
            is_cbor = "cbor" in headers.get("content-type", "")
            request = wire.decoded(body, is_cbor=is_cbor)
            picture = widget.image(request["MetricWidget"], self.answer, self._clock.now)
            content = {"MetricWidgetImage": picture if is_cbor else base64.b64encode(picture).decode()}
            return wire.answer(content, is_cbor=is_cbor)

        return handle


def _result(query: Mapping[str, Any], points: list[tuple[datetime, float]], *, is_cbor: bool) -> dict[str, Any]:
    stamps = [at if is_cbor else int(at.timestamp()) for at, _ in points]
    return {
        "Id": query["Id"],
        "Label": query.get("Label", query["Id"]),
        "StatusCode": "Complete",
        "Timestamps": stamps,
        "Values": [value for _, value in points],
    }


def _around_put(original: Callable[..., Any]) -> Callable[..., Any]:
    """Keep an alarm's `Metrics`, which MiniStack drops."""

    def put(params: Any, data: Any, *protocol: bool) -> Any:
        answer = original(params, data, *protocol)
        if any(protocol) and data.get("Metrics"):
            record = hooks.inside(CLOUDWATCH, "_alarms")[data["AlarmName"]]
            for name in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"):
                record.pop(name, None)
            record["Metrics"] = data["Metrics"]
        return answer

    return put


def _time(value: Any) -> datetime:
    return datetime.fromtimestamp(hooks.inside(CLOUDWATCH, "_parse_ts")(value), UTC)
