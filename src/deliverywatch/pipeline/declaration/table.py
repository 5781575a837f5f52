"""A table of a declaration -> its values; what is wrong is noted with its place, and reading goes on.

So one build names all mistakes of a file. The values of a table with a mistake are never used.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.declaration.source import PLACEHOLDER, Path, Source
from deliverywatch.pipeline.declaration.values import number

# More mistakes than these are not read at once.
_SHOWN_COUNT = 20
_LONGEST_VALUE = 80


@dataclass(frozen=True, slots=True)
class Form:
    """What a text has to look like: a pattern for all of it, and the same in words, which end a sentence.

    It may hold `${Environment}` where it names what has one name per environment.
    """

    pattern: re.Pattern[str]
    words: str
    is_per_environment: bool = False
    ignores_case: bool = False

    def fits(self, text: str) -> bool:
        """Whether a text looks so."""
        return bool(self.pattern.fullmatch(text.replace(PLACEHOLDER, "prod") if self.is_per_environment else text))


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that are possible, both ends included; whole ones only, or any."""

    lowest: int
    highest: int
    is_whole: bool = True

    @property
    def words(self) -> str:
        """The same in words."""
        return f"a {'whole ' if self.is_whole else ''}number from {self.lowest} to {self.highest}"

    def holds(self, value: float) -> bool:
        """Whether a number is possible."""
        return self.lowest <= value <= self.highest and (not self.is_whole or value == int(value))


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the declaration, with its path, its kind as messages call it, and the mistakes found in the file."""

    body: Mapping[str, Any]
    path: Path = ()
    kind: str = "the declaration"
    mistakes: list[tuple[Path, str]] = field(default_factory=list)

    def refuse(self, name: str | int, sentence: str) -> None:
        """Note a mistake in a field; the sentence goes on after its name: `is 3, and can be ...`."""
        self.mistakes.append(((*self.path, name), sentence))

    def refuse_below(self, path: Path, sentence: str) -> None:
        """Note a mistake in a field of a table in this one."""
        self.mistakes.append(((*self.path, *path), sentence))

    def check_fields(self, names: Collection[str]) -> None:
        """Refuse fields that do not exist: what is misspelt would not be watched, unnoticed."""
        for name in self.body:
            if name not in names:
                close = difflib.get_close_matches(name, names, 1)
                hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(names)}."
                self.refuse(name, f"is no field of {self.kind}; {hint}")

    def text(self, name: str, form: Form, default: str | None = None) -> str:
        """Return a text of this form; without a default it must be there."""
        if default is not None and self.body.get(name, "") == "":
            return default
        return self._formed(name, self.body.get(name), form)

    def texts(self, name: str, form: Form, *, least: int = 0) -> tuple[str, ...]:
        """Return a list of different texts of this form, at least so many; one text is a list of it."""
        value = self.body.get(name, [])
        values = value if isinstance(value, list) else [value]
        if len(values) < least:
            self.refuse(name, f"is {_shown(value) if name in self.body else 'missing'}, and {_can_be(form)}.")
        written = [str(one).lower() if form.ignores_case else str(one) for one in values]
        for twice in sorted({one for one in written if written.count(one) > 1}):
            self.refuse(name, f"names {_shown(twice)} twice, and can name it once.")
        return tuple(self._formed(name, one, form) for one in values)

    def word(self, name: str, words: Iterable[str], default: str | None = None) -> str:
        """Return one of these words; without a default it must be there."""
        choices, value = list(words), self.body.get(name, default)
        if value not in choices:
            self.refuse(name, f"is {_shown(value) if value is not None else 'missing'}, and can be {_either(choices)}.")
            return choices[0]
        return str(value)

    def flag(self, name: str) -> bool:
        """Return whether a field is true; it may be missing."""
        if not isinstance(self.body.get(name, False), bool):
            self.refuse(name, f"is {_shown(self.body[name])}, and can be true or false.")
        return self.body.get(name) is True

    def number(self, name: str, limits: Range, default: float) -> float:
        """Return a number within limits."""
        value = self.body.get(name, default)
        read = number(value)
        if read is None or not limits.holds(read):
            self.refuse(name, f"is {_shown(value)}, and can be {limits.words}.")
            return default
        return int(read) if limits.is_whole else read

    def table(self, name: str) -> "Table | None":
        """Return a table in this one, or None if there is none."""
        if name not in self.body:
            return None
        if not isinstance(self.body[name], dict):
            self.refuse(name, f"is {_shown(self.body[name])}, and can be a table, written as [{self._header(name)}].")
            return None
        return self._below(name, self.body[name], f"[{self._header(name)}]")

    def tables(self, name: str) -> "list[Table]":
        """Return the tables of which there may be several."""
        value, header = self.body.get(name, []), f"[[{self._header(name)}]]"
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            self.refuse(name, f"is {_shown(value)}, and can be several, so it is written in two brackets, as {header}.")
            return []
        return [self._below((name, position), one, header) for position, one in enumerate(value)]

    def _below(self, name: str | Path, body: Mapping[str, Any], kind: str) -> "Table":
        names = name if isinstance(name, tuple) else (name,)
        return Table(body, (*self.path, *names), kind, self.mistakes)

    def _header(self, name: str) -> str:
        return ".".join([*(part for part in self.path if isinstance(part, str)), name])

    def _formed(self, name: str, value: object, form: Form) -> str:
        if isinstance(value, str) and form.fits(value):
            return value
        said = _shown(value) if value is not None else "missing"
        # Who copies it from the console has the whole ARN.
        is_arn = isinstance(value, str) and value.startswith("arn:") and form.fits(_name_in(value))
        self.refuse(name, f"is {said}, and {_can_be(form)}{f': here {_shown(_name_in(str(value)))}' * bool(is_arn)}.")
        return ""


def raise_mistakes(mistakes: Iterable[tuple[Path, str]], source: Source) -> None:
    """Raise ConfigurationError that names every mistake with its file, line and path; nothing if there is none."""
    sentences = [f"{source.place(path)}: {_dotted(path)} {sentence}" for path, sentence in mistakes]
    if not sentences:
        return
    more = len(sentences) - _SHOWN_COUNT
    rest = [f"... and {more} more."] if more > 0 else []
    raise ConfigurationError(
        "\n".join(["The declaration of the pipelines cannot be used.", *sentences[:_SHOWN_COUNT], *rest]),
        next_step="Correct it and build again; the comments of cfn/pipelines.example.toml explain every field.",
    )


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _can_be(form: Form) -> str:
    return f"can be {form.words}"


def _dotted(path: Path) -> str:
    """Return a path as it is written in messages: `pipeline[0].limits.stale_hours`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{_key(part)}" for part in path]
    return "".join(parts).removeprefix(".")


def _key(name: str) -> str:
    """Return a key as it is written in TOML."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _name_in(arn: str) -> str:
    """Return the name that an ARN holds, without the version or alias after it."""
    return (arn.split(":") + [""] * 6)[6]


def _shown(value: object) -> str:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[: _LONGEST_VALUE - 1]}…"
