"""A run -> `state/<watch>.json`, what a mail says beyond the alarm or notice that caused it.

`facts`, `steps` and `links` are what this room fills.
"""

from datetime import datetime

from deliverywatch.messages.context import Context, Pairs, to_json
from deliverywatch.pipeline.checks.validation import Report, Result, Topic
from deliverywatch.pipeline.declaration.pipelines import Pipeline, Where
from deliverywatch.pipeline.diagnosis.advice import Explanation, advice_on, check_words, links_of
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.diagnose import MEANINGS
from deliverywatch.pipeline.diagnosis.evidence import Evidence
from deliverywatch.pipeline.diagnosis.faults import Catalogue
from deliverywatch.pipeline.diagnosis.runs import running

_UNKNOWN = (
    "Look at the run in Step Functions, and at what its dbt step wrote: it may have failed.",
    "If a right is missing, give it to pipeline-report: of S3 it may read `artifacts` of cfn/pipelines.toml.",
    "A step that a good run may leave out belongs under `optional` there, a state machine it starts under `nested`.",
    "What is open stays open until a run is seen to be well.",
)
_MISSED = (
    "Look whether the schedule that starts the state machine is enabled, and whether its role may still start it.",
    "Look for a run that still goes on: a schedule may wait for it.",
    "Start a run by hand if its data is needed now.",
)


def of_explanation(explanation: Explanation, at: datetime, dashboard: Pairs = ()) -> bytes:
    """Return the context of a failure; what its notice says itself is not said twice."""
    return _body(at, facts=(), steps=explanation.steps, links=(*explanation.links, *dashboard))


def of_unknown(run: Run, at: datetime, dashboard: Pairs = ()) -> bytes:
    """Return the context of a run of which nobody can tell whether it is well."""
    context = Context(
        system="pipeline",
        noun="pipeline",
        updated_at=at,
        blind_steps=_UNKNOWN,
        blind_end="Whether the runs in between were well was not seen.",
        links=(*links_of(run), *dashboard),
    )
    return to_json(context)


def of_run(run: Run, catalogue: Catalogue, at: datetime, dashboard: Pairs = ()) -> dict[str, bytes]:
    """Return the contexts of the watches whose alarms measure this run, by watch.

    They are written after every run, good or bad: which alarm calls is CloudWatch's business, and comes later.
    """
    name, report, links = run.pipeline.name, run.evidence.report, (*links_of(run), *dashboard)
    slow = _body(at, facts=_of_duration(run), steps=_advice(catalogue, Where.ORCHESTRATOR, run), links=links)
    missed = _body(at, facts=(("Last run", run.execution.name),), steps=_MISSED, links=links)
    contexts = {f"pipeline-{name}-slow": slow, f"pipeline-{name}-missed": missed}
    if report is None:
        return contexts
    for topic, meaning in MEANINGS.items():
        facts = (("Run", run.execution.name), *_of_topic(report, topic))
        steps = _advice(catalogue, meaning.where, run)
        contexts[f"pipeline-{name}-{meaning.watch}"] = _body(at, facts=facts, steps=steps, links=links)
    return contexts


def of_hung(pipeline: Pipeline, arn: str, since: datetime, at: datetime) -> tuple[str, bytes]:
    """Return the watch of a run that hangs, and its context."""
    execution = running(arn, since)
    run = Run(pipeline, execution, Evidence())
    facts = (("Oldest run", execution.name), ("It runs since", f"{since:%Y-%m-%d %H:%M} UTC"))
    stop = f"aws stepfunctions stop-execution --execution-arn {arn} --region {arn.split(':')[3]}"
    steps = (f"Look at the step that it is in. To end it: {stop}", *_MISSED)
    return f"pipeline-{pipeline.name}-missed", _body(at, facts=facts, steps=steps, links=links_of(run))


def _of_duration(run: Run) -> Pairs:
    seconds = run.execution.duration_seconds
    jobs = [(f"Glue job {job.job}", f"{job.seconds:,.0f} s, {job.state}") for job in run.evidence.jobs]
    whole = [("Run", run.execution.name), ("It took", f"{seconds:,.0f} s")] if seconds is not None else []
    return (*whole, *jobs)


def _of_topic(report: Report, topic: Topic) -> Pairs:
    worth_a_line = (Result.FAILED, Result.NO_DATA)
    failed = [check for check in report.checks if check.topic is topic and check.result in worth_a_line]
    checks = tuple((f"Check {check.name}", check_words(check)) for check in failed)
    if topic is Topic.QUALITY and report.quality.total:
        return (("Rows with every required value", f"{report.quality.good:,} of {report.quality.total:,}"), *checks)
    if topic is Topic.INTEGRITY and report.integrity.total:
        return (("Keys without a violation", f"{report.integrity.good:,} of {report.integrity.total:,}"), *checks)
    if topic is Topic.FRESHNESS and report.age_hours is not None:
        return (("Newest change of the source", f"{report.age_hours:,.1f} hours before the validation"), *checks)
    return checks


def _advice(catalogue: Catalogue, where: Where, run: Run) -> tuple[str, ...]:
    step = next((name for name, part in run.pipeline.steps.items() if part is where), "that measures it")
    return advice_on(catalogue, where, run, step)


def _body(at: datetime, *, facts: Pairs, steps: tuple[str, ...], links: Pairs) -> bytes:
    context = Context(system="pipeline", noun="pipeline", updated_at=at, facts=facts, steps=steps, links=links)
    return to_json(context)
