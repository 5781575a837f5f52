"""The watches of scheduled queries and their alarms: schedules kept in step, runs, dead letters, time and cost.

What one query finds, and that one query failed, is too fine for an alarm: the executor sends a system notice of it.
"""

from blocks.alarms import Alarm, Expression, Metric, Watch, function_metric, waiting_in
from deliverywatch.queries.run.record import NAMESPACE

DEAD_LETTERS = "queries-execute-dead-letters"
_CONTEXT = "state/queries.json"
_HOUR = 3600

_SCHEDULES = [
    Alarm(
        "queries-reconcile-withheld",
        "Deletions of schedules are withheld: they wait until they are allowed, or the queries are in the file again.",
        Metric(NAMESPACE, "Withheld", "Maximum"),
        # With the first round that withholds, until one does not: every round says so.
        period_seconds=60,
    ),
    Alarm(
        "queries-reconcile-failed",
        "For 15 minutes, every round of the reconciler left schedules that are not as the file says: they could not be "
        "written, or their deletion is withheld.",
        # The least of the rounds: what one of them left and the next made good is nobody's trouble.
        Metric(NAMESPACE, "Failed", "Minimum"),
        period_seconds=900,
    ),
    Alarm(
        "queries-reconcile-stale",
        "The reconciler finished no round for 30 minutes: the file is wrong, or the function fails.",
        Expression(
            "Rounds of the reconciler", "FILL(rounds, 0)", {"rounds": Metric(NAMESPACE, "Unchanged", "SampleCount")}
        ),
        1,
        _HOUR // 2,
        "breaching",
        comparison="LessThanThreshold",
        # The window, and the first round of a new stack.
        warm_up_minutes=40,
    ),
]
_SOURCE = Alarm(
    "queries-source",
    "For an hour the file of queries could not be had: schedules stay as its last good copy wants them.",
    Metric(NAMESPACE, "SourceFailed", "Minimum"),
    period_seconds=_HOUR,
)
_RUNS = [
    Alarm(
        "queries-runs-failed",
        "${QueriesFailedCount} or more runs of queries failed within an hour: not one broken query, but something that "
        "they share, such as a right or a table.",
        Metric(NAMESPACE, "ExecutionFailures", "Sum"),
        "QueriesFailedCount",
        _HOUR,
        comparison="GreaterThanOrEqualToThreshold",
    ),
    Alarm(
        "queries-execute-errors",
        "Runs of queries could not be finished for 30 minutes; each is repeated twice before it waits in the queue.",
        function_metric("Errors", "queries-execute"),
        period_seconds=900,
        periods=(2, 2),
    ),
    Alarm(
        "queries-dead-letters",
        "A run of a query could not be started, or not be finished after three tries: it waits in the queue.",
        waiting_in(DEAD_LETTERS),
    ),
]
_SLOW = Alarm(
    "queries-slow",
    "The slowest query of an hour took more than ${QueriesSlowSeconds} seconds.",
    Metric(NAMESPACE, "Seconds", "Maximum"),
    "QueriesSlowSeconds",
    _HOUR,
)
_DEAR = Alarm(
    "queries-dear",
    "The queries of 24 hours cost more than ${QueriesDearUsd} USD at Athena's list price.",
    Metric(NAMESPACE, "CostUsd", "Sum"),
    "QueriesDearUsd",
    24 * _HOUR,
)

WATCHES = [
    Watch("queries-schedules", "Scheduled queries are not kept in step", _SCHEDULES, _CONTEXT),
    Watch("queries-source", "The file of queries cannot be had", [_SOURCE], _CONTEXT),
    Watch("queries-runs", "Scheduled queries fail", _RUNS, _CONTEXT),
    Watch("queries-slow", "A scheduled query is slow", [_SLOW], _CONTEXT),
    Watch("queries-dear", "Scheduled queries are dear", [_DEAR], _CONTEXT),
]
