"""A definition in Amazon States Language -> its states and which leads where; a Map's and a branch's are their own.

Language: states-language.net/spec.html, in both query languages. Values may be text, as YAML readers leave them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from deliverywatch.messages.untrusted import mapping, number, objects
from deliverywatch.pipeline.declaration.values import text

# A definition has at most a megabyte; nested deeper than this is nobody's.
_DEEPEST = 20
_ANY = {"States.ALL", "States.TaskFailed", "States.Runtime", "Exception", "Error"}
_WORK = ("Task", "Map", "Parallel")
# arn:<partition>:states:<region>:<account>:<service>:<action>; of AWS's services, region and account are empty.
_SERVICE = re.compile(r"arn:[^:]{0,40}:states:[^:]{0,40}:[^:]{0,40}:(?!activity:)")


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """The states that can lead to each other: of the machine, of a branch or of what a Map does with an item.

    `after` is where each leads to without a Catch, and `ways` all that it comes to so, itself too, as bits: each state
    has one, in the order of the file. `outer` is the state that a branch belongs to, with its scope, and `language`
    JSONPath or JSONata.
    """

    path: str
    states: Mapping[str, Mapping[str, Any]]
    start: str
    after: Mapping[str, Sequence[str]]
    bit: Mapping[str, int]
    ways: Mapping[str, int]
    outer: tuple[Scope, str] | None = None
    language: str = "JSONPath"

    def path_of(self, name: str) -> str:
        """Return where a state stands in the file, as a JSON path."""
        return f"{self.path}.States.{name}" if name.isidentifier() else f"{self.path}.States['{name}']"

    def bits(self, is_such: Callable[[Mapping[str, Any]], bool]) -> int:
        """Return the states of a kind."""
        return sum(self.bit[name] for name, state in self.states.items() if is_such(state))

    def leads(self, starts: Iterable[str], without: str = "") -> int:
        """Return what some states lead to, these too; no way leads through `without`."""
        reached = reduce(or_, (self.ways[name] for name in starts if name in self.states), 0)
        if without and reached & self.bit[without]:
            return sum(self.bit[name] for name in self.reached(starts, [without]))
        return reached

    def names(self, bits: int) -> list[str]:
        """Return the names of states, in the order of the file."""
        return [name for name, bit in zip(self.states, reversed(f"{bits:b}"), strict=False) if bit == "1"]

    def reached(self, starts: Iterable[str], without: Iterable[str] = ()) -> set[str]:
        """Return the states that are reached from some without a Catch, these too; no way leads through `without`."""
        reached: set[str] = set()
        waiting, closed = [name for name in starts if name in self.states], set(without)
        while waiting:
            name = waiting.pop()
            if name not in reached and name not in closed:
                reached.add(name)
                waiting += self.after[name]
        return reached

    def reached_with_catches(self) -> set[str]:
        """Return the states that are reached at all."""
        reached: set[str] = set()
        starts = [self.start]
        while fresh := self.reached(starts) - reached:
            reached |= fresh
            starts = [text(catch.get("Next")) for name in fresh for catch in objects(self.states[name].get("Catch"))]
        return reached

    def later(self, name: str) -> Iterator[Mapping[str, Any]]:
        """Yield the states that come after one, those after the state that it is within, too."""
        yield from (self.states[one] for one in self.names(self.leads(self.after[name])))
        if self.outer:
            scope, within = self.outer
            yield from scope.later(within)


def scopes_of(definition: Mapping[str, Any]) -> list[Scope]:
    """Return the scope of a machine and all within it."""
    return list(_scopes(definition, "$", None, _DEEPEST))


def _scopes(definition: Mapping[str, Any], path: str, outer: tuple[Scope, str] | None, depth: int) -> Iterator[Scope]:
    states = {name: mapping(state) for name, state in mapping(definition.get("States")).items()}
    after = {name: [one for one in after_of(state) if one in states] for name, state in states.items()}
    start, language = text(definition.get("StartAt")), _language(definition, outer)
    bit = {name: 1 << number for number, name in enumerate(states)}
    scope = Scope(path, states, start, after, bit, _ways(after, bit), outer, language)
    yield scope
    for name, state in states.items() if depth else ():
        for part, inner in _parts(state):
            yield from _scopes(inner, f"{scope.path_of(name)}.{part}", (scope, name), depth - 1)


def _ways(after: Mapping[str, Sequence[str]], bit: Mapping[str, int]) -> dict[str, int]:
    """Return what each state comes to: in one round, as those after it come first, and in a few more where it loops."""
    ways, order = dict(bit), _last_first(after)
    is_done = False
    while not is_done:
        is_done = True
        for name in order:
            led = reduce(or_, (ways[one] for one in after[name]), ways[name])
            is_done, ways[name] = is_done and led == ways[name], led
    return ways


def _last_first(after: Mapping[str, Sequence[str]]) -> list[str]:
    seen, order = set[str](), list[str]()
    for start in after:
        waiting = [] if start in seen else [start]
        while waiting:
            seen.add(waiting[-1])
            fresh = next((one for one in after[waiting[-1]] if one not in seen), None)
            if fresh is None:
                order.append(waiting.pop())
            else:
                waiting.append(fresh)
    return order


def _language(definition: Mapping[str, Any], outer: tuple[Scope, str] | None) -> str:
    return text(definition.get("QueryLanguage")) or (outer[0].language if outer else "JSONPath")


def _parts(state: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from ((f"Branches[{number}]", branch) for number, branch in enumerate(objects(state.get("Branches"))))
    yield from ((name, mapping(state[name])) for name in ("Iterator", "ItemProcessor") if name in state)


def after_of(state: Mapping[str, Any]) -> list[str]:
    """Return the names of the states that one leads to without a Catch."""
    choices = [text(choice.get("Next")) for choice in objects(state.get("Choices"))]
    return [name for name in (text(state.get("Next")), *choices, text(state.get("Default"))) if name]


def is_success(state: Mapping[str, Any]) -> bool:
    """Whether an execution, a branch or an item ends well with it."""
    return state.get("Type") == "Succeed" or (is_true(state.get("End")) and state.get("Type") != "Fail")


def is_work(state: Mapping[str, Any]) -> bool:
    """Whether it does something outside of the machine."""
    return state.get("Type") in _WORK


def takes_any(handler: Mapping[str, Any]) -> bool:
    """Whether a Catch or Retry is for whatever goes wrong: one for errors by their names is a decision."""
    errors = handler.get("ErrorEquals", ["States.ALL"])
    return isinstance(errors, list) and any(error in _ANY for error in errors if isinstance(error, str))


def is_true(value: object) -> bool:
    """Whether a value is true, spelt as JSON or as text."""
    return value is True or value == "true"


def amount(value: object) -> float | None:
    """Return a number, spelt as JSON or as text; None for anything else."""
    return number(value)


def resource_of(state: Mapping[str, Any]) -> str:
    """Return a Task's service and action, such as `glue:startJobRun.sync`; other ARNs as they are."""
    return _SERVICE.sub("", text(state.get("Resource")), count=1)


def arguments_of(state: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a Task is given: `Parameters` in JSONPath, `Arguments` in JSONata."""
    return mapping(state.get("Parameters")) or mapping(state.get("Arguments"))
