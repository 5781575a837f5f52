"""The store behind the lake: objects under keys, written only if nobody else wrote meanwhile; and the watermark in it.

The port has two adapters: `aws` for S3, `folder` for a directory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from deliverywatch.errors import ConfigurationError, StoreConflict
from deliverywatch.sms.lake.slots import as_text

WATERMARK = "state/sms-watermark.json"

# With two writers one of them wins every time; ten lost in a row are something else.
_ATTEMPTS = 10
_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was read; its etag changes with its content."""

    body: bytes
    etag: str


class Store(Protocol):
    """Objects under keys."""

    def read(self, key: str) -> Stored | None:
        """Return the object, or none."""

    def metadata(self, key: str) -> Mapping[str, str]:
        """Return what was stored beside the object, with something that always is; nothing if there is no object."""

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever is there."""

    def replace(self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str]) -> None:
        """Store the object if the present one has this etag, or with none if there is no object.

        Raises:
            StoreConflict: Somebody else wrote meanwhile, or an earlier try of this very write did.
        """

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of the objects that begin so, in order."""

    def sizes(self, prefix: str) -> list[tuple[str, int]]:
        """Return keys and bytes of the objects that begin so, in order."""

    def delete(self, key: str, etag: str) -> None:
        """Delete the object if it is still the one with this etag; one that is gone is no failure.

        Raises:
            StoreConflict: Somebody else wrote meanwhile.
        """


class Change(Protocol):
    """What becomes of an object: its new body, or none to leave it as it is."""

    @property
    def body(self) -> bytes | None:
        """The new object."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What is stored beside it."""


Changed = TypeVar("Changed", bound=Change)


def update(
    store: Store, key: str, change: Callable[[bytes | None], Changed], pause: Callable[[float], None]
) -> Changed:
    """Change an object so that nothing that another writer does at the same time is lost.

    Args:
        store: Where the object is.
        key: Its key.
        change: Computes the change from the present body; called again when another writer was faster.
        pause: Sleeps up to so many seconds before the next try.

    Returns:
        The change that was written, or that left the object as it is.

    Raises:
        StoreConflict: Other writers were faster every time.
    """
    tried: Changed | None = None
    for attempt in range(_ATTEMPTS):
        stored = store.read(key)
        if tried is not None and stored is not None and stored.body == tried.body:
            # The write had succeeded, its answer was lost, and its repetition met its own result.
            return tried
        tried = change(stored.body if stored else None)
        if tried.body is None:
            return tried
        try:
            store.replace(key, tried.body, stored.etag if stored else None, tried.metadata)
        except StoreConflict:
            pause(min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2**attempt))
        else:
            return tried
    raise StoreConflict(f"Other writers were faster {_ATTEMPTS} times in a row at {key}.")


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the runs on schedule got.

    Attributes:
        covered_until: End of the newest slot that was fully covered.
        counted_from: Begin of the first slot that was emitted; none if an early version wrote the watermark.
    """

    covered_until: datetime
    counted_from: datetime | None = None

    def as_body(self) -> bytes:
        """Return the object that holds it."""
        times = {"covered_until": self.covered_until, "counted_from": self.counted_from}
        return json.dumps({name: as_text(moment) for name, moment in times.items() if moment}).encode()


@dataclass(frozen=True, slots=True)
class _Moved:
    body: bytes | None

    @property
    def metadata(self) -> Mapping[str, str]:
        return {}


def read_watermark(store: Store) -> Watermark | None:
    """Return how far the runs got, or none before the first one.

    Raises:
        ConfigurationError: The object is damaged.
    """
    stored = store.read(WATERMARK)
    return _watermark(stored.body) if stored else None


def advance_watermark(
    store: Store, watermark: Watermark, pause: Callable[[float], None], *, latest: datetime | None = None
) -> None:
    """Move the watermark; it never goes back, whoever else moves it, unless it stands after `latest`, in the future."""

    def ahead(body: bytes | None) -> _Moved:
        present = _watermark(body) if body is not None else None
        if present is None:
            return _Moved(watermark.as_body())
        is_possible = latest is None or present.covered_until <= latest
        if is_possible and present.covered_until >= watermark.covered_until:
            return _Moved(None)
        return _Moved(replace(watermark, counted_from=present.counted_from).as_body())

    update(store, WATERMARK, ahead, pause)


def _watermark(body: bytes) -> Watermark:
    """Taking a damaged one for none would leave a gap that nobody notices."""
    try:
        fields = json.loads(body)
        covered_until = datetime.fromisoformat(fields["covered_until"])
        counted_from = datetime.fromisoformat(fields.get("counted_from", fields["covered_until"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _damaged() from None
    if covered_until.tzinfo is None or counted_from.tzinfo is None:
        raise _damaged()
    return Watermark(covered_until, counted_from if "counted_from" in fields else None)


def _damaged() -> ConfigurationError:
    return ConfigurationError(
        f"{WATERMARK} does not say until when messages were read: it is damaged.",
        kind="watermark",
        next_step='Write {"covered_until": "..."} into it, with the time of the last good run such as '
        "2026-11-21T12:10:00Z; or delete it, then only the last hour is read.",
    )
