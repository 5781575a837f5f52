"""Events -> items of the table, one per version of an object, and the rule that says which of two states is newer.

The table's key is `object` (bucket/key) and `version` (S3's, or `null`). Within a key the sequencer decides. A bucket's
listing has none: it shows the state at one time, so it gives way to every event after that time, and beats
every state from before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.files.records.events import ObjectEvent, State, as_text, object_of

# An item as the table holds it: texts, numbers, and maps of texts.
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long items are kept; DynamoDB deletes them some hours or days after that.

    Attributes:
        item_days: Days after the event; 0 for ever.
        tombstone_days: Days that a removed object is remembered, so that a late event does not bring it back; longer
            than a message can live in both queues.
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
        **({name: value or None for name, value in asdict(event.details).items()} if event.details else {}),
    }
    return {name: value for name, value in fields.items() if value is not None}


def current(versions: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the version that S3 would give for a key, of all its items; none if there is no object now.

    A version that was removed for good uncovers the one before it; a delete marker hides them all.
    """
    remaining = [each for each in versions if each["state"] != State.REMOVED]
    # A version that was found in a listing has no sequencer: then the times, which it has, decide.
    order = "sequencer" if all(each["sequencer"] for each in remaining) else "event_time"
    newest = max(remaining, key=lambda each: str(each[order]), default=None)
    return newest if newest and newest["state"] == State.PRESENT else None


def _expiry(event: ObjectEvent, retention: Retention) -> int | None:
    # A delete marker is part of what is there, however old it is: without it the versions below would reappear.
    days = retention.tombstone_days if event.state is State.REMOVED else retention.item_days
    return int((event.time + timedelta(days=days)).timestamp()) if days else None
