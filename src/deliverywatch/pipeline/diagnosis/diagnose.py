"""A run -> where it went wrong and why, or that it is well.

What the parts of the run say of themselves comes before any reading of texts: a job run's state, the nodes that dbt
marks as failed, the checks of a validation. Only what is left is matched with the rules of the catalogue.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from deliverywatch.messages.verdict import Verdict
from deliverywatch.pipeline.checks.validation import Check, Topic
from deliverywatch.pipeline.declaration.pipelines import Where
from deliverywatch.pipeline.diagnosis.causes import (
    Finding,
    Source,
    finding_in,
    source_of_error,
    source_of_job,
    source_of_node,
)
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.dbt import Ending, Node
from deliverywatch.pipeline.diagnosis.evidence import Failure
from deliverywatch.pipeline.diagnosis.faults import Catalogue, Cause, Fault, Severity, Why
from deliverywatch.pipeline.diagnosis.judge import caught, failed_jobs, failed_nodes, judge
from deliverywatch.pipeline.diagnosis.runs import JobRun, Status
from deliverywatch.pipeline.diagnosis.unwrap import ErrorDetail

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

    `line` is the same in a line, about the node, job or step that is its `subject`. `digest` tells one unknown error
    from another. `topic` says what of the data is wrong, where that is what is wrong; such a topic has an alarm of its
    own.
    """

    error_type: str
    where: Where
    severity: Severity
    cause: Cause
    topic: Topic | None
    step: str
    message: str
    subject: str = ""
    line: str = ""
    digest: str = ""
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
    last_step: str
    end: Status


def diagnose(run: Run, catalogue: Catalogue, reported: ReportedError | None = None) -> Diagnosis | None:
    """Return what went wrong in a run, or None if it is well.

    A run that Step Functions calls succeeded is not well if a step, a job, a node of dbt or a check in it failed: many
    state machines catch a failure and end in success. One that still goes on may call for help, and report an error.
    """
    signs = _signs(run, reported)
    if reported is None and judge(run).verdict is not Verdict.FAILING:
        return None
    finding = finding_in(_sources(run, signs, reported), catalogue)
    fault = finding.fault
    where = _where(run, signs, reported, fault, catalogue)
    error_type = _error_type(signs, reported, where)
    kind = catalogue.types.get(error_type) or catalogue.types["unknown"]
    # An error that was reported speaks for itself; what else is wrong with the run only fills in where it says nothing.
    why = _certain(signs, reported, fault) or (fault.why if fault else kind.why or Why.UNKNOWN)
    cause = _cause(catalogue, why, finding)
    step = signs.failure.step if signs.failure else _step(run, where)
    return Diagnosis(
        error_type=error_type,
        where=where,
        severity=cause.severity or kind.severity,
        cause=cause,
        topic=_topic(signs, error_type, why),
        step=step,
        message=finding.message,
        subject=finding.subject or step,
        line=finding.line,
        digest=finding.digest if why is Why.UNKNOWN else "",
        jobs=signs.jobs,
        nodes=signs.nodes,
        checks=signs.checks,
    )


def _signs(run: Run, reported: ReportedError | None) -> _Signs:
    # A step that watches fails after what it watches: the pipeline's own failure is the one to report.
    own, steps, end = caught(run), run.pipeline.steps, run.execution.status
    return _Signs(
        jobs=failed_jobs(run),
        nodes=failed_nodes(run),
        checks=_checks(run, reported),
        failure=next(reversed(own if end is Status.SUCCEEDED else own or run.evidence.failures), None),
        last_step=next((step for step in reversed(run.evidence.steps) if steps.get(step) is not Where.MONITOR), ""),
        end=end,
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


def _sources(run: Run, signs: _Signs, reported: ReportedError | None) -> list[Source]:
    """Return who says what of the error, the most telling first."""
    if signs.checks and not signs.jobs and not (reported and reported.cause):
        return [Source(signs.checks[0].name, "", (ErrorDetail("", signs.checks[0].sentence),))]
    # Who speaks first speaks for all others; a state machine that calls for help knows why.
    spoken = _saying([("", reported.error, reported.cause)] if reported else [])
    spoken = spoken or _saying((failure.step, failure.error, failure.cause) for failure in _failures(run, signs))
    spoken = spoken or _saying([("", run.execution.error, run.execution.cause)])
    broken = [node for node in signs.nodes if node.ending is not Ending.FAILED]
    failed = [node for node in signs.nodes if node.ending is Ending.FAILED]
    sources = [*spoken, *map(source_of_job, signs.jobs), *map(source_of_node, broken), *map(_of_rows, failed)]
    return sources or [Source("", reason, ()) for reason in judge(run).reasons[:1]]


def _of_rows(node: Node) -> Source:
    """Rows that a test finds say nothing that a rule could be about."""
    return Source(source_of_node(node).subject, f"{node.unique_id}: {node.message or node.status}", ())


def _saying(errors: Iterable[tuple[str, str, str]]) -> list[Source]:
    sources = [source_of_error(*error) for error in errors]
    return [source for source in sources if source.details or source.introduction]


def _failures(run: Run, signs: _Signs) -> list[Failure]:
    """Return how the step failed at last; before a timeout those failures that used the time up, the last one first."""
    failure = signs.failure
    if failure is None or not (signs.end is Status.TIMED_OUT or _is_timeout(failure)):
        return [failure] if failure else []
    before = [other for other in run.evidence.failures if other.step == failure.step and not _is_timeout(other)]
    return [*reversed(before), failure]


def _is_timeout(failure: Failure) -> bool:
    return failure.error in ("States.Timeout", "States.HeartbeatTimeout")


def _where(run: Run, signs: _Signs, reported: ReportedError | None, fault: Fault | None, catalogue: Catalogue) -> Where:
    kind = catalogue.types.get(reported.error_type) if reported else None
    declared = run.pipeline.steps.get(signs.failure.step) if signs.failure else None
    if fault and fault.where:
        return fault.where
    if kind and kind.where:
        return kind.where
    if _WHY_OF_END.get(signs.end) and not _is_hidden_by_timeout(signs, fault):
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


def _is_hidden_by_timeout(signs: _Signs, fault: Fault | None) -> bool:
    """Return whether a step failed for a cause that is known, and was tried again until the time was up."""
    is_failing = signs.failure is not None and signs.failure.step == signs.last_step
    return signs.end is Status.TIMED_OUT and is_failing and fault is not None and fault.why is not Why.TIMEOUT


def _cause(catalogue: Catalogue, why: Why, finding: Finding) -> Cause:
    cause = catalogue.cause_of(why, finding.fault)
    # A service that says whether it would try again knows it better than a rule.
    says = finding.is_retryable if finding.fault and finding.fault.why is why else None
    return cause if says is None else replace(cause, retryable=says)


def _certain(signs: _Signs, reported: ReportedError | None, fault: Fault | None) -> Why | None:
    """Return the cause where a part of the run says it without any text."""
    if reported is None and signs.end in _WHY_OF_END and not _is_hidden_by_timeout(signs, fault):
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
