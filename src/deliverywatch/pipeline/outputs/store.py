"""Objects of the lake that this room keeps: written only if nobody else wrote meanwhile. `aws` has S3 behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from deliverywatch.errors import StoreConflict

Result = TypeVar("Result")

# Two functions write at once when a run ends; five lost races in a row are something else.
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was read; its etag changes with its content."""

    body: bytes
    etag: str


class Store(Protocol):
    """Objects under keys."""

    def read(self, key: str) -> Stored | None:
        """Return the object, or none."""

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever is there."""

    def replace(self, key: str, body: bytes, etag: str | None) -> None:
        """Store the object if the present one has this etag, or with none if there is no object.

        Raises:
            StoreConflict: The present object is another one.
        """


def update(store: Store, key: str, change: Callable[[bytes | None], tuple[bytes | None, Result]]) -> Result:
    """Change an object so that nothing that another writer does at the same time is lost.

    Args:
        store: Where the object is.
        key: Its key.
        change: Returns the new body, or None to leave the object as it is, and what came of it; called again when
            another writer was faster.

    Raises:
        StoreConflict: Other writers were faster every time.
    """
    for _ in range(_ATTEMPTS):
        stored = store.read(key)
        body, result = change(stored.body if stored else None)
        if body is None:
            return result
        try:
            store.replace(key, body, stored.etag if stored else None)
        except StoreConflict:
            continue
        return result
    raise StoreConflict(f"Other writers were faster {_ATTEMPTS} times in a row at {key}.")
