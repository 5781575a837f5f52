"""The end of an execution -> all that can be learned about it: what `publish` counts and what `report` explains.

An event leaves out what is too large and, where a run failed, most of what it did; the history of the execution has it.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.pipelines import Pipeline, Where, named
from deliverywatch.pipeline.declaration.values import decoded, text
from deliverywatch.pipeline.diagnosis import evidence as evidences
from deliverywatch.pipeline.diagnosis.dbt import DbtRun, run_of
from deliverywatch.pipeline.diagnosis.evidence import Evidence
from deliverywatch.pipeline.diagnosis.runs import Execution, Status, execution_of, execution_of_event, running


class Executions(Protocol):
    """Step Functions."""

    def describe(self, arn: str) -> Mapping[str, Any]:
        """Return what DescribeExecution says."""

    def history(self, arn: str) -> Iterable[Mapping[str, Any]]:
        """Yield the events of an execution, the oldest first."""


class Artifacts(Protocol):
    """What the steps of a pipeline leave behind."""

    def fetch(self, address: str) -> bytes | None:
        """Return the object at an `s3://` address, or None if there is none."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution with its evidence; `problems` says what could not be read, a sentence each."""

    pipeline: Pipeline
    execution: Execution
    evidence: Evidence
    dbt: tuple[DbtRun, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def failed_execution(self) -> str:
        """The ARN of the execution that this one started, waited for, and failed by; empty if it was none."""
        steps = self.pipeline.steps
        own = [failure for failure in self.evidence.failures if steps.get(failure.step) is not Where.MONITOR]
        causes = [self.execution.cause, *(failure.cause for failure in own[-1:])]
        arns = [text(mapping(decoded(cause)).get("ExecutionArn")) for cause in causes]
        return next((arn for arn in arns if arn.count(":") >= 7 and arn != self.execution.arn), "")


def run_of_event(event: object, pipelines: Sequence[Pipeline], executions: Executions, artifacts: Artifacts) -> Run:
    """Return the run that an event of EventBridge is about; Step Functions fills in what it lacks, if it answers.

    Raises:
        InputError: It is no such event.
        ConfigurationError: No pipeline with this state machine is declared.
    """
    execution, problems = execution_of_event(event), list[str]()
    says_why = execution.status is Status.SUCCEEDED or bool(execution.error or execution.cause)
    if not (execution.is_whole and says_why):
        try:
            execution = execution_of(executions.describe(execution.arn))
        except DeliveryWatchError as error:
            problems.append(f"{error} The event alone does not say all of it.")
    run = _run_of(execution, pipelines, executions, artifacts)
    return replace(run, problems=(*problems, *run.problems))


def run_of_arn(
    arn: str,
    pipelines: Sequence[Pipeline],
    executions: Executions,
    artifacts: Artifacts,
    started_at: datetime | None = None,
) -> Run:
    """Return the run with this ARN; with `started_at` also where Step Functions says nothing about it."""
    problems: list[str] = []
    try:
        execution = execution_of(executions.describe(arn))
    except DeliveryWatchError as error:
        if started_at is None:
            raise
        execution = running(arn, started_at)
        problems.append(str(error))
    run = _run_of(execution, pipelines, executions, artifacts)
    return replace(run, problems=(*problems, *run.problems))


def _run_of(execution: Execution, pipelines: Sequence[Pipeline], executions: Executions, artifacts: Artifacts) -> Run:
    pipeline = named(execution.state_machine, pipelines)
    problems: list[str] = []
    history = evidences.of_history(_as_far_as_read(execution.arn, executions, problems))
    evidence = _both(evidences.of_outputs([execution.output, execution.cause]), history)
    dbt, unread = _dbt_runs(evidence.artifacts, artifacts)
    return Run(pipeline, _redriven(execution, evidence), evidence, dbt, (*problems, *unread))


def _as_far_as_read(arn: str, executions: Executions, problems: list[str]) -> Iterator[Mapping[str, Any]]:
    # An express execution keeps no history; its ARN says `express`.
    if ":express:" in arn:
        return
    try:
        yield from executions.history(arn)
    except DeliveryWatchError as error:
        problems.append(str(error))


def _redriven(execution: Execution, evidence: Evidence) -> Execution:
    """Return an execution with its redrives as its history has them: an event need not say how many there were."""
    end = execution.stopped_at
    count = sum(end is None or at <= end for at in evidence.redriven_at)
    return replace(execution, redrive_count=max(execution.redrive_count, count))


def _both(output: Evidence, history: Evidence) -> Evidence:
    jobs = {run.id or run.job: run for run in (*output.jobs, *history.jobs)}
    artifacts = tuple(dict.fromkeys([*history.artifacts, *output.artifacts]))
    return replace(history, jobs=tuple(jobs.values()), artifacts=artifacts, report=output.report or history.report)


def _dbt_runs(addresses: Iterable[str], artifacts: Artifacts) -> tuple[tuple[DbtRun, ...], tuple[str, ...]]:
    runs: dict[str, DbtRun] = {}
    problems: list[str] = []
    for address in addresses:
        try:
            body = artifacts.fetch(address)
            if body is None:
                problems.append(f"There is no object at {address}: dbt ended before it wrote its results.")
                continue
            run = run_of(json.loads(body))
        except (ValueError, RecursionError, DeliveryWatchError) as error:
            problems.append(f"{address} cannot be read: {error}")
        else:
            # Two steps may pass the same file on; an invocation counts once.
            runs[run.invocation_id or address] = run
    return tuple(runs.values()), tuple(problems)
