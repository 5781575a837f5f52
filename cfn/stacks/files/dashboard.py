"""The dashboard of files: are the alarms quiet, does the queue drain, what fails, how long does a run take."""

from collections.abc import Sequence
from typing import Any

from blocks.dashboards import BLUE, ENVIRONMENT, GREY, RED, chart, dashboard, limit, line, state_of
from blocks.parts import title
from deliverywatch.files.records.failures import NAMESPACE
from stacks.files.alarms import DEAD_LETTERS, QUEUE

_SHOWN = ("files-unprocessed", "files-unprocessed-growing", "files-stalled", "files-errors", "files-throttles")


def files_dashboard(functions: Sequence[str]) -> Any:
    """Return the dashboard."""
    states = state_of("Alarms", _SHOWN, (0, 0, 24, 3))
    return dashboard("files", [states, *_queues(), _failures(functions), _durations(functions), _table()])


def _queue(name: str, queue: str, label: str, stat: str, color: str) -> list[Any]:
    return line("AWS/SQS", name, {"QueueName": f"${{{title(queue)}.QueueName}}"}, label=label, stat=stat, color=color)


def _function(metric: str, name: str, label: str, stat: str = "Sum") -> list[Any]:
    return line("AWS/Lambda", metric, {"FunctionName": f"${{{title(name)}}}"}, label=label, stat=stat)


def _queues() -> list[dict[str, Any]]:
    flow = [
        _queue("NumberOfMessagesSent", QUEUE, "came", "Sum", GREY),
        _queue("NumberOfMessagesDeleted", QUEUE, "done", "Sum", BLUE),
    ]
    age = _queue("ApproximateAgeOfOldestMessage", QUEUE, "oldest (s)", "Maximum", BLUE)
    dead = _queue("ApproximateNumberOfMessagesVisible", DEAD_LETTERS, "dead letters", "Maximum", RED)
    return [
        chart("Messages per 5 minutes", flow, (0, 3, 12, 6), 300),
        chart("Age of the oldest message", [age], (12, 3, 12, 6), 300),
        chart("Messages that failed five times", [dead], (0, 9, 12, 6), 300),
    ]


def _failures(functions: Sequence[str]) -> dict[str, Any]:
    failed = line(NAMESPACE, "FailedAttempts", ENVIRONMENT, label="attempts that failed", stat="Sum", color=RED)
    crashed = [_function("Errors", name, f"crashes of {name}") for name in functions]
    throttled = [_function("Throttles", name, f"throttles of {name}") for name in functions]
    metrics = [failed, *crashed, *throttled]
    return chart("Failures per 5 minutes", metrics, (12, 9, 12, 6), 300, limit("alarm over", "FilesErrorCount"))


def _durations(functions: Sequence[str]) -> dict[str, Any]:
    metrics = [_function("Duration", name, f"{name}, 99 of 100 (ms)", "p99") for name in functions]
    return chart("How long a run takes", metrics, (0, 15, 12, 6), 300)


def _table() -> dict[str, Any]:
    # Named by a reference: the table has no name of its own, so that it can be kept when the stack goes.
    table = {"TableName": "${FilesTable}"}
    metrics = [
        line("AWS/DynamoDB", "ConsumedWriteCapacityUnits", table, label="writes", stat="Sum", color=BLUE),
        line("AWS/DynamoDB", "ConditionalCheckFailedRequests", table, label="late or twice", stat="Sum", color=GREY),
        line("AWS/DynamoDB", "WriteThrottleEvents", table, label="throttled", stat="Sum", color=RED),
    ]
    return chart("The table per 5 minutes", metrics, (12, 15, 12, 6), 300)
