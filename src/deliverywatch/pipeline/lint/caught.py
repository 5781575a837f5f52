"""Failures that are caught and end in success: such a run never counts as failed, and never alarms.

A caught failure may go three ways: into an end of its own, into the end that good runs come to, or back to the work. It
is judged only where the Catch takes any failure: one for an error by its name is a decision. And a path on which a Fail
can be reached is meant to fail, whatever else it does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deliverywatch.messages.untrusted import objects
from deliverywatch.pipeline.declaration.values import text
from deliverywatch.pipeline.lint.findings import Finding, Severity
from deliverywatch.pipeline.lint.graph import Scope, after_of, is_success, is_work, resource_of, takes_any

_FAILURE = {"fail", "failed", "failure", "failures", "error", "errors", "aborted"}
# "NoErrors", "CheckForFailure" and "OnErrorContinue" do not say that something failed.
_OTHERWISE = {"no", "without", "check", "is", "if", "any", "has", "zero", "on", "can", "may"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TELLS = re.compile(r"^(aws-sdk:)?(sns:publish|sqs:sendMessage|events:putEvents|eventbridge:putEvents|ses(v2)?:send)")
_FAILED_STATUS = re.compile(
    r"^(FAILED|FAILURE|ERROR|TIMED_OUT|TIMEOUT|ABORTED|STOPPED|FAULT|CANCELLED)$", re.IGNORECASE
)
_STATUS_CALL = re.compile(r":(get|describe|batchGet|list)[A-Z]")
_QUOTED = re.compile(r"['\"]([^'\"]{1,40})['\"]")
_END_IT = "End it in a Fail state."


@dataclass(frozen=True, slots=True)
class _Road:
    """Where a failure of a state goes: the states only it comes to, and those that it shares with a good run.

    `joins` are the first of these, each with the state before it: the one that failed, if its Catch leads there.
    """

    scope: Scope
    own: frozenset[str]
    shared: frozenset[str]
    joins: tuple[tuple[str, str], ...]

    @property
    def may_fail(self) -> bool:
        """Whether a Fail is meant for it: on its own part, or behind a Choice that it comes to."""
        states = self.scope.states
        decides = any(states[name].get("Type") == "Choice" for name in (*self.own, *(after for _, after in self.joins)))
        return any(_is_fail(states[name]) for name in (self.own | self.shared if decides else self.own))

    @property
    def ends(self) -> list[str]:
        """Its own states in which it ends in success, in the order of the file."""
        return [name for name, state in self.scope.states.items() if name in self.own and is_success(state)]


def caught(scopes: Iterable[Scope]) -> Iterator[Finding]:
    """Yield the paths of failures that end in success."""
    for scope in scopes:
        if not _is_judged_outside(scope):
            findings = [*_by_catch(scope), *_by_status(scope), *_by_name(scope)]
            paths = [finding.path for finding in findings]
            yield from (finding for number, finding in enumerate(findings) if finding.path not in paths[:number])


def _is_judged_outside(scope: Scope) -> bool:
    """Whether a machine may fail after a branch: what became of its items is looked at there."""
    if scope.outer is None:
        return False
    outside, within = scope.outer
    return any(map(_is_fail, outside.later(within))) or _is_judged_outside(outside)


def _by_catch(scope: Scope) -> Iterator[Finding]:
    failing: dict[tuple[str, str, bool], list[str]] = {}
    for name, catch in _catches(scope):
        road = _road(scope, name, text(catch.get("Next")))
        if road is None or road.may_fail:
            continue
        for end in road.ends:
            failing.setdefault((end, "", True), []).append(name)
        for last, shared in () if road.ends else road.joins:
            rest = [scope.states[one] for one in scope.reached([shared], [name])]
            # Nothing is done on the shared part but to end, or to say that all is well.
            if any(map(is_success, rest)):
                failing.setdefault((last, shared, not any(map(_works, rest))), []).append(name)
    for (state, shared, is_over), names in failing.items():
        yield _finding(scope, state, shared, names, is_over=is_over)


def _finding(scope: Scope, state: str, shared: str, names: list[str], *, is_over: bool) -> Finding:
    what, who = (
        f"a failure of {_listed(dict.fromkeys(names))}",
        "the execution" if scope.outer is None else "the branch",
    )
    if not is_over:
        # Nothing is done about it where the state that failed hands it on itself.
        severity = Severity.ERROR if state in names else Severity.WARNING
        why = f"goes on with {shared} after {what} is caught, and {who} can end in success: no alarm on runs shows it."
        instead = (
            "Note the failure, and end in a Fail state after the work that is still to be done; or catch by name only "
            "the errors that may pass."
        )
        return Finding("caught-continues", severity, state, scope.path_of(state), why, instead)
    where = f"in {shared}" if shared else "in success"
    why = f"ends a failure path {where}: {what} is caught, and {who} succeeds with it."
    return Finding("caught-succeeds", Severity.ERROR, state, scope.path_of(state), why, _END_IT)


def _by_status(scope: Scope) -> Iterator[Finding]:
    """Yield where a status of failure that a task returned ends in success."""
    status_readers = {
        after for state in scope.states.values() if _STATUS_CALL.search(resource_of(state)) for after in after_of(state)
    }
    for name, state in scope.states.items():
        if name not in status_readers or state.get("Type") != "Choice":
            continue
        for choice in objects(state.get("Choices")):
            statuses = [word for word in _words_of(choice) if _FAILED_STATUS.match(word)]
            road = _road(scope, name, text(choice.get("Next")), choice) if statuses else None
            for end in road.ends if road and not road.may_fail else []:
                why = f"ends a failure path in success: {name} sends there what is {statuses[0]}."
                yield Finding("status-succeeds", Severity.ERROR, end, scope.path_of(end), why, _END_IT)


def _by_name(scope: Scope) -> Iterator[Finding]:
    """Yield states that are called a failure, are reached, and end in success."""
    reached = scope.reached_with_catches()
    for name in scope.states:
        if name in reached and _is_called_failure(name) and is_success(scope.states[name]):
            why = "ends a failure path in success, by its name: the execution succeeds with it."
            yield Finding("named-succeeds", Severity.ERROR, name, scope.path_of(name), why, _END_IT)


def _catches(scope: Scope) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, state in scope.states.items():
        for catch in objects(state.get("Catch")):
            if takes_any(catch):
                yield name, catch


def _road(scope: Scope, state: str, target: str, choice: Mapping[str, Any] | None = None) -> _Road | None:
    """Return where a failure of a state goes; None if it leads back to it, which is a retry."""
    if target not in scope.states or target == state:
        return None
    others = [text(one.get("Next")) for one in objects(scope.states[state].get("Choices")) if one is not choice]
    regular = [text(scope.states[state].get("Next")), text(scope.states[state].get("Default")), *others]
    own_way = scope.reached([target], [state])
    if any(state in scope.after[name] for name in own_way):
        return None
    good_way = scope.reached(filter(None, regular), [state])
    own = [name for name in scope.states if name in own_way - good_way]
    pairs = [(name, after) for name in own for after in scope.after[name]]
    joins = tuple(pair for pair in [(state, target), *pairs] if pair[1] in own_way & good_way)
    return _Road(scope, frozenset(own), frozenset(own_way & good_way), joins)


def _works(state: Mapping[str, Any]) -> bool:
    return is_work(state) and not _TELLS.match(resource_of(state))


def _is_fail(state: Mapping[str, Any]) -> bool:
    return state.get("Type") == "Fail"


def _words_of(choice: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that a rule of a Choice compares with, in either query language."""
    yield from (value for name, value in choice.items() if name == "StringEquals" and isinstance(value, str))
    yield from _QUOTED.findall(text(choice.get("Condition")))
    for name in ("Or", "And"):
        for inner in objects(choice.get(name)):
            yield from _words_of(inner)


def _is_called_failure(name: str) -> bool:
    words = [word.lower() for word in _WORDS.findall(name)]
    return any(word in _FAILURE and not _OTHERWISE & set(words[:number]) for number, word in enumerate(words))


def _listed(names: Iterable[str]) -> str:
    first, *others = names
    if len(others) > 2:
        return f"{first} and {len(others)} other states"
    return ", ".join([first, *others])
