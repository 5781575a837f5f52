"""A live account -> alarm definitions and datapoints: DescribeAlarms and GetMetricData, paged, within their limits."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from cwalarm.definitions import alarm as alarms
from cwalarm.definitions import composites
from cwalarm.errors import InputError, MetricsUnavailable
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.statistic import Sample

# GetMetricData: at most 500 queries and 100,800 datapoints in one call.
_QUERIES = 500
_DATAPOINTS = 100_800
_STATISTICS = ("Sum", "SampleCount", "Minimum", "Maximum")
_QUERIES_A_METRIC = len(_STATISTICS)

_Definition = TypeVar("_Definition", alarms.Alarm, composites.Composite)

# How long CloudWatch keeps datapoints, by their period in seconds.
RETENTION = ((60, timedelta(days=15)), (300, timedelta(days=63)), (3600, timedelta(days=455)))


class CloudWatch:
    """Reads alarms and metrics of one account and region."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def definitions(
        self, prefix: str = ""
    ) -> tuple[list[alarms.Alarm], list[composites.Composite], list[tuple[str, str]]]:
        """Return the alarms, the composites, and name and reason of each that the engine does not evaluate.

        Raises:
            MetricsUnavailable: CloudWatch does not answer.
        """
        metric: list[alarms.Alarm] = []
        composite: list[composites.Composite] = []
        refused: list[tuple[str, str]] = []
        for page in self._pages(prefix):
            _collect(page.get("MetricAlarms", ()), alarms.from_description, metric, refused)
            _collect(page.get("CompositeAlarms", ()), composites.from_description, composite, refused)
        return metric, composite, refused

    def _pages(self, prefix: str) -> Iterator[dict[str, Any]]:
        named = {"AlarmNamePrefix": prefix} if prefix else {}
        paginator = self._client.get_paginator("describe_alarms")
        try:
            yield from paginator.paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"], **named)
        except (BotoCoreError, ClientError) as error:
            raise MetricsUnavailable(f"CloudWatch does not list its alarms: {error}.") from error

    def history(self, metrics: Sequence[alarms.Metric], start: datetime, end: datetime, now: datetime) -> Series:
        """Return the datapoints from `start` to before `end`, each stretch as fine as CloudWatch keeps it at `now`.

        Percentiles are not in it: GetMetricData returns statistics, not values.

        Raises:
            InputError: The start is older than CloudWatch keeps datapoints.
            MetricsUnavailable: CloudWatch does not answer.
        """
        series = Series()
        for begin, until, period in stretches(start, end, now):
            for group in _chunks(list(metrics), _QUERIES // _QUERIES_A_METRIC):
                self._read_stretch(series, group, begin, until, period)
        return series

    def _read_stretch(
        self, series: Series, metrics: Sequence[alarms.Metric], start: datetime, end: datetime, period: int
    ) -> None:
        span = timedelta(seconds=_DATAPOINTS // (len(metrics) * _QUERIES_A_METRIC) * period)
        while start < end:
            self._read(series, metrics, start, min(start + span, end), period)
            start += span

    def _read(
        self, series: Series, metrics: Sequence[alarms.Metric], start: datetime, end: datetime, period: int
    ) -> None:
        queries = [_query(index, metric, stat, period) for index, metric in enumerate(metrics) for stat in _STATISTICS]
        statistics: dict[tuple[int, datetime], dict[str, float]] = {}
        try:
            pages = self._client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
            )
            results = [result for page in pages for result in page["MetricDataResults"]]
        except (BotoCoreError, ClientError) as error:
            raise MetricsUnavailable(f"CloudWatch does not return its metrics: {error}.") from error
        for result in results:
            statistic, _, index = result["Id"].partition("_")
            for moment, value in zip(result["Timestamps"], result["Values"], strict=True):
                statistics.setdefault((int(index), moment.astimezone(UTC)), {})[statistic] = value
        for (index, moment), values in statistics.items():
            if len(values) == len(_STATISTICS):
                series.add_set(metrics[index], moment, Sample(*(values[stat.lower()] for stat in _STATISTICS)))


def _collect(
    descriptions: Iterable[dict[str, Any]],
    read: Callable[[dict[str, Any]], _Definition],
    readable: list[_Definition],
    refused: list[tuple[str, str]],
) -> None:
    for description in descriptions:
        try:
            readable.append(read(description))
        except InputError as error:
            refused.append((str(description["AlarmName"]), str(error)))


def grain_seconds(start: datetime, now: datetime) -> int:
    """Return the shortest period for which CloudWatch still has datapoints of `start`, or raise InputError."""
    for period, kept in RETENTION:
        if now - start <= kept:
            return period
    raise InputError(
        f"CloudWatch keeps no datapoints from {start.date()}: it forgets them after 455 days.",
        next_step="Choose a later start, or replay from your own history.",
    )


def stretches(start: datetime, end: datetime, now: datetime) -> list[tuple[datetime, datetime, int]]:
    """Return begin, end and grain in seconds of the parts of a span that CloudWatch keeps alike, oldest first."""
    parts = []
    while start < end:
        period = grain_seconds(start, now)
        # As long as it is the finer grain's turn; a full hour begins a period of any grain.
        finer = [now - kept for grain, kept in RETENTION if grain < period]
        turn = min(finer, default=start)
        until = turn.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) if turn > start else end
        parts.append((start, min(until, end), period))
        start = until
    return parts


def _query(index: int, metric: alarms.Metric, statistic: str, period: int) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in metric.dimensions]
    identity = {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
    stat = {"Metric": identity, "Period": period, "Stat": statistic}
    return {"Id": f"{statistic.lower()}_{index}", "MetricStat": stat}


def _chunks(metrics: list[alarms.Metric], size: int) -> Iterator[list[alarms.Metric]]:
    for first in range(0, len(metrics), size):
        yield metrics[first : first + size]
