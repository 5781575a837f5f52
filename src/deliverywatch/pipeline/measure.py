"""The executions that run right now -> how long the oldest of each pipeline has been running: `measure` is the road.

Step Functions publishes the duration of an execution when it ends, and nothing of one that never does. No execution is
0 seconds: that nothing hangs is seen, and not concluded from silence.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from deliverywatch import emf
from deliverywatch.errors import CloudRefused, DeliveryWatchError, InputError, StoreConflict, StoreUnavailable
from deliverywatch.messages.context import key_of
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.declaration.values import moment, text
from deliverywatch.pipeline.outputs import mail_context
from deliverywatch.pipeline.outputs.metrics import JobType, Point
from deliverywatch.storage.store import Store

log = logging.getLogger(__name__)


class RunningExecutions(Protocol):
    """Step Functions, for the executions that have not ended."""

    def running(self, state_machine: str) -> Iterator[Mapping[str, Any]]:
        """Yield the executions that are RUNNING, as ListExecutions lists them, or raise CloudRefused."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the flow touches; `emit` takes one line of EMF."""

    executions: RunningExecutions
    store: Store
    emit: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Oldest:
    """The execution that has been running for longest, and since when: where it was redriven, since then."""

    arn: str
    since: datetime

    def seconds(self, now: datetime) -> float:
        """Return for how long it has been running."""
        return max(0.0, (now - self.since).total_seconds())


def measure(pipelines: Sequence[Pipeline], ports: Ports, now: datetime, environment: str) -> dict[str, float]:
    """Emit and return the age in seconds of each pipeline's oldest running execution.

    Raises:
        CloudRefused: The executions of a pipeline cannot be listed; those of the others are emitted before.
    """
    ages: dict[str, float] = {}
    problems: list[str] = []
    for pipeline in pipelines:
        try:
            oldest = oldest_of(ports.executions.running(pipeline.state_machine))
        except DeliveryWatchError as error:
            problems.append(f"{pipeline.name}: {error}")
            continue
        ages[pipeline.name] = oldest.seconds(now) if oldest else 0.0
        if oldest and ages[pipeline.name] > pipeline.limits.hung_seconds:
            _leave(pipeline, oldest, ports.store, now)
        ports.emit(_document(pipeline, ages[pipeline.name], now, environment))
    if problems:
        raise CloudRefused(
            f"Whether a run hangs is not known. {' '.join(problems)}",
            next_step="Look whether the state_machine of cfn/pipelines.toml exists in this account and region, and is "
            "of type STANDARD: executions of an EXPRESS one cannot be listed.",
        )
    return ages


def oldest_of(executions: Iterator[Mapping[str, Any]]) -> Oldest | None:
    """Return the execution of these that has been running for longest; None if none says since when."""
    starts = [
        Oldest(text(one.get("executionArn")), since)
        for one in executions
        if (since := moment(one.get("redriveDate")) or moment(one.get("startDate")))
    ]
    return min(starts, key=lambda one: one.since, default=None)


def _leave(pipeline: Pipeline, oldest: Oldest, store: Store, now: datetime) -> None:
    """Write what the mail about a run that hangs says of it; before its metric, which the alarm waits for."""
    try:
        watch, body = mail_context.of_hung(pipeline, oldest.arn, oldest.since, now)
        store.write(key_of(watch), body)
    except (InputError, StoreUnavailable, StoreConflict) as error:
        line = {"event": "context_not_written", "pipeline": pipeline.name, "problem": str(error)}
        log.warning("%s", json.dumps(line))


def _document(pipeline: Pipeline, seconds: float, now: datetime, environment: str) -> str:
    point = Point(JobType.PIPELINE, "OldestRunSeconds", seconds)
    dimensions = {"Environment": environment, "Pipeline": pipeline.name, "JobType": point.job_type.value}
    return emf.document(pipeline.namespace, dimensions, {point.name: (point.value, point.unit)}, now)
