"""A run that failed -> one notice per cause; a run that is well -> the end of what was open: `report` is the road.

It is started by the same events as `publish`, and may be called by a state machine itself, as a task in its failure
path: `{"error_type": "dbt_test_failure", "execution.$": "$$.Execution.Id", "error.$": "$.error"}`. What the task
reported, the event of the same execution does not report again. A run that failed because an execution of another
declared state machine failed in it is reported as that one: both come to one incident.

Context first, then the notice, then the memory of it: killed in between, the next delivery publishes the same again,
and the notifier's incident keeps that from being a second mail. What cannot be read or written on the way costs a line
of the notice, and never the notice.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from deliverywatch.errors import DeliveryWatchError, InputError, StoreConflict, StoreUnavailable
from deliverywatch.messages.context import key_of
from deliverywatch.messages.notice import SystemNotice, to_document
from deliverywatch.messages.untrusted import mapping
from deliverywatch.messages.verdict import Verdict
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.declaration.values import decoded, text
from deliverywatch.pipeline.diagnosis.advice import Explanation, dashboard_link, document, explanation_of
from deliverywatch.pipeline.diagnosis.collect import (
    Artifacts,
    Executions,
    Run,
    bare,
    execution_in,
    run_of_arn,
    run_of_event,
    understood,
)
from deliverywatch.pipeline.diagnosis.diagnose import MEANINGS, ReportedError, diagnose
from deliverywatch.pipeline.diagnosis.faults import Catalogue
from deliverywatch.pipeline.diagnosis.judge import caught, failed_jobs, failed_nodes, judge, proves
from deliverywatch.pipeline.diagnosis.runs import EVENT_TYPE, Status, execution_of_event, running
from deliverywatch.pipeline.outputs import mail_context, notices, notified_causes
from deliverywatch.pipeline.outputs.notified_causes import Memory, Opened
from deliverywatch.storage.records import read_record, update_record
from deliverywatch.storage.store import Change, Store

log = logging.getLogger(__name__)

# What Step Functions ends along with an execution ends in these.
_TOGETHER = timedelta(minutes=2)
# State machines that start each other in circles end somewhere.
_DEEPEST_NESTING = 5


class Topic(Protocol):
    """The alerts topic."""

    def publish(self, notice: Mapping[str, Any]) -> None:
        """Publish a system notice, or raise CloudUnavailable or CloudRefused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the flow touches, and the environment whose dashboard its mails link; empty for none."""

    executions: Executions
    artifacts: Artifacts
    store: Store
    topic: Topic
    environment: str = ""


def report(
    event: object, pipelines: Sequence[Pipeline], ports: Ports, now: datetime, catalogue: Catalogue
) -> dict[str, Any]:
    """Publish what an event of EventBridge, or the input of a state machine's task, means for its pipeline.

    Returns the diagnosis as JSON, with the watches about which something was published under `told`. `now` is the time
    of a failure where neither event nor history has it.

    Raises:
        InputError: The event is neither.
        Retryable: The notice did not leave, or that it left could not be remembered.
    """
    body = mapping(event)
    if body.get("detail-type") != EVENT_TYPE:
        return _called(body, pipelines, ports, now, catalogue)
    sources = (pipelines, ports.executions, ports.artifacts)
    run = understood(lambda: run_of_event(event, *sources), lambda: execution_of_event(event), pipelines)
    if not run.execution.status.is_final:
        return document(run, None, None)
    at = run.execution.stopped_at or now
    _leave(mail_context.of_run(run, catalogue, at, dashboard_link(run, ports.environment)), ports.store)
    return _ended(_cause_of(run, pipelines, ports), ports, now, catalogue)


def examine(
    run: Run, catalogue: Catalogue, reported: ReportedError | None = None
) -> tuple[dict[str, Any], Explanation | None]:
    """Return the diagnosis of a run as JSON, and its explanation; None if the run is well."""
    diagnosis = diagnose(run, catalogue, reported)
    explanation = explanation_of(run, diagnosis, catalogue) if diagnosis else None
    return document(run, diagnosis, explanation), explanation


def _examined(
    run: Run, catalogue: Catalogue, reported: ReportedError | None = None
) -> tuple[Run, dict[str, Any], Explanation | None]:
    try:
        return (run, *examine(run, catalogue, reported))
    except Exception as error:  # whatever steps and services wrote, the news goes out
        known = bare(run, error)
        return (known, *examine(known, catalogue, reported))


def _called(
    body: Mapping[str, Any], pipelines: Sequence[Pipeline], ports: Ports, now: datetime, catalogue: Catalogue
) -> dict[str, Any]:
    reported, arn = reported_error(body, catalogue), text(body.get("execution"))
    if not arn:
        raise InputError(
            "The state machine did not say which execution it is.",
            next_step='Give the task "execution.$": "$$.Execution.Id" in its input.',
        )
    sources = (pipelines, ports.executions, ports.artifacts)
    run = understood(lambda: run_of_arn(arn, *sources, now), lambda: running(arn, now), pipelines)
    cause = _cause_of(run, pipelines, ports)
    if cause is not run:
        return _ended(cause, ports, now, catalogue)
    run, result, explanation = _examined(run, catalogue, reported)
    notice = _failure(run, explanation, _memory(run, ports) or Memory(), now) if explanation else None
    return result | {"told": [_publish(run, notice, explanation, ports)] if notice else []}


def reported_error(body: Mapping[str, Any], catalogue: Catalogue) -> ReportedError:
    """Return what a state machine says of a failure; an error type that the catalogue does not have is `unknown`."""
    error_type, caught = text(body.get("error_type")), mapping(decoded(body.get("error")))
    error = text(caught.get("Error")) or text(body.get("error"))
    known = error_type if error_type in catalogue.types else "unknown"
    return ReportedError(known, error, text(caught.get("Cause")) or text(body.get("cause")))


def _cause_of(run: Run, pipelines: Sequence[Pipeline], ports: Ports) -> Run:
    """Return the run of a declared pipeline that one failed or was aborted by: two that end by one fault are one mail.

    An execution that fails takes the one that waits for it along, and one that is ended the one that it waits for.
    """
    for _ in range(_DEEPEST_NESTING):
        is_up = run.execution.status is Status.ABORTED
        arn = run.execution.started_by if is_up else run.failed_execution
        if not any(arn.split(":")[6:7] == [one.state_machine] for one in pipelines):
            return run
        try:
            other = run_of_arn(arn, pipelines, ports.executions, ports.artifacts)
        except DeliveryWatchError as error:
            return replace(run, problems=(*run.problems, str(error)))
        if is_up and not _took_along(other, run):
            return run
        if run.execution.status is Status.SUCCEEDED and not _faults(run) - _faults(other) <= {arn}:
            return run
        run = other
    return run


def _took_along(outer: Run, inner: Run) -> bool:
    """Whether an execution ended one that it waited for: by its own end, or where another of its branches failed."""
    if outer.execution.status is not Status.FAILED:
        return outer.execution.status in (Status.TIMED_OUT, Status.ABORTED)
    end, inner_end = outer.execution.stopped_at, inner.execution.stopped_at
    if end is None or inner_end is None or outer.failed_execution == inner.execution.arn:
        return False
    return abs(end - inner_end) <= _TOGETHER


def _faults(run: Run) -> set[str]:
    """Return what went wrong in a run, by what does not change on the way to the run that started it."""
    failed = [*(job.id for job in failed_jobs(run)), *(node.unique_id for node in failed_nodes(run))]
    checks = [check.sentence for check in run.evidence.report.failed] if run.evidence.report else []
    return {*failed, *checks, *(execution_in(failure.cause) or failure.cause for failure in caught(run))}


def _ended(run: Run, ports: Ports, now: datetime, catalogue: Catalogue) -> dict[str, Any]:
    at, memory = run.execution.stopped_at or now, _memory(run, ports)
    known = memory or Memory()
    run, result, explanation = _examined(run, catalogue)
    if notified_causes.key_of(run.execution) in known.executions:
        return result | {"told": [], "note": "it was told already"}
    if known.well_at and at < known.well_at:
        return result | {"told": [], "note": "a later run was well"}
    if explanation:
        return result | {"told": [_publish(run, _failure(run, explanation, known, now), explanation, ports)]}
    judged = judge(run)
    if judged.verdict is not Verdict.HEALTHY:
        # What cannot be read or is not there may hold a failure, and the very one that is open.
        return result | {"told": [_publish(run, notices.of_unknown(run, judged, known.last_good, at), None, ports)]}
    if memory is None:
        raise StoreUnavailable("What is open cannot be read, so nothing can be ended.")
    return result | {"told": _publish_recovery(run, memory, ports, at)}


def _failure(run: Run, explanation: Explanation, memory: Memory, now: datetime) -> SystemNotice:
    at = run.execution.stopped_at or run.evidence.last_at or now
    return notices.of_failure(run, explanation, memory.last_good, at, now)


def _publish(run: Run, notice: SystemNotice, explanation: Explanation | None, ports: Ports) -> str:
    dashboard, at = dashboard_link(run, ports.environment), notice.time or run.execution.started_at
    context = mail_context.of_explanation(explanation, at, dashboard) if explanation else None
    _leave({notice.watch: context or mail_context.of_unknown(run, at, dashboard)}, ports.store)
    ports.topic.publish(to_document(notice))
    key, by = notified_causes.key_of(run.execution), Opened(at, explanation.step if explanation else "")
    _remember(run, ports, lambda memory: memory.with_failure(key, notice.watch, notice.title, by))
    return notice.watch


def _publish_recovery(run: Run, memory: Memory, ports: Ports, at: datetime) -> list[str]:
    ended = {watch: title for watch, title in memory.open.items() if _is_over(run, watch, memory.opened.get(watch), at)}
    for watch, title in ended.items():
        ports.topic.publish(to_document(notices.of_recovery(run, watch, title, at)))
    good = notices.good_run(run, at)
    _remember(run, ports, lambda now: now.when_well(good, ended))
    return list(ended)


def _is_over(run: Run, watch: str, by: Opened | None, at: datetime) -> bool:
    """Return whether a run that is well proves that what is open is over: what failed in it was done, and later."""
    name = watch.removeprefix(f"pipeline-{run.pipeline.name}-")
    topic = next((topic for topic, meaning in MEANINGS.items() if meaning.watch == name), None)
    return proves(run, by.step if by else "", topic) and (by is None or by.at <= at)


def _leave(contexts: Mapping[str, bytes], store: Store) -> None:
    """Write the contexts of mails, by watch; a mail without one is better than none."""
    for watch, body in contexts.items():
        try:
            store.write(key_of(watch), body)
        except (StoreUnavailable, StoreConflict) as error:
            log.warning("%s", json.dumps({"event": "context_not_written", "watch": watch, "problem": str(error)}))


def _remember(run: Run, ports: Ports, changed: Callable[[Memory], Memory]) -> None:
    def noted(before: Memory | None) -> Change[None]:
        return Change(notified_causes.body_of(changed(before or Memory())), None)

    key = notified_causes.key_for(run.pipeline.name)
    update_record(ports.store, key, notified_causes.memory_of, noted)


def _memory(run: Run, ports: Ports) -> Memory | None:
    """Return what was published about a pipeline; None if the lake does not say, and a failure is told once more."""
    try:
        key = notified_causes.key_for(run.pipeline.name)
        return read_record(ports.store, key, notified_causes.memory_of) or Memory()
    except (StoreUnavailable, StoreConflict):
        return None
