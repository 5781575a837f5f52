"""How far the runs on schedule got: an object of the lake that only moves forward.

One that is lost or damaged is no first run: `rebuild` makes it of what the lake proves.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from deliverywatch.messages.untrusted import moment, other_members
from deliverywatch.sms.lake.slots import as_text
from deliverywatch.storage.records import document_of, read_record, update_record
from deliverywatch.storage.store import Change, Store

WATERMARK = "state/sms-watermark.json"

_TIMES = ("covered_until", "counted_from", "rebuilt_at")


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far the runs on schedule got.

    Attributes:
        covered_until: End of the newest slot that was fully covered.
        counted_from: Begin of the first slot that was emitted; none if an early version wrote the watermark.
        rebuilt_at: When it was last made anew of the lake, because it was lost or damaged.
        others: What a later version stored.
    """

    covered_until: datetime
    counted_from: datetime | None = None
    rebuilt_at: datetime | None = None
    others: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def as_body(self) -> bytes:
        """Return the object that holds it."""
        times = {name: as_text(time) for name in _TIMES if (time := getattr(self, name))}
        return json.dumps({**self.others, **times}).encode()


def read_watermark(store: Store) -> Watermark | None:
    """Return how far the runs got; none before the first one, or if it cannot be read."""
    return read_record(store, WATERMARK, _watermark)


def advance_watermark(store: Store, watermark: Watermark, *, latest: datetime | None = None) -> None:
    """Move the watermark; it never goes back, whoever else moves it, unless it stands after `latest`, in the future.

    A damaged one is set aside and replaced.
    """

    def ahead(present: Watermark | None) -> Change[None]:
        if present is None:
            return Change(watermark.as_body(), None)
        if latest is not None and present.covered_until > latest:
            return Change(replace(watermark, others=present.others).as_body(), None)
        if present.covered_until >= watermark.covered_until:
            return Change(None, None)
        return Change(replace(present, covered_until=watermark.covered_until).as_body(), None)

    update_record(store, WATERMARK, _watermark, ahead)


def _watermark(body: bytes) -> Watermark:
    document = document_of(body)
    times = {name: datetime.fromisoformat(document[name]) for name in _TIMES if document.get(name)}
    if any(time.tzinfo is None or moment(time) is None for time in times.values()):
        raise ValueError("a time without a zone, or at an edge of the calendar")
    if times.get("counted_from", times["covered_until"]) > times["covered_until"]:
        raise ValueError("what was counted before it was covered")
    return Watermark(**times, others=other_members(document, _TIMES))
