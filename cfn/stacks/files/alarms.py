"""The alarms of the file intake, and the watches that say which of them are rungs of one ladder.

SQS publishes a queue's metrics only while it is used: an empty queue has none, which is no alarm.
"""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Ref, logs

from blocks.alarms import Metric, Rule, expression_alarm
from blocks.parts import title
from deliverywatch.files.records.failures import NAMESPACE

QUEUE = "files-queue"
DEAD_LETTERS = "files-dead-letters"
_ALERTS = ["AlertsTopic"]
_CONTEXT = "state/files.json"

WATCHES: list[dict[str, Any]] = [
    {
        "name": "files-unprocessed",
        "title": "Files not processed",
        "context": _CONTEXT,
        "rungs": [
            {"alarm": "files-unprocessed-growing", "level": "critical"},
            {"alarm": "files-unprocessed", "level": "warning"},
        ],
    },
    {
        "name": "files-stalled",
        "title": "File intake stalled",
        "context": _CONTEXT,
        "rungs": [{"alarm": "files-stalled", "level": "critical"}],
    },
    {
        "name": "files-errors",
        "title": "File intake failing",
        "context": _CONTEXT,
        "rungs": [{"alarm": "files-errors", "level": "warning"}, {"alarm": "files-throttles", "level": "warning"}],
    },
]


def queue_metric(name: str, queue: str, statistic: str) -> Metric:
    """Return a metric that SQS publishes about a queue of ours."""
    return Metric("AWS/SQS", name, {"QueueName": GetAtt(title(queue), "QueueName")}, statistic)


def function_metric(name: str, function: str) -> Metric:
    """Return a sum that Lambda publishes about a function of ours."""
    return Metric("AWS/Lambda", name, {"FunctionName": Ref(title(function))}, "Sum")


def alarms(functions: list[str]) -> list[Any]:
    """Return all alarms of files.

    Args:
        functions: The functions whose errors and throttles count: the processor, and the pusher if there is one.
    """
    return [_dead_letters(), _growing(), _stalled(), _errors(functions), _throttles(functions)]


def errors_filter() -> Any:
    """Return the metric filter that counts failed attempts, which the processor prints one a line."""
    counted = logs.MetricTransformation(
        MetricNamespace=NAMESPACE,
        MetricName="FailedAttempts",
        MetricValue="1",
        Unit="Count",
        Dimensions=[logs.Dimension(Key="Environment", Value="$.environment")],
    )
    return logs.MetricFilter(
        "FilesFailedAttempts",
        LogGroupName=Ref("FilesProcessLogs"),
        FilterPattern='{ $.level = "ERROR" && $.event = "message_failed" }',
        MetricTransformations=[counted],
    )


_DEAD = queue_metric("ApproximateNumberOfMessagesVisible", DEAD_LETTERS, "Maximum")


def _dead_letters() -> Any:
    rule = Rule(
        "At least one message about a file failed five times and lies in the queue of dead letters: "
        "'deliverywatch files dlq list' says why. It is over when the queue is empty.",
        0,
        300,
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    # An expression for the sake of its label: the mail's sentence is made of it.
    return expression_alarm("files-unprocessed", rule, "dead", {"dead": _DEAD}, "Number of dead letters")


def _growing() -> Any:
    rule = Rule(
        "More than ${FilesGrowthCount} messages became dead letters within half an hour: it is not one bad file.",
        Ref("FilesGrowthCount"),
        1800,
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    # FILL: a queue that was empty until now had no metric at all, and the first dead letters are growth too.
    return expression_alarm(
        "files-unprocessed-growing", rule, "DIFF(FILL(dead, 0))", {"dead": _DEAD}, "New dead letters"
    )


def _stalled() -> Any:
    rule = Rule(
        "For 15 minutes the oldest message has waited longer than ${FilesStalledMinutes} minutes, and not one message "
        "was done: nothing empties the queue.",
        0,
        300,
        "notBreaching",
        _ALERTS,
        _ALERTS,
        (3, 3),
    )
    metrics = {
        "age": queue_metric("ApproximateAgeOfOldestMessage", QUEUE, "Maximum"),
        "done": queue_metric("NumberOfMessagesDeleted", QUEUE, "Sum"),
    }
    # The age alone is noisy: a long queue that is being worked off is old too.
    expression = "IF(age > 60 * ${FilesStalledMinutes} AND FILL(done, 0) < 1, age, 0)"
    return expression_alarm("files-stalled", rule, expression, metrics, "Age of the oldest message while stalled (s)")


def _errors(functions: list[str]) -> Any:
    rule = Rule(
        "More than ${FilesErrorCount} attempts to process messages failed in each of two periods of 5 minutes, "
        "counting messages that failed and runs that crashed.",
        Ref("FilesErrorCount"),
        300,
        "notBreaching",
        _ALERTS,
        _ALERTS,
        (2, 2),
    )
    metrics = {"failed": Metric(NAMESPACE, "FailedAttempts", {"Environment": Ref("Environment")}, "Sum")}
    crashed = {f"crashed{number}": function_metric("Errors", name) for number, name in enumerate(functions, 1)}
    expression = " + ".join(f"FILL({name}, 0)" for name in (*metrics, *crashed))
    return expression_alarm("files-errors", rule, expression, metrics | crashed, "Failed attempts")


def _throttles(functions: list[str]) -> Any:
    rule = Rule(
        "Lambda could not start the functions in two of the last three periods of 5 minutes, because too many run "
        "at once in this account: messages wait, and some may become dead letters unread.",
        0,
        300,
        "notBreaching",
        _ALERTS,
        _ALERTS,
        (2, 3),
    )
    metrics = {f"throttled{number}": function_metric("Throttles", name) for number, name in enumerate(functions, 1)}
    expression = " + ".join(f"FILL({name}, 0)" for name in metrics)
    return expression_alarm("files-throttles", rule, expression, metrics, "Runs that could not start")
