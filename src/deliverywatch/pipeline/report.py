"""A run that failed -> one notice per cause; a run that is well -> the end of what was open: `report` is the road.

It is started by the same events as `publish`, and may be called by a state machine itself, as a task in its failure
path: `{"error_type": "dbt_test_failure", "execution.$": "$$.Execution.Id", "error.$": "$.error"}`. What the task told,
the event of the same execution does not tell again.

Context first, then the notice, then the memory of it: killed in between, the next delivery tells the same once more,
and the notifier's incident keeps that from being a second mail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import InputError
from deliverywatch.messages.context import key_of
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice, to_document
from deliverywatch.pipeline.declaration.values import decoded, mapping, text
from deliverywatch.pipeline.diagnosis.advice import account_of, dashboard_link, document
from deliverywatch.pipeline.diagnosis.collect import run_of_arn, run_of_event
from deliverywatch.pipeline.diagnosis.diagnose import Told, diagnose
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.diagnosis.runs import EVENT_TYPE
from deliverywatch.pipeline.outputs import mail_context, notified_causes
from deliverywatch.pipeline.outputs.store import update

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline
    from deliverywatch.pipeline.diagnosis.advice import Account
    from deliverywatch.pipeline.diagnosis.collect import Artifacts, Executions, Run
    from deliverywatch.pipeline.diagnosis.faults import Catalogue
    from deliverywatch.pipeline.outputs.store import Store


class Topic(Protocol):
    """The alerts topic."""

    def publish(self, notice: Mapping[str, Any]) -> None:
        """Publish a system notice, or raise CloudUnavailable or CloudRefused."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What the flow touches, and the environment whose dashboard its mails link; empty for none."""

    executions: Executions
    artifacts: Artifacts
    store: Store
    topic: Topic
    environment: str = ""


def report(
    event: object, pipelines: Sequence[Pipeline], ports: Ports, now: datetime, catalogue: Catalogue | None = None
) -> dict[str, Any]:
    """Tell what an event means for the pipeline it comes from.

    Args:
        event: Of EventBridge, or what a state machine hands to its task.
        pipelines: Those that are declared.
        ports: What the flow touches.
        now: The time of a failure that a state machine tells, where its history does not say it; aware.
        catalogue: Of faults; the shipped one by default.

    Returns:
        The diagnosis as JSON, with `told` for what was published.

    Raises:
        InputError: The event is neither, or what it names cannot be read.
    """
    known = catalogue or shipped()
    body = mapping(event)
    if body.get("detail-type") == EVENT_TYPE:
        run = run_of_event(event, pipelines, ports.executions, ports.artifacts)
        return _ended(run, ports, known) if run.execution.status.is_final else document(run, None, None)
    return _called(body, pipelines, ports, now, known)


def examine(run: Run, catalogue: Catalogue, said: Told | None = None) -> tuple[dict[str, Any], Account | None]:
    """Return the diagnosis of a run as JSON, and what is told of it; None if it is well."""
    found = diagnose(run, catalogue, said)
    account = account_of(run, found, catalogue) if found else None
    return document(run, found, account), account


def _called(
    body: Mapping[str, Any], pipelines: Sequence[Pipeline], ports: Ports, now: datetime, catalogue: Catalogue
) -> dict[str, Any]:
    said, arn = told_by(body, catalogue), text(body.get("execution"))
    if not arn:
        raise InputError(
            "The state machine did not say which execution it is.",
            next_step='Give the task "execution.$": "$$.Execution.Id" in its input.',
        )
    run = run_of_arn(arn, pipelines, ports.executions, ports.artifacts)
    found, account = examine(run, catalogue, said)
    return found | {"told": [_tell(run, account, ports, run.evidence.last_at or now)] if account else []}


def told_by(body: Mapping[str, Any], catalogue: Catalogue) -> Told:
    """Return what a state machine says of a failure.

    Raises:
        InputError: The error type is none of the catalogue's.
    """
    error_type = text(body.get("error_type"))
    if error_type not in catalogue.types:
        raise InputError(f"'{error_type}' is no type of error.", next_step=f"Give one of {', '.join(catalogue.types)}.")
    caught = mapping(decoded(body.get("error")))
    error = text(caught.get("Error")) or text(body.get("error"))
    return Told(error_type, error, text(caught.get("Cause")) or text(body.get("cause")))


def _ended(run: Run, ports: Ports, catalogue: Catalogue) -> dict[str, Any]:
    at = run.execution.stopped_at
    if at is None:
        raise InputError("The event says that the execution ended, and not when.")
    memory = _memory(run, ports)
    found, account = examine(run, catalogue)
    for watch, body in mail_context.of_run(run, catalogue, at, dashboard_link(run, ports.environment)).items():
        ports.store.write(key_of(watch), body)
    if notified_causes.key_of(run.execution.arn, run.execution.redrive_count) in memory.executions:
        return found | {"told": [], "note": "the state machine told it itself"}
    if account is None and run.problems:
        # What cannot be read may hold the very failure that is open.
        return found | {"told": [], "note": " ".join(run.problems)}
    if account is None:
        return found | {"told": _well(run, memory, ports, at)}
    if memory.well_at and at < memory.well_at:
        return found | {"told": [], "note": "a later run was well"}
    return found | {"told": [_tell(run, account, ports, at)]}


def _tell(run: Run, account: Account, ports: Ports, at: datetime) -> str:
    body = mail_context.of_account(account, at, dashboard_link(run, ports.environment))
    ports.store.write(key_of(account.watch), body)
    notice = SystemNotice(
        watch=account.watch,
        level=account.level,
        time=at,
        title=account.title,
        sentence=account.sentence,
        facts=account.facts,
    )
    ports.topic.publish(to_document(notice))
    key = notified_causes.key_of(run.execution.arn, run.execution.redrive_count)

    def noted(body: bytes | None) -> tuple[bytes, None]:
        memory = notified_causes.memory_of(body).with_failure(key, account.watch, account.title)
        return notified_causes.body_of(memory), None

    update(ports.store, notified_causes.key_for(run.pipeline.name), noted)
    return account.watch


def _well(run: Run, memory: notified_causes.Memory, ports: Ports, at: datetime) -> list[str]:
    sentence = f"The run {run.execution.name} of {run.pipeline.name} is well."
    for watch, title in memory.open.items():
        notice = SystemNotice(watch=watch, level=Level.OK, time=at, title=title, sentence=sentence)
        ports.topic.publish(to_document(notice))

    def noted(body: bytes | None) -> tuple[bytes, None]:
        return notified_causes.body_of(notified_causes.memory_of(body).when_well(at, memory.open)), None

    update(ports.store, notified_causes.key_for(run.pipeline.name), noted)
    return list(memory.open)


def _memory(run: Run, ports: Ports) -> notified_causes.Memory:
    stored = ports.store.read(notified_causes.key_for(run.pipeline.name))
    return notified_causes.memory_of(stored.body if stored else None)
