"""The alarms of each pipeline, its composite, and the watches that say who mails what.

One fault, one mail. Where a run fails, `pipeline-report` knows the cause and mails it; the alarms on failed, timed out
and aborted runs and on jobs are there for the composite and the dashboard, in a watch whose severity is always ok. What
is measured (quality, integrity, records, age, duration) mails by its alarm. Some of it `pipeline-report` may mail
first: the watch has the same name there, so that the second adds no mail.

Readings come once a run: their alarms keep their state until the next run is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from troposphere import Ref, Sub

from blocks.alarms import (
    ENVIRONMENT,
    Alarm,
    Composite,
    Expression,
    Metric,
    Severity,
    Watch,
    function_metric,
    waiting_in,
)
from blocks.parts import arn, per_environment
from stacks.pipeline.parameters import parameter

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline

DEAD_LETTERS = "pipeline-dead-letters"
_HOUR = 3600

# Its metrics come with a run, so no run is no news to them.
_MISSED_SAYS = {"blind-without-data": "That no run comes has an alarm of its own, which ends in -missed."}
_TITLES = {
    "slow": "run takes long",
    "records": "too few records",
    "stale": "data is stale",
    "quality": "data quality is low",
    "integrity": "history is damaged",
}
_MAILED_BY_THE_REPORT = {
    "failed": "ExecutionsFailed",
    "timed-out": "ExecutionsTimedOut",
    "aborted": "ExecutionsAborted",
}
# The condition of the template under which the health of a pipeline has mails of its own.
MAILS_HEALTH = "MailsPipelineHealth"


def watches(pipelines: Sequence[Pipeline]) -> list[Watch]:
    """Return all watches of the system."""
    return [*(watch for pipeline in pipelines for watch in _watches_of(pipeline)), *_WATCHES_OF_ALL]


def _watches_of(pipeline: Pipeline) -> list[Watch]:
    name = f"pipeline-{pipeline.name}"
    # One watch: a run that hangs is also one that is not well, and the next may not be started while it does.
    absent = [_missed(pipeline), _hung(pipeline), _no_success(pipeline)]
    mailed = (_slow(pipeline), *_readings(pipeline))
    ended = [_ended(pipeline, what) for what in _MAILED_BY_THE_REPORT]
    quiet = [*ended, _job_failures(pipeline), *_function_errors(pipeline)]
    children = [alarm.name for alarm in (*quiet, *absent, *mailed)]
    return [
        Watch(f"{name}-missed", f"{pipeline.name}: no good run", absent, f"state/{name}-missed.json"),
        *(
            Watch(alarm.name, f"{pipeline.name}: {title}", [alarm], f"state/{alarm.name}.json")
            for alarm, title in zip(mailed, _TITLES.values(), strict=True)
        ),
        Watch(name, f"{pipeline.name}: health", [*quiet, _health(pipeline, children)]),
        Watch(f"{name}-unwell", f"{pipeline.name}: not well", [_unwell(pipeline, children)], condition=MAILS_HEALTH),
    ]


def _metric(pipeline: Pipeline, job_type: str, name: str, statistic: str) -> Metric:
    """Return one of the metrics that `pipeline-publish` emits."""
    return Metric(pipeline.namespace, name, statistic, {**ENVIRONMENT, "Pipeline": pipeline.name, "JobType": job_type})


def _executions(pipeline: Pipeline, name: str) -> Metric:
    """Return a count that Step Functions publishes about a pipeline's state machine."""
    machine = Sub(arn("states", f"stateMachine:{pipeline.state_machine}"))
    return Metric("AWS/States", name, "Sum", {"StateMachineArn": machine})


def _ended(pipeline: Pipeline, what: str) -> Alarm:
    return Alarm(
        f"pipeline-{pipeline.name}-{what}",
        f"{pipeline.name}: a run {what.replace('-', ' ')}. The mail comes from pipeline-report, which knows the cause.",
        _executions(pipeline, _MAILED_BY_THE_REPORT[what]),
        severity="ok",
        absence_proves="Step Functions counts only what happens; this alarm opens and ends no incident.",
    )


def _job_failures(pipeline: Pipeline) -> Alarm:
    return Alarm(
        f"pipeline-{pipeline.name}-job-failures",
        f"{pipeline.name}: a Glue job of the last run failed. The mail comes from pipeline-report, which knows the "
        "cause.",
        _metric(pipeline, "glue", "JobSuccess", "Minimum"),
        1,
        comparison="LessThanThreshold",
        severity="ok",
        accepted=_MISSED_SAYS,
    )


def _readings(pipeline: Pipeline) -> list[Alarm]:
    too_low, too_high = "LessThanThreshold", "GreaterThanThreshold"
    rows: list[tuple[str, tuple[str, str, str], str, str, Severity, str]] = [
        ("records", ("validation", "RecordsProcessed", "Sum"), too_low, "MinimumRecords", "warning",
         "the last run wrote fewer than {limit} records."),
        ("stale", ("validation", "DataAgeHours", "Maximum"), too_high, "StaleHours", "warning",
         "when the last run was validated, the source's newest change was more than {limit} hours old."),
        ("quality", ("validation", "DataQualityScore", "Minimum"), too_low, "QualityPercent", "critical",
         "fewer than {limit} % of the rows of the last run have a value in every required column."),
        ("integrity", ("scd2", "SCDIntegrityScore", "Minimum"), too_low, "IntegrityPercent", "critical",
         "fewer than {limit} % of the keys of the history tables violate no check."),
    ]  # fmt: skip
    return [
        Alarm(
            f"pipeline-{pipeline.name}-{what}",
            f"{pipeline.name}: {words.replace('{limit}', f'${{{parameter(pipeline, limit)}}}')}",
            _metric(pipeline, *metric),
            parameter(pipeline, limit),
            comparison=comparison,
            severity=severity,
            accepted=_MISSED_SAYS if comparison == too_low else {},
        )
        for what, metric, comparison, limit, severity, words in rows
    ]


def _slow(pipeline: Pipeline) -> Alarm:
    limit = parameter(pipeline, "DurationSeconds")
    measured = {
        "duration": _metric(pipeline, "pipeline", "ExecutionDuration", "Maximum"),
        "success": _metric(pipeline, "pipeline", "JobSuccess", "Maximum"),
    }
    return Alarm(
        f"pipeline-{pipeline.name}-slow",
        f"{pipeline.name}: the last run that succeeded took longer than ${{{limit}}} seconds.",
        # A run that failed is mailed with its cause, however long it took: it has no value here.
        Expression("Seconds of a run", "IF(success >= 1, duration)", measured),
        limit,
    )


def _missed(pipeline: Pipeline) -> Alarm:
    hours = parameter(pipeline, "MissedRunHours")
    return _none_for(
        pipeline,
        "missed",
        f"{pipeline.name}: no run started for ${{{hours}}} hours.",
        Expression("Runs started", "FILL(started, 0)", {"started": _executions(pipeline, "ExecutionsStarted")}),
        hours,
        pipeline.limits.missed_run_hours,
    )


def _no_success(pipeline: Pipeline) -> Alarm:
    hours = parameter(pipeline, "NoSuccessHours")
    return _none_for(
        pipeline,
        "no-success",
        f"{pipeline.name}: no run was proven well for ${{{hours}}} hours: those that were started have not ended, "
        "failed, or left too little to tell.",
        Expression("Good runs", "FILL(good, 0)", {"good": _metric(pipeline, "pipeline", "JobSuccess", "Sum")}),
        hours,
        pipeline.limits.no_success_hours,
    )


def _none_for(
    pipeline: Pipeline, what: str, description: str, runs: Expression, hours: str, declared_hours: int
) -> Alarm:
    return Alarm(
        f"pipeline-{pipeline.name}-{what}",
        description,
        runs,
        1,
        _HOUR,
        # FILL makes silence a 0 at once; a pipeline that never ran has nothing to fill, and is missed too.
        "breaching",
        (Ref(hours), Ref(hours)),
        comparison="LessThanThreshold",
        # A new stack need not know of the runs before it.
        warm_up_minutes=declared_hours * 60,
        severity="critical",
    )


def _hung(pipeline: Pipeline) -> Alarm:
    limit = parameter(pipeline, "HungSeconds")
    return Alarm(
        f"pipeline-{pipeline.name}-hung",
        f"{pipeline.name}: the oldest run that has not ended has been running for more than ${{{limit}}} seconds.",
        _metric(pipeline, "pipeline", "OldestRunSeconds", "Maximum"),
        limit,
        severity="critical",
    )


def _function_errors(pipeline: Pipeline) -> list[Alarm]:
    """Return the alarm on the functions that are a pipeline's steps, if it declares any."""
    metrics = {
        f"function{number}": Metric("AWS/Lambda", "Errors", "Sum", {"FunctionName": per_environment(function)})
        for number, function in enumerate(pipeline.functions)
    }
    description = (
        f"{pipeline.name}: {' or '.join(pipeline.functions)} failed. The run fails with it, and the mail comes from "
        "pipeline-report, which knows the cause."
    )
    name, errors = f"pipeline-{pipeline.name}-function-errors", Expression("Errors", " + ".join(metrics), metrics)
    return [Alarm(name, description, errors, severity="ok")] if metrics else []


def shown(pipeline: Pipeline) -> list[str]:
    """Return the names of a pipeline's alarms, its health first, for the dashboard."""
    alarms = [alarm for watch in _watches_of(pipeline) if not watch.condition for alarm in watch.alarms]
    return [alarm.name for alarm in sorted(alarms, key=lambda alarm: not isinstance(alarm, Composite))]


def _health(pipeline: Pipeline, children: Sequence[str]) -> Composite:
    return Composite(
        f"pipeline-{pipeline.name}-health",
        f"{pipeline.name} is not well. The message names the child that changed, the dashboard shows all of them. "
        "Their mails are their own, and this alarm adds none.",
        children,
    )


def _unwell(pipeline: Pipeline, children: Sequence[str]) -> Composite:
    return Composite(
        f"pipeline-{pipeline.name}-unwell",
        f"{pipeline.name} is not well: at least one of its alarms is on, and the dashboard shows which. It is mailed "
        "because PipelineHealthMail is true.",
        children,
        severity="warning",
    )


def _errors(name: str, functions: dict[str, str], description: str, severity: Severity) -> Alarm:
    errors = {key: function_metric("Errors", function) for key, function in functions.items()}
    return Alarm(name, description, Expression("Errors", " + ".join(errors), errors), severity=severity)


_UNDELIVERED = Alarm(
    "pipeline-undelivered",
    "The end of a run could not be handled after all retries: it waits in the queue of dead letters.",
    waiting_in(DEAD_LETTERS),
    severity="blind",
)
_UNWATCHED = _errors(
    "pipeline-errors",
    {"published": "pipeline-publish", "reported": "pipeline-report"},
    "A function that watches the pipelines failed: runs may fail without a mail.",
    "blind",
)
_UNMEASURED = Alarm(
    "pipeline-unmeasured",
    "Whether a run hangs is not known: within an hour the function that looks failed, or did not run at all.",
    # Lambda counts the errors of every run, 0 of a good one: no count is no run.
    Expression("Errors", "FILL(measured, 1)", {"measured": function_metric("Errors", "pipeline-measure")}),
    period_seconds=_HOUR,
    warm_up_minutes=60,
    severity="blind",
)
# A validation that fails makes its run fail, and that is mailed with its cause.
_UNVALIDATED = _errors(
    "pipeline-validate-errors",
    {"validated": "pipeline-validate"},
    "A validation could not be made. Its run fails with it, and pipeline-report tells why.",
    "ok",
)
_WATCHES_OF_ALL = [
    Watch(
        "pipeline-blind",
        "Pipeline monitoring is blind",
        [_UNWATCHED, _UNDELIVERED, _UNMEASURED],
        "state/pipeline-blind.json",
    ),
    Watch("pipeline-validate", "Validation of pipelines", [_UNVALIDATED]),
]
