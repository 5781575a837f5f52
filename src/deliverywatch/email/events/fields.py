"""An event -> its fields, as paths: how many there are, which come out again, and which nobody knew.

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
        kept: Of those, found again in `raw` with the same value.
        redacted: Found again with their value taken out on purpose.
        lost: Not found again.
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
            else:
                self._count_changed(path, present[path])

    def _count_changed(self, path: str, value: object) -> None:
        is_meant = value == REDACTED and path.startswith("mail.headers[") and path.endswith(".value")
        self.redacted += is_meant
        self.lost += not is_meant


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of every field; an empty object or array is one too."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value:
        for index, each in enumerate(value):
            yield from leaves(each, f"{path}[{index}]")
    else:
        yield path, value


def general(path: str) -> str:
    """Return the path that all fields of this place share."""
    for owner in _CHOSEN_KEYS:
        if path.startswith(f"{owner}."):
            return f"{owner}.*" + ("[]" if path.endswith("]") else "")
    return _INDEX.sub("[]", path)
