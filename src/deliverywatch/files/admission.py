"""Which objects are let in: one set of rules at every entrance, whatever way an event comes.

The pusher applies it before the queue and the processor to every message: an event that was put aside, sent again or
sent by somebody, or an object of a listing, has not passed the pusher.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from deliverywatch.files.records.events import NO_VERSION, State
from deliverywatch.files.records.layout import Layout

if TYPE_CHECKING:
    from deliverywatch.files.records.events import Details, ObjectEvent

_MEGABYTE = 1_000_000
# The kind of a StoreUnavailable that only rights can end.
REFUSED = "refused"

# A parameter of the stack -> the variable in which a function gets it.
VARIABLES = {
    "FilesPrefix": "DELIVERYWATCH_PREFIX_OF_KEYS",
    "FilesSuffix": "DELIVERYWATCH_SUFFIX_OF_KEYS",
    "FilesContentTypes": "DELIVERYWATCH_CONTENT_TYPES",
    "FilesMaximumMegabytes": "DELIVERYWATCH_MAXIMUM_MEGABYTES",
}


@dataclass(frozen=True, slots=True)
class Current:
    """What S3 has under a key: an object, a delete marker or nothing; only an object has etag, size and details."""

    state: State
    version: str = ""
    etag: str | None = None
    size_bytes: int | None = None
    details: Details | None = None


class Entry(Protocol):
    """An event on an object, or its line in a listing."""

    @property
    def key(self) -> str:
        """Its key."""

    @property
    def size_bytes(self) -> int | None:
        """Its size; None for what is no object, or not known."""


class Objects(Protocol):
    """The bucket's objects."""

    def details(self, bucket: str, key: str, version: str) -> Details | None:
        """Return the details of a version of an object; None if it is gone already. May raise StoreUnavailable."""

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        """Return the state of a version, and the etag of one that is present. May raise StoreUnavailable."""

    def current(self, bucket: str, key: str, version: str = "") -> Current:
        """Return what is there now under a key, or as a version of it. May raise StoreUnavailable."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which objects are wanted; a removed object has only a key, so only that decides.

    Attributes:
        content_types: In lower case, such as `text/csv` or `image/*`; empty for all.
        maximum_megabytes: 0 for no limit.
    """

    prefix: str = ""
    suffix: str = ""
    content_types: tuple[str, ...] = ()
    maximum_megabytes: int = 0

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Filters:
        """Return the filters of a stack's parameters; those that its template does not have exclude nothing."""
        return cls(
            prefix=parameters.get("FilesPrefix", ""),
            suffix=parameters.get("FilesSuffix", ""),
            content_types=tuple(filter(None, parameters.get("FilesContentTypes", "").split(","))),
            maximum_megabytes=int(parameters.get("FilesMaximumMegabytes", "0")),
        )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Filters:
        """Return the filters of a function's environment."""
        return cls.of({name: environ[variable] for name, variable in VARIABLES.items() if variable in environ})

    @property
    def judges_content(self) -> bool:
        """Whether of one key one object may pass and another not."""
        return bool(self.content_types or self.maximum_megabytes)

    def takes(self, entry: Entry) -> bool:
        """Return whether an object passes by its name and size."""
        return self.takes_key(entry.key) and self._takes_size(entry.size_bytes)

    def takes_key(self, key: str) -> bool:
        """Return whether a key begins and ends as wanted, as `prefix*suffix` in the rule of a given bucket does."""
        is_long_enough = len(key) >= len(self.prefix) + len(self.suffix)
        return is_long_enough and key.startswith(self.prefix) and key.endswith(self.suffix)

    def takes_content(self, size_bytes: int | None, details: Details | None) -> bool:
        """Return whether an object passes by its size and type."""
        return self._takes_size(size_bytes) and self.takes_type(details)

    def _takes_size(self, size_bytes: int | None) -> bool:
        return not self.maximum_megabytes or (size_bytes or 0) <= self.maximum_megabytes * _MEGABYTE

    def takes_type(self, details: Details | None) -> bool:
        """Return whether an object passes by its type; of one that is gone nobody can say it, and nothing is lost."""
        if not self.content_types or details is None:
            return not self.content_types
        kind = details.content_type.partition(";")[0].strip().lower()
        return kind in self.content_types or f"{kind.partition('/')[0]}/*" in self.content_types


def admitted(event: ObjectEvent, filters: Filters, objects: Objects | None) -> ObjectEvent | None:
    """Return an event that passes the filters with the details of its object, or None.

    Without `objects` no details are added, and types are not judged. May raise StoreUnavailable.
    """
    if not filters.takes(event):
        return None
    if objects is None or event.state is not State.PRESENT:
        return event
    details = event.details or objects.details(event.bucket, event.key, event.version)
    return replace(event, details=details) if filters.takes_type(details) else None


def may_replace(event: ObjectEvent, layout: Layout) -> bool:
    """Return whether an object that is left out may have taken the place of one that has an item."""
    return layout is Layout.S3_KEY or event.version == NO_VERSION


def removed(event: ObjectEvent) -> ObjectEvent:
    """Return an event by which what was there before is gone."""
    return replace(event, state=State.REMOVED, size_bytes=None, etag=None, details=None)
