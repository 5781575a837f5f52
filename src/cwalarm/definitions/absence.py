"""A condition that does not hold -> the parameters that it depends on, and values of theirs with which it holds."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cwalarm.definitions.template import Resolver, references
from cwalarm.errors import InputError

# Stands for any value but those that a condition compares with, in words too.
_ANOTHER = "..."
_MOST_VALUES = 30
_MOST_TRIED = 2_000


@dataclass(frozen=True, slots=True)
class Absent:
    """An alarm that the template holds and, with these parameters, the stack does not.

    `overrides` puts it there; it is empty if nothing that was tried does.
    """

    name: str
    logical_id: str
    condition: str
    values: Mapping[str, Any]
    overrides: Mapping[str, str]

    @property
    def reason(self) -> str:
        """Why it is not there, as the rest of a sentence."""
        values = " and ".join(f"{name} is {value or 'empty'}" for name, value in self.values.items())
        return f"its condition {self.condition} does not hold" + (f" while {values}" if values else "")

    @property
    def next_step(self) -> str:
        """What to do to have it, as a sentence."""
        if not self.values:
            return "The condition depends on no parameter."
        options = " ".join(f"--set {name}={value}" for name, value in self.overrides.items())
        return f"{options} puts it there." if options else "Give other values with --set."

    @property
    def error(self) -> InputError:
        """The error for somebody who wants this alarm."""
        return InputError(f"{self.name} is not in the stack: {self.reason}.", next_step=self.next_step)


def absent(resolver: Resolver, logical_id: str, known: dict[str, Mapping[str, str]]) -> Absent:
    """Return what is to be said of a resource whose condition does not hold; `known` keeps what makes it hold."""
    condition = str(resolver.section("Resources")[logical_id]["Condition"])
    expressions = list(_expressions(resolver, condition, set()))
    names = sorted(set().union(*map(references, expressions)) & {*resolver.declared, *resolver.parameters})
    values = {name: resolver.parameters[name] for name in names if name in resolver.parameters}
    if condition not in known:
        tried = itertools.islice(_combinations(resolver, names, expressions), _MOST_TRIED)
        known[condition] = next((turned for turned in tried if _holds(resolver, condition, turned)), {})
    return Absent(resolver.name(logical_id), logical_id, condition, values, known[condition])


def _expressions(resolver: Resolver, condition: str, visited: set[str]) -> Iterator[Any]:
    """Yield what a condition says, and what the conditions say that it names."""
    conditions = resolver.section("Conditions")
    if condition in visited or condition not in conditions:
        return
    visited.add(condition)
    yield conditions[condition]
    for name in _texts(conditions[condition]):
        yield from _expressions(resolver, name, visited)


def _combinations(resolver: Resolver, names: list[str], expressions: list[Any]) -> Iterator[dict[str, str]]:
    """Yield values for parameters that may make a condition hold: for one of them, then for two, and so on."""
    comparisons = list(_comparisons(expressions))
    choices = {name: _choices(resolver, name, comparisons) for name in names}
    for count in range(1, len(names) + 1):
        for changed in itertools.combinations(names, count):
            for values in itertools.product(*(choices[name] for name in changed)):
                yield dict(zip(changed, values, strict=True))


def _choices(resolver: Resolver, name: str, comparisons: list[Any]) -> list[str]:
    """Return values that a parameter may have: first those that it is compared with, or by which a mapping is read."""
    mappings = resolver.section("Mappings")
    texts = [text for sides in comparisons if name in references(sides) for text in _texts(sides)]
    compared = [value for text in texts for value in (*(mappings.get(text) or ()), text)]
    allowed = resolver.declared.get(name, {}).get("AllowedValues")
    if isinstance(allowed, list) and allowed:
        return sorted(map(str, allowed), key=lambda value: value not in compared)
    others = {*resolver.declared, *resolver.parameters, *mappings}
    values = [value for value in dict.fromkeys(compared) if value not in others]
    return [*values[:_MOST_VALUES], _ANOTHER]


def _comparisons(value: Any) -> Iterator[Any]:
    """Yield the two sides of every comparison in a value."""
    if isinstance(value, dict) and "Fn::Equals" in value:
        yield value["Fn::Equals"]
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _comparisons(item)


def _holds(resolver: Resolver, condition: str, values: Mapping[str, str]) -> bool:
    try:
        return resolver.with_parameters(values).holds(condition)
    except InputError:
        return False


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a value that is no name of a function."""
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(item)
