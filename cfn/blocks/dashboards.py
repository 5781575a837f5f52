"""Charts -> the body of a CloudWatch dashboard, JSON in which CloudFormation fills in parameters.

Format: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from troposphere import Sub

from blocks.parts import PREFIX

# Column, row, width, height; a dashboard is 24 columns wide.
Place = tuple[int, int, int, int]

_ALARM_ARN = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"


def body(widgets: Sequence[Mapping[str, Any]], variables: Mapping[str, Any] | None = None) -> Any:
    """Return the body of these widgets, over the last day.

    Args:
        widgets: From top to bottom.
        variables: What `${Name}` stands for in them, beyond the template's parameters.
    """
    text = json.dumps({"start": "-P1D", "periodOverride": "inherit", "widgets": widgets}, separators=(",", ":"))
    # A parameter that stands for a number must not stand in quotes.
    return Sub(re.sub(r'"number:(\$\{\w+\})"', r"\1", text), **(variables or {}))


def number_of(parameter: str) -> str:
    """Return what stands for the number that a parameter holds."""
    return f"number:${{{parameter}}}"


def line(namespace: str, name: str, dimensions: Mapping[str, str], **look: Any) -> list[Any]:
    """Return one metric of a chart; `look` is CloudWatch's: label, stat, color, id, visible."""
    pairs = [word for pair in dimensions.items() for word in pair]
    return [namespace, name, *pairs, look]


def chart(
    title: str,
    metrics: Sequence[Any],
    place: Place,
    period_seconds: int,
    thresholds: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return a line chart that starts at 0, with thresholds as horizontal lines."""
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "region": "${AWS::Region}",
        "period": period_seconds,
        "metrics": list(metrics),
        "yAxis": {"left": {"min": 0, "showUnits": False}},
    }
    if thresholds:
        properties["annotations"] = {"horizontal": list(thresholds)}
    return _widget("metric", place, properties)


def state_of(title: str, alarms: Sequence[str], place: Place) -> dict[str, Any]:
    """Return the widget that shows the state of alarms, named without the prefix."""
    return _widget("alarm", place, {"title": title, "alarms": [f"{_ALARM_ARN}{PREFIX}-{name}" for name in alarms]})


def words(markdown: str, place: Place) -> dict[str, Any]:
    """Return a widget of text, such as links."""
    return _widget("text", place, {"markdown": markdown})


def _widget(kind: str, place: Place, properties: Mapping[str, Any]) -> dict[str, Any]:
    x, y, width, height = place
    return {"type": kind, "x": x, "y": y, "width": width, "height": height, "properties": properties}
