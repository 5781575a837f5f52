"""A run that failed -> one notice per cause; a run that is well -> the end of what was open: `report` is the road.

It is started by the same events as `publish`, and may be called by a state machine itself, as a task in its failure
path: `{"error_type": "dbt_test_failure", "execution.$": "$$.Execution.Id", "error.$": "$.error"}`. What the task
reported, the event of the same execution does not report again.

Context first, then the notice, then the memory of it: killed in between, the next delivery publishes the same again,
and the notifier's incident keeps that from being a second mail.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from deliverywatch.errors import InputError
from deliverywatch.messages.context import key_of
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice, to_document
from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.declaration.values import decoded, text
from deliverywatch.pipeline.diagnosis.advice import Explanation, dashboard_link, document, explanation_of
from deliverywatch.pipeline.diagnosis.collect import Artifacts, Executions, Run, run_of_arn, run_of_event
from deliverywatch.pipeline.diagnosis.diagnose import ReportedError, diagnose
from deliverywatch.pipeline.diagnosis.faults import Catalogue
from deliverywatch.pipeline.diagnosis.runs import EVENT_TYPE
from deliverywatch.pipeline.outputs import mail_context, notified_causes
from deliverywatch.pipeline.outputs.notified_causes import Memory
from deliverywatch.storage.records import read_record, update_record
from deliverywatch.storage.store import Change, Store


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
    of a failure that a state machine reports, where its history does not have it.

    Raises:
        InputError: The event is neither, or what it names cannot be read.
    """
    body = mapping(event)
    if body.get("detail-type") == EVENT_TYPE:
        run = run_of_event(event, pipelines, ports.executions, ports.artifacts)
        return _ended(run, ports, catalogue) if run.execution.status.is_final else document(run, None, None)
    return _called(body, pipelines, ports, now, catalogue)


def examine(
    run: Run, catalogue: Catalogue, reported: ReportedError | None = None
) -> tuple[dict[str, Any], Explanation | None]:
    """Return the diagnosis of a run as JSON, and its explanation; None if the run is well."""
    diagnosis = diagnose(run, catalogue, reported)
    explanation = explanation_of(run, diagnosis, catalogue) if diagnosis else None
    return document(run, diagnosis, explanation), explanation


def _called(
    body: Mapping[str, Any], pipelines: Sequence[Pipeline], ports: Ports, now: datetime, catalogue: Catalogue
) -> dict[str, Any]:
    reported, arn = reported_error(body, catalogue), text(body.get("execution"))
    if not arn:
        raise InputError(
            "The state machine did not say which execution it is.",
            next_step='Give the task "execution.$": "$$.Execution.Id" in its input.',
        )
    run = run_of_arn(arn, pipelines, ports.executions, ports.artifacts)
    result, explanation = examine(run, catalogue, reported)
    at = run.evidence.last_at or now
    return result | {"told": [_publish(run, explanation, ports, at)] if explanation else []}


def reported_error(body: Mapping[str, Any], catalogue: Catalogue) -> ReportedError:
    """Return what a state machine says of a failure; raise InputError if its error type is none of the catalogue's."""
    error_type = text(body.get("error_type"))
    if error_type not in catalogue.types:
        raise InputError(f"'{error_type}' is not an error type.", next_step=f"Use one of {', '.join(catalogue.types)}.")
    caught = mapping(decoded(body.get("error")))
    error = text(caught.get("Error")) or text(body.get("error"))
    return ReportedError(error_type, error, text(caught.get("Cause")) or text(body.get("cause")))


def _ended(run: Run, ports: Ports, catalogue: Catalogue) -> dict[str, Any]:
    at = run.execution.stopped_at
    if at is None:
        raise InputError("The event says that the execution ended, and not when.")
    memory = _memory(run, ports)
    result, explanation = examine(run, catalogue)
    for watch, body in mail_context.of_run(run, catalogue, at, dashboard_link(run, ports.environment)).items():
        ports.store.write(key_of(watch), body)
    if notified_causes.key_of(run.execution) in memory.executions:
        return result | {"told": [], "note": "the state machine told it itself"}
    if explanation is None and run.problems:
        # What cannot be read may hold the very failure that is open.
        return result | {"told": [], "note": " ".join(run.problems)}
    if explanation is None:
        return result | {"told": _publish_recovery(run, memory, ports, at)}
    if memory.well_at and at < memory.well_at:
        return result | {"told": [], "note": "a later run was well"}
    return result | {"told": [_publish(run, explanation, ports, at)]}


def _publish(run: Run, explanation: Explanation, ports: Ports, at: datetime) -> str:
    body = mail_context.of_explanation(explanation, at, dashboard_link(run, ports.environment))
    ports.store.write(key_of(explanation.watch), body)
    notice = SystemNotice(
        watch=explanation.watch,
        level=explanation.level,
        time=at,
        title=explanation.title,
        sentence=explanation.sentence,
        facts=explanation.facts,
    )
    ports.topic.publish(to_document(notice))
    key = notified_causes.key_of(run.execution)
    _remember(run, ports, lambda memory: memory.with_failure(key, explanation.watch, explanation.title))
    return explanation.watch


def _publish_recovery(run: Run, memory: Memory, ports: Ports, at: datetime) -> list[str]:
    sentence = f"The run {run.execution.name} of {run.pipeline.name} is well."
    for watch, title in memory.open.items():
        notice = SystemNotice(watch=watch, level=Level.OK, time=at, title=title, sentence=sentence)
        ports.topic.publish(to_document(notice))
    _remember(run, ports, lambda now: now.when_well(at, memory.open))
    return list(memory.open)


def _remember(run: Run, ports: Ports, changed: Callable[[Memory], Memory]) -> None:
    def noted(before: Memory | None) -> Change[None]:
        return Change(notified_causes.body_of(changed(before or Memory())), None)

    key = notified_causes.key_for(run.pipeline.name)
    update_record(ports.store, key, notified_causes.memory_of, noted)


def _memory(run: Run, ports: Ports) -> Memory:
    key = notified_causes.key_for(run.pipeline.name)
    return read_record(ports.store, key, notified_causes.memory_of) or Memory()
