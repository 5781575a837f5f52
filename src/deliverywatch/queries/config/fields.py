"""One value of the configuration -> the same value, sure to be of the right kind; what is not becomes a problem."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from deliverywatch.queries.config.query import Problem

# Far beyond it a float no longer distinguishes neighbouring numbers, and an int may be no float at all.
_LARGEST = 1e18
_T = TypeVar("_T")


@dataclass(slots=True)
class Findings:
    """Problems and notices of a file so far; what is `refused` harms its own query only."""

    problems: list[Problem] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Section:
    """An object of the file and where it stands; every method takes the name of one of its fields."""

    path: str
    content: Mapping[str, Any]
    findings: Findings

    def path_of(self, name: str) -> str:
        """Return the JSON path of a field."""
        return f"{self.path}.{name}" if name.isidentifier() else f"{self.path}['{name}']"

    def refuse(self, name: str, sentence: str) -> None:
        """Note that a field is wrong."""
        self.findings.problems.append(Problem(self.path_of(name), sentence))

    def refused(self, name: str, sentence: str, default: _T) -> _T:
        """Note that a field is wrong, and return what stands in for it."""
        self.refuse(name, sentence)
        return default

    def refuse_alone(self, name: str, sentence: str) -> None:
        """Note that a field is wrong which AWS judges for each query by itself: the others go on."""
        self.findings.refused.append(Problem(self.path_of(name), sentence))

    def check_names(self, names: Collection[str], legacy: Mapping[str, str]) -> None:
        """Refuse fields with other names than these; those of older files are accepted with a notice."""
        for name in self.content:
            if name in legacy:
                self.findings.notices.append(Problem(self.path_of(name), legacy[name]))
            elif name not in names:
                self.refuse(name, f"There is no such field. Choose one of: {', '.join(names)}.")

    def text(self, name: str, default: str = "", longest: int = 10_000) -> str:
        """Return a text."""
        value = self.content.get(name, default)
        is_right = isinstance(value, str) and len(value) <= longest
        return value if is_right else self.refused(name, f"It is a text of at most {longest} characters.", default)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return true or false."""
        value = self.content.get(name, default)
        return value if isinstance(value, bool) else self.refused(name, "It is true or false.", default)

    def choice(self, name: str, words: Iterable[str], default: str) -> str:
        """Return one of the words on offer."""
        value = self.content.get(name, default)
        offered = list(words)
        is_right = value in offered and isinstance(value, str)
        return value if is_right else self.refused(name, f"It is one of {', '.join(offered)}.", default)

    def number(self, name: str) -> float | None:
        """Return a number that can be compared, or None if there is none."""
        value = self.content.get(name)
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST
        if value is None or is_number:
            return value
        return self.refused(name, f"It is a number, and none beyond {_LARGEST:g}.", None)

    def inside(self, name: str) -> Section | None:
        """Return an object in this one; None, with a problem, if it is something else."""
        value = self.content.get(name, {})
        if isinstance(value, dict):
            return Section(self.path_of(name), value, self.findings)
        return self.refused(name, "It is an object: { }.", None)

    def items(self, name: str) -> list[Any]:
        """Return a list."""
        value = self.content.get(name, [])
        return value if isinstance(value, list) else self.refused(name, "It is a list: [ ].", [])
