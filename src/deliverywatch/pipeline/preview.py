"""A file that AWS or dbt wrote -> the metrics that would be emitted for it, without a call to AWS.

It may be an event or description of a Step Functions execution, a Glue job run (bare, as GetJobRun answers, or as an
event), or dbt's `run_results.json`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping
from deliverywatch.messages.verdict import Verdict
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.declaration.values import text
from deliverywatch.pipeline.diagnosis import evidence as evidences
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.completeness import lacking, verdict_on
from deliverywatch.pipeline.diagnosis.dbt import DbtRun, Ending, run_of
from deliverywatch.pipeline.diagnosis.judge import judge
from deliverywatch.pipeline.diagnosis.runs import EVENT_TYPE, execution_of, job_run_of
from deliverywatch.pipeline.outputs import metrics
from deliverywatch.pipeline.outputs.metrics import Point


def preview(document: object, environment: str, pipeline: str) -> dict[str, Any]:
    """Return what would be emitted for the decoded file, by default for the pipeline of the execution's state machine.

    The document holds `kind`, `metrics` (name, value, unit, dimensions), `unknown` (dbt's words that no rule covers)
    and `notes`. Raises InputError for any other file.
    """
    body = mapping(document)
    detail = mapping(body.get("detail")) or body
    if body.get("detail-type") == EVENT_TYPE or detail.get("executionArn"):
        return _of_execution(detail, environment, pipeline)
    if job := job_run_of(body.get("JobRun") or body) or job_run_of(_job_run_of_event(body)):
        points = metrics.of_jobs([job], Verdict.HEALTHY if job.is_good else Verdict.FAILING)
        notes = [] if job.is_final else [f"The run has not ended (it is {job.state}): nothing is counted yet."]
        return _document("glue", points, environment, pipeline, notes=notes)
    if "results" in body:
        run = run_of(body)
        return _document(
            "dbt", metrics.of_dbt([run], verdict_on([run])), environment, pipeline, run.unknown, _notes_on(run)
        )
    raise InputError(
        "The file is neither an event of Step Functions nor a Glue job run nor a run_results.json of dbt.",
        next_step="Give one of these three as JSON.",
    )


def _of_execution(detail: Mapping[str, Any], environment: str, pipeline: str) -> dict[str, Any]:
    execution = execution_of(detail)
    evidence = replace(evidences.of_outputs([execution.output, execution.cause]), has_history=True)
    run = Run(Pipeline(pipeline or execution.state_machine, execution.state_machine), execution, evidence)
    points = metrics.of_run(run, judge(run))
    notes = [f"The results of dbt at {address} are read by the function, not here." for address in evidence.artifacts]
    if not execution.is_whole:
        notes.append("The event was too large and was cut: the function asks Step Functions for the rest.")
    notes.append("The function reads the history too: JobSuccess is 1 only if that proves it.")
    if not execution.status.is_final:
        points, notes = [], ["The execution has not ended: nothing is counted yet."]
    return _document("step functions", points, environment, pipeline or execution.state_machine, notes=notes)


def _job_run_of_event(body: Mapping[str, Any]) -> dict[str, Any]:
    # Spelt otherwise: docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
    detail = mapping(body.get("detail"))
    return {
        "JobName": text(detail.get("jobName")),
        "Id": text(detail.get("jobRunId")),
        "JobRunState": text(detail.get("state")),
        "ErrorMessage": text(detail.get("message")),
    }


def _notes_on(run: DbtRun) -> list[str]:
    not_run = sum(node.ending is Ending.NOT_RUN for node in run.nodes)
    notes = lacking([run])
    if not_run:
        notes.append(
            f"{not_run} nodes were written down by 'dbt {run.command or '?'}' and not run: they are not counted."
        )
    return notes


def _document(
    kind: str,
    points: Sequence[Point],
    environment: str,
    pipeline: str,
    unknown: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    dimensions = {"Environment": environment, "Pipeline": pipeline or "PIPELINE"}
    documents = [
        {
            "name": point.name,
            "value": point.value,
            "unit": point.unit,
            "dimensions": {**dimensions, "JobType": point.job_type.value},
        }
        for point in points
    ]
    return {"kind": kind, "metrics": documents, "unknown": dict(unknown or {}), "notes": list(notes)}
