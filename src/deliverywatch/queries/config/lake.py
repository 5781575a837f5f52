"""The lake as this room uses it: small objects of our own, and Athena's results, however large."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was read; its etag changes with its content."""

    body: bytes
    etag: str


class Lake(Protocol):
    """The lake's bucket. Every method raises StoreUnavailable when S3 cannot be reached."""

    def read(self, key: str) -> Stored | None:
        """Return an object, or None if there is none."""
        ...

    def write(self, key: str, body: bytes) -> None:
        """Store an object, whatever was there."""
        ...

    def create(self, key: str, body: bytes) -> None:
        """Store an object that is not there yet; raises StoreConflict if it is."""
        ...

    def replace(self, key: str, body: bytes, etag: str | None) -> None:
        """Store an object in place of this one, or of none; raises StoreConflict if another one is there."""
        ...

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin so, in order."""
        ...

    def lines(self, location: str) -> Iterator[str]:
        """Yield the lines of an object of any size, with their ends; `location` is s3://bucket/key."""
        ...

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return what was stored beside an object, or None if there is none."""
        ...

    def copy(self, location: str, key: str, metadata: Mapping[str, str]) -> None:
        """Copy an object to where none is yet; raises StoreConflict if there is one."""
        ...
