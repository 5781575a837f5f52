"""What the key of the table is: a version of an object, or the key of an object alone."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Protocol, TypeVar


class Placed(Protocol):
    """A version with S3's word on whether it is the latest of its key; None where it did not say so."""

    @property
    def is_latest(self) -> bool | None:
        """S3's word."""


_Version = TypeVar("_Version", bound=Placed)


class Layout(StrEnum):
    """The table's layout; by `s3_key` it has one item per key, which shows what is in the bucket now."""

    VERSIONS = "versions"
    S3_KEY = "s3_key"

    @property
    def key(self) -> tuple[str, ...]:
        """The fields of the table's key."""
        return ("object", "version") if self is Layout.VERSIONS else ("s3_key",)

    def shown(self, versions: Iterable[_Version]) -> Iterator[_Version]:
        """Yield those versions that a table of this layout shows."""
        return (version for version in versions if self is Layout.VERSIONS or version.is_latest is not False)
