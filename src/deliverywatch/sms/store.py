"""The store behind the lake: objects under keys, written only if nobody else wrote meanwhile; and the watermark in it.

The port has two adapters: `aws` for S3, `folder` for a directory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from deliverywatch.errors import StoreConflict
from deliverywatch.sms.slots import as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
        """Return what was stored beside the object; nothing if there is no object."""

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever is there."""

    def replace(self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str]) -> None:
        """Store the object if the present one has this etag, or with none if there is no object.

        Raises:
            StoreConflict: Somebody else wrote meanwhile, or an earlier try of this very write did.
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
class _Watermark:
    body: bytes | None

    @property
    def metadata(self) -> Mapping[str, str]:
        return {}


def read_watermark(store: Store) -> datetime | None:
    """Return the end of the newest slot that was fully covered, or none before the first run."""
    stored = store.read(WATERMARK)
    return _covered_until(stored.body if stored else None)


def advance_watermark(store: Store, moment: datetime, pause: Callable[[float], None]) -> None:
    """Move the watermark to the moment; it never goes back, whoever else moves it."""

    def ahead(body: bytes | None) -> _Watermark:
        present = _covered_until(body)
        if present is not None and present >= moment:
            return _Watermark(None)
        return _Watermark(json.dumps({"covered_until": as_text(moment)}).encode())

    update(store, WATERMARK, ahead, pause)


def _covered_until(body: bytes | None) -> datetime | None:
    """Whatever is not a watermark is none: the next run covers the last hour and writes a new one."""
    try:
        moment = datetime.fromisoformat(json.loads(body or b"")["covered_until"])
    except (ValueError, TypeError, KeyError):
        return None
    return moment if moment.tzinfo else None
