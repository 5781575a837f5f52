"""A pipeline's tables after a run -> a report of checks, scores and counts: `validate` is the whole road.

Called by the state machine as a task: `{"pipeline": "sf_user", "since.$": "$$.Execution.StartTime", "job.$": "$.job"}`.
It returns the report, failed or not, for a Choice to decide on (`$.passed`); `"raise": true` raises instead. What
cannot be checked raises always: a validation that did not happen must not look like one that passed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.checks import records, scd2
from deliverywatch.pipeline.checks.sql import Tables
from deliverywatch.pipeline.checks.validation import Check, Counts, Report, Result, Score, Topic
from deliverywatch.pipeline.declaration.pipelines import Pipeline, named
from deliverywatch.pipeline.declaration.values import moment, text
from deliverywatch.pipeline.diagnosis.runs import job_run_of

# Where the caller does not say when the run began.
_A_DAY = timedelta(days=1)


class Part(StrEnum):
    """What is checked; a state machine may check the rows of a run before dbt and the histories after it."""

    ALL = "all"
    RECORDS = "records"
    HISTORIES = "histories"


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be validated: rows and versions written from `since`, the run's begin, to `until`, the validation.

    `job` is what the Glue job returned, if the caller passed it on.
    """

    pipeline: Pipeline
    part: Part
    since: datetime
    until: datetime
    job: object = None
    is_strict: bool = False


def task_of(event: object, pipelines: Sequence[Pipeline], now: datetime) -> Task:
    """Return what an event asks for.

    Raises:
        InputError: Its part or its times are wrong.
        ConfigurationError: It names a pipeline that is not declared.
    """
    body = mapping(event)
    part = body.get("part", Part.ALL)
    until = moment(body["until"]) if body.get("until") else now
    since = moment(body["since"]) if body.get("since") else (until or now) - _A_DAY
    if part not in list(Part) or until is None or since is None or since >= until:
        raise InputError(
            "The call for a validation cannot be understood: its part, since or until is wrong.",
            next_step=f"Give part as one of {', '.join(Part)}, and times in ISO 8601 with since before until.",
        )
    pipeline = named(text(body.get("pipeline")), pipelines)
    return Task(pipeline, Part(str(part)), since, until, body.get("job"), body.get("raise") is True)


def validate(task: Task, tables: Tables) -> Report:
    """Return the report on a pipeline's tables.

    Raises:
        InputError: Nothing is declared that could be checked, or the task is strict and a check failed.
    """
    pipeline = task.pipeline
    of_records = pipeline.records if task.part is not Part.HISTORIES else None
    histories = pipeline.histories if task.part is not Part.RECORDS else ()
    if of_records is None and not histories:
        raise InputError(
            f"Of {pipeline.name} nothing is declared that could be checked.",
            next_step="Declare its records or a history in cfn/pipelines.toml.",
        )
    checks = [_of_job(task.job)] if task.job is not None else []
    quality, integrity, counts, age = Score(0, 0), Score(0, 0), Counts(), None
    if of_records is not None:
        (row,) = tables.rows(records.query(of_records, task.since, task.until), pipeline.database)
        checks += records.checks_of(of_records, pipeline.limits, row, task.until)
        quality, counts = records.score_of(row), Counts(processed=int(row["processed"]))
        age = records.age_hours(row, task.until) if of_records.changed_at else None
    for history in histories:
        (row,) = tables.rows(scd2.query(history, task.until, task.since), pipeline.database)
        checks += scd2.checks_of(history, row, task.until)
        score = scd2.score_of(row)
        integrity = Score(integrity.good + score.good, integrity.total + score.total)
        counts = _added(counts, scd2.counts_of(row))
    judged = tuple(_within(checks, integrity, pipeline.limits.integrity_percent))
    report = Report(pipeline.name, judged, quality, integrity, counts, age)
    if task.is_strict and not report.is_passed:
        raise InputError(" ".join(check.sentence for check in report.failed))
    return report


def _within(checks: list[Check], score: Score, limit: float) -> Iterable[Check]:
    """A few keys that violate a check are only reported; what fails the run is their share."""
    percent = score.percent
    is_low = percent is not None and percent < limit
    for check in checks:
        yield replace(check, is_fatal=is_low and check.is_fatal) if check.topic is Topic.INTEGRITY else check


def _added(counts: Counts, more: Counts) -> Counts:
    pairs = zip(astuple(counts), astuple(more), strict=True)
    return Counts(*(one if other is None else (one or 0) + other for one, other in pairs))


def _of_job(value: object) -> Check:
    run = job_run_of(value)
    is_good = run is not None and run.is_good
    sentence = f"The Glue job {run.job} ended as {run.state}." if run else "What the step gave is no Glue job run."
    return Check("job_state", Topic.JOB, Result.PASSED if is_good else Result.FAILED, sentence)
