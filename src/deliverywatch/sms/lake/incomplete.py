"""Ranges of which not all rows could be read -> `state/sms-incomplete.json`: shown, and read again a few times.

A run goes on past them, with what it could read in the lake. A later reading that is complete takes them off the list;
what is still missing when all outcomes are final stays missing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.untrusted import count, moment, objects, other_members
from deliverywatch.sms.lake.slots import as_text
from deliverywatch.storage.records import document_of, read_record, update_record
from deliverywatch.storage.store import Change
from deliverywatch.thresholds import INCOMPLETE_REREADS_COUNT, SETTLE_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.pages import Gap
    from deliverywatch.storage.store import Store

KEY = "state/sms-incomplete.json"

_LISTED = "ranges"
_COUNTS = ("missing_count", "announced_count", "reread_count")

# As long as outcomes may change, and an hour more: then nothing reads these hours again.
_KEPT = timedelta(hours=SETTLE_HOURS + 2)

# A sentence names the newest; more of them would fill a mail.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class IncompleteRange:
    """A range of sending time of which rows are missing.

    Attributes:
        start, end: Aware; end is exclusive.
        missing_count: How many rows could not be read, at least.
        announced_count: How many there are, as ClickSend says, in the range that was read.
        since: When it was first noticed.
        reread_count: How often a sweep has read it again since.
    """

    start: datetime
    end: datetime
    missing_count: int
    announced_count: int
    since: datetime
    reread_count: int = 0

    def sentence(self, now: datetime) -> str:
        """Return it as in `12 of 621 rows of 10:30`, with the day unless it is today."""
        day = "" if self.start.date() == now.date() else f"{self.start:%Y-%m-%d} "
        last = self.end - timedelta(seconds=1)
        until = f" to {self.end:%H:%M}" if (last - self.start) >= timedelta(minutes=1) else ""
        return f"{self.missing_count:,} of {self.announced_count:,} rows of {day}{self.start:%H:%M}{until} UTC"


@dataclass(frozen=True, slots=True)
class Incomplete:
    """All such ranges, by their begin, and the members of the record that this version does not know."""

    ranges: tuple[IncompleteRange, ...] = ()
    others: Mapping[str, Any] = field(default_factory=dict)

    def overlapping(self, start: datetime, end: datetime) -> list[IncompleteRange]:
        """Return those that share time with [start, end)."""
        return [member for member in self.ranges if member.start < end and start < member.end]

    def is_due(self, start: datetime, end: datetime) -> bool:
        """Whether a sweep should read [start, end) again: not for ever what ClickSend announces and never sends."""
        return any(member.reread_count < INCOMPLETE_REREADS_COUNT for member in self.overlapping(start, end))

    def sentence(self, now: datetime) -> str:
        """Return what could not be read, the newest first; empty if there is nothing."""
        newest = [member.sentence(now) for member in reversed(self.ranges)]
        more = [f"{len(newest) - _NAMED} older ranges"] if len(newest) > _NAMED else []
        return f"{'; '.join([*newest[:_NAMED], *more])} could not be read" if newest else ""

    def after(self, start: datetime, end: datetime, gap: Gap | None, now: datetime, *, is_sweep: bool) -> Incomplete:
        """Return the ranges after [start, end) was read, with this gap or completely."""
        before = self.overlapping(start, end)
        kept = [part for member in self.ranges for part in _outside(member, start, end) if member.end > now - _KEPT]
        if gap:
            since = min((member.since for member in before), default=now)
            rereads = max((member.reread_count for member in before), default=0) + is_sweep
            kept.append(IncompleteRange(*gap, since=since, reread_count=rereads))
        return replace(self, ranges=tuple(sorted(kept, key=lambda member: (member.start, member.end))))

    def as_body(self) -> bytes:
        """Return the object that holds them."""
        return json.dumps({**self.others, _LISTED: [_document(member) for member in self.ranges]}).encode()


class IncompleteStore:
    """The record in the store: read once, written when a reading changes it."""

    def __init__(self, store: Store) -> None:
        """Read nothing yet."""
        self._store = store
        self._present: Incomplete | None = None

    @property
    def present(self) -> Incomplete:
        """The ranges as far as this run knows them."""
        if self._present is None:
            self._present = read_incomplete(self._store)
        return self._present

    def note(self, start: datetime, end: datetime, gap: Gap | None, now: datetime, *, is_sweep: bool) -> None:
        """Keep what a reading of [start, end) has shown; the usual one, complete as all before it, writes nothing."""
        if gap is None and not self.present.overlapping(start, end):
            return

        def noted(stored: Incomplete | None) -> Change[Incomplete]:
            after = (stored or Incomplete()).after(start, end, gap, now, is_sweep=is_sweep)
            return Change(after.as_body(), after)

        self._present = update_record(self._store, KEY, parse, noted)


def read_incomplete(store: Store) -> Incomplete:
    """Return the ranges of which rows are missing; none if the record is missing or cannot be read."""
    return read_record(store, KEY, parse) or Incomplete()


def parse(body: bytes) -> Incomplete:
    """Return the ranges of a record; one without its times is left out.

    Raises:
        ValueError: It is not a JSON object.
    """
    document = document_of(body)
    ranges = [_range(item) for item in objects(document.get(_LISTED))]
    return Incomplete(tuple(member for member in ranges if member), other_members(document, {_LISTED}))


def _range(item: Mapping[str, Any]) -> IncompleteRange | None:
    start, end = moment(item.get("start")), moment(item.get("end"))
    if start is None or end is None or start >= end:
        return None
    missing, announced, rereads = (count(item.get(name)) for name in _COUNTS)
    return IncompleteRange(start, end, missing, announced, moment(item.get("since")) or end, rereads)


def _document(member: IncompleteRange) -> dict[str, Any]:
    times = {name: as_text(getattr(member, name)) for name in ("start", "end", "since")}
    return times | {name: getattr(member, name) for name in _COUNTS}


def _outside(member: IncompleteRange, start: datetime, end: datetime) -> list[IncompleteRange]:
    """Return what of a range lies outside of [start, end); its counts stay, as nobody knows where the rows are."""
    if member.end <= start or member.start >= end:
        return [member]
    parts = [(member.start, min(member.end, start)), (max(member.start, end), member.end)]
    return [replace(member, start=first, end=last) for first, last in parts if first < last]
