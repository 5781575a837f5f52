"""The end of an execution -> all that can be learned about it: what `publish` counts and what `report` explains.

An event leaves out what is too large and, where a run failed, most of what it did; the history of the execution has it.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from deliverywatch import thresholds
from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.pipelines import Pipeline, Where, named
from deliverywatch.pipeline.declaration.values import number
from deliverywatch.pipeline.diagnosis import evidence as evidences
from deliverywatch.pipeline.diagnosis.dbt import DbtRun, run_of
from deliverywatch.pipeline.diagnosis.evidence import Evidence
from deliverywatch.pipeline.diagnosis.history import of_history
from deliverywatch.pipeline.diagnosis.manifest import expected_nodes
from deliverywatch.pipeline.diagnosis.runs import Execution, Status, execution_of, execution_of_event, running
from deliverywatch.pipeline.diagnosis.shape import Shape, shape_of

_TOLERANCE = timedelta(seconds=thresholds.PIPELINE_CLOCK_TOLERANCE_SECONDS)
# A function has a minute; a pipeline that starts more does so in a distributed Map, which counts its items itself.
_NESTED_COUNT = 20
# In the description of an execution; of a long one, the end is cut off, and it is no JSON.
_NESTED_ARN = re.compile(r'"ExecutionArn"\s{0,9}:\s{0,9}"(arn:[^"\s]{1,400})"')


class Executions(Protocol):
    """Step Functions."""

    def describe(self, arn: str) -> Mapping[str, Any]:
        """Return what DescribeExecution says."""

    def history(self, arn: str) -> Iterable[Mapping[str, Any]]:
        """Yield the events of an execution, the oldest first."""

    def definition(self, arn: str) -> object:
        """Return the decoded definition that an execution began with."""

    def map_run(self, arn: str) -> Mapping[str, Any]:
        """Return what DescribeMapRun says."""


class Artifacts(Protocol):
    """What the steps of a pipeline leave behind."""

    def fetch(self, address: str) -> bytes | None:
        """Return the object at an `s3://` address, or None if there is none."""


@dataclass(frozen=True, slots=True)
class Items:
    """What became of the items of a distributed Map, which run as executions of their own."""

    name: str
    total: int
    succeeded: int


@dataclass(frozen=True, slots=True)
class Run:
    """One execution with its evidence.

    Attributes:
        dbt: The invocations of dbt in this execution.
        problems: What could not be read, a sentence each.
        not_counted: Results of dbt that are none of this execution, likewise.
        map_runs: Its distributed Maps.
        shape: That of its state machine, where it ended well; None where it could not be read.
    """

    pipeline: Pipeline
    execution: Execution
    evidence: Evidence
    dbt: tuple[DbtRun, ...] = ()
    problems: tuple[str, ...] = ()
    not_counted: tuple[str, ...] = ()
    map_runs: tuple[Items, ...] = ()
    shape: Shape | None = None

    @property
    def finished(self) -> frozenset[str]:
        """The steps that ended, also in an execution that it started, unless its own machine has one of that name."""
        own = self.shape.states if self.shape else frozenset()
        return frozenset(self.evidence.finished) | (frozenset(self.evidence.finished_within) - own)

    @property
    def failed_execution(self) -> str:
        """The ARN of the execution that this one started, waited for, and failed by; empty if it was none."""
        steps = self.pipeline.steps
        own = [failure for failure in self.evidence.failures if steps.get(failure.step) is not Where.MONITOR]
        causes = [self.execution.cause, *(failure.cause for failure in own[-1:])]
        return next((arn for arn in map(execution_in, causes) if arn and arn != self.execution.arn), "")


def execution_in(cause: str) -> str:
    """Return the ARN of the execution that a cause describes; empty if it is about something else."""
    match = _NESTED_ARN.search(cause)
    return match[1] if match and match[1].count(":") >= 7 else ""


@dataclass(slots=True)
class _Collected:
    """What was collected so far."""

    problems: list[str] = field(default_factory=list)
    not_counted: list[str] = field(default_factory=list)


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


def understood(read: Callable[[], Run], end: Callable[[], Execution], pipelines: Sequence[Pipeline]) -> Run:
    """Return a run as it is read, or as its end alone says it where what it left behind is beyond all measure."""
    try:
        return read()
    except DeliveryWatchError:
        raise
    except Exception as error:  # whatever steps and services wrote, the news goes out
        execution = end()
        return bare(Run(named(execution.state_machine, pipelines), execution, Evidence()), error)


def bare(run: Run, error: Exception) -> Run:
    """Return a run without what could not be understood."""
    problem = f"What the run left behind could not be understood ({type(error).__name__})."
    return Run(run.pipeline, run.execution, Evidence(), problems=(*run.problems, problem))


def _run_of(execution: Execution, pipelines: Sequence[Pipeline], executions: Executions, artifacts: Artifacts) -> Run:
    pipeline, collected = named(execution.state_machine, pipelines), _Collected()
    history = _with_nested(_history(execution.arn, executions, collected), executions, collected)
    evidence = evidences.joined(evidences.of_outputs([execution.output, execution.cause]), history)
    ended = _redriven(execution, evidence)
    return Run(
        pipeline=pipeline,
        execution=ended,
        evidence=evidence,
        dbt=_dbt_runs(ended, pipeline, evidence.artifacts, artifacts, collected),
        map_runs=_map_runs(evidence.map_runs, executions, collected),
        shape=_shape(ended, pipeline, evidence, executions, collected),
        problems=tuple(collected.problems),
        not_counted=tuple(collected.not_counted),
    )


def _history(arn: str, executions: Executions, collected: _Collected) -> Evidence:
    # Its ARN says `express`.
    if ":express:" in arn:
        collected.problems.append(
            "An express execution keeps no history, only a log: what its steps did cannot be read from here."
        )
        return Evidence()
    return of_history(_as_far_as_read(arn, executions, collected))


def _as_far_as_read(arn: str, executions: Executions, collected: _Collected) -> Iterator[Mapping[str, Any]]:
    try:
        yield from executions.history(arn)
    except DeliveryWatchError as error:
        collected.problems.append(str(error))


def _with_nested(evidence: Evidence, executions: Executions, collected: _Collected) -> Evidence:
    """Return the evidence with that of the executions it started: a failure caught in one of them is caught in it."""
    waiting, read = list(evidence.nested), set[str]()
    while waiting and len(read) < _NESTED_COUNT:
        arn = waiting.pop(0)
        if arn not in read:
            read.add(arn)
            inner = _history(arn, executions, collected)
            waiting += inner.nested
            within = replace(inner, steps=(), finished=(), finished_within=inner.finished)
            evidence = evidences.joined(within, evidence)
    if left := len(set(waiting) - read):
        collected.problems.append(f"It started {len(read) + left} executions; {left} of them were not looked at.")
    return evidence


def _shape(
    execution: Execution, pipeline: Pipeline, evidence: Evidence, executions: Executions, collected: _Collected
) -> Shape | None:
    """Return the shape of the state machine: whether all steps were done that were to be, and which there still are."""
    is_done = bool(pipeline.expected_steps) and {*pipeline.expected_steps} <= {*evidence.finished}
    if execution.status is not Status.SUCCEEDED or not evidence.has_history:
        return None
    try:
        return shape_of(executions.definition(execution.arn))
    except DeliveryWatchError as error:
        collected.problems += [] if is_done else [str(error)]
        return None


def _map_runs(arns: Iterable[str], executions: Executions, collected: _Collected) -> tuple[Items, ...]:
    items = []
    for arn in arns:
        try:
            counts = mapping(executions.map_run(arn).get("itemCounts"))
        except DeliveryWatchError as error:
            collected.problems.append(str(error))
        else:
            name = arn.rpartition("/")[2].partition(":")[0]
            total, succeeded = (int(number(counts.get(part)) or 0) for part in ("total", "succeeded"))
            items.append(Items(name, total, succeeded))
    return tuple(items)


def _redriven(execution: Execution, evidence: Evidence) -> Execution:
    """Return an execution with its redrives as its history has them: an event need not say how many there were."""
    end = execution.stopped_at
    count = sum(end is None or at <= end for at in evidence.redriven_at)
    return replace(execution, redrive_count=max(execution.redrive_count, count))


def _dbt_runs(
    execution: Execution, pipeline: Pipeline, addresses: Iterable[str], artifacts: Artifacts, collected: _Collected
) -> tuple[DbtRun, ...]:
    runs: dict[DbtRun, DbtRun] = {}
    others: list[str] = []
    for address in addresses:
        if not address.startswith(pipeline.artifacts):
            others.append(f"{address} does not lie where the results of {pipeline.name} do, and was not counted.")
        elif run := _read(address, artifacts, collected):
            if not is_within(run, execution):
                collected.not_counted.append(_stale(address, run, execution))
                continue
            # Two steps may pass copies of one file on; they count once.
            runs[run] = replace(run, expected=_expected(address, run, artifacts))
    if not (runs or collected.problems or collected.not_counted):
        collected.not_counted += others
    return tuple(runs.values())


def _read(address: str, artifacts: Artifacts, collected: _Collected) -> DbtRun | None:
    try:
        body = artifacts.fetch(address)
        if body is not None:
            return run_of(json.loads(body))
        collected.problems.append(f"There is no object at {address}: dbt ended before it wrote its results.")
    except (ValueError, RecursionError, DeliveryWatchError) as error:
        collected.problems.append(f"{address} cannot be read: {error}")
    return None


def _expected(address: str, run: DbtRun, artifacts: Artifacts) -> frozenset[str]:
    """Return the nodes that the manifest beside the results names; none without one that can be read."""
    folder, _, name = address.rpartition("/")
    if "run_results" not in name:
        return frozenset()
    try:
        body = artifacts.fetch(f"{folder}/{name.replace('run_results', 'manifest')}")
        return expected_nodes(json.loads(body), run) if body else frozenset()
    except (ValueError, RecursionError, DeliveryWatchError):
        return frozenset()


def is_within(run: DbtRun, execution: Execution) -> bool:
    """Whether dbt ran in this execution; results that do not say when are counted, and prove nothing."""
    began, at, end = run.began_at, run.generated_at, execution.stopped_at
    if began is None or at is None:
        return True
    return execution.started_at - _TOLERANCE <= min(began, at) and (end is None or at <= end + _TOLERANCE)


def _stale(address: str, run: DbtRun, execution: Execution) -> str:
    written, begun = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (run.generated_at, execution.started_at))
    return f"{address} was written at {written}, and this run began at {begun}: it is not counted."
