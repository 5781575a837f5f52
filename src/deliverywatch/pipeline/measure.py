"""The executions that run right now -> how long the oldest of each pipeline has been running: `measure` is the road.

Step Functions publishes the duration of an execution when it ends, and nothing of one that never does. No execution is
0 seconds: that nothing hangs is seen, and not concluded from silence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from deliverywatch import emf
from deliverywatch.errors import CloudRefused, DeliveryWatchError
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.declaration.values import moment
from deliverywatch.pipeline.outputs.metrics import JobType, Point


class RunningExecutions(Protocol):
    """Step Functions, for the executions that have not ended."""

    def running(self, state_machine: str) -> Iterator[Mapping[str, Any]]:
        """Yield the executions that are RUNNING, as ListExecutions lists them, or raise CloudRefused."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What the flow touches; `emit` takes one line of EMF."""

    executions: RunningExecutions
    emit: Callable[[str], None]


def measure(pipelines: Sequence[Pipeline], ports: Ports, now: datetime, environment: str) -> dict[str, float]:
    """Emit and return the age in seconds of each pipeline's oldest running execution.

    Raises:
        CloudRefused: The executions of a pipeline cannot be listed; those of the others are emitted before.
    """
    ages, problems = {}, []
    for pipeline in pipelines:
        try:
            ages[pipeline.name] = oldest_seconds(ports.executions.running(pipeline.state_machine), now)
        except DeliveryWatchError as error:
            problems.append(f"{pipeline.name}: {error}")
            continue
        ports.emit(_document(pipeline, ages[pipeline.name], now, environment))
    if problems:
        raise CloudRefused(
            f"Whether a run hangs is not known. {' '.join(problems)}",
            next_step="Look whether the state_machine of cfn/pipelines.toml exists in this account and region, and is "
            "of type STANDARD: executions of an EXPRESS one cannot be listed.",
        )
    return ages


def oldest_seconds(executions: Iterator[Mapping[str, Any]], now: datetime) -> float:
    """Return for how long the oldest of these executions has been running; one that was redriven, since then."""
    starts = [moment(one.get("redriveDate")) or moment(one.get("startDate")) for one in executions]
    ages = [(now - start).total_seconds() for start in starts if start]
    return max([0.0, *ages])


def _document(pipeline: Pipeline, seconds: float, now: datetime, environment: str) -> str:
    point = Point(JobType.PIPELINE, "OldestRunSeconds", seconds)
    dimensions = {"Environment": environment, "Pipeline": pipeline.name, "JobType": point.job_type.value}
    return emf.document(pipeline.namespace, dimensions, {point.name: (point.value, point.unit)}, now)
