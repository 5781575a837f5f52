"""A template and kinds of resources -> for each resource its definition, or why there is none: nothing vanishes.

Only what decides on states is resolved: actions, descriptions and tags need no values.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from cwalarm.definitions import template_parameters
from cwalarm.definitions.absence import Absent, absent
from cwalarm.definitions.template import Resolver, fits
from cwalarm.definitions.template_parameters import ParametersMissing
from cwalarm.errors import InputError

_Definition = TypeVar("_Definition")

_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
_NOT_NEEDED = (*_ACTIONS, "AlarmDescription", "Tags")


@dataclass(frozen=True, slots=True)
class Refused:
    """An alarm of the template that cannot be read, and why."""

    name: str
    logical_id: str
    error: InputError


@dataclass(frozen=True, slots=True)
class Readings(Generic[_Definition]):
    """What became of each resource of a kind."""

    definitions: list[_Definition] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def read(
    resolver: Resolver,
    readers: Mapping[str, Callable[[dict[str, Any]], _Definition]],
    without: Sequence[str] = (),
    name: str = "AlarmName",
) -> Readings[_Definition]:
    """Read each resource of some kinds but those whose name or logical id fits `without`.

    It is described to the reader of its kind by its properties, and called by its logical id unless it has a name.
    """
    readings: Readings[_Definition] = Readings(refused=_unexpanded(resolver, readers, without))
    names: set[str] = set()
    turned: dict[str, Mapping[str, str]] = {}
    for kind, read_description in readers.items():
        for logical_id in resolver.of_kind(kind, without):
            try:
                description = _described(resolver, logical_id, name)
                if description is None:
                    readings.absent.append(absent(resolver, logical_id, turned))
                    continue
                definition = read_description(description)
                _require_unique(str(description[name]), names)
                readings.definitions.append(definition)
            except InputError as error:
                readings.refused.append(Refused(resolver.name(logical_id), logical_id, error))
    return readings


def _require_unique(name: str, names: set[str]) -> None:
    if name in names:
        raise InputError(
            f"Two alarms are called {name}; CloudWatch would let the later one replace the other.",
            next_step="Give each alarm a name of its own.",
        )
    names.add(name)


def _unexpanded(resolver: Resolver, kinds: Iterable[str], without: Sequence[str]) -> list[Refused]:
    """Return the loops that cannot be expanded and the macros, of those that may make a resource of these kinds."""
    written = {key: json.dumps(resolver.template["Resources"].get(key), default=str) for key in resolver.refused}
    return [
        Refused(key, key, error)
        for key, error in resolver.refused.items()
        if not fits(key, without)
        and (key.startswith("Fn::Transform") or any(f'"{kind}"' in written[key] for kind in kinds))
    ]


def require_all(refused: Sequence[Refused]) -> None:
    """Raise InputError if something was refused: one that names all parameters without a value, or else the first."""
    missing = [item.error for item in refused if isinstance(item.error, ParametersMissing)]
    if len(missing) > 1:
        raise template_parameters.joined(missing, "The template")
    for item in refused:
        raise missing[0] if missing else item.error


def missing_parameters(refused: Sequence[Refused]) -> list[str]:
    """Return the parameters for want of which something was refused."""
    errors = [item.error for item in refused if isinstance(item.error, ParametersMissing)]
    return list(dict.fromkeys(name for error in errors for name in error.lacks))


def _described(resolver: Resolver, logical_id: str, name: str) -> dict[str, Any] | None:
    """Return the description of a resource; None if its condition does not hold."""
    try:
        return _description(resolver, logical_id, name) if resolver.exists(logical_id) else None
    except ParametersMissing as error:
        raise _with_all_names(resolver, logical_id, error) from error


def _description(resolver: Resolver, logical_id: str, name: str) -> dict[str, Any]:
    given = resolver.section("Resources")[logical_id].get("Properties") or {}
    lists = {action: resolver.list_or_stand_ins(given[action]) for action in _ACTIONS if action in given}
    text = resolver.or_stand_in(given.get("AlarmDescription", ""))
    described = {"AlarmDescription": text if isinstance(text, str) else ""}
    return {name: logical_id, **resolver.properties(logical_id, _NOT_NEEDED), **described, **lists}


def _with_all_names(resolver: Resolver, logical_id: str, first: ParametersMissing) -> ParametersMissing:
    """Return the error with every parameter that the resource needs: those found so far get values that may be."""
    errors = latest = [first]
    while latest:
        names = [name for error in latest for name in error.lacks]
        resolver = resolver.with_parameters({name: _stand_in(resolver, logical_id, name) for name in names})
        latest = list(_missing(resolver, logical_id))
        errors = [*errors, *latest]
    return template_parameters.joined(errors, first.subject)


def _missing(resolver: Resolver, logical_id: str) -> Iterator[ParametersMissing]:
    """Yield the first error of each part of a resource that lacks a parameter, whatever else its other parts lack."""
    given = resolver.section("Resources")[logical_id].get("Properties") or {}
    needed = [value for member, value in given.items() if member not in _NOT_NEEDED]
    for resolve in (partial(resolver.exists, logical_id), *(partial(resolver.resolve, value) for value in needed)):
        try:
            resolve()
        except ParametersMissing as error:
            yield error
        except InputError:
            continue


def _stand_in(resolver: Resolver, logical_id: str, name: str) -> Any:
    """Return a value that a parameter may have: a key of the mapping that it is looked up in, if there is one."""
    declaration = resolver.declared[name]
    used = [resolver.section("Resources")[logical_id], dict(resolver.section("Conditions"))]
    keys = _keys(used, name, resolver.section("Mappings"))
    fitting = next((key for key in keys if not template_parameters.violation(declaration, key)), None)
    return template_parameters.stand_in(declaration) if fitting is None else fitting


def _keys(value: Any, name: str, mappings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of mappings among which a parameter chooses anywhere in a value."""
    looked_up = value.get("Fn::FindInMap") if isinstance(value, dict) else None
    if isinstance(looked_up, list) and looked_up and isinstance(looked_up[0], str):
        entries = mappings.get(looked_up[0])
        levels = [[entries], entries.values()] if isinstance(entries, dict) else []
        for key, level in zip(looked_up[1:], levels, strict=False):
            yield from (one for inner in level if key == {"Ref": name} and isinstance(inner, dict) for one in inner)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(item, name, mappings)
