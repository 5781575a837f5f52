"""The definition of a state machine -> what a run that succeeds has gone through, and what runs elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.lint.graph import Scope, is_success, is_work, scopes_of


@dataclass(frozen=True, slots=True)
class Shape:
    """The states of a state machine, by name.

    Attributes:
        states: All of them.
        in_items: Those that a distributed Map runs in executions of their own, whose history is not that of the run.
        always: Those that do work and are on every way to success.
        sometimes: Those that do work and are on some way to success, without a failure before.
    """

    states: frozenset[str]
    in_items: frozenset[str]
    always: frozenset[str]
    sometimes: frozenset[str] = frozenset()


def shape_of(definition: object) -> Shape:
    """Return the shape of a decoded definition; an empty one for anything else."""
    scopes = scopes_of(mapping(definition))
    return Shape(
        states=frozenset(name for scope in scopes for name in scope.states),
        in_items=frozenset(name for scope in scopes if _is_in_items(scope) for name in scope.states),
        always=frozenset(name for scope in scopes if _is_always(scope) for name in _on_every_way(scope)),
        sometimes=frozenset(name for scope in scopes for name in _on_some_way(scope)),
    )


def _is_in_items(scope: Scope) -> bool:
    if scope.outer is None:
        return False
    outer, name = scope.outer
    return _is_distributed(outer.states[name]) or _is_in_items(outer)


def _is_distributed(state: Mapping[str, Any]) -> bool:
    return mapping(mapping(state.get("ItemProcessor")).get("ProcessorConfig")).get("Mode") == "DISTRIBUTED"


def _is_always(scope: Scope) -> bool:
    """A Map may have no items; each branch of a Parallel that is always run is run as well."""
    if scope.outer is None:
        return True
    outer, name = scope.outer
    return outer.states[name].get("Type") == "Parallel" and name in _on_every_way(outer) and _is_always(outer)


def _on_every_way(scope: Scope) -> set[str]:
    return {name for name in _work(scope) if not _succeeds(scope, scope.reached([scope.start], [name]))}


def _on_some_way(scope: Scope) -> set[str]:
    return {name for name in _work(scope) & scope.reached([scope.start]) if _succeeds(scope, scope.reached([name]))}


def _work(scope: Scope) -> set[str]:
    return {name for name, state in scope.states.items() if is_work(state)}


def _succeeds(scope: Scope, names: set[str]) -> bool:
    return any(is_success(scope.states[name]) for name in names)
