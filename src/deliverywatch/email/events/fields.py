"""An event -> its fields, as paths: how many there are, which are read back unchanged, and which no column knows.

`mail.destination[0]` is a field; its general path is `mail.destination[]`. Keys that people choose are `*`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from deliverywatch.email.events.rows import REDACTED

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
        """Compare an event with what its row holds as `raw`."""
        present = dict(leaves(raw))
        for path, value in leaves(event):
            self.came += 1
            if path not in present:
                self.lost += 1
            elif present[path] == value:
                self.kept += 1
            elif present[path] == REDACTED and path.startswith("mail.headers[") and path.endswith(".value"):
                self.redacted += 1
            else:
                self.lost += 1


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and value of every field; an empty object or array counts as one."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from leaves(item, f"{path}[{index}]")
    else:
        yield path, value


def general(path: str) -> str:
    """Return a path with its indexes and chosen keys left open."""
    for owner in _CHOSEN_KEYS:
        if path.startswith(f"{owner}."):
            return f"{owner}.*" + ("[]" if path.endswith("]") else "")
    return _INDEX.sub("[]", path)
