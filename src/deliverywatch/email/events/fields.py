"""An event -> its fields, as paths: how many there are, which are read back unchanged, and which no column knows.

`mail.destination[0]` is a field; its general path is `mail.destination[]`. Keys that people choose are `*`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from deliverywatch.email.events.originals import REDACTED

# Objects whose keys are names that people chose.
_CHOSEN_KEYS = ("mail.tags", "click.linkTags")
_INDEX = re.compile(r"\[\d+\]")


@dataclass(slots=True)
class FieldCount:
    """Fields of events that landed, against what was read back.

    Attributes:
        came: Fields in the events.
        kept: Of those, read back from `raw` with the same value.
        redacted: Read back with their value taken out on purpose.
        lost: Missing, or changed otherwise.
        in_columns: Values in typed columns.
    """

    came: int = 0
    kept: int = 0
    redacted: int = 0
    lost: int = 0
    in_columns: int = 0

    def add(self, event: object, raw: object) -> None:
        """Compare an event with what its row holds as `raw`, both read by `exact`."""
        present: dict[str, list[Any]] = {}
        for path, value in leaves(raw):
            present.setdefault(path, []).append(value)
        for path, value in leaves(event):
            self.came += 1
            values = present.get(path)
            of_raw = values.pop(0) if values else _NOTHING
            if type(of_raw) is type(value) and of_raw == value:
                self.kept += 1
            elif of_raw == REDACTED and path.startswith("mail.headers"):
                self.redacted += 1
            else:
                self.lost += 1


@dataclass(frozen=True, slots=True)
class Namesakes:
    """The members of an object of which some have the same name."""

    members: tuple[tuple[str, Any], ...]


def exact(text: str) -> Any:
    """Return what is in a text of JSON, with every digit of its numbers and every member of the same name."""
    return _EXACT.decode(text)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of every field; an empty object or array counts as one."""
    waiting = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if type(value) is dict and value:
            inner = [(f"{path}.{key}" if path else key, item) for key, item in value.items()]
        elif type(value) is Namesakes:
            inner = [(f"{path}.{key}" if path else key, item) for key, item in value.members]
        elif type(value) is list and value:
            inner = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
        else:
            yield path, value
            continue
        waiting += reversed(inner)


def general(path: str) -> str:
    """Return a path with its indexes and chosen keys left open."""
    for owner in _CHOSEN_KEYS:
        if path.startswith(f"{owner}."):
            return f"{owner}.*" + ("[]" if path.endswith("]") else "")
    return _INDEX.sub("[]", path)


def _object(pairs: list[tuple[str, Any]]) -> Any:
    members = dict(pairs)
    return members if len(members) == len(pairs) else Namesakes(tuple(pairs))


# NaN is not equal to itself; a word is.
_EXACT = json.JSONDecoder(
    parse_int=Decimal, parse_float=Decimal, parse_constant=lambda word: (word,), object_pairs_hook=_object
)
_NOTHING = object()
