"""A run -> its metrics: pure counting, and the difference for a run that was counted before.

Dimensions are Environment, Pipeline and JobType, and every metric has one JobType only: each further combination is a
metric that is billed. Ids of runs are properties of the log line, never dimensions.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deliverywatch.messages.verdict import Verdict
from deliverywatch.pipeline.checks.validation import Report, Score
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.dbt import DbtRun, Ending, models_of, netted, tests_of
from deliverywatch.pipeline.diagnosis.judge import RunVerdict
from deliverywatch.pipeline.diagnosis.runs import Execution, JobRun


class JobType(StrEnum):
    """The part of a pipeline that a metric is about."""

    PIPELINE = "pipeline"
    GLUE = "glue"
    DBT = "dbt"
    VALIDATION = "validation"
    SCD2 = "scd2"


# Every metric with its unit, by part: what is published, and so what an alarm may ask for.
PUBLISHED: Mapping[tuple[JobType, str], str] = {
    (JobType.PIPELINE, "ExecutionDuration"): "Seconds",
    (JobType.PIPELINE, "JobSuccess"): "Count",
    (JobType.PIPELINE, "OldestRunSeconds"): "Seconds",
    (JobType.GLUE, "ExecutionDuration"): "Seconds",
    (JobType.GLUE, "JobSuccess"): "Count",
    (JobType.DBT, "JobSuccess"): "Count",
    (JobType.DBT, "DbtModelsRun"): "Count",
    (JobType.DBT, "DbtModelsFailed"): "Count",
    (JobType.DBT, "DbtModelsSkipped"): "Count",
    (JobType.DBT, "DbtHooksFailed"): "Count",
    (JobType.DBT, "DbtTestsPassed"): "Count",
    (JobType.DBT, "DbtTestsFailed"): "Count",
    (JobType.DBT, "DbtTestsWarned"): "Count",
    (JobType.DBT, "DbtTestsErrored"): "Count",
    (JobType.DBT, "DbtTestsSkipped"): "Count",
    (JobType.DBT, "DbtSourcesStale"): "Count",
    (JobType.DBT, "DbtUnknown"): "Count",
    (JobType.VALIDATION, "RecordsProcessed"): "Count",
    (JobType.VALIDATION, "DataQualityScore"): "Percent",
    (JobType.VALIDATION, "DataAgeHours"): "None",
    (JobType.SCD2, "SCDIntegrityScore"): "Percent",
    (JobType.SCD2, "RecordsCreated"): "Count",
    (JobType.SCD2, "RecordsUpdated"): "Count",
    (JobType.SCD2, "RecordsDeleted"): "Count",
}
# These are added up over runs; the others are readings, of which the newest counts.
_COUNTERS = ("Records", "Dbt")


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one metric."""

    job_type: JobType
    name: str
    value: float

    @property
    def unit(self) -> str:
        """In CloudWatch's words."""
        return PUBLISHED[self.job_type, self.name]

    @property
    def is_counter(self) -> bool:
        """Whether it is added up over runs."""
        return self.name.startswith(_COUNTERS)


def of_run(run: Run, judged: RunVerdict) -> list[Point]:
    """Return every metric of a run, as if it were counted for the first time."""
    return [
        *_of_execution(run.execution),
        *_success(JobType.PIPELINE, judged.verdict),
        *of_jobs(run.evidence.jobs, judged.of("job", "history")),
        *of_dbt(run.dbt, judged.of("dbt", "unread")),
        *of_report(run.evidence.report),
    ]


def _of_execution(execution: Execution) -> list[Point]:
    seconds = execution.duration_seconds
    return [] if seconds is None else [Point(JobType.PIPELINE, "ExecutionDuration", seconds)]


def _success(job_type: JobType, verdict: Verdict | None) -> list[Point]:
    """Return 1 for what is proven to be well and 0 for what failed; where nobody can tell, there is no value."""
    values = {Verdict.HEALTHY: 1, Verdict.FAILING: 0}
    return [Point(job_type, "JobSuccess", values[verdict])] if verdict in values else []


def of_jobs(runs: Sequence[JobRun], verdict: Verdict | None) -> list[Point]:
    """Return how long the Glue jobs took together, and whether they succeeded; nothing without runs."""
    ended = [run for run in runs if run.is_final]
    seconds = sum(run.seconds for run in ended)
    return [Point(JobType.GLUE, "ExecutionDuration", seconds), *_success(JobType.GLUE, verdict)] if ended else []


def of_dbt(runs: Sequence[DbtRun], verdict: Verdict | None) -> list[Point]:
    """Return how the nodes of dbt's invocations ended; tests that did not run are no tests. Nothing without runs."""
    if not runs:
        return []
    nodes = netted(runs)
    models, tests = (Counter(node.ending for node in kind(nodes)) for kind in (models_of, tests_of))
    failed = models[Ending.ERRORED] + models[Ending.PARTIAL]
    values = {
        "DbtModelsRun": models[Ending.GOOD] + failed,
        "DbtModelsFailed": failed,
        "DbtModelsSkipped": models[Ending.SKIPPED],
        "DbtHooksFailed": sum(node.is_bad for node in nodes if node.kind == "operation"),
        "DbtTestsPassed": tests[Ending.GOOD],
        "DbtTestsFailed": tests[Ending.FAILED],
        "DbtTestsWarned": tests[Ending.WARNED],
        "DbtTestsErrored": tests[Ending.ERRORED],
        "DbtTestsSkipped": tests[Ending.SKIPPED],
        "DbtUnknown": sum(node.ending is Ending.UNKNOWN for node in nodes),
    }
    if sources := [node for node in nodes if node.kind == "source"]:
        values["DbtSourcesStale"] = sum(node.is_bad for node in sources)
    return [*_success(JobType.DBT, verdict), *(Point(JobType.DBT, name, value) for name, value in values.items())]


def of_report(report: Report | None) -> list[Point]:
    """Return the scores, counts and age of a validation; what was not measured is left out, and is no 0 and no 100."""
    if report is None:
        return []
    values = [
        (JobType.VALIDATION, "RecordsProcessed", report.counts.processed),
        (JobType.VALIDATION, "DataQualityScore", _percent(report.quality)),
        (JobType.VALIDATION, "DataAgeHours", report.age_hours),
        (JobType.SCD2, "SCDIntegrityScore", _percent(report.integrity)),
        (JobType.SCD2, "RecordsCreated", report.counts.created),
        (JobType.SCD2, "RecordsUpdated", report.counts.updated),
        (JobType.SCD2, "RecordsDeleted", report.counts.deleted),
    ]
    return [Point(job_type, name, value) for job_type, name, value in values if value is not None]


def difference(points: Iterable[Point], before: Mapping[str, float]) -> list[Point]:
    """Return what is to be emitted of an execution for which `before` was emitted (by `key_of`): it was redriven.

    Counters come as differences, those that did not change left out; readings as they are now.
    """
    due = []
    for point in points:
        earlier = before.get(key_of(point)) if point.is_counter else None
        value = point.value - (earlier or 0)
        if value or earlier is None:
            due.append(Point(point.job_type, point.name, value))
    return due


def key_of(point: Point) -> str:
    """Return the name of a metric within a pipeline, such as `dbt/DbtTestsFailed`."""
    return f"{point.job_type}/{point.name}"


def _percent(score: Score) -> float | None:
    percent = score.percent
    return None if percent is None else round(percent, 10)
