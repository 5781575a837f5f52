"""Events -> items of the table, one per version of an object.

The table's key is `object` (bucket/key) and `version` (S3's, or `null`). Of two states of a key the one with the higher
sequencer is newer. A bucket's listing has no sequencer: it shows the state at one time, so it yields to every event
after that time and overrides every state before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.files.records.events import ObjectEvent, State, as_text, object_of
from deliverywatch.files.records.versions import is_by_event, newest

# S3's clock dates events, Lambda's the tombstones.
_CLOCKS_DIFFER = timedelta(hours=1)

# An item as the table holds it: texts, numbers, and maps of texts.
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Retention:
    """How long items are kept; DynamoDB deletes them some hours or days later.

    Attributes:
        item_days: Days after the event; 0 keeps them for ever.
        tombstone_days: Days that a removed object is remembered, from when its removal was processed; longer than a
            message can live in both queues.
    """

    item_days: int
    tombstone_days: int

    @property
    def certain(self) -> timedelta:
        """Age up to which an event is surely late if its object was removed: its tombstone is not deleted yet."""
        return timedelta(days=self.tombstone_days) - _CLOCKS_DIFFER


def item(event: ObjectEvent, message_id: str, now: datetime, retention: Retention) -> Item:
    """Return the item of an event; fields without a value are left out.

    Key and size have two names each: those of before, and those that most readers of such tables ask for.
    """
    fields = {
        "object": object_of(event.bucket, event.key),
        "version": event.version,
        "bucket": event.bucket,
        "key": event.key,
        "s3_key": event.key,
        "state": event.state.value,
        "event": event.name,
        "event_time": as_text(event.time),
        "sequencer": event.sequencer,
        "processed_at": as_text(now),
        "message_id": message_id,
        "size_bytes": event.size_bytes,
        "file_size": event.size_bytes,
        "etag": event.etag,
        "listed_at": as_text(event.listed_at) if event.listed_at else None,
        "is_latest": event.is_latest,
        "expires_at": _expiry(event, now, retention),
        **({name: value or None for name, value in asdict(event.details).items()} if event.details else {}),
    }
    return {name: value for name, value in fields.items() if value is not None}


# What every item has, for one that an earlier or a later version left without it.
_DEFAULTS = {"state": State.PRESENT.value, "event_time": "", "sequencer": ""}


def as_read(fields: Mapping[str, Any]) -> Item:
    """Return an item of the table as this version reads it: what it lacks has a default."""
    return {"key": str(fields.get("object", "")).partition("/")[2], "version": "null", **_DEFAULTS, **fields}


def current(versions: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the version that S3 would return for a key, out of all its items; None if there is no object now.

    Removing a version for good uncovers the one before it; a delete marker hides them all. Of several that are
    `undecided`, a delete marker is taken, or else what was found in a listing, which rounds its times down.
    """
    last = max(_newest(versions), key=_likely_last, default=None)
    return last if last and last["state"] == State.PRESENT else None


def undecided(versions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the versions of which any may be the newest, if the table does not tell them apart."""
    possible = _newest(versions)
    return possible if len(possible) > 1 else []


def _newest(versions: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return newest([item for item in map(as_read, versions) if item["state"] != State.REMOVED])


def _likely_last(item: Mapping[str, Any]) -> tuple[bool, bool, str]:
    return item["state"] == State.DELETE_MARKER, not is_by_event(item), str(item["event_time"])


def is_over(item: Item, now: datetime) -> bool:
    """Return whether the time for which an item is kept is over: written late, it would appear once more."""
    expires_at = item.get("expires_at")
    return expires_at is not None and int(expires_at) <= now.timestamp()


def _expiry(event: ObjectEvent, now: datetime, retention: Retention) -> int | None:
    if event.state is State.REMOVED:
        # From now on, not from the removal: a message that was redriven is weeks old, and so may others be.
        return int((max(now, event.time) + timedelta(days=retention.tombstone_days)).timestamp())
    # A delete marker stays in effect, however old it is: without it the versions below would reappear.
    return int((event.time + timedelta(days=retention.item_days)).timestamp()) if retention.item_days else None
