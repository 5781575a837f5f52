"""A CloudWatch metric widget (JSON) -> the chart that GetMetricWidgetImage would draw, as PNG.

Format: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Metric-Widget-Structure.html
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from deliverywatch.local.cloud.cloudwatch.chart import PALETTE, Chart, Line, Mark, png

# Answers queries in the form of GetMetricData: id -> points, oldest first.
Answer = Callable[[Sequence[Mapping[str, Any]], datetime, datetime], Mapping[str, Sequence[tuple[datetime, float]]]]

_DEFAULT_PERIOD_SECONDS = 300
_DURATION = re.compile(r"-P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?)?")


def image(widget: str, answer: Answer, now: datetime) -> bytes:
    """Return the PNG of a metric widget, whose `start` and `end` are relative to `now`."""
    definition = json.loads(widget)
    start, end = _time(definition.get("start", "-PT3H"), now), _time(definition.get("end", "PT0H"), now)
    queries = _queries(definition)
    points = answer([query for query, _ in queries], start, end)
    axis = (definition.get("yAxis") or {}).get("left") or {}
    return png(
        Chart(
            title=definition.get("title", ""),
            lines=tuple(_lines(queries, points, definition.get("period", _DEFAULT_PERIOD_SECONDS))),
            marks=tuple(_marks(definition)),
            start=start,
            end=end,
            width=definition.get("width", 600),
            height=definition.get("height", 400),
            zone=_zone(definition.get("timezone", "UTC")),
            minimum=axis.get("min"),
            maximum=axis.get("max"),
        )
    )


def _queries(widget: Mapping[str, Any]) -> list[tuple[dict[str, Any], str | None]]:
    """Return the query of each row, with its colour."""
    queries: list[tuple[dict[str, Any], str | None]] = []
    previous: list[str] = []
    for position, row in enumerate(widget.get("metrics", [])):
        names = [name for name in row if isinstance(name, str)]
        options = row[-1] if row and isinstance(row[-1], dict) else {}
        previous = _whole(names, previous)
        queries.append((_query(previous, options, widget, position), options.get("color")))
    return queries


def _whole(names: list[str], previous: list[str]) -> list[str]:
    """Write out the short forms: `.` repeats what the row above has there, `...` all that is left out at the front."""
    if names and names[0] == "...":
        names = [*previous[: len(previous) - len(names) + 1], *names[1:]]
    return [previous[column] if name == "." else name for column, name in enumerate(names)]


def _query(names: list[str], options: Mapping[str, Any], widget: Mapping[str, Any], position: int) -> dict[str, Any]:
    identifier = options.get("id", f"row{position}")
    period = int(options.get("period", widget.get("period", _DEFAULT_PERIOD_SECONDS)))
    fields: dict[str, Any] = {"Id": identifier, "ReturnData": options.get("visible", True)}
    if "expression" in options:
        expression = options["expression"]
        return fields | {"Expression": expression, "Period": period, "Label": options.get("label", expression)}
    namespace, name, *parts = names
    dimensions = [{"Name": key, "Value": value} for key, value in zip(parts[::2], parts[1::2], strict=True)]
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
    stat = {"Metric": metric, "Period": period, "Stat": options.get("stat", widget.get("stat", "Average"))}
    return fields | {"Label": options.get("label", name), "MetricStat": stat}


def _lines(
    queries: Sequence[tuple[Mapping[str, Any], str | None]],
    points: Mapping[str, Sequence[tuple[datetime, float]]],
    period: int,
) -> list[Line]:
    shown = [(query, color) for query, color in queries if query["ReturnData"]]
    gap = timedelta(seconds=period * 1.5)
    return [
        Line(query["Label"], tuple(points[query["Id"]]), color or PALETTE[number % len(PALETTE)], gap)
        for number, (query, color) in enumerate(shown)
    ]


def _marks(widget: Mapping[str, Any]) -> list[Mark]:
    horizontal = (widget.get("annotations") or {}).get("horizontal") or []
    single = [line for line in horizontal if isinstance(line, dict)]
    return [Mark(float(line["value"]), line.get("label", ""), line.get("color", "#d13212")) for line in single]


def _time(text: str, now: datetime) -> datetime:
    if text == "PT0H":
        return now
    if match := _DURATION.fullmatch(text):
        return now - timedelta(**{unit: int(count or 0) for unit, count in match.groupdict().items()})
    return datetime.fromisoformat(text).astimezone(UTC)


def _zone(text: str) -> str:
    """Return an IANA name for a widget's time zone, which is an offset such as `+1000`, or already such a name."""
    if text in available_timezones():
        return text
    hours = int(text[:3])
    name = f"Etc/GMT{-hours:+d}" if hours else "UTC"
    return name if ZoneInfo(name) else "UTC"
