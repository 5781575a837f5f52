"""A diagnosis -> its explanation for a person: title, sentence, facts, steps, links, and the watch it belongs to."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from deliverywatch.messages.console import console
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Verdict
from deliverywatch.pipeline.checks.validation import Check
from deliverywatch.pipeline.declaration.pipelines import Where
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.dbt import Node
from deliverywatch.pipeline.diagnosis.diagnose import MEANINGS, Diagnosis
from deliverywatch.pipeline.diagnosis.faults import Catalogue
from deliverywatch.pipeline.diagnosis.judge import RunVerdict, caught, judge
from deliverywatch.pipeline.diagnosis.runs import Execution, Status

_SHOWN = 5
_GLUE_LOGS = quote(quote("/aws-glue/jobs/error", safe=""), safe="").replace("%", "$")

_ENDED = {
    Status.TIMED_OUT: "took too long and was ended",
    Status.ABORTED: "was aborted",
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """One failure, explained; its incident is that of the watch, of which there is one per pipeline and cause."""

    watch: str
    level: Level
    title: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    links: tuple[tuple[str, str], ...]
    step: str = ""


def explanation_of(run: Run, diagnosis: Diagnosis, catalogue: Catalogue) -> Explanation:
    """Return the explanation of a diagnosis."""
    name = run.pipeline.name
    title = MEANINGS[diagnosis.topic].title if diagnosis.topic else f"{diagnosis.where} failed, {diagnosis.cause.why}"
    advice = advice_on(catalogue, diagnosis.where, run, diagnosis.step or "that failed")
    return Explanation(
        watch=watch_of(name, diagnosis),
        level=Level.CRITICAL if diagnosis.severity == "HIGH" else Level.WARNING,
        title=f"{name}: {title}",
        sentence=_sentence(run, diagnosis),
        facts=tuple(_facts(run, diagnosis)),
        steps=(*advice, *diagnosis.cause.actions),
        links=links_of(run, diagnosis),
        step=diagnosis.step,
    )


def watch_of(pipeline: str, diagnosis: Diagnosis) -> str:
    """Return the name of the watch that a diagnosis belongs to."""
    parts = (diagnosis.where, diagnosis.cause.why, diagnosis.digest)
    cause = "-".join(filter(None, parts)).replace(" ", "-")
    return f"pipeline-{pipeline}-{MEANINGS[diagnosis.topic].watch if diagnosis.topic else cause}"


def advice_on(catalogue: Catalogue, where: Where, run: Run, step: str) -> tuple[str, ...]:
    """Return how to look into a part of a run, with the names of the step and the execution filled in."""
    name = run.execution.name
    return tuple(words.replace("{step}", step).replace("{execution}", name) for words in catalogue.advice[where])


def links_of(run: Run, diagnosis: Diagnosis | None = None) -> tuple[tuple[str, str], ...]:
    """Return the links to an execution, to the logs of its failed jobs and to what dbt wrote."""
    region = _region(run.execution)
    home = console(region)
    # The console escapes the names of log groups twice, with $ for %.
    logs = f"{home}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{_GLUE_LOGS}/log-events"
    jobs = [
        (f"Log of {job.job}", f"{logs}/{quote(job.id, safe='', errors='replace')}")
        for job in (diagnosis.jobs if diagnosis else ())
    ]
    # The newest first: where a step of dbt failed, it is its own.
    addresses = [address.removeprefix("s3://").partition("/") for address in reversed(run.evidence.artifacts)]
    artifacts = [
        (title, f"{home}/s3/object/{bucket}?region={region}&prefix={quote(key, errors='replace')}")
        for title, (bucket, _, key) in zip(("Results of dbt", "Results of dbt before it"), addresses, strict=False)
    ]
    execution = f"{home}/states/home?region={region}#/v2/executions/details/{run.execution.arn}"
    return (("Execution", execution), *jobs[:2], *artifacts)


def dashboard_link(run: Run, environment: str) -> tuple[tuple[str, str], ...]:
    """Return the link to the dashboard of pipelines of an environment."""
    region = _region(run.execution)
    url = f"{console(region)}/cloudwatch/home?region={region}#dashboards/dashboard"
    return (("Dashboard", f"{url}/deliverywatch-{environment}-pipeline"),) if environment else ()


def _region(execution: Execution) -> str:
    return execution.arn.split(":")[3]


def node_words(node: Node) -> str:
    """Return a failed node of dbt in words."""
    rows = f", {node.failures:,} rows" if node.failures else ""
    message = " ".join(node.message.split())
    return f"{node.unique_id}: {node.status}{rows}" + (f". {message[:160]}" if message else "")


def check_words(check: Check) -> str:
    """Return a failed check in words, with some of the keys."""
    keys = f" For example {', '.join(check.samples[:3])}." if check.samples else ""
    return f"{check.sentence}{keys}"


def document(run: Run, diagnosis: Diagnosis | None, explanation: Explanation | None) -> dict[str, Any]:
    """Return a diagnosis as JSON, for state machines and scripts."""
    base: dict[str, Any] = {
        "pipeline": run.pipeline.name,
        "execution": run.execution.arn,
        "status": run.execution.status.value,
    }
    judged = judge(run)
    base |= {
        "well": judged.verdict is Verdict.HEALTHY,
        "verdict": judged.verdict.value,
        "evidence": evidence_of(judged),
    }
    if diagnosis is None or explanation is None:
        return base
    return {
        **base,
        "error_type": diagnosis.error_type,
        "where": diagnosis.where.value,
        "why": diagnosis.cause.why.value,
        "severity": diagnosis.severity.value,
        "retryable": diagnosis.cause.retryable,
        "step": diagnosis.step,
        "message": diagnosis.message,
        "cause": {"subject": diagnosis.subject, "line": diagnosis.line},
        "watch": explanation.watch,
        "sentence": explanation.sentence,
        "facts": dict(explanation.facts),
        "actions": list(diagnosis.cause.actions),
        "steps": list(explanation.steps),
        "links": [{"title": title, "url": url} for title, url in explanation.links],
    }


def evidence_of(judged: RunVerdict) -> list[dict[str, str]]:
    """Return what a verdict rests on, as JSON."""
    return [
        {"verdict": one.verdict.value, "subject": one.subject, "sentence": one.sentence} for one in judged.observations
    ]


def _sentence(run: Run, diagnosis: Diagnosis) -> str:
    """Return the cause, as far as the error says one, and then how which run ended by it."""
    name, step, phrase = f"run {run.execution.name} of {run.pipeline.name}", diagnosis.step, diagnosis.cause.phrase
    if run.execution.status is Status.SUCCEEDED:
        what = f"a failure in {step} was caught" if caught(run) else f"{step or 'a part of it'} failed"
        end = f"Step Functions calls the {name} succeeded, and {what}: {phrase}."
    else:
        end = f"The {name} {_ENDED.get(run.execution.status, 'failed')}{f' in {step}' if step else ''}: {phrase}."
    cause = cause_line(diagnosis)
    return f"{cause}. {end}" if cause else end


def cause_line(diagnosis: Diagnosis) -> str:
    """Return the error in one line, after the node, job, table or step that it is about; empty if it says nothing."""
    words, subject = (diagnosis.line or diagnosis.message).rstrip("."), diagnosis.subject
    head, colon, rest = words.partition(": ")
    is_check = any(words == check.sentence.rstrip(".") for check in diagnosis.checks)
    if colon and (is_check or head == subject or head.endswith(f".{subject}")):
        return f"`{head if is_check else subject}`: {rest}"
    return f"`{subject}`: {words}" if words and subject else words


def _facts(run: Run, diagnosis: Diagnosis) -> list[tuple[str, str]]:
    again = "yes, starting it again may help" if diagnosis.cause.retryable else "no, something must be fixed first"
    # Where the first line says it in other words.
    own_words = [] if diagnosis.line in diagnosis.message else [("Error", diagnosis.message)]
    facts = [
        *own_words,
        ("Cause", f"{diagnosis.where}, {diagnosis.cause.why}"),
        ("Severity", diagnosis.severity.value),
        ("Retry", again),
        ("Execution", run.execution.name),
    ]
    facts += [
        ("Glue job run", f"{job.job}, {job.id}, {job.state} after {job.seconds:,.0f} s") for job in diagnosis.jobs
    ]
    facts += [(f"dbt {node.kind}", node_words(node)) for node in diagnosis.nodes[:_SHOWN]]
    facts += [(f"Check {check.name}", check_words(check)) for check in diagnosis.checks[:_SHOWN]]
    more = len(diagnosis.nodes[_SHOWN:]) + len(diagnosis.checks[_SHOWN:])
    return [*facts, ("And", f"{more} more")] if more else facts
