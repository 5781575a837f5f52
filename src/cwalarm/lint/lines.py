"""The text of a template -> where each of its resources begins, for people and for code review."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from cwalarm.errors import ConfigurationError

# A string that nobody closes is taken to its end at once, not from each quotation mark anew.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\]:,\n]')


class Place(NamedTuple):
    """A line and a column, both counted from 1, and the lines before it that it replaces."""

    line: int = 1
    column: int = 1
    replaced_lines: tuple[int, ...] = ()


def of_resources(text: str) -> dict[str, Place]:
    """Return where each logical id stands in a template that has been read, JSON or YAML; the last one of a name."""
    places: dict[str, Place] = {}
    for name, place in _json(text) if text.lstrip("\ufeff \t\r\n").startswith("{") else _yaml(text):
        before = places.pop(name, None)
        replaced = (*before.replaced_lines, before.line) if before else ()
        places[name] = place._replace(replaced_lines=replaced)
    return places


def _json(text: str) -> Iterator[tuple[str, Place]]:
    """Yield the keys of `Resources`: JSON's own reader does not say where it has them from."""
    line, line_start, depth, is_inside, key = 1, 0, 0, False, None
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark == "\n":
            line, line_start = line + 1, token.end()
        elif mark in "{[":
            depth += 1
        elif mark in "}]":
            depth -= 1
        elif mark == ":" and key and depth == 1:
            is_inside = key[0] == "Resources"
        elif mark == ":" and key and depth == 2 and is_inside:
            yield key
        key = (mark[1:-1], Place(line, token.start() - line_start + 1)) if mark[0] == '"' else None


def _yaml(text: str) -> Iterator[tuple[str, Place]]:
    # Imported here: only YAML templates need it.
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigurationError("The template is YAML, and PyYAML is not installed.") from error
    root = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for section, resources in root.value if root is not None and root.id == "mapping" else ():
        if section.value == "Resources" and resources.id == "mapping":
            for key, _ in resources.value:
                yield str(key.value), Place(key.start_mark.line + 1, key.start_mark.column + 1)
