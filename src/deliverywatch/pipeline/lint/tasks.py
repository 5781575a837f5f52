"""Tasks that are not waited for, wait for ever, or lose what went wrong."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from deliverywatch.messages.untrusted import objects
from deliverywatch.pipeline.declaration.values import text
from deliverywatch.pipeline.lint.findings import Finding, Severity
from deliverywatch.pipeline.lint.graph import (
    Scope,
    after_of,
    amount,
    arguments_of,
    is_success,
    is_work,
    resource_of,
    takes_any,
)
from deliverywatch.thresholds import PIPELINE_LINT_RETRY_SECONDS

# What is started and goes on by itself, by service and action, with what waits for it; empty where only asking does.
_STARTED = {
    "glue:startJobRun": "glue:startJobRun.sync",
    "databrew:startJobRun": "databrew:startJobRun.sync",
    "states:startExecution": "states:startExecution.sync:2",
    "sfn:startExecution": "states:startExecution.sync:2",
    "ecs:runTask": "ecs:runTask.sync",
    "batch:submitJob": "batch:submitJob.sync",
    "elasticmapreduce:addStep": "elasticmapreduce:addStep.sync",
    "emr:addJobFlowSteps": "elasticmapreduce:addStep.sync",
    "emr-containers:startJobRun": "emr-containers:startJobRun.sync",
    "emrcontainers:startJobRun": "emr-containers:startJobRun.sync",
    "emr-serverless:startJobRun": "emr-serverless:startJobRun.sync",
    "emrserverless:startJobRun": "emr-serverless:startJobRun.sync",
    "athena:startQueryExecution": "athena:startQueryExecution.sync",
    "codebuild:startBuild": "codebuild:startBuild.sync",
    "codebuild:startBuildBatch": "codebuild:startBuildBatch.sync",
    "sagemaker:createTrainingJob": "sagemaker:createTrainingJob.sync",
    "sagemaker:createTransformJob": "sagemaker:createTransformJob.sync",
    "sagemaker:createProcessingJob": "sagemaker:createProcessingJob.sync",
    "sagemaker:createHyperParameterTuningJob": "sagemaker:createHyperParameterTuningJob.sync",
    "sagemaker:createLabelingJob": "sagemaker:createLabelingJob.sync",
    "eks:runJob": "eks:runJob.sync",
    "mediaconvert:createJob": "mediaconvert:createJob.sync",
    "bedrock:createModelCustomizationJob": "bedrock:createModelCustomizationJob.sync",
    "redshiftdata:executeStatement": "",
    "redshiftdata:batchExecuteStatement": "",
    "glue:startCrawler": "",
    "ssm:sendCommand": "",
    "lambda:invokeAsync": "lambda:invoke",
}
_FAMILIES = {
    "states": "sfn",
    "elasticmapreduce": "emr",
    "emr-containers": "emrcontainers",
    "emr-serverless": "emrserverless",
}
# Any other of AWS's services, called as its SDK calls it.
_STARTS = re.compile(
    r"^aws-sdk:[a-z0-9]{1,40}:(start(?!Sync)|submit)[A-Za-z]{0,40}(Job|Run|Execution|Query|Build|Crawler|Task|Flow)$"
)
# What AWS's SDK answers with 200 though it failed, by the member that says so.
_ANSWERED = {
    "aws-sdk:sfn:startSyncExecution": ("Status", "states:startExecution.sync:2, or compare its Status"),
    "aws-sdk:lambda:invoke": ("FunctionError", "lambda:invoke, or look for FunctionError"),
}
# TimeoutSeconds of a Task that has none.
_UNLIMITED_SECONDS = 99_999_999
_ASKS = re.compile(r"^(get|describe|batchGet|list)")
_ENDLESS = "A run that never ends never fails: no alarm on failed runs shows it."


class _Readers(NamedTuple):
    """The states of a scope that come back to what was started, as bits.

    `words` are those that ask a service for something, and those that look for a member of an answer; `waits` wait in a
    loop, in which a function may ask. `fail` and `work` are what their names say.
    """

    words: Mapping[str, int]
    waits: int
    fail: int
    work: int


def tasks(scopes: Iterable[Scope], *, is_limited: bool) -> Iterator[Finding]:
    """Yield what is wrong with the tasks of a machine; one that ends its runs after a time is limited."""
    readers: dict[Scope, _Readers] = {}
    for scope in scopes:
        readers[scope] = _readers(scope)
        for name, state in scope.states.items():
            where = (name, scope.path_of(name))
            yield from _not_waited_for(scope, name, where, readers)
            yield from _unread(scope, name, where, readers)
            yield from _unlimited(state, where, is_limited=is_limited)
            yield from _retried(state, where)
            yield from _endless(scope, name, where, is_limited=is_limited)
            yield from _dropped(scope, name, where, readers[scope].work)
            yield from _tolerated(scope, name, where, readers[scope].fail)
            yield from _as_text(scope, name, where)


def unreached(scopes: Iterable[Scope]) -> Iterator[Finding]:
    """Yield the Fail states that nothing leads to."""
    for scope in scopes:
        reached = scope.reached_with_catches()
        for name, state in scope.states.items():
            if state.get("Type") == "Fail" and name not in reached:
                why = "is a Fail state that nothing leads to: what was meant to fail there does not."
                instead = "Lead the failure paths to it, or delete it."
                yield Finding("fail-unreached", Severity.ERROR, name, scope.path_of(name), why, instead)


def _readers(scope: Scope) -> _Readers:
    words = dict.fromkeys((member for member, _ in _ANSWERED.values()), 0)
    for name, state in scope.states.items():
        service, action = _split(resource_of(state))
        if _ASKS.match(action):
            family = _FAMILIES.get(service, service)
            words[family] = words.get(family, 0) | scope.bit[name]
        for member, _ in _ANSWERED.values() if state.get("Type") == "Choice" else ():
            words[member] |= scope.bit[name] * (member in json.dumps(state, default=str))
    waits = sum(scope.bit[name] for name, state in scope.states.items() if _is_waiting_loop(scope, name, state))
    fail = scope.bits(lambda state: state.get("Type") == "Fail")
    return _Readers(words, waits, fail, scope.bits(is_work))


def _is_waiting_loop(scope: Scope, name: str, state: Mapping[str, Any]) -> bool:
    return state.get("Type") == "Wait" and bool(scope.leads(scope.after[name]) & scope.bit[name])


def _not_waited_for(
    scope: Scope, name: str, where: tuple[str, str], readers: Mapping[Scope, _Readers]
) -> Iterator[Finding]:
    resource = resource_of(scope.states[name])
    service, action = _split(resource)
    if (service, action) == ("lambda", "invoke") and arguments_of(scope.states[name]).get("InvocationType") == "Event":
        why = "only hands an event to the function (InvocationType Event): the function may fail, and the run goes on."
        instead = "Leave InvocationType out, or give the function a dead-letter queue or destination with an alarm."
        yield Finding("not-waited", Severity.ERROR, *where, why, instead)
    is_started = bool(_STARTS.match(resource))
    waits = _STARTED.get(f"{service}:{action}", "" if is_started else None)
    if waits is None or _is_followed(scope, name, _FAMILIES.get(service, service), readers):
        return
    why = f"starts {service}:{action} and goes on at once: it may fail later, and the execution has succeeded."
    instead = (
        f"Write {waits} as its Resource." if waits else "Ask for its status in a loop, and end what failed in a Fail."
    )
    yield Finding("not-waited", Severity.ERROR, *where, why, instead)


def _split(resource: str) -> tuple[str, str]:
    service, _, action = resource.removeprefix("aws-sdk:").partition(":")
    return service, action


def _is_followed(
    scope: Scope, name: str, word: str, readers: Mapping[Scope, _Readers], *, by_loop: bool = True
) -> bool:
    """Whether what comes later asks for the status, or waits in a loop in which a function may."""
    later, asks = scope.leads(scope.after[name]), readers[scope]
    if later & (asks.words.get(word, 0) | (asks.waits if by_loop else 0)):
        return True
    return scope.outer is not None and _is_followed(*scope.outer, word, readers, by_loop=by_loop)


def _unread(scope: Scope, name: str, where: tuple[str, str], readers: Mapping[Scope, _Readers]) -> Iterator[Finding]:
    state, (member, instead) = scope.states[name], _ANSWERED.get(resource_of(scope.states[name]), ("", ""))
    kept = json.dumps([state.get(part) for part in ("ResultSelector", "Output", "Assign")], default=str)
    if not member or member in kept or _is_followed(scope, name, member, readers, by_loop=False):
        return
    why = f"succeeds also where what it calls fails: only {member} of its answer says so, and nothing looks at it."
    yield Finding("answer-unread", Severity.ERROR, *where, why, f"Write {instead} in a Choice, and end it in a Fail.")


def _unlimited(state: Mapping[str, Any], where: tuple[str, str], *, is_limited: bool) -> Iterator[Finding]:
    resource = resource_of(state)
    limits = [f"{name}{suffix}" for name in ("TimeoutSeconds", "HeartbeatSeconds") for suffix in ("", "Path")]
    is_bounded = any(name in state and amount(state[name]) != _UNLIMITED_SECONDS for name in limits)
    if is_limited or state.get("Type") != "Task" or is_bounded:
        return
    if resource.endswith(".waitForTaskToken") or ":activity:" in resource:
        what = "a task token" if resource.endswith("Token") else "a worker"
        why = f"waits for {what} for up to a year if nobody answers. {_ENDLESS}"
        yield Finding("waits-unlimited", Severity.ERROR, *where, why, "Give it HeartbeatSeconds or TimeoutSeconds.")
    elif ".sync" in resource:
        why = f"waits for {resource.partition('.sync')[0]} without a limit of its own. {_ENDLESS}"
        instead = "Give it TimeoutSeconds, or the whole machine: twice as long as it usually takes."
        yield Finding("no-timeout", Severity.WARNING, *where, why, instead)


def _retried(state: Mapping[str, Any], where: tuple[str, str]) -> Iterator[Finding]:
    for retrier in objects(state.get("Retry")):
        seconds = _waited_seconds(retrier) if takes_any(retrier) else 0.0
        if seconds > PIPELINE_LINT_RETRY_SECONDS:
            lasting = f"{seconds / 3600:,.0f} hours" if seconds >= 7200 else f"{seconds / 60:,.0f} minutes"
            why = f"tries again for up to {lasting} before a failure shows."
            instead = "Lower MaxAttempts, or set MaxDelaySeconds; an alarm on long runs shows it meanwhile."
            yield Finding("retry-hides", Severity.WARNING, *where, why, instead)


def _endless(scope: Scope, name: str, where: tuple[str, str], *, is_limited: bool) -> Iterator[Finding]:
    """Yield where a Catch leads back to what failed, and to nothing else."""
    for catch in objects(scope.states[name].get("Catch")):
        target = text(catch.get("Next"))
        if is_limited or not takes_any(catch) or not scope.ways.get(target, 0) & scope.bit[name]:
            continue
        way = [scope.states[one] for one in scope.names(scope.leads([target], name))]
        if not any(is_success(state) or state.get("Type") in ("Choice", "Fail") for state in way):
            why = f"is tried again for ever after any failure. {_ENDLESS}"
            instead = "Use Retry with MaxAttempts, or count the tries and end in a Fail."
            yield Finding("retry-hides", Severity.WARNING, *where, why, instead)


def _waited_seconds(retrier: Mapping[str, Any]) -> float:
    """Return how long the retries of a retrier wait in all, up to the point at which it is too long anyway."""
    attempts = _or(amount(retrier.get("MaxAttempts")), 3)
    delay, rate = _or(amount(retrier.get("IntervalSeconds")), 1), _or(amount(retrier.get("BackoffRate")), 2)
    longest, waited = _or(amount(retrier.get("MaxDelaySeconds")), 31_622_400), 0.0
    for _ in range(int(min(attempts, 10_000))):
        waited += min(delay, longest)
        delay = min(delay * max(rate, 1), longest)
    return waited


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def _dropped(scope: Scope, name: str, where: tuple[str, str], work: int) -> Iterator[Finding]:
    state = scope.states[name]
    for number, catch in enumerate(objects(state.get("Catch"))):
        place = (where[0], f"{where[1]}.Catch[{number}]")
        if not takes_any(catch):
            continue
        if _drops_error(catch):
            why = "catches an error and drops it: what comes after cannot say what went wrong."
            instead = 'Keep it: "ResultPath": "$.error", or in JSONata "Output": "{% $states.errorOutput %}".'
            yield Finding("error-dropped", Severity.WARNING, *place, why, instead)
        elif _drops_input(scope, name, catch, work):
            why = "puts the error in the place of its input: what goes on after it knows nothing else of the run."
            yield Finding("input-dropped", Severity.WARNING, *place, why, 'Write "ResultPath": "$.error".')


def _drops_error(catch: Mapping[str, Any]) -> bool:
    if "Output" in catch:
        return "errorOutput" not in f"{catch['Output']}{catch.get('Assign')}"
    return "ResultPath" in catch and catch["ResultPath"] in (None, "null")


def _drops_input(scope: Scope, name: str, catch: Mapping[str, Any], work: int) -> bool:
    """Whether a Catch in JSONPath without ResultPath leads to more than one state of work."""
    if "ResultPath" in catch or text(scope.states[name].get("QueryLanguage")) or scope.language != "JSONPath":
        return False
    target = scope.states.get(text(catch.get("Next")), {})
    return bool(scope.leads(after_of(target)) & work)


def _tolerated(scope: Scope, name: str, where: tuple[str, str], fail: int) -> Iterator[Finding]:
    state = scope.states[name]
    if scope.leads(scope.after[name]) & fail:  # a Choice looks at the results
        return
    for member in ("ToleratedFailurePercentage", "ToleratedFailureCount"):
        value = state.get(member, state.get(f"{member}Path"))
        if state.get("Type") == "Map" and value not in (None, 0, "0"):
            unit = " %" if member.endswith("Percentage") else ""
            much = f"{value}{unit}" if amount(value) is not None else "some"
            why = f"lets {much} of its items fail, and succeeds: no alarm on runs shows them."
            instead = (
                "Leave it out; or count the failed items of its results afterwards, and end in a Fail or emit a metric."
            )
            yield Finding("tolerated", Severity.ERROR, *where, why, instead)


def _as_text(scope: Scope, name: str, where: tuple[str, str]) -> Iterator[Finding]:
    resource = resource_of(scope.states[name])
    if resource == "states:startExecution.sync":
        why = "returns the output of the other execution as one text, in which no state can look for what failed."
        yield Finding(
            "nested-text", Severity.WARNING, *where, why, "Write states:startExecution.sync:2 as its Resource."
        )
