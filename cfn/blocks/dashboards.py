"""Charts -> a CloudWatch dashboard, JSON in which CloudFormation fills in parameters.

Format: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from troposphere import Sub, cloudwatch

from blocks.parts import PREFIX, arn, named, title
from deliverywatch.messages.palette import TONES

# Column, row, width, height; a dashboard is 24 columns wide.
Position = tuple[int, int, int, int]

RED, ORANGE, GREEN, GREY = (TONES[level].dashboard for level in ("critical", "warning", "ok", "blind"))
BLUE = "#1f77b4"
ENVIRONMENT = {"Environment": "${Environment}"}
_ALARM = arn("cloudwatch", f"alarm:{PREFIX}-")


def dashboard(system: str, widgets: Sequence[Mapping[str, Any]], variables: Mapping[str, Any] | None = None) -> Any:
    """Return a dashboard over the last day; the first three of an account are free, so it is made on condition."""
    text = json.dumps({"start": "-P1D", "periodOverride": "inherit", "widgets": widgets}, separators=(",", ":"))
    # Said once: a dashboard names up to 22 alarms.
    named_alarm = {"Alarm": Sub(_ALARM)} if _ALARM in text else {}
    text = text.replace(_ALARM, "${Alarm}")
    # A parameter that stands for a number must not be in quotes.
    body = Sub(re.sub(r'"number:(\$\{\w+\})"', r"\1", text), **named_alarm, **(variables or {}))
    return cloudwatch.Dashboard(
        f"{title(system)}Dashboard", Condition="HasDashboard", DashboardName=named(system), DashboardBody=body
    )


def limit(label: str, parameter: str, color: str = ORANGE) -> dict[str, str]:
    """Return a horizontal line at the number that a parameter holds."""
    return {"label": label, "value": f"number:${{{parameter}}}", "color": color}


def line(namespace: str, name: str, dimensions: Mapping[str, str], **look: Any) -> list[Any]:
    """Return one metric of a chart; `look` is CloudWatch's: label, stat, color, id, visible."""
    pairs = [word for pair in dimensions.items() for word in pair]
    return [namespace, name, *pairs, look]


def function_line(name: str, function: str, label: str, stat: str = "Sum", **look: Any) -> list[Any]:
    """Return what Lambda publishes of a function, which is named without the prefix."""
    return line("AWS/Lambda", name, {"FunctionName": f"{PREFIX}-{function}"}, label=label, stat=stat, **look)


def chart(
    title: str,
    metrics: Sequence[Any],
    position: Position,
    period_seconds: int | str,
    *limits: Mapping[str, Any],
) -> dict[str, Any]:
    """Return a line chart that starts at 0, with limits as horizontal lines; the period may be `number:${Variable}`."""
    properties: dict[str, Any] = {
        "title": title,
        "view": "timeSeries",
        "region": "${AWS::Region}",
        "period": period_seconds,
        "metrics": list(metrics),
        "yAxis": {"left": {"min": 0, "showUnits": False}},
    }
    if limits:
        properties["annotations"] = {"horizontal": limits}
    return _widget("metric", position, properties)


def log_chart(title: str, function: str, query: str, position: Position) -> dict[str, Any]:
    """Return a line chart of what a function's log lines say: no metric is billed, only what opening it scans."""
    return _log(title, "timeSeries", function, query, position)


def log_table(title: str, function: str, query: str, position: Position) -> dict[str, Any]:
    """Return a table of a function's log lines, the same way."""
    return _log(title, "table", function, query, position)


def _log(title: str, view: str, function: str, query: str, position: Position) -> dict[str, Any]:
    source = f"SOURCE '/aws/lambda/{PREFIX}-{function}' | {query}"
    return _widget("log", position, {"title": title, "view": view, "region": "${AWS::Region}", "query": source})


def state_of(title: str, alarms: Sequence[str], position: Position) -> dict[str, Any]:
    """Return the widget that shows the state of alarms, named without the prefix."""
    return _widget("alarm", position, {"title": title, "alarms": [f"{_ALARM}{name}" for name in alarms]})


def words(markdown: str, position: Position) -> dict[str, Any]:
    """Return a widget of text, such as links."""
    return _widget("text", position, {"markdown": markdown})


def _widget(kind: str, position: Position, properties: Mapping[str, Any]) -> dict[str, Any]:
    x, y, width, height = position
    return {"type": kind, "x": x, "y": y, "width": width, "height": height, "properties": properties}
