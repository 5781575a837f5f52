"""Raw events -> the fields that no column knows, with the change of the table that adds them, and those that misfit.

A crawler could not find them: Firehose writes the columns of the table and drops the rest. `raw` holds them, for the
days before they had a column too.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from deliverywatch.email.events import rows
from deliverywatch.email.events.columns import COLUMNS, KNOWN_FIELDS
from deliverywatch.email.events.envelopes import event_in
from deliverywatch.email.events.fields import general, leaves
from deliverywatch.email.events.originals import Original
from deliverywatch.email.events.refusals import RefusedError
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


@dataclass(frozen=True, slots=True)
class Drift:
    """How events differ from what the columns expect, the most frequent first.

    Attributes:
        fields: Those that no column knows.
        misfits: Fields whose value does not fit their column, by the number of events with one.
        unknown_types: Types of events that are none of SES's ten, by the number of events.
    """

    fields: list[NewField]
    misfits: dict[str, int]
    unknown_types: dict[str, int]


def drift(events: Iterable[bytes]) -> Drift:
    """Return how events differ from what the columns expect; documents that are not events are skipped."""
    seen, misfits, unknown_types = Counter[str](), Counter[str](), Counter[str]()
    kinds: dict[str, set[str]] = {}
    for event in events:
        try:
            original = event_in(event)
        except RefusedError:
            continue
        for path, types in _unknown(original.event).items():
            if path in seen or len(seen) < _MOST_FIELDS:
                seen[path] += 1
                kinds.setdefault(path, set()).update(types)
        _count(original, misfits, unknown_types)
    fields = [NewField(path, count, tuple(sorted(kinds[path], key=_ORDER.index))) for path, count in seen.items()]
    ordered = sorted(fields, key=lambda field: (-field.count, field.path))
    return Drift(ordered, dict(misfits.most_common()), dict(unknown_types.most_common(_MOST_FIELDS)))


def _count(original: Original, misfits: Counter[str], unknown_types: Counter[str]) -> None:
    try:
        row = rows.row(original, "", "")
    except RefusedError:
        return
    misfits.update(row.get("misfits", ()))
    if row["event_type"] not in rows.BLOCKS:
        unknown_types[row["event_type"]] += 1


def statements(fields: Iterable[NewField], database: str) -> list[str]:
    """Return Athena's DDL that adds the columns to both tables."""
    added = ", ".join(f"{field.column} {field.athena_type}" for field in fields)
    return [f"ALTER TABLE {database}.{stream}_events ADD COLUMNS ({added})" for stream in Stream] if added else []


def column_lines(fields: Iterable[NewField]) -> list[str]:
    """Return the lines for `columns.py`, from which the table, the transform and the tests follow."""
    return [f'Column("{field.column}", "{field.athena_type}", "", ("{field.path}",)),' for field in fields]


def _unknown(content: dict[str, Any]) -> dict[str, set[str]]:
    types: dict[str, set[str]] = {}
    for path, value in leaves(content):
        field = general(path)
        # An empty object or array says nothing about its fields.
        if field not in KNOWN_FIELDS and not _is_container(field) and value not in ({}, []):
            types.setdefault(field, set()).update({_TYPES[type(value)]} if type(value) in _TYPES else ())
    return types


def _is_container(path: str) -> bool:
    return any(known.startswith((f"{path}.", f"{path}[")) for known in KNOWN_FIELDS)
