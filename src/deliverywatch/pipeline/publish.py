"""The end of an execution -> its metrics, each execution counted once: `publish` is the whole road.

What was counted is written first and the lines are printed after: an event that comes twice counts nothing twice. A
function killed between the two loses the metrics of that one run; the object and the execution's history have it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deliverywatch import emf
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.diagnosis.collect import Artifacts, Executions, Run, run_of_event, understood
from deliverywatch.pipeline.diagnosis.judge import RunVerdict, judge
from deliverywatch.pipeline.diagnosis.runs import execution_of_event
from deliverywatch.pipeline.outputs import counted_runs, metrics
from deliverywatch.pipeline.outputs.metrics import Point
from deliverywatch.storage.records import update_record
from deliverywatch.storage.store import Change, Store

# What a line says beside its metrics: more reasons of the same kind add nothing.
_REASONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Everything outside of the flow; `emit` prints an EMF document, one line."""

    executions: Executions
    artifacts: Artifacts
    store: Store
    emit: Callable[[str], None]


def publish(event: object, pipelines: Sequence[Pipeline], ports: Ports, environment: str) -> dict[str, Any]:
    """Emit the metrics of the execution that has ended by an event of EventBridge; return a summary for the log.

    Raises:
        InputError: The event is none.
    """
    sources = (pipelines, ports.executions, ports.artifacts)
    run = understood(lambda: run_of_event(event, *sources), lambda: execution_of_event(event), pipelines)
    judged = judge(run)
    summary: dict[str, Any] = {
        "pipeline": run.pipeline.name,
        "execution": run.execution.name,
        "status": run.execution.status.value,
    }
    summary |= {"verdict": judged.verdict.value, "reasons": list(judged.reasons[:_REASONS])}
    if not run.execution.status.is_final or run.execution.stopped_at is None:
        return summary | {"metrics": 0, "note": "it has not ended"}
    due = _counted(run, judged, run.execution.stopped_at, ports.store)
    for stamped in due:
        for line in documents(stamped.points, stamped.stamp, run, environment, judged):
            ports.emit(line)
    unknown = {status: count for invocation in run.dbt for status, count in invocation.unknown.items()}
    # What cannot be read is mailed by `report`, with the run; to raise here would be a second mail, and a vaguer one.
    unread = {"not_read": list(run.problems)} if run.problems else {}
    return summary | {"metrics": sum(len(stamped.points) for stamped in due), "unknown": unknown} | unread


def documents(points: Iterable[Point], stamp: datetime, run: Run, environment: str, judged: RunVerdict) -> list[str]:
    """Return the EMF documents of these points, one for each part of the pipeline."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        groups.setdefault(point.job_type.value, []).append(point)
    jobs = [{"job": job.job, "id": job.id, "dpu_seconds": job.dpu_seconds} for job in run.evidence.jobs]
    properties = {"execution": run.execution.arn, "redrive_count": run.execution.redrive_count, "jobs": jobs}
    properties |= {"verdict": judged.verdict.value, "reasons": list(judged.reasons[:_REASONS])}
    return [
        emf.document(
            run.pipeline.namespace,
            {"Environment": environment, "Pipeline": run.pipeline.name, "JobType": job_type},
            {point.name: (point.value, point.unit) for point in group},
            stamp,
            properties,
        )
        for job_type, group in groups.items()
    ]


def _counted(run: Run, judged: RunVerdict, stamp: datetime, store: Store) -> list[counted_runs.Stamped]:
    points = metrics.of_run(run, judged)

    def counted(before: counted_runs.Entry | None) -> Change[list[counted_runs.Stamped]]:
        result = counted_runs.count(run.execution, points, before, stamp)
        return Change(counted_runs.body_of(result[0]), result[1]) if result else Change(None, [])

    key = counted_runs.key_for(run.execution, run.pipeline.name)
    return update_record(store, key, counted_runs.entry_of, counted)
