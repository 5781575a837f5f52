"""A run -> where it went wrong and why, or that it is well.

What the parts of the run say of themselves comes before any reading of texts: a job run's state, the nodes that dbt
marks as failed, the checks of a validation. Only what is left is matched with the rules of the catalogue.
"""

from dataclasses import dataclass
from typing import NamedTuple

from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.checks.validation import Check, Topic
from deliverywatch.pipeline.declaration.pipelines import Where
from deliverywatch.pipeline.declaration.values import decoded, text
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.dbt import Ending, Node
from deliverywatch.pipeline.diagnosis.evidence import Failure, job_failures
from deliverywatch.pipeline.diagnosis.faults import Catalogue, Cause, Fault, Severity, Why
from deliverywatch.pipeline.diagnosis.runs import JobRun, Status, job_run_of

_LONGEST_MESSAGE = 300
_TYPE_OF_PART = {
    Where.INGEST: "glue_job_failure",
    Where.TRANSFORM: "dbt_run_failure",
    Where.TEST: "dbt_test_failure",
    Where.INTEGRITY: "scd_validation_failure",
}
_WHY_OF_JOB = {"TIMEOUT": Why.TIMEOUT, "STOPPED": Why.ABORTED, "EXPIRED": Why.RESOURCE}
_WHY_OF_END = {Status.TIMED_OUT: Why.TIMEOUT, Status.ABORTED: Why.ABORTED}


class Meaning(NamedTuple):
    """What a failed check of a topic says of the data, and the watch that it belongs to."""

    error_type: str
    why: Why
    where: Where
    watch: str
    title: str


# An alarm of the stack belongs to these watches, too: whichever comes first opens the incident, the other adds no mail.
MEANINGS = {
    Topic.RECORDS: Meaning("validation_failure", Why.MISSING_DATA, Where.INGEST, "records", "too few records"),
    Topic.FRESHNESS: Meaning("validation_failure", Why.MISSING_DATA, Where.INGEST, "stale", "data is stale"),
    Topic.QUALITY: Meaning("data_quality_failure", Why.DATA_RULE, Where.TEST, "quality", "data quality is low"),
    Topic.INTEGRITY: Meaning(
        "scd_validation_failure", Why.DATA_RULE, Where.INTEGRITY, "integrity", "history is damaged"
    ),
}
# Of topics with one type the first.
_TOPIC_OF_TYPE = {meaning.error_type: topic for topic, meaning in reversed(MEANINGS.items())}


@dataclass(frozen=True, slots=True)
class ReportedError:
    """What a state machine says of a failure when it calls the report as a task."""

    error_type: str
    error: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What went wrong, with the jobs, nodes of dbt and checks that failed; `message` is the error's own words, cut.

    `topic` says what of the data is wrong, where that is what is wrong; such a topic has an alarm of its own.
    """

    error_type: str
    where: Where
    severity: Severity
    cause: Cause
    topic: Topic | None
    step: str
    message: str
    jobs: tuple[JobRun, ...] = ()
    nodes: tuple[Node, ...] = ()
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class _Signs:
    """All that is wrong with a run."""

    jobs: tuple[JobRun, ...]
    nodes: tuple[Node, ...]
    checks: tuple[Check, ...]
    failure: Failure | None
    end: Status


def diagnose(run: Run, catalogue: Catalogue, reported: ReportedError | None = None) -> Diagnosis | None:
    """Return what went wrong in a run, or None if it is well.

    A run that Step Functions calls succeeded is not well if a job, a node of dbt or a check in it failed: many state
    machines catch a failure and end in success. One that is still going may call for help, and report an error itself.
    """
    signs = _signs(run, reported)
    is_good = run.execution.status in (Status.SUCCEEDED, Status.RUNNING)
    if reported is None and is_good and not (signs.jobs or signs.nodes or signs.checks):
        return None
    message = _message(run, signs, reported)
    fault = catalogue.fault_of(_words(message, signs))
    where = _where(run, signs, reported, fault, catalogue)
    error_type = _error_type(signs, reported, where)
    kind = catalogue.types.get(error_type) or catalogue.types["unknown"]
    # An error that was reported speaks for itself; what else is wrong with the run only fills in where it says nothing.
    why = _certain(signs, reported) or (fault.why if fault else kind.why or Why.UNKNOWN)
    cause = catalogue.cause_of(why, fault)
    return Diagnosis(
        error_type=error_type,
        where=where,
        severity=cause.severity or kind.severity,
        cause=cause,
        topic=_topic(signs, error_type, why),
        step=signs.failure.step if signs.failure else _step(run, where),
        message=message,
        jobs=signs.jobs,
        nodes=signs.nodes,
        checks=signs.checks,
    )


def _signs(run: Run, reported: ReportedError | None) -> _Signs:
    steps, failures = run.pipeline.steps, run.evidence.failures
    # A step that watches fails after what it watches: the pipeline's own failure is the one to report.
    own = [failure for failure in failures if steps.get(failure.step) is not Where.MONITOR]
    return _Signs(
        jobs=tuple(job_failures(run.evidence)),
        nodes=tuple(node for invocation in run.dbt for node in invocation.bad),
        checks=_checks(run, reported),
        failure=next(reversed(own or failures), None),
        end=run.execution.status,
    )


def _checks(run: Run, reported: ReportedError | None) -> tuple[Check, ...]:
    """Return the failed checks that have to do with it: a failure of dbt is none of a validation before."""
    failed = run.evidence.report.failed if run.evidence.report else ()
    if reported is None:
        return failed
    topic = _TOPIC_OF_TYPE.get(reported.error_type)
    return tuple(sorted(failed, key=lambda check: check.topic is not topic)) if topic else ()


def _step(run: Run, where: Where) -> str:
    """Return the step that a failure without an error of its own belongs to: the last of its part, or of any."""
    declared = run.pipeline.steps
    entered = [step for step in run.evidence.steps if declared.get(step) is not Where.MONITOR]
    with_part = [step for step in entered if step in declared]
    own = [step for step in with_part if declared[step] is where]
    return next(iter([*reversed(own), *reversed(with_part), *reversed(entered)]), "")


def _message(run: Run, signs: _Signs, reported: ReportedError | None) -> str:
    """Return the error in its own words: what was reported, what the step said, what the execution ended with."""
    if signs.checks and not signs.jobs and not (reported and reported.cause):
        return signs.checks[0].sentence
    failure = signs.failure
    sources = [
        (reported.error, reported.cause) if reported else ("", ""),
        (failure.error, failure.cause) if failure else ("", ""),
        (run.execution.error, run.execution.cause),
    ]
    messages = [
        *(_spelled(*source) for source in sources),
        *(_of_job(job) for job in signs.jobs),
        *(f"{node.unique_id}: {node.message or node.status}" for node in signs.nodes),
        *(check.sentence for check in signs.checks),
    ]
    return next(filter(None, messages), "")


def _spelled(error: str, cause: str) -> str:
    """Glue's cause is the job run as JSON text, Lambda's an object with the exception."""
    body = mapping(decoded(cause))
    if job := job_run_of(body):
        return _of_job(job)
    if body.get("errorMessage"):
        cause = ": ".join(part for part in (text(body.get("errorType")), text(body.get("errorMessage"))) if part)
    if error and cause.startswith(error):
        error = ""
    words = " ".join(": ".join(part for part in (error, cause) if part).split())
    return words if len(words) <= _LONGEST_MESSAGE else f"{words[: _LONGEST_MESSAGE - 1]}…"


def _of_job(job: JobRun) -> str:
    return f"Glue job {job.job} ended as {job.state}" + (f": {job.error[:_LONGEST_MESSAGE]}" if job.error else "")


def _words(message: str, signs: _Signs) -> str:
    """Return every text that the rules may look at."""
    broken = [node.message for node in signs.nodes if node.ending is not Ending.FAILED]
    return "\n".join([message, *(job.error for job in signs.jobs), *broken])


def _where(run: Run, signs: _Signs, reported: ReportedError | None, fault: Fault | None, catalogue: Catalogue) -> Where:
    kind = catalogue.types.get(reported.error_type) if reported else None
    declared = run.pipeline.steps.get(signs.failure.step) if signs.failure else None
    if fault and fault.where:
        return fault.where
    if kind and kind.where:
        return kind.where
    if _WHY_OF_END.get(signs.end):
        return Where.ORCHESTRATOR
    if signs.nodes and declared in (None, Where.TRANSFORM, Where.TEST):
        return Where.TEST if all(node.ending is Ending.FAILED for node in signs.nodes) else Where.TRANSFORM
    return declared or _where_of_signs(signs)


def _where_of_signs(signs: _Signs) -> Where:
    if meaning := _meaning(signs):
        return meaning.where
    return Where.INGEST if signs.jobs or signs.checks else Where.ORCHESTRATOR


def _meaning(signs: _Signs) -> Meaning | None:
    """Return what the first check says of the data; one on a job says nothing of it."""
    return MEANINGS.get(signs.checks[0].topic) if signs.checks else None


def _error_type(signs: _Signs, reported: ReportedError | None, where: Where) -> str:
    if reported:
        return reported.error_type
    if signs.checks and not signs.jobs:
        meaning = _meaning(signs)
        return meaning.error_type if meaning else "glue_job_failure"
    return _TYPE_OF_PART.get(where, "unknown")


def _certain(signs: _Signs, reported: ReportedError | None) -> Why | None:
    """Return the cause where a part of the run says it without any text."""
    if reported is None and signs.end in _WHY_OF_END:
        return _WHY_OF_END[signs.end]
    why_of_jobs = [_WHY_OF_JOB[job.state] for job in signs.jobs if job.state in _WHY_OF_JOB]
    if why_of_jobs:
        return why_of_jobs[0]
    if signs.checks and not signs.jobs:
        meaning = _meaning(signs)
        return meaning.why if meaning else None
    if signs.nodes and all(node.ending is Ending.FAILED for node in signs.nodes):
        return Why.DATA_RULE
    return None


def _topic(signs: _Signs, error_type: str, why: Why) -> Topic | None:
    topic = signs.checks[0].topic if signs.checks else _TOPIC_OF_TYPE.get(error_type)
    # A check that could not be done for want of a right says nothing of the data.
    return topic if topic in MEANINGS and MEANINGS[topic].why is why else None
