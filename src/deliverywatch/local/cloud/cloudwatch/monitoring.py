"""CloudWatch's API where MiniStack falls short: metric math, alarms on it, and pictures of metrics.

Requests and answers are those of GetMetricData, PutMetricAlarm and GetMetricWidgetImage in the AWS API reference.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.engine.evaluation.fetch import query
from deliverywatch.errors import InputError
from deliverywatch.local.cloud.cloudwatch import widget
from deliverywatch.local.cloud.emulator import hooks

if TYPE_CHECKING:
    from deliverywatch.engine.evaluation.series import Series
    from deliverywatch.local.cloud.emulator.clock import Clock

_CLOUDWATCH = "services.cloudwatch"


class Monitoring:
    """Answers from the visible points, with the engine's metric math."""

    def __init__(self, clock: Clock, series: Series) -> None:
        self._clock = clock
        self._series = series

    def install(self, placed: hooks.Hooks) -> None:
        """Put the bridges into MiniStack."""
        placed.replace(_CLOUDWATCH, "_get_metric_data", self._around_get)
        placed.replace(_CLOUDWATCH, "_put_metric_alarm", _around_put)
        placed.replace(_CLOUDWATCH, "handle_request", self._around_requests)

    def answer(
        self, queries: Sequence[Mapping[str, Any]], start: datetime, end: datetime
    ) -> dict[str, list[tuple[datetime, float]]]:
        """Return the points of each query, oldest first.

        Args:
            queries: In the form of GetMetricData.
            start: Rounded down to the minute; periods are counted from there.
            end: Not included.

        Raises:
            InputError: An expression cannot be read, or names a query that is not there.
        """
        return query(queries, self._series, start, end)

    def _around_get(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def get(params: Any, data: Any, is_cbor: bool, is_json: bool = False) -> Any:  # noqa: FBT001, FBT002
            if not (is_cbor or is_json):
                return original(params, data, is_cbor, is_json)
            queries = data["MetricDataQueries"]
            try:
                found = self.answer(queries, _moment(data["StartTime"]), _moment(data["EndTime"]))
            except InputError as error:
                return hooks.inside(_CLOUDWATCH, "_error")(
                    "ValidationError", str(error), 400, use_json=is_json, use_cbor=is_cbor
                )
            newest_first = data.get("ScanBy", "TimestampDescending") == "TimestampDescending"
            results = [
                _result(each, found[each["Id"]][:: -1 if newest_first else 1], is_cbor)
                for each in queries
                if each.get("ReturnData", True)
            ]
            return _answered({"MetricDataResults": results}, is_cbor)

        return get

    def _around_requests(self, original: Callable[..., Any]) -> Callable[..., Any]:
        async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
            if "GetMetricWidgetImage" not in f"{headers.get('x-amz-target', '')} {path}":
                return await original(method, path, headers, body, query)
            is_cbor = "cbor" in headers.get("content-type", "")
            request = _decoded(body, is_cbor)
            picture = widget.image(request["MetricWidget"], self.answer, self._clock.now)
            return _answered({"MetricWidgetImage": picture if is_cbor else base64.b64encode(picture).decode()}, is_cbor)

        return handle


def _result(query: Mapping[str, Any], points: list[tuple[datetime, float]], is_cbor: bool) -> dict[str, Any]:  # noqa: FBT001
    stamps = [moment if is_cbor else int(moment.timestamp()) for moment, _ in points]
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
            record = hooks.inside(_CLOUDWATCH, "_alarms")[data["AlarmName"]]
            for name in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"):
                record.pop(name, None)
            record["Metrics"] = data["Metrics"]
        return answer

    return put


def _decoded(body: bytes, is_cbor: bool) -> Any:  # noqa: FBT001
    if not is_cbor:
        return json.loads(body)
    import cbor2

    return cbor2.loads(body)


def _answered(content: dict[str, Any], is_cbor: bool) -> Any:  # noqa: FBT001
    return hooks.inside(_CLOUDWATCH, "_cbor_ok" if is_cbor else "_json_ok")(content)


def _moment(value: Any) -> datetime:
    return datetime.fromtimestamp(hooks.inside(_CLOUDWATCH, "_parse_ts")(value), UTC)
