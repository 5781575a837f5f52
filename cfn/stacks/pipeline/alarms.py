"""The alarms of each pipeline, its composite, and the watches that say who mails what.

One fault, one mail. Where a run fails, `pipeline-report` knows the cause and tells it; the alarms on failed, timed out
and aborted runs and on jobs are there for the composite and the dashboard, in a watch whose level is always ok. What is
measured (quality, integrity, records, age, duration) mails by its alarm. Some of it `pipeline-report` may tell first:
the watch has the same name there, so that the second adds no mail.

Readings come once a run, so their alarms ignore missing data: they keep their state until the next run is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, Ref, Sub

from blocks.alarms import Metric, Rule, composite_alarm, expression_alarm, metric_alarm
from blocks.parts import title
from deliverywatch.pipeline.outputs.metrics import NAMESPACE
from stacks.pipeline.parameters import parameter

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline

DEAD_LETTERS = "pipeline-dead-letters"
_ALERTS = ["AlertsTopic"]
_HOUR = 3600
_MINUTES_5 = 300
# CloudWatch lets an alarm warm up for two days at most.
_LONGEST_WARM_UP_MINUTES = 2880

# Alarm -> (title and level of its mails); those without are told by the report, or repeat what another tells.
_MAILED = {
    "missed": ("run missed", "critical"),
    "slow": ("run takes long", "warning"),
    "records": ("too few records", "warning"),
    "stale": ("data is stale", "warning"),
    "quality": ("data quality is low", "critical"),
    "integrity": ("history is damaged", "critical"),
}
_TOLD_BY_THE_REPORT = ("failed", "timed-out", "aborted", "job-failures")
CHILDREN = (*_TOLD_BY_THE_REPORT, *_MAILED)


def alarms(pipelines: Sequence[Pipeline]) -> list[Any]:
    """Return all alarms of the system."""
    return [*(alarm for pipeline in pipelines for alarm in _of(pipeline)), *_of_ourselves()]


def watches(pipelines: Sequence[Pipeline]) -> list[dict[str, Any]]:
    """Return what the notifier must know of the alarms."""
    blind = [{"alarm": "pipeline-errors", "level": "blind"}, {"alarm": "pipeline-undelivered", "level": "blind"}]
    own = {"name": "pipeline-blind", "title": "Pipeline monitoring is blind", "rungs": blind}
    # A validation that fails makes its run fail, and that is told with its cause.
    quiet = [{"alarm": "pipeline-validate-errors", "level": "ok"}]
    return [
        *(watch for pipeline in pipelines for watch in _watches_of(pipeline.name)),
        own | {"context": "state/pipeline-blind.json"},
        {"name": "pipeline-validate", "title": "Validation of pipelines", "rungs": quiet},
    ]


def metric(pipeline: Pipeline, job_type: str, name: str, statistic: str) -> Metric:
    """Return one of the metrics that `pipeline-publish` emits."""
    dimensions = {"Environment": Ref("Environment"), "Pipeline": pipeline.name, "JobType": job_type}
    return Metric(NAMESPACE, name, dimensions, statistic)


def executions(pipeline: Pipeline, name: str) -> Metric:
    """Return a count that Step Functions publishes about a pipeline's state machine."""
    arn = f"arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:stateMachine:{pipeline.state_machine}"
    return Metric("AWS/States", name, {"StateMachineArn": Sub(arn)}, "Sum")


def _watches_of(name: str) -> list[dict[str, Any]]:
    mailed = [
        {
            "name": f"pipeline-{name}-{what}",
            "title": f"{name}: {words}",
            "context": f"state/pipeline-{name}-{what}.json",
            "rungs": [{"alarm": f"pipeline-{name}-{what}", "level": level}],
        }
        for what, (words, level) in _MAILED.items()
    ]
    quiet = [{"alarm": f"pipeline-{name}-{what}", "level": "ok"} for what in (*_TOLD_BY_THE_REPORT, "health")]
    return [*mailed, {"name": f"pipeline-{name}", "title": f"{name}: health", "rungs": quiet}]


def _of(pipeline: Pipeline) -> list[Any]:
    ended = {"failed": "ExecutionsFailed", "timed-out": "ExecutionsTimedOut", "aborted": "ExecutionsAborted"}
    children = [
        *(_ended(pipeline, what, name) for what, name in ended.items()),
        _reading(pipeline, "job-failures", "glue", "JobSuccess", "Minimum", "<", 1,
                 "a Glue job of the last run failed. The mail comes from pipeline-report, which knows the cause."),
        _missed(pipeline),
        _slow(pipeline),
        _reading(pipeline, "records", "validation", "RecordsProcessed", "Sum", "<", "MinimumRecords",
                 "the last run wrote fewer than {limit} records."),
        _reading(pipeline, "stale", "validation", "DataAgeHours", "Maximum", ">", "StaleHours",
                 "when the last run was validated, the source's newest change was more than {limit} hours old."),
        _reading(pipeline, "quality", "validation", "DataQualityScore", "Minimum", "<", "QualityPercent",
                 "fewer than {limit} % of the rows of the last run have a value in every required column."),
        _reading(pipeline, "integrity", "scd2", "SCDIntegrityScore", "Minimum", "<", "IntegrityPercent",
                 "fewer than {limit} % of the keys of the history tables violate none of the twelve checks."),
    ]  # fmt: skip
    return [*children, _health(pipeline)]


def _ended(pipeline: Pipeline, what: str, name: str) -> Any:
    rule = Rule(
        f"{pipeline.name}: a run {what.replace('-', ' ')}. The mail comes from pipeline-report, which knows the cause.",
        0,
        _MINUTES_5,
        # Step Functions counts only what happens.
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    return metric_alarm(f"pipeline-{pipeline.name}-{what}", rule, executions(pipeline, name))


def _reading(
    pipeline: Pipeline, what: str, job_type: str, name: str, statistic: str, sign: str, limit: str | int, words: str
) -> Any:
    comparison = {"<": "LessThanThreshold", ">": "GreaterThanThreshold"}[sign]
    threshold = Ref(parameter(pipeline, limit)) if isinstance(limit, str) else limit
    spelt = f"${{{parameter(pipeline, limit)}}}" if isinstance(limit, str) else str(limit)
    description = f"{pipeline.name}: {words.replace('{limit}', spelt)}"
    rule = Rule(description, threshold, _MINUTES_5, "ignore", _ALERTS, _ALERTS, comparison=comparison)
    return metric_alarm(f"pipeline-{pipeline.name}-{what}", rule, metric(pipeline, job_type, name, statistic))


def _slow(pipeline: Pipeline) -> Any:
    limit = parameter(pipeline, "DurationSeconds")
    rule = Rule(
        f"{pipeline.name}: the last run that succeeded took longer than ${{{limit}}} seconds.",
        Ref(limit),
        _MINUTES_5,
        "ignore",
        _ALERTS,
        _ALERTS,
    )
    measured = {
        "duration": metric(pipeline, "pipeline", "ExecutionDuration", "Maximum"),
        "success": metric(pipeline, "pipeline", "JobSuccess", "Maximum"),
    }
    # A run that failed is told with its cause, however long it took: it has no value here.
    expression = "IF(success >= 1, duration)"
    return expression_alarm(f"pipeline-{pipeline.name}-slow", rule, expression, measured, "Seconds of a run")


def _missed(pipeline: Pipeline) -> Any:
    hours = parameter(pipeline, "MissedRunHours")
    rule = Rule(
        f"{pipeline.name}: no run started for ${{{hours}}} hours.",
        1,
        _HOUR,
        # FILL makes silence a 0 at once; a state machine that never ran has nothing to fill, and is missed too.
        "breaching",
        _ALERTS,
        _ALERTS,
        (Ref(hours), Ref(hours)),
        comparison="LessThanThreshold",
        # A new stack need not know of the runs before it.
        warm_up_minutes=min(_LONGEST_WARM_UP_MINUTES, pipeline.limits.missed_run_hours * 60),
    )
    started = {"started": executions(pipeline, "ExecutionsStarted")}
    return expression_alarm(f"pipeline-{pipeline.name}-missed", rule, "FILL(started, 0)", started, "Runs started")


def _health(pipeline: Pipeline) -> Any:
    children = [f"pipeline-{pipeline.name}-{what}" for what in CHILDREN]
    description = (
        f"{pipeline.name} is not well. The message names the child that changed, the dashboard shows all of them. "
        "Their mails are their own, and this alarm adds none."
    )
    return composite_alarm(f"pipeline-{pipeline.name}-health", description, children, _ALERTS)


def _of_ourselves() -> list[Any]:
    return [
        _errors(
            "pipeline-errors",
            {"published": "PipelinePublish", "reported": "PipelineReport"},
            "A function that watches the pipelines failed: runs may fail without a mail.",
        ),
        _errors(
            "pipeline-validate-errors",
            {"validated": "PipelineValidate"},
            "A validation could not be made. Its run fails with it, and pipeline-report tells why.",
        ),
        _undelivered(),
    ]


def _errors(name: str, functions: dict[str, str], description: str) -> Any:
    rule = Rule(description, 0, _MINUTES_5, "notBreaching", _ALERTS, _ALERTS)
    errors = {
        key: Metric("AWS/Lambda", "Errors", {"FunctionName": Ref(each)}, "Sum") for key, each in functions.items()
    }
    return expression_alarm(name, rule, " + ".join(errors), errors, "Errors")


def _undelivered() -> Any:
    rule = Rule(
        "The end of a run could not be handled after all retries: it waits in the queue of dead letters.",
        0,
        _MINUTES_5,
        # An empty queue that nobody uses has no metric at all.
        "notBreaching",
        _ALERTS,
        _ALERTS,
    )
    queue = {"QueueName": GetAtt(title(DEAD_LETTERS), "QueueName")}
    waiting = Metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, "Maximum")
    return metric_alarm("pipeline-undelivered", rule, waiting)
