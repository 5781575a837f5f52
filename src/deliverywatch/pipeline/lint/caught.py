"""Failures that are caught and end in success: such a run never counts as failed, and never alarms.

A caught failure may go three ways: into an end of its own, into the end that good runs come to, or back to the work. It
is judged only where the Catch takes any failure: one for an error by its name is a decision. And a path on which a Fail
can be reached is meant to fail, whatever else it does.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, NamedTuple

from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.pipeline.declaration.values import text
from deliverywatch.pipeline.lint.findings import Finding, Severity
from deliverywatch.pipeline.lint.graph import Scope, after_of, is_success, is_work, resource_of, takes_any

_FAILURE = {"fail", "failed", "failure", "failures", "error", "errors", "aborted"}
# "NoErrors", "CheckForFailure" and "OnErrorContinue" do not say that something failed.
_OTHERWISE = {"no", "without", "check", "is", "if", "any", "has", "zero", "on", "can", "may"}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_TELLS = re.compile(r"^(aws-sdk:)?(sns:publish|sqs:sendMessage|events:putEvents|eventbridge:putEvents|ses(v2)?:send)")
_MAILS = re.compile(r"^(aws-sdk:)?(sns:publish|ses(v2)?:send)")
_FAILED_STATUS = re.compile(
    r"^(FAILED|FAILURE|ERROR|TIMED_OUT|TIMEOUT|ABORTED|STOPPED|FAULT|CANCELLED)$", re.IGNORECASE
)
_GOOD_STATUS = re.compile(r"^(SUCCEEDED|SUCCESS|SUCCESSFUL|COMPLETED?|FINISHED)$", re.IGNORECASE)
_UNLIKE = re.compile(r"!=\s{0,9}['\"]([^'\"]{1,40})['\"]")
_STATUS_CALL = re.compile(r":(get|describe|batchGet|list)[A-Z]")
_QUOTED = re.compile(r"['\"]([^'\"]{1,40})['\"]")
_END_IT = "End it in a Fail state."


class _Kinds(NamedTuple):
    """The states of a scope by what they are, as bits."""

    success: int
    fail: int
    choice: int
    work: int


@dataclass(frozen=True, slots=True)
class _Road:
    """Where a failure of a state goes: the states only it comes to, and those that it shares with a good run, as bits.

    `joins` are the first of these, each with the state before it: the one that failed, if its Catch leads there.
    """

    own: int
    shared: int
    joins: tuple[tuple[str, str], ...]


def caught(scopes: Iterable[Scope]) -> Iterator[Finding]:
    """Yield the paths of failures that end in success."""
    for scope in scopes:
        if not _is_judged_outside(scope):
            kinds = _kinds(scope)
            findings = [*_by_catch(scope, kinds), *_by_status(scope, kinds), *_by_name(scope)]
            first: dict[str, Finding] = {}
            for finding in findings:
                first.setdefault(finding.path, finding)
            yield from first.values()


def _kinds(scope: Scope) -> _Kinds:
    return _Kinds(*map(scope.bits, (is_success, _is_fail, _is_choice, _works)))


def _is_judged_outside(scope: Scope) -> bool:
    """Whether a machine may fail after a branch: what became of its items is looked at there."""
    if scope.outer is None:
        return False
    outside, within = scope.outer
    return any(map(_is_fail, outside.later(within))) or _is_judged_outside(outside)


def _by_catch(scope: Scope, kinds: _Kinds) -> Iterator[Finding]:
    failing: dict[tuple[str, str, bool], list[str]] = {}
    good = scope.leads([scope.start])
    for name, catch in _catches(scope):
        # That a message did not leave is no failure of the work that it tells of.
        if good & scope.bit[name] and _MAILS.match(resource_of(scope.states[name])):
            continue
        road = _road(scope, name, text(catch.get("Next")))
        if road is None or _may_fail(scope, kinds, road, _marks(catch)):
            continue
        for end in _ends(scope, kinds, road, name):
            failing.setdefault(end, []).append(name)
    for (state, shared, is_over), names in failing.items():
        yield _finding(scope, state, shared, names, is_over=is_over)


def _ends(scope: Scope, kinds: _Kinds, road: _Road, state: str) -> Iterator[tuple[str, str, bool]]:
    """Yield where a road ends in success: in which state, or before which shared one, and if no work comes then."""
    ends = scope.names(road.own & kinds.success)
    yield from ((end, "", True) for end in ends)
    for last, shared in () if ends else road.joins:
        rest = scope.leads([shared], state)
        # Nothing is done on the shared part but to end, or to say that all is well.
        if rest & kinds.success:
            yield (last, shared, not rest & kinds.work)


def _may_fail(scope: Scope, kinds: _Kinds, road: _Road, marks: Collection[str] = ()) -> bool:
    """Whether a Fail is meant for it: on its own part, or behind a Choice that it comes to or that asks for it."""
    if road.own & kinds.fail:
        return True
    met = road.own | reduce(or_, (scope.bit[after] for _, after in road.joins), 0)
    if not road.shared & kinds.fail:
        return False
    others = scope.names(road.shared & kinds.choice & ~met) if marks else []
    return bool(met & kinds.choice) or any(_asks(scope.states[name], marks) for name in others)


def _marks(catch: Mapping[str, Any]) -> set[str]:
    """Return how a state that comes later can refer to the error of a Catch."""
    path = text(catch.get("ResultPath"))
    assigned = {f"${name}" for name in mapping(catch.get("Assign"))}
    return assigned | ({path} if len(path) > 1 else {"$.Error", "$.Cause", "$states.input.Error"})


def _asks(choice: Mapping[str, Any], marks: Collection[str]) -> bool:
    words = json.dumps(choice.get("Choices"), default=str)
    return any(mark in words for mark in marks)


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


def _by_status(scope: Scope, kinds: _Kinds) -> Iterator[Finding]:
    """Yield where a status of failure ends in success: one that a task returned, or that a loop waits for."""
    readers = {
        after for state in scope.states.values() if _STATUS_CALL.search(resource_of(state)) for after in after_of(state)
    }
    for name, state in scope.states.items():
        if not (_is_choice(state) and (name in readers or _is_in_loop(scope, name))):
            continue
        for road, status in _failed_roads(scope, kinds, name, is_answer=name in readers):
            for end, shared, is_over in () if _may_fail(scope, kinds, road) else _ends(scope, kinds, road, name):
                # A way that does work and then joins the good one is another way to do it.
                if is_over and not (shared and road.own & kinds.work):
                    where = f"in {shared}" if shared else "in success"
                    why = f"ends a failure path {where}: {name} sends there what is {status}."
                    yield Finding("status-succeeds", Severity.ERROR, end, scope.path_of(end), why, _END_IT)


def _failed_roads(scope: Scope, kinds: _Kinds, name: str, *, is_answer: bool) -> Iterator[tuple[_Road, str]]:
    """Yield where a Choice sends a status of failure: by a rule, or by default where no rule knows how it ended."""
    rules, default = objects(scope.states[name].get("Choices")), text(scope.states[name].get("Default"))
    targets, words = [text(rule.get("Next")) for rule in rules], [[*_words_of(rule)] for rule in rules]
    statuses = [(to, status) for to, rule in zip(targets, rules, strict=True) for status in _failed_statuses(rule)]
    good = next((word for compared in words for word in compared if _GOOD_STATUS.match(word)), "")
    if is_answer and good and not statuses and not scope.ways.get(default, 0) & scope.bit[name]:
        # Where work is done by default, it is to be done yet.
        is_idle = not scope.leads([default], name) & ~scope.leads(targets, name) & kinds.work
        statuses = [(default, f"not {good}")] if is_idle else []
    failed = dict(statuses)
    for to, status in failed.items():
        if road := _road(scope, name, to, [one for one in (*targets, default) if one not in failed]):
            yield road, status
    goes_on = all(scope.ways.get(to, 0) & scope.bit[name] for to in targets)
    road = _road(scope, name, default, targets) if is_answer and goes_on and words and all(words) else None
    # What does work with the result notices that there is none.
    if road and not (road.own | road.shared) & kinds.work:
        yield road, f"not {words[0][0]}, failed or not"


def _failed_statuses(rule: Mapping[str, Any]) -> Iterator[str]:
    """Yield the statuses of failure that a rule of a Choice is for, also as what is not a good one."""
    yield from (word for word in _words_of(rule) if _FAILED_STATUS.match(word))
    inner, condition = mapping(rule.get("Not")), text(rule.get("Condition"))
    unlike = [*_words_of(inner), *_UNLIKE.findall(condition)]
    yield from (f"not {word}" for word in unlike if _GOOD_STATUS.match(word))


def _is_in_loop(scope: Scope, name: str) -> bool:
    return any(scope.ways[after] & scope.bit[name] for after in scope.after[name])


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


def _road(scope: Scope, state: str, target: str, others: Iterable[str] | None = None) -> _Road | None:
    """Return where a failure of a state goes, as far as it does not lead back; `others` is where all else goes."""
    if target not in scope.states or target == state:
        return None
    way = scope.leads([target], state)
    # Who comes back to it goes on from it as it does, unless some of its ways are meant to be left out.
    good = (scope.leads(scope.after[state]) if others is None else scope.leads(others, state)) & ~scope.bit[state]
    own, shared = way & ~good, way & good
    pairs = [(name, after) for name in scope.names(own) for after in scope.after[name]]
    joins = tuple(pair for pair in [(state, target), *pairs] if scope.bit[pair[1]] & shared)
    return _Road(own, shared, joins)


def _works(state: Mapping[str, Any]) -> bool:
    return is_work(state) and not _TELLS.match(resource_of(state))


def _is_choice(state: Mapping[str, Any]) -> bool:
    return state.get("Type") == "Choice"


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
