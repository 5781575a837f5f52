"""How many messages were sent in each ten minutes of the last weeks: `state/sms-volumes.json`.

    {"since": "2026-11-01T08:00:00Z", "days": {"2026-11-21": [0, 3, null, ...]}}

A day (UTC) has 144 counts; null is a time that is not counted yet. The lake can always be counted again: the record
only saves every run from reading four weeks of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.untrusted import count, moment, other_members
from deliverywatch.sms.lake.slots import as_text
from deliverywatch.storage.records import document_of, read_record

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store

KEY = "state/sms-volumes.json"
STEP_MINUTES = 10

_STEP = timedelta(minutes=STEP_MINUTES)
_DAY = timedelta(days=1)
_NAMES = ("since", "days")


@dataclass(slots=True)
class Volumes:
    """Messages per ten minutes.

    Attributes:
        counts: By the (UTC) begin of the ten minutes; a time that is not counted is missing.
        since: From when on the lake holds messages; None if nobody has looked.
        others: What a later version stored.
    """

    counts: dict[datetime, int] = field(default_factory=dict)
    since: datetime | None = None
    others: Mapping[str, Any] = field(default_factory=dict)

    def without(self, days: Collection[datetime]) -> Volumes:
        """Return them without some UTC days, for the lake to be looked through and counted again."""
        counts = {step: count for step, count in self.counts.items() if step.replace(hour=0, minute=0) not in days}
        return Volumes(counts, None, self.others)

    def as_body(self) -> bytes:
        """Return the object that holds them."""
        days = sorted({step.replace(hour=0, minute=0) for step in self.counts})
        written = {f"{day:%Y-%m-%d}": [self.counts.get(step) for step in _steps_of(day)] for day in days}
        since = {"since": as_text(self.since)} if self.since else {}
        return json.dumps({**self.others, **since, "days": written}, separators=(",", ":")).encode()


def read_volumes(store: Store) -> Volumes:
    """Return the record; an empty one if there is none or it cannot be read, for the lake to be counted again."""
    return read_record(store, KEY, volumes_of) or Volumes()


def volumes_of(body: bytes) -> Volumes:
    """Return the record of an object; raises what `storage.records.UNREADABLE` lists if it is damaged."""
    document = document_of(body)
    counts: dict[datetime, int] = {}
    for name, numbers in (document.get("days") or {}).items():
        day = datetime.strptime(name, "%Y-%m-%d").replace(tzinfo=UTC)
        if moment(day) is None:
            raise ValueError("a day at an edge of the calendar")
        for step, number in zip(_steps_of(day), numbers, strict=True):
            if number is not None:
                counts[step] = count(int(number))
    return Volumes(counts, moment(document.get("since")), other_members(document, _NAMES))


def _steps_of(day: datetime) -> Iterator[datetime]:
    return (day + number * _STEP for number in range(_DAY // _STEP))
