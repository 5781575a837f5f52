"""A run -> its verdict, with all that it rests on: well is what is proven to be, not what nothing bad was seen of.

A run is healthy if Step Functions calls it succeeded, every step that the declaration expects has ended, nothing was
caught or tolerated on the way, every job and check is good, and dbt's results are there, of this run, and have known
good words. It is failing as soon as one of them says so; what could not be read leaves it blind, and what is not there
leaves too little to tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.pipeline.checks.validation import Result, Topic
from deliverywatch.pipeline.declaration.pipelines import Pipeline, Where
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.completeness import lacking, listed
from deliverywatch.pipeline.diagnosis.dbt import Node, netted
from deliverywatch.pipeline.diagnosis.evidence import Failure, job_failures
from deliverywatch.pipeline.diagnosis.runs import JobRun, Status
from deliverywatch.pipeline.diagnosis.shape import Shape

# The worst of them is the verdict.
_ORDER = (Verdict.FAILING, Verdict.BLIND, Verdict.TOO_LITTLE, Verdict.HEALTHY)
_BUILT_BY_DBT = (Where.TRANSFORM, Where.TEST)


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was seen of a run.

    `subject` is what it is about: `execution`, its `history`, a `step`, `job`, `dbt`, a `check`, or what is `unread`.
    """

    verdict: Verdict
    subject: str
    sentence: str


@dataclass(frozen=True, slots=True)
class RunVerdict:
    """What there is evidence of in a run, the worst first."""

    verdict: Verdict
    observations: tuple[Observation, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is this verdict, a sentence each."""
        return tuple(one.sentence for one in self.observations if one.verdict is self.verdict)

    def of(self, *subjects: str) -> Verdict | None:
        """Return what there is evidence of in a part of the run; None if nothing was seen of it."""
        parts = {one.verdict for one in self.observations if one.subject in subjects}
        return next((verdict for verdict in _ORDER if verdict in parts), None)


def judge(run: Run) -> RunVerdict:
    """Return the verdict on a run."""
    seen = [*_execution(run), *_steps(run), *_jobs(run), *_dbt(run), *_checks(run)]
    observations = sorted(seen, key=lambda one: _ORDER.index(one.verdict))
    return RunVerdict(observations[0].verdict, tuple(observations))


def assessment_of(judged: RunVerdict, at: datetime, level: Level) -> Assessment:
    """Return what a run is evidence of, for the notice about it."""
    return Assessment(
        verdict=judged.verdict,
        as_of=at,
        opens=level,
        holds=level,
        sentence=judged.reasons[0],
        last_seen=at,
        seen_count=len(judged.observations),
    )


def proves(run: Run, step: str, topic: Topic | None) -> bool:
    """Return whether a run that is well shows that what failed in a step, or what is wrong with the data, is over.

    A step that nobody declares need not run again if no good run goes through it: it is gone, or handles failures.
    """
    if topic is not None and _is_checked(run.pipeline, topic):
        return run.evidence.report is not None and run.evidence.report.measures(topic)
    is_expected = step in run.pipeline.steps or (run.shape is not None and step in run.shape.sometimes)
    return step in run.finished or not is_expected


def _is_checked(pipeline: Pipeline, topic: Topic) -> bool:
    return bool(pipeline.histories) if topic is Topic.INTEGRITY else pipeline.records is not None


def caught(run: Run) -> tuple[Failure, ...]:
    """Return the failures of a run that count, the oldest first: not those of steps that watch or are optional."""
    ignored = {step for step, where in run.pipeline.steps.items() if where is Where.MONITOR} | {*run.pipeline.optional}
    return tuple(failure for failure in run.evidence.failures if failure.step not in ignored)


def failed_jobs(run: Run) -> tuple[JobRun, ...]:
    """Return the Glue job runs that failed and were not tried again with success."""
    return tuple(job for job in job_failures(run.evidence) if job.step not in run.pipeline.optional)


def failed_nodes(run: Run) -> tuple[Node, ...]:
    """Return the nodes of dbt that failed in the end."""
    return tuple(node for node in netted(run.dbt) if node.is_bad)


def _execution(run: Run) -> Iterator[Observation]:
    status = run.execution.status
    if status is Status.SUCCEEDED:
        yield Observation(Verdict.HEALTHY, "execution", "Step Functions calls it succeeded.")
    elif status.is_final:
        yield Observation(Verdict.FAILING, "execution", f"The execution ended as {status}.")
    else:
        yield Observation(Verdict.TOO_LITTLE, "execution", "The execution has not ended.")
    yield from (Observation(Verdict.BLIND, "unread", problem) for problem in run.problems)
    if not run.evidence.has_history:
        yield Observation(Verdict.BLIND, "history", "No history of the execution could be read.")
    if run.execution.status is Status.SUCCEEDED:
        for failure in caught(run):
            sentence = f"A failure in {failure.step or 'a step'} was caught{_named(failure.error)}."
            yield Observation(Verdict.FAILING, "step", sentence)


def _steps(run: Run) -> Iterator[Observation]:
    finished, shape = run.finished, run.shape or Shape(frozenset(), frozenset(), frozenset())
    for step in expected_steps(run):
        if step in finished:
            yield Observation(Verdict.HEALTHY, "step", f"{step} ended.")
        elif shape.states and step not in shape.states:
            yield Observation(Verdict.TOO_LITTLE, "step", f"{step} is declared, and no state of the state machine.")
        # What a distributed Map does shows in the counts of its items.
        elif run.evidence.has_history and not (step in shape.in_items and run.map_runs):
            ended = "was entered and did not end" if step in run.evidence.steps else "did not run"
            yield Observation(Verdict.TOO_LITTLE, "step", f"{step} {ended}.")
    for step, id_ in run.evidence.not_awaited:
        yield Observation(Verdict.TOO_LITTLE, "step", f"{step} started {id_} and did not wait for its end.")
    for items in run.map_runs:
        failed = items.total - items.succeeded
        if failed:
            words = f"{failed:,} of {items.total:,} items of {items.name} failed and were tolerated."
            yield Observation(Verdict.FAILING, "step", words)
        else:
            yield Observation(Verdict.HEALTHY, "step", f"All {items.total:,} items of {items.name} succeeded.")


def expected_steps(run: Run) -> tuple[str, ...]:
    """Return the steps that this run must have gone through: those declared, or else those on every way to success."""
    if run.pipeline.steps or run.shape is None:
        return run.pipeline.expected_steps
    return tuple(sorted(run.shape.always - {*run.pipeline.optional}))


def _jobs(run: Run) -> Iterator[Observation]:
    failed = failed_jobs(run)
    for job in failed:
        yield Observation(Verdict.FAILING, "job", f"Glue job {job.job} ({job.id or 'no id'}) ended as {job.state}.")
    for job in run.evidence.jobs:
        if not job.is_final:
            yield Observation(Verdict.TOO_LITTLE, "job", f"Glue job {job.job} ({job.id or 'no id'}) is {job.state}.")
    good = sum(job.is_good for job in run.evidence.jobs)
    if good:
        yield Observation(Verdict.HEALTHY, "job", f"{good} {'run' if good == 1 else 'runs'} of Glue jobs succeeded.")


def _dbt(run: Run) -> Iterator[Observation]:
    nodes = netted(run.dbt)
    missing = [*run.not_counted, *lacking(run.dbt), *_not_its_own(run)]
    if not (run.dbt or run.problems or missing) and expects_dbt(run):
        missing = ["No step passed on where the results of dbt lie."]
    yield from (Observation(Verdict.TOO_LITTLE, "dbt", sentence) for sentence in missing)
    if bad := [node for node in nodes if node.is_bad]:
        yield Observation(Verdict.FAILING, "dbt", f"{len(bad)} of {len(nodes)} nodes of dbt failed: {listed(bad)}.")
    if good := sum(node.is_good for node in nodes):
        yield Observation(Verdict.HEALTHY, "dbt", f"{good} of {len(nodes)} nodes of dbt have a good result.")


def _not_its_own(run: Run) -> Iterator[str]:
    """Yield the steps of dbt whose results lie elsewhere, or where another's lay: of the two the later can be read."""
    wrote: dict[str, str] = {}
    passed_on = [one for one in run.evidence.passed_on if run.pipeline.steps.get(one[0]) in _BUILT_BY_DBT]
    for step in dict.fromkeys(step for step, _ in passed_on):
        own = [address for other, address in passed_on if other == step]
        # Where there are no others, what lies elsewhere is named as such.
        if run.dbt and not any(address.startswith(run.pipeline.artifacts) for address in own):
            yield f"{step} passed on {own[0]}, which does not lie where the results of {run.pipeline.name} do."
        elif all(address in wrote for address in own):
            before = " and ".join(sorted({wrote[address] for address in own}))
            yield f"{step} passed on the results of {before} and none of its own: give each a file of its own."
        wrote = dict.fromkeys(own, step) | wrote


def expects_dbt(run: Run) -> bool:
    """Return whether results of dbt belong to a run: it declares where they lie, and that a step of it runs dbt."""
    steps = [step for step, where in run.pipeline.steps.items() if where in _BUILT_BY_DBT]
    ran = {*run.finished, *expected_steps(run)}
    return bool(run.pipeline.artifacts) and (not steps or any(step in ran for step in steps))


def _checks(run: Run) -> Iterator[Observation]:
    report = run.evidence.report
    if report is None:
        if run.pipeline.records or run.pipeline.histories:
            yield Observation(Verdict.TOO_LITTLE, "check", "No validation of the tables that are declared reported.")
        return
    yield from (Observation(Verdict.FAILING, "check", check.sentence) for check in report.failed)
    for table in report.empty_histories:
        yield Observation(Verdict.TOO_LITTLE, "check", f"The history {table} has no version that could be judged.")
    if report.is_passed:
        passed = [check for check in report.checks if check.result is Result.PASSED]
        yield Observation(Verdict.HEALTHY, "check", f"{len(passed)} checks of the data passed.")
    elif not (report.failed or report.empty_histories):
        yield Observation(Verdict.TOO_LITTLE, "check", "The validation of the tables judged nothing.")


def _named(error: str) -> str:
    return f": {error}" if error else ""
