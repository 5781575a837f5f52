"""The outputs of an execution or of its steps -> the job runs, dbt results and validations in them.

A state machine need only pass on what its tasks return: Glue's `.sync` returns the job run, the
validator its report, and a dbt step the address of its `run_results.json`. They are found wherever they stand.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from deliverywatch.pipeline.checks.validation import Report, merged, report_of
from deliverywatch.pipeline.declaration.values import decoded
from deliverywatch.pipeline.diagnosis.runs import JobRun, job_run_of

# No longer than S3 allows, and none within another: a text full of beginnings would take quadratic time.
_ADDRESS = re.compile(r"s3://(?:(?!s3://)[^\s'\",;()]){1,1300}")
# Files of dbt: run_results.json and sources.json, with whatever else distinguishes them.
_ARTIFACT = re.compile(r"s3://[^/]{1,63}/.{0,1000}(?:run_results[^/]{0,200}?|[/_-]sources)\.json(?!\.?\w)")
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
        passed_on: The steps whose task answered with one, each with the address.
        failures: The steps that failed and were not tried again with success, one for each item of a Map; where the
            execution succeeds, they were caught.
        steps: The states that were entered.
        finished: The states that were left with a result of their own.
        finished_within: Those of the executions that it started, whose names may be the same.
        retried: Ids of job runs that were tried again with success.
        not_awaited: Steps that started work and did not wait for its end, each with the work's id.
        nested: ARNs of the executions that a step started and waited for, and which succeeded.
        map_runs: ARNs of distributed Maps; what their items did is in executions of their own.
        last_at: When the last thing happened.
        is_in_fail_state: Whether the last state that was entered is a Fail.
        has_history: Whether it was made of a history, and not only of outputs.
    """

    jobs: tuple[JobRun, ...] = ()
    artifacts: tuple[str, ...] = ()
    report: Report | None = None
    failures: tuple[Failure, ...] = ()
    steps: tuple[str, ...] = ()
    last_at: datetime | None = None
    redriven_at: tuple[datetime, ...] = ()
    finished: tuple[str, ...] = ()
    finished_within: tuple[str, ...] = ()
    retried: frozenset[str] = frozenset()
    not_awaited: tuple[tuple[str, str], ...] = ()
    nested: tuple[str, ...] = ()
    map_runs: tuple[str, ...] = ()
    passed_on: tuple[tuple[str, str], ...] = ()
    has_history: bool = False
    is_in_fail_state: bool = False


def of_outputs(values: Iterable[object]) -> Evidence:
    """Return what the outputs of an execution or of its steps say."""
    jobs: dict[str, JobRun] = {}
    artifacts: dict[str, None] = {}
    reports: list[Report] = []
    for value in values:
        for part in _parts(value, _DEPTH):
            if isinstance(part, str):
                addresses = map(_ARTIFACT.match, _ADDRESS.findall(part))
                artifacts |= {address[0]: None for address in addresses if address}
            elif job := job_run_of(part):
                jobs[job.id or f"{job.job}#{len(jobs)}"] = job
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


def joined(first: Evidence, second: Evidence) -> Evidence:
    """Return the evidence of two sources; what the second says of a job run or of the data counts."""
    jobs = {run.id or f"{run.job}#{position}": run for position, run in enumerate((*first.jobs, *second.jobs))}
    return replace(
        second,
        jobs=tuple(jobs.values()),
        artifacts=tuple(dict.fromkeys((*first.artifacts, *second.artifacts))),
        report=merged([report for report in (first.report, second.report) if report]),
        failures=(*first.failures, *second.failures),
        steps=(*first.steps, *second.steps),
        finished=(*first.finished, *second.finished),
        finished_within=(*first.finished_within, *second.finished_within),
        retried=first.retried | second.retried,
        not_awaited=(*first.not_awaited, *second.not_awaited),
        nested=(*first.nested, *second.nested),
        map_runs=(*first.map_runs, *second.map_runs),
        passed_on=(*first.passed_on, *second.passed_on),
    )


def job_failures(evidence: Evidence) -> list[JobRun]:
    """Return the job runs that ended badly and were not tried again with success, each run of a job by itself."""
    retried = evidence.retried | _retried_by_glue(evidence.jobs)
    return [run for run in evidence.jobs if run.is_final and not run.is_good and run.id not in retried]


def _retried_by_glue(runs: Sequence[JobRun]) -> set[str]:
    """Return the ids of runs that a later attempt replaces: it names them, by field or id, or counts on from them."""
    retried: set[str] = set()
    for position, run in enumerate(runs):
        earlier = [one for one in runs[:position] if one.job == run.job and one.attempt == run.attempt - 1]
        named = [one.id for one in runs if one.id in (run.previous_id, run.id.rpartition("_attempt_")[0])]
        before = [one.id for one in earlier if not one.is_good and one.id not in retried]
        retried |= set(filter(None, named or before[-1:]))
    return retried
