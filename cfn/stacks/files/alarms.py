"""The watches of the file intake and their alarms.

SQS publishes a queue's metrics only while it is used, and stops after six hours even where messages lie in it: without
data every alarm keeps its state.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from troposphere import Ref, logs

from blocks.alarms import FILLED, Alarm, Expression, Metric, Watch, function_metric, queue_metric, waiting_in
from deliverywatch.files.records.failures import NAMESPACE

QUEUE = "files-queue"
DEAD_LETTERS = "files-dead-letters"
_CONTEXT = "state/files.json"


def watches(functions: Sequence[str]) -> list[Watch]:
    """Return the watches; errors and throttles count of the processor, and of the pusher if there is one."""
    return [
        Watch("files-unprocessed", "Files not processed", [_GROWING, _UNPROCESSED], _CONTEXT),
        Watch("files-stalled", "File intake stalled", [_STALLED], _CONTEXT),
        Watch("files-errors", "File intake failing", [_errors(functions), _throttles(functions)], _CONTEXT),
    ]


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


_GROWING = Alarm(
    "files-unprocessed-growing",
    "More than ${FilesGrowthCount} messages became dead letters within half an hour: it is not one bad file.",
    # FILL: a queue that was empty until now had no metric at all, and the first dead letters are growth too.
    Expression("New dead letters", "DIFF(FILL(dead, 0))", {"dead": waiting_in(DEAD_LETTERS)}),
    "FilesGrowthCount",
    1800,
    severity="critical",
)
_UNPROCESSED = Alarm(
    "files-unprocessed",
    "At least one message about a file failed five times and lies in the queue of dead letters: "
    "'deliverywatch files dlq list' says why. It is over when the queue is empty.",
    # An expression for the sake of its label: the mail's sentence is made of it.
    Expression("Number of dead letters", "dead", {"dead": waiting_in(DEAD_LETTERS)}),
)
_STALLED = Alarm(
    "files-stalled",
    "For 15 minutes the oldest message has waited longer than ${FilesStalledMinutes} minutes, and not one message "
    "was done: nothing empties the queue.",
    Expression(
        "Age of the oldest message while stalled (s)",
        # The age alone is noisy: a long queue that is being worked off is old too.
        "IF(age > 60 * ${FilesStalledMinutes} AND FILL(done, 0) < 1, age, 0)",
        {
            "age": queue_metric("ApproximateAgeOfOldestMessage", QUEUE),
            "done": queue_metric("NumberOfMessagesDeleted", QUEUE, "Sum"),
        },
    ),
    periods=(3, 3),
    severity="critical",
    accepted=FILLED,
)


def _errors(functions: Sequence[str]) -> Alarm:
    crashed = {f"crashed{number}": function_metric("Errors", name) for number, name in enumerate(functions, 1)}
    return Alarm(
        "files-errors",
        "More than ${FilesErrorCount} attempts to process messages failed in each of two periods of 5 minutes, "
        "counting messages that failed and runs that crashed.",
        _sum("Failed attempts", {"failed": Metric(NAMESPACE, "FailedAttempts", "Sum")} | crashed),
        "FilesErrorCount",
        periods=(2, 2),
        accepted=FILLED,
    )


def _throttles(functions: Sequence[str]) -> Alarm:
    throttled = {f"throttled{number}": function_metric("Throttles", name) for number, name in enumerate(functions, 1)}
    return Alarm(
        "files-throttles",
        "Lambda could not start the functions in two of the last three periods of 5 minutes, because too many run "
        "at once in this account: messages wait, and some may become dead letters unread.",
        _sum("Runs that could not start", throttled),
        periods=(2, 3),
        accepted=FILLED,
    )


def _sum(label: str, metrics: Mapping[str, Metric]) -> Expression:
    return Expression(label, " + ".join(f"FILL({name}, 0)" for name in metrics), metrics)
