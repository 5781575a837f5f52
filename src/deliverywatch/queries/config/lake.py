"""The lake as this room uses it: a store of small objects of our own, and Athena's results, however large."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from deliverywatch.storage.store import Store


class Lake(Store, Protocol):
    """The lake's bucket; locations are `s3://bucket/key`."""

    def lines(self, location: str) -> Iterator[str]:
        """Yield the lines of an object of any size, with their ends."""
        ...

    def copy(self, location: str, key: str, metadata: Mapping[str, str]) -> None:
        """Copy an object to where none is yet; raises StoreConflict if there is one."""
        ...
