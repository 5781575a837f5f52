"""What functions print and do -> data points, which become visible a while later, as in CloudWatch.

Follows the embedded metric format (CloudWatch_Embedded_Metric_Format_Specification.html) and metric filters
(logs/FilterAndPatternSyntax.html).
"""

import itertools
import json
import operator
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deliverywatch.local.cloud.emulator.clock import Agenda, Clock

# CloudWatch takes stamps from two weeks back to two hours ahead and silently drops the rest.
OLDEST = timedelta(days=14)
NEWEST = timedelta(hours=2)

# How long a point takes from being printed to being seen by alarms. AWS gives no figure; half a minute is usual.
MINIMUM_DELAY_SECONDS = 20
DELAY_RANGE_SECONDS = 21

_OF_TEXT = {"=": operator.eq, "!=": operator.ne}
_OF_NUMBERS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}
_CONDITION = re.compile(r"""\$\.(?P<field>[\w.]+)\s*(?P<operator>!=|=|>=|<=|>|<)\s*(?P<value>"[^"]*"|[^\s&|()]+)""")


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one metric; `dimensions` is sorted by name."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    time: datetime
    value: float
    unit: str = "None"


def embedded(line: str, now: datetime) -> list[Point]:
    """Return the points of a log line in the embedded metric format; none for any other or malformed line."""
    if '"_aws"' not in line:
        return []
    try:
        document = json.loads(line)
        stamp = datetime.fromtimestamp(document["_aws"]["Timestamp"] / 1000, UTC)
        points = list(_points(document, stamp))
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
    return points if now - OLDEST <= stamp <= now + NEWEST else []


def _points(document: Mapping[str, Any], stamp: datetime) -> Iterator[Point]:
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names, metric in itertools.product(directive["Dimensions"], directive["Metrics"]):
            dimensions = tuple(sorted((name, str(document[name])) for name in names))
            values = document[metric["Name"]]
            for value in values if isinstance(values, list) else [values]:
                yield Point(
                    directive["Namespace"], metric["Name"], dimensions, stamp, float(value), metric.get("Unit", "None")
                )


def filtered(line: str, metric_filter: Mapping[str, Any], now: datetime) -> list[Point]:
    """Return the points that a metric filter, as DescribeMetricFilters returns it, makes of one log line.

    Patterns are bare terms, all of which must appear, or conditions on JSON fields joined by `&&` or by `||`, such as
    `{ $.level = "ERROR" && $.count > 3 }`.
    """
    fields = _json_object(line)
    if not _matches(metric_filter.get("filterPattern") or "", line, fields):
        return []
    return [_transformed(transformation, fields, now) for transformation in metric_filter["metricTransformations"]]


def _transformed(transformation: Mapping[str, Any], fields: Mapping[str, Any], now: datetime) -> Point:
    def resolve(text: str) -> str:
        return str(_field(fields, text[2:])) if text.startswith("$.") else text

    return Point(
        transformation["metricNamespace"],
        transformation["metricName"],
        tuple(sorted((name, resolve(text)) for name, text in (transformation.get("dimensions") or {}).items())),
        now,
        float(resolve(str(transformation["metricValue"]))),
        transformation.get("unit") or "None",
    )


def _matches(pattern: str, line: str, fields: Mapping[str, Any]) -> bool:
    text = pattern.strip()
    if not text.startswith("{"):
        return all(term.strip('"') in line for term in text.split())
    outcomes = [_holds(condition, fields) for condition in _CONDITION.finditer(text)]
    return any(outcomes) if "||" in text else bool(outcomes) and all(outcomes)


def _holds(condition: re.Match[str], fields: Mapping[str, Any]) -> bool:
    actual, expected = _field(fields, condition["field"]), condition["value"].strip('"')
    if actual is None:
        return False
    if condition["operator"] in _OF_TEXT:
        return bool(_OF_TEXT[condition["operator"]](str(actual), expected))
    return bool(_OF_NUMBERS[condition["operator"]](float(actual), float(expected)))


def _field(fields: Mapping[str, Any], path: str) -> Any:
    value: Any = fields
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _json_object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def delay_of(source: str, at: datetime) -> timedelta:
    """Return how long a source's points take to be visible: 20 to 40 seconds, the same in every replay."""
    draw = zlib.crc32(f"{source} {at.isoformat()}".encode()) % DELAY_RANGE_SECONDS
    return timedelta(seconds=MINIMUM_DELAY_SECONDS + draw)


class Publisher:
    """Holds points until they may be seen, then hands them to the store."""

    def __init__(self, clock: Clock, store: Callable[[Point], None]) -> None:
        self._clock = clock
        self._store = store
        self._waiting: Agenda[Point] = Agenda()

    def submit(self, source: str, points: Iterable[Point]) -> None:
        """Take the points that a source, such as a log group, has just produced."""
        visible = self._clock.now + delay_of(source, self._clock.now)
        for point in points:
            self._waiting.add(visible, point)

    def release(self) -> None:
        """Store every point whose time to be visible has come."""
        while due := self._waiting.next_due(self._clock.now):
            self._store(due[1])
