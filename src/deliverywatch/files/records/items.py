"""Events -> items of the table, one per version of an object, and the rule that says which of two states is newer.

The table's key is `object` (bucket/key) and `version` (S3's, or `null`). Within a key the sequencer decides. A bucket's
listing has none: it tells what there was at one moment, so it gives way to every event after that moment, and beats
every state from before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.files.records.events import ObjectEvent, State, as_text

# An item as the table holds it: texts, numbers, and maps of texts.
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long items are kept; DynamoDB deletes them some hours or days after that.

    Attributes:
        item_days: Days after the event; 0 for ever.
        tombstone_days: Days that a removed object is remembered, so that a late event does not bring it back; longer
            than a message can live in the queue and the queue of dead letters.
    """

    item_days: int
    tombstone_days: int


def item(event: ObjectEvent, message_id: str, now: datetime, retention: Retention) -> Item:
    """Return what the table shall hold after an event; fields without a value are left out."""
    fields = {
        "object": object_of(event.bucket, event.key),
        "version": event.version,
        "bucket": event.bucket,
        "key": event.key,
        "state": event.state.value,
        "event": event.name,
        "event_time": as_text(event.time),
        "sequencer": event.sequencer,
        "processed_at": as_text(now),
        "message_id": message_id,
        "size_bytes": event.size_bytes,
        "etag": event.etag,
        "listed_at": as_text(event.listed_at) if event.listed_at else None,
        "expires_at": _expiry(event, retention),
        **_details(event),
    }
    return {name: value for name, value in fields.items() if value is not None}


def object_of(bucket: str, key: str) -> str:
    """Return the partition key of an object; no bucket's name holds a slash."""
    return f"{bucket}/{key}"


def supersedes(new: Item, stored: Item | None) -> bool:
    """Whether the new item takes the stored one's place; an event that came before, or comes again, does not.

    It is the condition of the table's one write (`aws.Table.keep`), in Python.
    """
    if stored is None:
        return True
    listed_at = stored.get("listed_at", "")
    if "listed_at" in new:
        is_later = bool(stored["event_time"] < new["listed_at"] and listed_at < new["listed_at"])
        return is_later and _content(new) != _content(stored)
    return bool(stored["sequencer"] < new["sequencer"] and listed_at <= new["event_time"])


def merged(new: Item, stored: Item | None) -> Item:
    """Return what the table holds once the new item took the stored one's place.

    What was found in a listing keeps the sequencer that was there: events from before it stay late.
    """
    if stored is None or "listed_at" not in new:
        return new
    return {**new, "sequencer": stored["sequencer"]}


def current(versions: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the version that S3 would give for a key, of all its items; none if there is no object now.

    A version that was removed for good uncovers the one before it; a delete marker hides them all.
    """
    there = [each for each in versions if each["state"] != State.REMOVED]
    # A version that was found in a listing has no sequencer: then the times, which it has, decide.
    order = "sequencer" if all(each["sequencer"] for each in there) else "event_time"
    newest = max(there, key=lambda each: str(each[order]), default=None)
    return newest if newest and newest["state"] == State.PRESENT else None


def _content(one: Item) -> tuple[Any, ...]:
    return one["state"], one.get("etag")


def _expiry(event: ObjectEvent, retention: Retention) -> int | None:
    # A delete marker is part of what is there, however old it is: without it the versions below would reappear.
    days = retention.tombstone_days if event.state is State.REMOVED else retention.item_days
    return int((event.time + timedelta(days=days)).timestamp()) if days else None


def _details(event: ObjectEvent) -> Item:
    if event.details is None:
        return {}
    fields = {
        "content_type": event.details.content_type,
        "metadata": dict(event.details.metadata),
        "checksums": dict(event.details.checksums),
    }
    return {name: value for name, value in fields.items() if value}
