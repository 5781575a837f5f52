"""The alarms of scheduled queries, and their watches: schedules kept in step, runs, dead letters, time and cost.

What one query finds, and that one query failed, is too fine for an alarm: the executor tells it itself.
"""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Ref

from blocks.alarms import Metric, Rule, expression_alarm, metric_alarm
from deliverywatch.queries.run.record import NAMESPACE

_ALERTS = ["AlertsTopic"]
_CONTEXT = "state/queries.json"
_HOUR = 3600

WATCHES: list[dict[str, Any]] = [
    {
        "name": "queries-schedules",
        "title": "Scheduled queries are not kept in step",
        "context": _CONTEXT,
        "rungs": [
            {"alarm": "queries-reconcile-failed", "level": "warning"},
            {"alarm": "queries-reconcile-stale", "level": "warning"},
        ],
    },
    {
        "name": "queries-source",
        "title": "The file of queries cannot be had",
        "context": _CONTEXT,
        "rungs": [{"alarm": "queries-source", "level": "warning"}],
    },
    {
        "name": "queries-runs",
        "title": "Scheduled queries fail",
        "context": _CONTEXT,
        "rungs": [
            {"alarm": "queries-runs-failed", "level": "warning"},
            {"alarm": "queries-execute-errors", "level": "warning"},
            {"alarm": "queries-dead-letters", "level": "warning"},
        ],
    },
    {
        "name": "queries-slow",
        "title": "A scheduled query is slow",
        "context": _CONTEXT,
        "rungs": [{"alarm": "queries-slow", "level": "warning"}],
    },
    {
        "name": "queries-dear",
        "title": "Scheduled queries are dear",
        "context": _CONTEXT,
        "rungs": [{"alarm": "queries-dear", "level": "warning"}],
    },
]


def metric(name: str, statistic: str) -> Metric:
    """Return one of the metrics that the two functions emit."""
    return Metric(NAMESPACE, name, {"Environment": Ref("Environment")}, statistic)


def alarms(dead_letters: str) -> list[Any]:
    """Return all alarms of scheduled queries.

    Args:
        dead_letters: The logical id of the queue for what could not be started or finished.
    """
    return [
        *_reconciler(),
        _source(),
        _runs_failed(),
        _execute_errors(),
        _dead_letters(dead_letters),
        _slow(),
        _dear(),
    ]


def _reconciler() -> list[Any]:
    failed = Rule(
        "For 15 minutes, every round of the reconciler left schedules that are not as the file says: they could not be "
        "written, or their deletion is withheld.",
        0,
        900,
        "ignore",
        _ALERTS,
        _ALERTS,
    )
    stale = Rule(
        "The reconciler finished no round for 30 minutes: the file is wrong, or the function fails.",
        1,
        _HOUR // 2,
        "breaching",
        _ALERTS,
        _ALERTS,
        comparison="LessThanThreshold",
        # The window, and the first round of a new stack.
        warm_up_minutes=40,
    )
    rounds = {"rounds": metric("Unchanged", "SampleCount")}
    return [
        # The least of the rounds: one that failed and was mended by the next is nobody's trouble.
        metric_alarm("queries-reconcile-failed", failed, metric("Failed", "Minimum")),
        expression_alarm("queries-reconcile-stale", stale, "FILL(rounds, 0)", rounds, "Rounds of the reconciler"),
    ]


def _execute_errors() -> Any:
    rule = Rule(
        "Runs of queries could not be finished for 30 minutes; each is repeated twice before it waits in the queue.",
        0,
        900,
        "notBreaching",
        _ALERTS,
        _ALERTS,
        (2, 2),
    )
    errors = Metric("AWS/Lambda", "Errors", {"FunctionName": Ref("QueriesExecute")}, "Sum")
    return metric_alarm("queries-execute-errors", rule, errors)


def _source() -> Any:
    rule = Rule(
        "For an hour the file of queries could not be had: schedules stay as its last good copy wants them.",
        0,
        _HOUR,
        "ignore",
        _ALERTS,
        _ALERTS,
    )
    return metric_alarm("queries-source", rule, metric("SourceFailed", "Minimum"))


def _runs_failed() -> Any:
    rule = Rule(
        "${QueriesFailedCount} or more runs of queries failed within an hour: not one broken query, but something that "
        "they share, such as a right or a table.",
        Ref("QueriesFailedCount"),
        _HOUR,
        "notBreaching",
        _ALERTS,
        _ALERTS,
        comparison="GreaterThanOrEqualToThreshold",
    )
    return metric_alarm("queries-runs-failed", rule, metric("ExecutionFailures", "Sum"))


def _dead_letters(queue: str) -> Any:
    rule = Rule(
        "A run of a query could not be started, or not be finished after three tries: it waits in the queue.",
        0,
        300,
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    name = {"QueueName": GetAtt(queue, "QueueName")}
    return metric_alarm(
        "queries-dead-letters", rule, Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", name, "Maximum")
    )


def _slow() -> Any:
    rule = Rule(
        "The slowest query of an hour took more than ${QueriesSlowSeconds} seconds.",
        Ref("QueriesSlowSeconds"),
        _HOUR,
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    return metric_alarm("queries-slow", rule, metric("Seconds", "Maximum"))


def _dear() -> Any:
    rule = Rule(
        "The queries of 24 hours cost more than ${QueriesDearUsd} USD at Athena's list price.",
        Ref("QueriesDearUsd"),
        24 * _HOUR,
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    return metric_alarm("queries-dear", rule, metric("CostUsd", "Sum"))
