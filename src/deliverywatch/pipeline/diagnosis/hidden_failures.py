"""A state machine -> failure paths that end in success: such a run never counts as failed, and never alarms.

Language: states-language.net/spec.html. A path is one for failures if only a Catch leads to it, or its name says so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.pipeline.declaration.values import text

_SAYS_FAILURE = re.compile(r"fail|error|abort|reject|invalid", re.IGNORECASE)


def hidden_failures(definition: object) -> list[str]:
    """Return a sentence for each state of a decoded definition that ends a failure path in success."""
    machine = mapping(definition)
    states = {name: mapping(state) for name, state in mapping(machine.get("States")).items()}
    inner = [sentence for state in states.values() for part in _parts(state) for sentence in hidden_failures(part)]
    return [*_of(states, text(machine.get("StartAt"))), *inner]


def _of(states: Mapping[str, Mapping[str, Any]], start: str) -> list[str]:
    regular = _reached(states, [start])
    caught = [text(catch.get("Next")) for state in states.values() for catch in objects(state.get("Catch"))]
    # What a failure and a good run share is a recovery, and meant.
    only_caught = _reached(states, caught) - regular
    named = {name for name in regular if _SAYS_FAILURE.search(name)}
    suspects = only_caught | _reached(states, named) & named
    ending = [
        f"{name} ends a failure path, and the execution succeeds with it: end it in a Fail state."
        for name in states
        if name in suspects and _is_success(states[name])
    ]
    # One that goes on with the work, or tries it again, is a recovery; one that is called a failure and ends is none.
    handed_on = [
        f"{name} ends a failure path in {after}, and the execution succeeds with it: end it in a Fail state."
        for name in states
        if name in only_caught and _SAYS_FAILURE.search(name)
        for after in _after(states[name])
        if after in regular and _is_success(states[after])
    ]
    return [*ending, *handed_on]


def _is_success(state: Mapping[str, Any]) -> bool:
    return state.get("Type") == "Succeed" or (state.get("End") is True and state.get("Type") != "Fail")


def _reached(states: Mapping[str, Mapping[str, Any]], starts: Iterable[str]) -> set[str]:
    """Return the states that can be reached without a Catch."""
    reached: set[str] = set()
    waiting = [name for name in starts if name in states]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [after for after in _after(states[name]) if after in states]
    return reached


def _after(state: Mapping[str, Any]) -> list[str]:
    choices = [text(choice.get("Next")) for choice in objects(state.get("Choices"))]
    return [text(state.get("Next")), text(state.get("Default")), *choices]


def _parts(state: Mapping[str, Any]) -> Iterator[object]:
    yield from objects(state.get("Branches"))
    yield from (state[name] for name in ("Iterator", "ItemProcessor") if name in state)
