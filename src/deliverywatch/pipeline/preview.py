"""A file that AWS or dbt wrote -> the metrics that would be emitted for it, without a call to AWS.

It may be an event or description of a Step Functions execution, Glue job runs (bare, as GetJobRun or GetJobRuns answer,
as a Map puts them out, or as an event), or dbt's `run_results.json`. Whether an execution is well shows in its history,
and whether results are its own in when it ran: without them, what the file alone is evidence of is shown, and said.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.messages.verdict import Verdict
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.declaration.values import text
from deliverywatch.pipeline.diagnosis import evidence as evidences
from deliverywatch.pipeline.diagnosis.collect import Run, is_within
from deliverywatch.pipeline.diagnosis.completeness import lacking, verdict_on
from deliverywatch.pipeline.diagnosis.dbt import DbtRun, Ending, run_of
from deliverywatch.pipeline.diagnosis.evidence import Evidence
from deliverywatch.pipeline.diagnosis.history import of_history
from deliverywatch.pipeline.diagnosis.judge import judge
from deliverywatch.pipeline.diagnosis.runs import EVENT_TYPE, JobRun, execution_of, job_run_of
from deliverywatch.pipeline.outputs import metrics
from deliverywatch.pipeline.outputs.metrics import Point


def preview(
    document: object, environment: str, pipeline: str, execution: object = None, history: object = None
) -> dict[str, Any]:
    """Return what would be emitted for the decoded file, by default for the pipeline of the execution's state machine.

    `execution` is the event or description of the one that results of dbt must belong to, and `history` what
    GetExecutionHistory says of the execution in the file. The document holds `kind`, `metrics` (name, value, unit,
    dimensions), `unknown` (dbt's words that no rule covers) and `notes`. Raises InputError for any other file.
    """
    body = mapping(document)
    if body.get("detail-type") == EVENT_TYPE or _detail(body).get("executionArn"):
        return _of_execution(_detail(body), environment, pipeline, history)
    if jobs := _jobs_of(document):
        return _of_jobs(jobs, environment, pipeline)
    if "results" in body:
        return _of_results(run_of(body), environment, pipeline, execution)
    raise InputError(
        "The file is neither an event of Step Functions nor a Glue job run nor a run_results.json of dbt.",
        next_step="Give one of these three as JSON.",
    )


def _detail(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(body.get("detail")) or body


def _of_execution(detail: Mapping[str, Any], environment: str, pipeline: str, history: object) -> dict[str, Any]:
    execution = execution_of(detail)
    events = objects(mapping(history).get("events")) if isinstance(history, dict) else objects(history)
    evidence = evidences.joined(evidences.of_outputs([execution.output, execution.cause]), of_history(events))
    run = Run(Pipeline(pipeline or execution.state_machine, execution.state_machine), execution, evidence)
    points = metrics.of_run(run, judge(run))
    notes = [f"The results of dbt at {address} are read by the function, not here." for address in evidence.artifacts]
    if not execution.is_whole:
        notes.append("The event was too large and was cut: the function asks Step Functions for the rest.")
    if not events:
        notes.append("JobSuccess is 1 only if the history proves it, which the function reads (--history).")
    if not execution.status.is_final:
        points, notes = [], ["The execution has not ended: nothing is counted yet."]
    return _document("step functions", points, environment, pipeline or execution.state_machine, notes=notes)


def _of_jobs(jobs: Sequence[JobRun], environment: str, pipeline: str) -> dict[str, Any]:
    running = [job for job in jobs if not job.is_final]
    failed = evidences.job_failures(Evidence(tuple(jobs)))
    verdict = Verdict.FAILING if failed else Verdict.TOO_LITTLE if running else Verdict.HEALTHY
    notes = [f"The run has not ended (it is {job.state}): it is not counted yet." for job in running]
    return _document("glue", metrics.of_jobs(jobs, verdict), environment, pipeline, notes=notes)


def _of_results(run: DbtRun, environment: str, pipeline: str, execution: object) -> dict[str, Any]:
    points, notes = metrics.of_dbt([run], verdict_on([run])), _notes_on(run)
    if execution is None:
        written = f"{run.generated_at:%Y-%m-%d %H:%M} UTC" if run.generated_at else "nobody knows when"
        notes.append(f"They were written at {written}: a run counts them only if that was within it (--execution).")
    elif not is_within(run, execution_of(_detail(mapping(execution)))):
        points, notes = [], ["The results were not written within this execution: they are not counted."]
    return _document("dbt", points, environment, pipeline, run.unknown, notes)


def _jobs_of(document: object) -> tuple[JobRun, ...]:
    event = job_run_of(_job_run_of_event(mapping(document)))
    return (event,) if event else evidences.of_outputs([document]).jobs


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
