"""A run -> the notices about it: that it failed and why, that nobody can tell, that the pipeline is well again.

The order is that of reading at night: the cause, the step and the node, the last good run beside this one, the command
that starts it again, where it runs; then the rest of the diagnosis.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from deliverywatch.messages.context import NOT_READ, Pairs
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.pipeline.diagnosis.advice import Explanation
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.judge import RunVerdict, assessment_of, judge
from deliverywatch.pipeline.diagnosis.runs import Execution, Status
from deliverywatch.pipeline.outputs.notified_causes import GoodRun

# docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html: from the end of an execution on.
_REDRIVABLE = timedelta(days=14)
_OF_DEFINITION = {
    f"States.{name}"
    for name in ("Runtime", "ParameterPathFailure", "ResultPathMatchFailure", "IntrinsicFailure", "NoChoiceMatched",
                 "QueryEvaluationError")
}  # fmt: skip
# What a mail says of what could not be read: more of the same kind adds nothing.
_PROBLEMS = 3
# The part of an explanation's facts that says what failed; the others say how to take it.
_ABOUT = ("Cause", "Severity", "Retry")


def of_failure(
    run: Run, explanation: Explanation, last_good: GoodRun | None, at: datetime, now: datetime
) -> SystemNotice:
    """Return the notice of a run that failed at a time; `now` decides whether it can still be redriven."""
    about = [fact for fact in explanation.facts if fact[0] in _ABOUT]
    failed = [fact for fact in explanation.facts if fact[0] not in (*_ABOUT, "Execution")]
    step = [("Step", explanation.step)] if explanation.step else []
    facts = (
        *step,
        *failed,
        *_runs(run, last_good),
        *_again(run, now),
        _account(run.execution),
        *about,
        *_not_read(run),
    )
    return SystemNotice(
        watch=explanation.watch,
        level=explanation.level,
        time=at,
        title=explanation.title,
        sentence=explanation.sentence,
        facts=facts,
        assessment=assessment_of(judge(run), at, explanation.level),
    )


def of_unknown(run: Run, judged: RunVerdict, last_good: GoodRun | None, at: datetime) -> SystemNotice:
    """Return the notice of a run of which nobody can tell whether it is well."""
    name, (first, *others) = run.pipeline.name, judged.reasons
    sentence = f"Nobody can tell whether the run {run.execution.name} of {name} is well: {first}"
    more = (("Also", " ".join(others[:_PROBLEMS])),) if others and not run.problems else ()
    return SystemNotice(
        watch=f"pipeline-{name}-unproven",
        level=Level.BLIND,
        time=at,
        title=f"{name}: run is not proven well",
        sentence=sentence,
        facts=(*more, *_runs(run, last_good), _account(run.execution), *_not_read(run)),
        assessment=assessment_of(judged, at, Level.BLIND),
    )


def of_recovery(run: Run, watch: str, title: str, at: datetime) -> SystemNotice:
    """Return the notice that ends a watch."""
    sentence = f"The run {run.execution.name} of {run.pipeline.name} is well."
    judged = assessment_of(judge(run), at, Level.OK)
    return SystemNotice(watch=watch, level=Level.OK, time=at, title=title, sentence=sentence, assessment=judged)


def good_run(run: Run, at: datetime) -> GoodRun:
    """Return what is remembered of a run that is well."""
    return GoodRun(run.execution.name, run.execution.started_at, at, _record_count(run))


def _runs(run: Run, last_good: GoodRun | None) -> Iterator[tuple[str, str]]:
    execution = run.execution
    this = GoodRun(
        execution.name, execution.started_at, execution.stopped_at or execution.started_at, _record_count(run)
    )
    is_over = execution.stopped_at is not None
    count = execution.redrive_count
    redriven = f", redriven {count} times" if count > 1 else ", redriven once" if count else ""
    yield ("This run", _words(this, "" if is_over else "about to end") + redriven)
    if last_good is None or last_good.name != execution.name:
        yield ("Last good run", _words(last_good) if last_good else "none is known")


def _words(run: GoodRun, instead: str = "") -> str:
    took = instead or f"took {_span(run.stopped_at - run.started_at)}"
    records = [] if run.record_count is None else [f"{run.record_count:,.0f} records"]
    return ", ".join([f"{run.name}, started {run.started_at:%Y-%m-%d %H:%M} UTC", took, *records])


def _span(duration: timedelta) -> str:
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _record_count(run: Run) -> float | None:
    return run.evidence.report.counts.processed if run.evidence.report else None


def _again(run: Run, now: datetime) -> Pairs:
    """Return the commands that start a run again: from where it failed, if that leads anywhere."""
    execution = run.execution
    if execution.status is Status.SUCCEEDED:
        return ()
    region = f"--region {execution.arn.split(':')[3]}"
    start = f"aws stepfunctions start-execution --state-machine-arn {_machine(execution)} {region} --input file://input.json"
    if ":express:" in execution.arn:  # its input is nowhere but in its log
        return (("To start it again", start),)
    # A redrive begins with the state that ended the run: a Fail would only end it again. What reports a failure itself
    # caught it, and goes on to a Fail.
    end = execution.stopped_at
    if end and now - end <= _REDRIVABLE and not (run.evidence.is_in_fail_state or _is_of_definition(run)):
        redrive = f"aws stepfunctions redrive-execution --execution-arn {execution.arn} {region}"
        return (("To go on where it failed", redrive),)
    given = f"aws stepfunctions describe-execution --execution-arn {execution.arn} {region}"
    return (("Its input", f"{given} --query input --output text > input.json"), ("To start it again", start))


def _is_of_definition(run: Run) -> bool:
    """Whether the definition itself is wrong: a redrive takes the same one again."""
    failures = run.evidence.failures
    return bool({run.execution.error, failures[-1].error if failures else ""} & _OF_DEFINITION)


def _machine(execution: Execution) -> str:
    return ":".join([*execution.arn.split(":")[:5], "stateMachine", execution.state_machine])


def _account(execution: Execution) -> tuple[str, str]:
    _, _, _, region, account, *_ = execution.arn.split(":")
    return ("Account", f"{account}, {region}")


def _not_read(run: Run) -> Iterable[tuple[str, str]]:
    shown = list(dict.fromkeys([*run.problems, *run.not_counted]))
    more = [f"And {len(shown) - _PROBLEMS} more."] if len(shown) > _PROBLEMS else []
    return ((NOT_READ, " ".join([*shown[:_PROBLEMS], *more])),) if shown else ()
