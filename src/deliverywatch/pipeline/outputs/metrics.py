"""A run -> its metrics: pure counting, and the difference for a run that was counted before.

Dimensions are Environment, Pipeline and JobType, and every metric has one JobType only: each further combination is a
metric that is billed. Ids of runs are properties of the log line, never dimensions.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from deliverywatch.pipeline.checks.validation import Report, Score
from deliverywatch.pipeline.diagnosis.dbt import DbtRun, Ending
from deliverywatch.pipeline.diagnosis.evidence import Evidence
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
    (JobType.DBT, "DbtTestsPassed"): "Count",
    (JobType.DBT, "DbtTestsFailed"): "Count",
    (JobType.DBT, "DbtTestsWarned"): "Count",
    (JobType.DBT, "DbtTestsErrored"): "Count",
    (JobType.DBT, "DbtTestsSkipped"): "Count",
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


def of_run(execution: Execution, evidence: Evidence, dbt: Sequence[DbtRun] = ()) -> list[Point]:
    """Return every metric of a run, as if it were counted for the first time."""
    return [*_of_execution(execution), *of_jobs(evidence.jobs), *of_dbt(dbt), *of_report(evidence.report)]


def _of_execution(execution: Execution) -> list[Point]:
    seconds, success = execution.duration_seconds, int(execution.status == "SUCCEEDED")
    duration = [] if seconds is None else [Point(JobType.PIPELINE, "ExecutionDuration", seconds)]
    return [*duration, Point(JobType.PIPELINE, "JobSuccess", success)]


def of_jobs(runs: Sequence[JobRun]) -> list[Point]:
    """Return how long the Glue jobs took together, and whether the last run of each succeeded; nothing without runs."""
    ended = [run for run in runs if run.is_final]
    if not ended:
        return []
    last = {run.job: run for run in ended}
    return [
        Point(JobType.GLUE, "ExecutionDuration", sum(run.seconds for run in ended)),
        Point(JobType.GLUE, "JobSuccess", int(all(run.is_good for run in last.values()))),
    ]


def of_dbt(runs: Sequence[DbtRun]) -> list[Point]:
    """Return how the nodes of dbt's invocations ended; tests that did not run are no tests. Nothing without runs."""
    if not runs:
        return []
    models = Counter(node.ending for run in runs for node in run.models)
    tests = Counter(node.ending for run in runs for node in run.tests)
    failed = models[Ending.ERRORED] + models[Ending.PARTIAL]
    values = {
        "JobSuccess": int(not any(run.bad for run in runs)),
        "DbtModelsRun": models[Ending.GOOD] + failed,
        "DbtModelsFailed": failed,
        "DbtTestsPassed": tests[Ending.GOOD],
        "DbtTestsFailed": tests[Ending.FAILED],
        "DbtTestsWarned": tests[Ending.WARNED],
        "DbtTestsErrored": tests[Ending.ERRORED],
        "DbtTestsSkipped": tests[Ending.SKIPPED],
        "DbtUnknown": sum(sum(run.unknown.values()) for run in runs),
    }
    return [Point(JobType.DBT, name, value) for name, value in values.items()]


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
    return None if percent is None else round(percent, 4)
