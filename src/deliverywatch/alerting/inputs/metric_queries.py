"""Alarms -> GetMetricData requests for their own metrics, and the answers back to alarms.

Several alarms go into one request, so ids are made unique per alarm and the expressions are rewritten to them.
Format: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.alarm import Alarm

# Quoted text stays as it is; an id is a word that begins with a lower-case letter.
_QUOTED_OR_ID = re.compile(r"\"[^\"]*\"|'[^']*'|\b[a-z]\w*")

# CloudWatch keeps one-minute points for 15 days and five-minute points for 63.
_GRAINS = ((timedelta(days=1), 60), (timedelta(days=14), 300))
_COARSEST_SECONDS = 3600


def newest_requests(alarms: Iterable[Alarm], now: datetime) -> list[dict[str, Any]]:
    """Return the requests for the alarms' values of the period that ends at the minute of `now`.

    Points are aligned to the start of a request, so only alarms of the same period can share one.
    """
    end = now.replace(second=0, microsecond=0)
    by_period: dict[int, list[Mapping[str, Any]]] = {}
    for number, alarm in enumerate(alarms):
        if _can_share(alarm):
            by_period.setdefault(alarm.period_seconds, []).extend(_renamed(alarm, number))
    return [
        {"MetricDataQueries": queries, "StartTime": end - timedelta(seconds=period_seconds), "EndTime": end}
        for period_seconds, queries in by_period.items()
    ]


def newest_values(alarms: Sequence[Alarm], results: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Return by alarm name, by query id, the newest value of each result."""
    values: dict[str, dict[str, float]] = {}
    for result in results:
        number, _, query_id = result["Id"][1:].partition("_")
        if result["Values"]:
            _, newest = max(zip(result["Timestamps"], result["Values"], strict=True))
            values.setdefault(alarms[int(number)].name, {})[query_id] = float(newest)
    return values


def sums_request(alarm: Alarm, start: datetime, end: datetime) -> dict[str, Any] | None:
    """Return the request for the sums of an alarm's own metrics over a time; None if it has no sums."""
    grain_seconds = next((seconds for limit, seconds in _GRAINS if end - start <= limit), _COARSEST_SECONDS)
    first = datetime.fromtimestamp(start.timestamp() // grain_seconds * grain_seconds, tz=start.tzinfo)
    queries = [
        {**query, "MetricStat": {**query["MetricStat"], "Period": grain_seconds}, "ReturnData": True}
        for query in alarm.queries
        if query.get("MetricStat", {}).get("Stat") == "Sum"
    ]
    return {"MetricDataQueries": queries, "StartTime": first, "EndTime": end} if queries else None


def _can_share(alarm: Alarm) -> bool:
    # METRICS() means all metrics of the request: in a shared one it would include those of other alarms.
    return bool(alarm.queries) and not any("METRICS(" in query.get("Expression", "") for query in alarm.queries)


def _renamed(alarm: Alarm, number: int) -> list[Mapping[str, Any]]:
    ids = {query["Id"] for query in alarm.queries}
    return [_with_id(query, f"a{number}_", ids) for query in alarm.queries]


def _with_id(query: Mapping[str, Any], prefix: str, ids: set[str]) -> Mapping[str, Any]:
    renamed = {**query, "Id": prefix + query["Id"], "ReturnData": True}
    if "Expression" not in query:
        return renamed
    expression = _QUOTED_OR_ID.sub(lambda word: (prefix if word[0] in ids else "") + word[0], query["Expression"])
    return renamed | {"Expression": expression}
