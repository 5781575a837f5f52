"""A diagnosis -> what a person is told: title, sentence, facts, steps, links, and the watch it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from deliverywatch.messages.level import Level
from deliverywatch.pipeline.checks.validation import Topic
from deliverywatch.pipeline.diagnosis.runs import Status

if TYPE_CHECKING:
    from deliverywatch.pipeline.checks.validation import Check
    from deliverywatch.pipeline.declaration.pipelines import Where
    from deliverywatch.pipeline.diagnosis.collect import Run
    from deliverywatch.pipeline.diagnosis.dbt import Node
    from deliverywatch.pipeline.diagnosis.diagnose import Diagnosis
    from deliverywatch.pipeline.diagnosis.faults import Catalogue
    from deliverywatch.pipeline.diagnosis.runs import Execution

_SHOWN = 5
_GLUE_LOGS = quote(quote("/aws-glue/jobs/error", safe=""), safe="").replace("%", "$")
# A watch that an alarm of the stack belongs to, too: whichever comes first opens the incident, the other adds no mail.
WATCH_OF_TOPIC = {
    Topic.RECORDS: "records",
    Topic.FRESHNESS: "stale",
    Topic.QUALITY: "quality",
    Topic.INTEGRITY: "integrity",
}
_TITLE_OF_TOPIC = {
    Topic.RECORDS: "too few records",
    Topic.FRESHNESS: "data is stale",
    Topic.QUALITY: "data quality is low",
    Topic.INTEGRITY: "history is damaged",
}
_ENDED = {
    Status.SUCCEEDED: "is not well, though Step Functions calls it succeeded",
    Status.TIMED_OUT: "took too long and was ended",
    Status.ABORTED: "was aborted",
}


@dataclass(frozen=True, slots=True)
class Account:
    """What is told of one failure.

    Attributes:
        watch: The watch whose incident it is: one per pipeline and cause.
        facts: Names and values.
        links: Titles and addresses.
    """

    watch: str
    level: Level
    title: str
    sentence: str
    facts: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


def account_of(run: Run, found: Diagnosis, catalogue: Catalogue) -> Account:
    """Return what is told of a diagnosis."""
    name, why = run.pipeline.name, found.cause.why.value
    guide = guide_of(catalogue, found.where, run, found.step or "that failed")
    return Account(
        watch=watch_of(name, found),
        level=Level.CRITICAL if found.severity == "HIGH" else Level.WARNING,
        title=f"{name}: {_TITLE_OF_TOPIC[found.topic] if found.topic else f'{found.where} failed, {why}'}",
        sentence=_sentence(run, found),
        facts=tuple(_facts(run, found)),
        steps=(*guide, *found.cause.actions),
        links=links_of(run, found),
    )


def watch_of(pipeline: str, found: Diagnosis) -> str:
    """Return the name of the watch that a diagnosis belongs to."""
    cause = f"{found.where}-{found.cause.why}".replace(" ", "-")
    return f"pipeline-{pipeline}-{WATCH_OF_TOPIC[found.topic] if found.topic else cause}"


def guide_of(catalogue: Catalogue, where: Where, run: Run, step: str) -> tuple[str, ...]:
    """Return how to look into a part of a run, with the names of the step and the execution filled in."""
    name = run.execution.name
    return tuple(words.replace("{step}", step).replace("{execution}", name) for words in catalogue.guides[where])


def links_of(run: Run, found: Diagnosis | None = None) -> tuple[tuple[str, str], ...]:
    """Return the links to an execution, to the logs of its failed jobs and to what dbt wrote."""
    region = run.execution.arn.split(":")[3]
    console = f"https://{region}.console.aws.amazon.com"
    # The console escapes the names of log groups twice, with $ for %.
    logs = f"{console}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{_GLUE_LOGS}/log-events"
    jobs = [(f"Log of {job.job}", f"{logs}/{quote(job.id, safe='')}") for job in (found.jobs if found else ())]
    # The newest first: where a step of dbt failed, it is its own.
    places = [address.removeprefix("s3://").partition("/") for address in reversed(run.evidence.artifacts)]
    artifacts = [
        (title, f"{console}/s3/object/{bucket}?region={region}&prefix={quote(key)}")
        for title, (bucket, _, key) in zip(("Results of dbt", "Results of dbt before it"), places, strict=False)
    ]
    return (("Execution", execution_url(run.execution)), *jobs[:2], *artifacts)


def execution_url(execution: Execution) -> str:
    """Return the address of an execution in the console."""
    region = execution.arn.split(":")[3]
    return f"https://{region}.console.aws.amazon.com/states/home?region={region}#/v2/executions/details/{execution.arn}"


def dashboard_link(run: Run, environment: str) -> tuple[tuple[str, str], ...]:
    """Return the link to the dashboard of pipelines of an environment."""
    region = run.execution.arn.split(":")[3]
    place = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard"
    return (("Dashboard", f"{place}/deliverywatch-{environment}-pipeline"),) if environment else ()


def node_words(node: Node) -> str:
    """Return a failed node of dbt in words."""
    rows = f", {node.failures:,} rows" if node.failures else ""
    message = " ".join(node.message.split())
    return f"{node.unique_id}: {node.status}{rows}" + (f". {message[:160]}" if message else "")


def check_words(check: Check) -> str:
    """Return a failed check in words, with some of the keys."""
    keys = f" For example {', '.join(check.samples[:3])}." if check.samples else ""
    return f"{check.sentence}{keys}"


def document(run: Run, found: Diagnosis | None, told: Account | None) -> dict[str, Any]:
    """Return a diagnosis as JSON, for state machines and scripts."""
    base = {"pipeline": run.pipeline.name, "execution": run.execution.arn, "status": run.execution.status.value}
    if found is None or told is None:
        return {**base, "well": True}
    return {
        **base,
        "well": False,
        "error_type": found.error_type,
        "where": found.where.value,
        "why": found.cause.why.value,
        "severity": found.severity.value,
        "retryable": found.cause.retryable,
        "step": found.step,
        "message": found.message,
        "watch": told.watch,
        "sentence": told.sentence,
        "facts": dict(told.facts),
        "actions": list(found.cause.actions),
        "steps": list(told.steps),
        "links": [{"title": title, "url": url} for title, url in told.links],
    }


def _sentence(run: Run, found: Diagnosis) -> str:
    ended = _ENDED.get(run.execution.status, "failed")
    step = f" in {found.step}" if found.step else ""
    message = f" {found.message.rstrip('.')}." if found.message else ""
    return f"The run {run.execution.name} of {run.pipeline.name} {ended}{step}: {found.cause.phrase}.{message}"


def _facts(run: Run, found: Diagnosis) -> list[tuple[str, str]]:
    again = "yes, starting it again may help" if found.cause.retryable else "no, something must be mended first"
    facts = [
        ("Cause", f"{found.where}, {found.cause.why}"),
        ("Severity", found.severity.value),
        ("Retry", again),
        ("Execution", run.execution.name),
    ]
    facts += [("Glue job run", f"{job.job}, {job.id}, {job.state} after {job.seconds:,.0f} s") for job in found.jobs]
    facts += [(f"dbt {node.kind}", node_words(node)) for node in found.nodes[:_SHOWN]]
    facts += [(f"Check {check.name}", check_words(check)) for check in found.checks[:_SHOWN]]
    more = len(found.nodes[_SHOWN:]) + len(found.checks[_SHOWN:])
    return [*facts, ("And", f"{more} more")] if more else facts
