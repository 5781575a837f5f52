"""Records that outlive a release: read leniently, rewritten without loss, and set aside when they cannot be read.

A record may be older or newer than the code that reads it. A member that it lacks is null or a default; a member that
only a later version knows is kept when the record is rewritten (`other_members`). What cannot be read at all is copied
to `damaged/<key>` before it is overwritten, and logged; `deliverywatch doctor` lists it. It never stops the rest.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from deliverywatch.errors import StoreConflict, StoreUnavailable
from deliverywatch.storage.store import Change, update

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store

log = logging.getLogger(__name__)

DAMAGED = "damaged/"

# What a parser of untrusted bytes raises about those that it cannot read.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)

Record = TypeVar("Record")
Result = TypeVar("Result")


def damaged_key(key: str) -> str:
    """Return where a record is set aside that cannot be read."""
    return f"{DAMAGED}{key}"


def set_aside(store: Store, key: str, body: bytes) -> None:
    """Copy a record that cannot be read, and log it; a store that does not take the copy stops nobody."""
    try:
        store.write(damaged_key(key), body)
        problem = f"it is kept as {damaged_key(key)}"
    except (StoreConflict, StoreUnavailable) as error:
        problem = f"it could not be kept: {error}"
    log.warning("%s", json.dumps({"event": "record_damaged", "key": key, "problem": problem}))


def readable(parse: Callable[[bytes], Record], body: bytes) -> Record | None:
    """Return what a body holds; None if it cannot be read."""
    try:
        return parse(body)
    except UNREADABLE:
        return None


def read_record(store: Store, key: str, parse: Callable[[bytes], Record]) -> Record | None:
    """Return a record; None if there is none or it cannot be read, which whoever writes it next sets aside."""
    stored = store.read(key)
    record = readable(parse, stored.body) if stored else None
    if stored and record is None:
        log.warning("%s cannot be read and counts as missing", key)
    return record


def update_record(
    store: Store, key: str, parse: Callable[[bytes], Record], change: Callable[[Record | None], Change[Result]]
) -> Result:
    """Change a record as `update` does; one that cannot be read counts as missing, and is set aside first."""

    def changed(body: bytes | None) -> Change[Result]:
        present = None if body is None else readable(parse, body)
        if present is None and body is not None:
            set_aside(store, key, body)
        return change(present)

    return update(store, key, changed)


def whole_document(body: bytes) -> bytes:
    """Return a record as it is if it is a JSON object, for those who change it as bytes.

    Raises:
        ValueError: It is none.
    """
    document_of(body)
    return body


def document_of(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of a record.

    Raises:
        ValueError: It is none.
    """
    document = json.loads(body)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 (the content is wrong, not a caller's type)
    return document
