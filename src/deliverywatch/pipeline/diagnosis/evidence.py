"""An execution's output or history -> the job runs, dbt results and validations in it, and where it broke.

A state machine need only pass on what its tasks return: Glue's `.sync` returns the job run, the
validator its report, and a dbt step the address of its `run_results.json`. They are found wherever they stand.
History: docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.checks.validation import Report, merged, report_of
from deliverywatch.pipeline.declaration.values import decoded, moment, text
from deliverywatch.pipeline.diagnosis.runs import JobRun, job_run_of

# No longer than S3 allows: a text full of beginnings would take quadratic time.
_ARTIFACT = re.compile(r"s3://[^/\s'\"]{1,63}/[^\s'\",;()]{0,1000}run_results[^/\s'\",;()]{0,200}?\.json")
# Events of a step's work; those of the execution itself end alike.
_WORK = ("Task", "LambdaFunction", "Activity")
# Output is at most 256 KB; deeper than this it is no data that a person wrote.
_DEPTH = 24


@dataclass(frozen=True, slots=True)
class Failure:
    """Where and why a step failed, in the orchestrator's words."""

    step: str
    error: str
    cause: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an execution says about itself; steps, failures and artifacts are in the order of time.

    Attributes:
        jobs: The Glue job runs, each once, the latest state of each.
        artifacts: Addresses of dbt's results.
        failures: The steps that failed and were not tried again with success.
        steps: The states that were entered.
        last_at: When the last thing happened.
        is_in_fail_state: Whether the last state that was entered is a Fail.
    """

    jobs: tuple[JobRun, ...] = ()
    artifacts: tuple[str, ...] = ()
    report: Report | None = None
    failures: tuple[Failure, ...] = ()
    steps: tuple[str, ...] = ()
    last_at: datetime | None = None
    redriven_at: tuple[datetime, ...] = ()
    is_in_fail_state: bool = False


def of_history(events: Iterable[Mapping[str, Any]]) -> Evidence:
    """Return what an execution's history says; its events oldest first."""
    step, outputs = "", list[object]()
    failures: list[Failure] = []
    entered: list[str] = []
    redriven: list[datetime] = []
    at: datetime | None = None
    is_in_fail_state = False
    # Branches of a Parallel or Map state take turns: an event belongs to the state of the one it follows.
    step_of: dict[object, str] = {}
    for event in events:
        at = moment(event.get("timestamp")) or at
        details = _details(event)
        kind = text(event.get("type"))
        step = step_of.get(event.get("previousEventId"), step)
        if kind == "ExecutionRedriven" and at:
            redriven.append(at)
        elif kind.endswith("StateEntered"):
            step = text(details.get("name"))
            entered.append(step)
            is_in_fail_state = kind == "FailStateEntered"
        elif kind.startswith(_WORK) and kind.endswith(("Failed", "TimedOut")):
            failures.append(Failure(step, text(details.get("error")), text(details.get("cause"))))
            outputs.append(decoded(details.get("cause")))
        elif "output" in details:
            outputs.append(decoded(details["output"]))
            # What a step tried again and did is not a failure.
            failures = [failure for failure in failures if failure.step != step or not kind.endswith("Succeeded")]
        step_of[event.get("id")] = step
    return replace(
        of_outputs(outputs),
        failures=tuple(failures),
        steps=tuple(entered),
        last_at=at,
        redriven_at=tuple(redriven),
        is_in_fail_state=is_in_fail_state,
    )


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    names = [name for name in event if name.endswith("EventDetails")]
    return mapping(event[names[0]]) if names else {}


def of_outputs(values: Iterable[object]) -> Evidence:
    """Return what the outputs of an execution or of its steps say."""
    jobs: dict[str, JobRun] = {}
    artifacts: dict[str, None] = {}
    reports: list[Report] = []
    for value in values:
        for part in _parts(value, _DEPTH):
            if isinstance(part, str):
                artifacts |= dict.fromkeys(_ARTIFACT.findall(part))
            elif job := job_run_of(part):
                jobs[job.id or job.job] = job
            elif report := report_of(part):
                reports.append(report)
    return Evidence(tuple(jobs.values()), tuple(artifacts), merged(reports))


def _parts(value: object, depth: int) -> Iterator[object]:
    """Yield every object and every text of a JSON value, the outer before the inner."""
    if depth == 0:
        return
    if isinstance(value, str):
        inner = decoded(value)
        yield from [value] if inner is value else _parts(inner, depth - 1)
    elif isinstance(value, dict):
        yield value
        yield from _parts(list(value.values()), depth)
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part, depth - 1)


def job_failures(evidence: Evidence) -> list[JobRun]:
    """Return the job runs that ended badly, of each job the last run only."""
    last = {run.job: run for run in evidence.jobs}
    return [run for run in last.values() if run.is_final and not run.is_good]
