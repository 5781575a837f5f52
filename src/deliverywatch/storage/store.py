"""The port of the store, and the one way to change an object without losing the changes of other writers.

The meaning of every answer, for all adapters:

    absent        `read` and `metadata` return None; deleting succeeds
    changed       StoreConflict: the object was written or deleted since it was read, or is being written right now
    lost answer   a write took effect, but its answer is an error, or its retry met its own result, which looks like
                  `changed`: `update` marks what it writes in the object's metadata, and recognises it
    unavailable   StoreUnavailable: the store cannot be reached, or refuses
"""

import random
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, NoReturn, Protocol, TypeVar

from deliverywatch.errors import StoreConflict, StoreUnavailable

# Of the metadata: which call of `update` wrote the object.
WRITER = "writer"
# Of two writers one wins every time, so ten lost races in a row are no coincidence.
ATTEMPTS = 10
_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 2.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it was read; its etag changes with its content."""

    body: bytes
    etag: str


class Store(Protocol):
    """Objects under keys. Every method raises StoreUnavailable if the store cannot be reached or refuses."""

    def read(self, key: str) -> Stored | None:
        """Return the object, or None."""

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the object's metadata without reading its body, or None if there is no object."""

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever was there; readers see the old or the new one, never a part."""

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Store the object if the present one has this etag; with None, if there is no object.

        Raises:
            StoreConflict: Somebody else wrote or deleted it meanwhile, or an earlier try of this very write succeeded.
        """

    def delete(self, key: str) -> None:
        """Delete the object; one that is gone is not a failure."""

    def delete_if_unchanged(self, key: str, etag: str) -> None:
        """Delete the object if the present one has this etag; one that is gone is not a failure.

        Raises:
            StoreConflict: Somebody else wrote it meanwhile.
        """

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix, sorted."""

    def sizes(self, prefix: str) -> list[tuple[str, int]]:
        """Return keys and bytes of the objects whose keys begin with a prefix, sorted."""


@dataclass(frozen=True, slots=True)
class Change(Generic[Result]):
    """A change of an object.

    Attributes:
        body: The new object, or None to leave the present one as it is.
        result: What `update` returns.
        metadata: Stored with the object.
    """

    body: bytes | None
    result: Result
    metadata: Mapping[str, str] = field(default_factory=dict)


def sleep_up_to(seconds: float) -> None:
    """Sleep a random part of the given seconds, so that writers that collided once do not collide again."""
    time.sleep(random.uniform(0, seconds))  # noqa: S311 (it only spreads retries)


def update(
    store: Store,
    key: str,
    change: Callable[[bytes | None], Change[Result]],
    pause: Callable[[float], None] = sleep_up_to,
) -> Result:
    """Change an object without losing what other writers do at the same time.

    Args:
        store: Holds the object.
        key: Its key.
        change: Computes the change from the present body, None if there is no object; called again after a lost race.
        pause: Sleeps up to the given seconds before the next try.

    Returns:
        The result of the change that was written, or that left the object as it is.

    Raises:
        StoreConflict: Other writers were faster every time.
    """
    writer = uuid.uuid4().hex
    for attempt in range(ATTEMPTS):
        stored = store.read(key)
        tried = change(stored.body if stored else None)
        if tried.body is None:
            return tried.result
        try:
            store.write_if_unchanged(
                key, tried.body, stored.etag if stored else None, {**tried.metadata, WRITER: writer}
            )
        except StoreUnavailable:
            if _is_written(store, key, writer):
                return tried.result
            raise
        except StoreConflict:
            if (store.metadata(key) or {}).get(WRITER) == writer:
                return tried.result
            pause(min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2**attempt))
        else:
            return tried.result
    raise StoreConflict(f"Other writers were faster {ATTEMPTS} times in a row at {key}.")


def _is_written(store: Store, key: str, writer: str) -> bool:
    """Whether a write took effect whose answer was an error; not if that cannot be found out either."""
    with suppress(StoreUnavailable):
        return (store.metadata(key) or {}).get(WRITER) == writer
    return False


def read_listed(store: Store, key: str) -> bytes:
    """Return an object whose key was listed a moment ago; StoreUnavailable if it is gone."""
    stored = store.read(key)
    if stored is None:
        raise StoreUnavailable(f"{key} is gone: somebody deleted it meanwhile.")
    return stored.body


class Unreachable:
    """A store that is known to be down."""

    def read(self, *_: object) -> NoReturn:
        """Raise StoreUnavailable."""
        raise StoreUnavailable("S3 could not be reached a moment ago.")

    metadata = write = write_if_unchanged = delete = delete_if_unchanged = keys = sizes = read
