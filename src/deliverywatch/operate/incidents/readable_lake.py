"""A lake of which each object that cannot be read is named and counts as absent, so that it hides no other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.operate.account.readings import reason
from deliverywatch.storage.store import Unreachable

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store, Stored

# Where everything is refused, the first of it say why.
_REFUSED_COUNT = 5


class ReadableLake:
    """A lake as far as it can be read; `refused` says by key or prefix why something could not be."""

    def __init__(self, store: Store) -> None:
        """Read a store."""
        self._store = store
        self.refused: dict[str, str] = {}

    def read(self, key: str) -> Stored | None:
        """Return the object; None if there is none or it is refused."""
        try:
            return self._store.read(key)
        except Exception as error:
            self.refused[key] = reason(error)
            return None

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin so; none if they are refused."""
        try:
            return self._store.keys(prefix)
        except Exception as error:
            self.refused[prefix] = reason(error)
            return []

    # Nothing is changed through it.
    metadata = write = write_if_unchanged = delete = delete_if_unchanged = sizes = Unreachable().read

    def sentences(self) -> list[str]:
        """Return what was refused: the first ones, and how many more there are."""
        named = [f"{key} cannot be read: {error}" for key, error in sorted(self.refused.items())]
        more = len(named) - _REFUSED_COUNT
        return named if more <= 0 else [*named[:_REFUSED_COUNT], f"{more} more objects of the lake cannot be read."]
