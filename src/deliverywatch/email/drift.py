"""Raw events -> the fields that no column knows, and the change of the table that adds them.

A crawler could not find them: Firehose writes the columns of the table and drops the rest. `raw` holds them, for the
days before they had a column too.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from deliverywatch.email.events.columns import COLUMNS, KNOWN_FIELDS
from deliverywatch.email.events.fields import general, leaves
from deliverywatch.email.events.streams import Stream

_TYPES: dict[type, str] = {bool: "boolean", int: "bigint", float: "double", str: "string"}
_ORDER = ("boolean", "bigint", "double", "string")
_MOST_FIELDS = 200
_LONGEST_NAME = 120
_NAMES = frozenset(column.name for column in COLUMNS)


@dataclass(frozen=True, slots=True)
class NewField:
    """A field that no column knows.

    Attributes:
        path: `[]` stands for each element of an array.
        count: How many events have it.
        kinds: Its types in Athena's words, the most general last; none if it was always null or empty.
    """

    path: str
    count: int
    kinds: tuple[str, ...]

    @property
    def column(self) -> str:
        """A name for its column that no other column has."""
        words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", self.path.replace("[]", ""))
        name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:_LONGEST_NAME] or "field"
        return f"{name}_2" if name in _NAMES else name

    @property
    def athena_type(self) -> str:
        """The type of its column: the most general of its types."""
        kind = self.kinds[-1] if self.kinds else "string"
        kind = "string" if "string" in self.kinds or ("boolean" in self.kinds and len(self.kinds) > 1) else kind
        return f"array<{kind}>" if "[]" in self.path else kind


def drift(events: Iterable[bytes | str]) -> list[NewField]:
    """Return the fields that no column knows, the most frequent first; lines that are not events are skipped."""
    seen: Counter[str] = Counter()
    kinds: dict[str, set[str]] = {}
    for event in events:
        for path, types in _unknown(event).items():
            if path in seen or len(seen) < _MOST_FIELDS:
                seen[path] += 1
                kinds.setdefault(path, set()).update(types)
    fields = [NewField(path, count, tuple(sorted(kinds[path], key=_ORDER.index))) for path, count in seen.items()]
    return sorted(fields, key=lambda field: (-field.count, field.path))


def statements(fields: Iterable[NewField], database: str) -> list[str]:
    """Return Athena's DDL that adds the columns to both tables."""
    added = ", ".join(f"{field.column} {field.athena_type}" for field in fields)
    return [f"ALTER TABLE {database}.{stream}_events ADD COLUMNS ({added})" for stream in Stream] if added else []


def column_lines(fields: Iterable[NewField]) -> list[str]:
    """Return the lines for `columns.py`, from which the table, the transform and the tests follow."""
    return [f'Column("{field.column}", "{field.athena_type}", "", ("{field.path}",)),' for field in fields]


def _unknown(event: bytes | str) -> dict[str, set[str]]:
    try:
        content: Any = orjson.loads(event)
    except orjson.JSONDecodeError:
        return {}
    types: dict[str, set[str]] = {}
    for path, value in leaves(content) if isinstance(content, dict) else ():
        field = general(path)
        # An empty object or array says nothing about its fields.
        if field not in KNOWN_FIELDS and not _is_container(field) and value not in ({}, []):
            types.setdefault(field, set()).update({_TYPES[type(value)]} if type(value) in _TYPES else ())
    return types


def _is_container(path: str) -> bool:
    return any(known.startswith((f"{path}.", f"{path}[")) for known in KNOWN_FIELDS)
