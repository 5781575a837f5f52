"""The dashboard of files: are the alarms quiet, does the queue drain, what fails, how long does a run take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from troposphere import cloudwatch

from blocks.dashboards import body, chart, line, number_of, state_of
from blocks.parts import PREFIX, named
from deliverywatch.files.records.failures import NAMESPACE
from stacks.files.alarms import DEAD_LETTERS, QUEUE

_SHOWN = ("files-unprocessed", "files-unprocessed-growing", "files-stalled", "files-errors", "files-throttles")
_RED, _ORANGE, _GREY, _BLUE = "#d13212", "#ff9900", "#879596", "#1f77b4"


def dashboard(functions: Sequence[str]) -> Any:
    """Return the dashboard; the first three of an account are free, so it is made on condition."""
    widgets = [
        state_of("Alarms", _SHOWN, (0, 0, 24, 3)),
        _flow(),
        _age(),
        _dead_letters(),
        _failures(functions),
        _durations(functions),
        _table(),
    ]
    return cloudwatch.Dashboard(
        "FilesDashboard", Condition="HasDashboard", DashboardName=named("files"), DashboardBody=body(widgets)
    )


def _queue(name: str, queue: str, label: str, stat: str, color: str) -> list[Any]:
    return line("AWS/SQS", name, {"QueueName": f"{PREFIX}-{queue}"}, label=label, stat=stat, color=color)


def _function(name: str, function: str, label: str, **look: Any) -> list[Any]:
    return line("AWS/Lambda", name, {"FunctionName": f"{PREFIX}-{function}"}, label=label, **look)


def _flow() -> dict[str, Any]:
    metrics = [
        _queue("NumberOfMessagesSent", QUEUE, "came", "Sum", _GREY),
        _queue("NumberOfMessagesDeleted", QUEUE, "done", "Sum", _BLUE),
    ]
    return chart("Messages per 5 minutes", metrics, (0, 3, 12, 6), 300)


def _age() -> dict[str, Any]:
    metrics = [_queue("ApproximateAgeOfOldestMessage", QUEUE, "oldest (s)", "Maximum", _BLUE)]
    return chart("Age of the oldest message", metrics, (12, 3, 12, 6), 300)


def _dead_letters() -> dict[str, Any]:
    metrics = [_queue("ApproximateNumberOfMessagesVisible", DEAD_LETTERS, "dead letters", "Maximum", _RED)]
    return chart("Messages that failed five times", metrics, (0, 9, 12, 6), 300)


def _failures(functions: Sequence[str]) -> dict[str, Any]:
    limit = [{"label": "alarm over", "value": number_of("FilesErrorCount"), "color": _ORANGE}]
    failed = line(
        NAMESPACE, "FailedAttempts", {"Environment": "${Environment}"}, label="attempts that failed", stat="Sum",
        color=_RED,
    )  # fmt: skip
    crashed = [_function("Errors", name, f"crashes of {name}", stat="Sum") for name in functions]
    throttled = [_function("Throttles", name, f"throttles of {name}", stat="Sum") for name in functions]
    return chart("Failures per 5 minutes", [failed, *crashed, *throttled], (12, 9, 12, 6), 300, thresholds=limit)


def _durations(functions: Sequence[str]) -> dict[str, Any]:
    metrics = [_function("Duration", name, f"{name}, 99 of 100 (ms)", stat="p99") for name in functions]
    return chart("How long a run takes", metrics, (0, 15, 12, 6), 300)


def _table() -> dict[str, Any]:
    # Named by a reference: the table has no name of its own, so that it can be kept when the stack goes.
    table = {"TableName": "${FilesTable}"}
    metrics = [
        line("AWS/DynamoDB", "ConsumedWriteCapacityUnits", table, label="writes", stat="Sum", color=_BLUE),
        line("AWS/DynamoDB", "ConditionalCheckFailedRequests", table, label="late or twice", stat="Sum", color=_GREY),
        line("AWS/DynamoDB", "WriteThrottleEvents", table, label="throttled", stat="Sum", color=_RED),
    ]
    return chart("The table per 5 minutes", metrics, (12, 15, 12, 6), 300)
