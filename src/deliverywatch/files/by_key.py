"""An event -> what is to stand in a table with one item per key: what is in the bucket now.

An upload or a delete marker is the current version, unless something happened since, which its own event reports. What
a removal leaves, only the bucket knows: the version below, another that came meanwhile, or nothing. So it is with an
upload in parts, which takes its place below what came after its beginning.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deliverywatch.errors import MessageMalformed
from deliverywatch.files.records.events import State, is_in_parts

if TYPE_CHECKING:
    from deliverywatch.files.admission import Objects
    from deliverywatch.files.records.events import ObjectEvent


def settled(event: ObjectEvent, watched_bucket: str, objects: Objects | None) -> ObjectEvent:
    """Return an event of the watched bucket with what is there now, where it does not report that itself.

    Raises:
        MessageMalformed: It is about another bucket, whose keys may be the same.
        StoreUnavailable: S3 did not say what is there.
    """
    if event.bucket != watched_bucket:
        raise MessageMalformed(
            f"The table has one item per key of {watched_bucket}, and the event is about {event.bucket}.",
            next_step="Delete the message, or build an intake for that bucket; it will never be processed here.",
        )
    if objects is None or not (event.state is State.REMOVED or is_in_parts(event.name)):
        return event
    now = objects.current(event.bucket, event.key)
    return replace(
        event,
        state=now.state,
        version=now.version or event.version,
        etag=now.etag,
        size_bytes=now.size_bytes,
        details=now.details,
    )
