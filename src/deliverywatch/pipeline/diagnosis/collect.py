"""The end of an execution -> all that is known of it: what `publish` counts and what `report` explains.

An event leaves out what is too large and, where a run failed, most of what it did; the history of the execution has it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import InputError
from deliverywatch.pipeline.declaration.pipelines import named
from deliverywatch.pipeline.diagnosis import evidence as evidences
from deliverywatch.pipeline.diagnosis.dbt import run_of
from deliverywatch.pipeline.diagnosis.runs import Status, execution_of, execution_of_event

if TYPE_CHECKING:
    from deliverywatch.pipeline.declaration.pipelines import Pipeline
    from deliverywatch.pipeline.diagnosis.dbt import DbtRun
    from deliverywatch.pipeline.diagnosis.evidence import Evidence
    from deliverywatch.pipeline.diagnosis.runs import Execution


class Executions(Protocol):
    """Step Functions."""

    def describe(self, arn: str) -> Mapping[str, Any]:
        """Return what DescribeExecution says."""
        ...

    def history(self, arn: str) -> Iterable[Mapping[str, Any]]:
        """Yield the events of an execution, the oldest first."""
        ...


class Artifacts(Protocol):
    """What the steps of a pipeline leave behind."""

    def fetch(self, address: str) -> bytes | None:
        """Return the object at an `s3://` address, or None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """One execution with what it tells of itself.

    Attributes:
        problems: What could not be read, a sentence each.
    """

    pipeline: Pipeline
    execution: Execution
    evidence: Evidence
    dbt: tuple[DbtRun, ...] = ()
    problems: tuple[str, ...] = ()


def run_of_event(event: object, pipelines: Sequence[Pipeline], executions: Executions, artifacts: Artifacts) -> Run:
    """Return the run that an event of EventBridge tells of; where it lacks something, Step Functions is asked.

    Raises:
        InputError: It is no such event.
        ConfigurationError: No pipeline with this state machine is declared.
    """
    told = execution_of_event(event)
    is_enough = told.is_whole and (told.status is Status.SUCCEEDED or bool(told.error or told.cause))
    execution = told if is_enough else execution_of(executions.describe(told.arn))
    return run_of_execution(execution, pipelines, executions, artifacts)


def run_of_arn(arn: str, pipelines: Sequence[Pipeline], executions: Executions, artifacts: Artifacts) -> Run:
    """Return the run with this ARN."""
    return run_of_execution(execution_of(executions.describe(arn)), pipelines, executions, artifacts)


def run_of_execution(
    execution: Execution, pipelines: Sequence[Pipeline], executions: Executions, artifacts: Artifacts
) -> Run:
    """Return a run of which the execution is known."""
    pipeline = named(execution.state_machine, pipelines)
    # An express execution keeps no history; its ARN says `express`.
    history = [] if ":express:" in execution.arn else executions.history(execution.arn)
    found = _both(evidences.of_output([execution.output, execution.cause]), evidences.of_history(history))
    dbt, problems = _dbt_runs(found.artifacts, artifacts)
    return Run(pipeline, _redriven(execution, found), found, dbt, problems)


def _redriven(execution: Execution, found: Evidence) -> Execution:
    """Return an execution with its redrives as its history has them: an event need not say how many there were."""
    end = execution.stopped_at
    count = sum(end is None or at <= end for at in found.redriven_at)
    return replace(execution, redrive_count=max(execution.redrive_count, count))


def _both(told: Evidence, recorded: Evidence) -> Evidence:
    jobs = {run.id or run.job: run for run in (*told.jobs, *recorded.jobs)}
    artifacts = tuple(dict.fromkeys([*recorded.artifacts, *told.artifacts]))
    return replace(recorded, jobs=tuple(jobs.values()), artifacts=artifacts, report=told.report or recorded.report)


def _dbt_runs(addresses: Iterable[str], artifacts: Artifacts) -> tuple[tuple[DbtRun, ...], tuple[str, ...]]:
    found: dict[str, DbtRun] = {}
    problems: list[str] = []
    for address in addresses:
        body = artifacts.fetch(address)
        if body is None:
            problems.append(f"There is no object at {address}: dbt ended before it wrote its results.")
            continue
        try:
            run = run_of(json.loads(body))
        except (ValueError, InputError) as error:
            problems.append(f"{address} cannot be read: {error}")
        else:
            # Two steps may pass the same file on; an invocation counts once.
            found[run.invocation_id or address] = run
    return tuple(found.values()), tuple(problems)
