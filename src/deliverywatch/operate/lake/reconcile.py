"""The lake's counts per slot beside CloudWatch's sums -> what CloudWatch lacks, emitted once.

A run that was killed between its write and its lines has lost a difference; an outcome that came after more than a day
was never emitted. The difference goes out by PutMetricData, not as an EMF line: CloudWatch answers it, refuses what it
does not take, and needs no log stream, where a line that is too old would vanish without a word.

What was put is not seen at once: AWS says that points 3 to 24 hours old take 2 hours or more, and older ones 48
(docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html). Until then a slot is left alone:
one whose rows have changed so lately that a run's own points may be on their way, and one in the record of emitted
slots, which is written before the points are put. So a second reconciliation, at once or at the same time, emits
nothing twice; one that was killed after its entry there is made up for when the entry has expired.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import CloudRefused
from deliverywatch.messages.untrusted import other_members
from deliverywatch.sms.clicksend.outcomes import is_counted_failure
from deliverywatch.sms.counts import is_counted
from deliverywatch.sms.lake import day_objects
from deliverywatch.sms.lake.slots import as_text, day_of, floor, folder_of, from_milliseconds, stamp_of, steps
from deliverywatch.storage.records import document_of, read_record, update_record
from deliverywatch.storage.store import Change
from deliverywatch.thresholds import EMIT_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.lake.watermark import Watermark
    from deliverywatch.sms.ports import Settings
    from deliverywatch.storage.store import Store

EMITTED = "state/sms-reconcile.json"

# CloudWatch takes no older point. An hour less, so that none is too old by the time it arrives.
OLDEST = timedelta(days=14) - timedelta(hours=1)

_NAMES = ("sent_at", "outcome", "fault", "observed_at")

# How old a point is -> how long it takes to be seen, with an hour or more on top of what AWS says.
_DELAYS = ((timedelta(hours=3), timedelta(minutes=20)), (timedelta(hours=24), timedelta(hours=4)))
_LONGEST_DELAY = timedelta(hours=52)
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

# Slots of one request: two values each.
_BATCH = 400


@dataclass(slots=True)
class Counts:
    """A slot's counts, and when CloudWatch has surely seen what the runs emitted of it."""

    total: int = 0
    failed: int = 0
    settled_at: datetime = _LONG_AGO


@dataclass(frozen=True, slots=True)
class Difference:
    """What CloudWatch lacks of a slot."""

    slot: datetime
    stamp: datetime
    total: int
    failed: int


@dataclass(frozen=True, slots=True)
class Emitted:
    """The record of slots that were emitted, and until when each is left alone; what a later version stored."""

    until: Mapping[datetime, datetime] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)

    def held(self, now: datetime) -> dict[datetime, datetime]:
        """Return the slots whose points may not be seen yet."""
        return {slot: until for slot, until in self.until.items() if until > now}

    def as_body(self) -> bytes:
        """Return the object that holds it."""
        until = {as_text(slot): as_text(time) for slot, time in sorted(self.until.items())}
        return json.dumps({**self.others, "until": until}).encode()


@dataclass(slots=True)
class Comparison:
    """The lake beside CloudWatch, for the slots from `start` to `end`.

    Attributes:
        differences: What is to be emitted.
        waiting: Slots that are left alone until points on their way are seen, and until when.
        unread: Slots that CloudWatch has counted and the lake holds nothing of.
    """

    start: datetime
    end: datetime
    slot_count: int = 0
    differences: list[Difference] = field(default_factory=list)
    waiting: dict[datetime, datetime] = field(default_factory=dict)
    unread: list[datetime] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "from": as_text(self.start),
            "to": as_text(self.end),
            "slots": self.slot_count,
            "differences": [
                {"slot": as_text(difference.slot), "total": difference.total, "failed": difference.failed}
                for difference in self.differences
            ],
            "waiting": {as_text(slot): as_text(until) for slot, until in sorted(self.waiting.items())},
            "unread": [as_text(slot) for slot in self.unread],
        }


class Metrics(Protocol):
    """The metrics of one environment."""

    def sums(self, start: datetime, end: datetime) -> Mapping[str, Mapping[datetime, float]]:
        """Return the sums of `Total` and `Failed` by their stamp, of stamps in [start, end)."""

    def put(self, differences: Sequence[Difference]) -> None:
        """Add to the sums."""


def span(now: datetime, since: datetime | None, watermark: Watermark, slot_minutes: int) -> tuple[datetime, datetime]:
    """Return the slots that can be compared: counted by the runs, and not too old for CloudWatch."""
    oldest = floor(now - OLDEST, slot_minutes) + timedelta(minutes=slot_minutes)
    begins = [oldest, *(moment for moment in (since, watermark.counted_from) if moment)]
    return floor(max(begins), slot_minutes), floor(watermark.covered_until, slot_minutes)


def compare(
    store: Store, metrics: Metrics, settings: Settings, now: datetime, start: datetime, end: datetime
) -> Comparison:
    """Return what CloudWatch lacks of the slots in [start, end)."""
    minutes = settings.slot_minutes
    lake, held = counts(store, settings, start, end), emitted_slots(store, now)
    sums = metrics.sums(stamp_of(start, minutes), stamp_of(end, minutes))
    result = Comparison(start, end)
    for slot in steps(start, end, settings.slot_minutes):
        stamp, ours = stamp_of(slot, minutes), lake.get(slot, Counts())
        total, failed = (round(sums[name].get(stamp, 0)) for name in ("Total", "Failed"))
        difference = Difference(slot, stamp, ours.total - total, ours.failed - failed)
        until = max(ours.settled_at, held.get(slot, now))
        result.slot_count += 1
        if not difference.total and not difference.failed:
            continue
        if slot not in lake:
            result.unread.append(slot)
        elif until > now:
            result.waiting[slot] = until
        else:
            result.differences.append(difference)
    return result


def counts(store: Store, settings: Settings, start: datetime, end: datetime) -> dict[datetime, Counts]:
    """Return the lake's counts of the slots in [start, end), of those that hold a message."""
    slots: dict[datetime, Counts] = {}
    first, last = (int(moment.timestamp()) * 1000 for moment in (start, end))
    for day in steps(day_of(start), end, 24 * 60):
        kinds: Counter[tuple[Any, ...]] = Counter()
        for sent_at, *kind in _rows(store, day):
            if first <= sent_at < last:
                kinds[sent_at // 60_000, *kind] += 1
        for (minute, outcome, fault, observed_at), number in kinds.items():
            slot = floor(from_milliseconds(minute * 60_000), settings.slot_minutes)
            slot_counts = slots.setdefault(slot, Counts())
            slot_counts.total += number * is_counted(outcome)
            is_failed = is_counted_failure(outcome, fault, count_recipient_faults=settings.count_recipient_faults)
            slot_counts.failed += number * is_failed
            settled_at = _settled_at(slot, settings.slot_minutes, from_milliseconds(observed_at))
            slot_counts.settled_at = max(slot_counts.settled_at, settled_at)
    return slots


def emit(store: Store, metrics: Metrics, differences: Sequence[Difference], now: datetime) -> int:
    """Emit differences that nobody else is emitting, and return how many: first their record, then the points."""
    ours: list[Difference] = []

    def claimed(before: Emitted | None) -> Change[None]:
        before = before or Emitted()
        held = before.held(now)
        ours[:] = [difference for difference in differences if difference.slot not in held]
        held |= {our.slot: now + seen_after(now - our.stamp) for our in ours}
        return Change(replace(before, until=held).as_body() if ours else None, None)

    def released(before: Emitted | None) -> Change[None]:
        before = before or Emitted()
        held = {slot: until for slot, until in before.held(now).items() if slot not in refused}
        return Change(replace(before, until=held).as_body(), None)

    update_record(store, EMITTED, emitted_of, claimed)
    for first in range(0, len(ours), _BATCH):
        try:
            metrics.put(ours[first : first + _BATCH])
        except CloudRefused:
            # Nothing of these was taken: whoever fixes it need not wait for the record.
            refused = {our.slot for our in ours[first:]}
            update_record(store, EMITTED, emitted_of, released)
            raise
    return len(ours)


def seen_after(age: timedelta) -> timedelta:
    """Return how long a point of this age takes to be seen."""
    return next((delay for limit, delay in _DELAYS if age < limit), _LONGEST_DELAY)


def emitted_slots(store: Store, now: datetime) -> dict[datetime, datetime]:
    """Return the slots that were emitted and may not be seen yet, and until when they are left alone."""
    return (read_record(store, EMITTED, emitted_of) or Emitted()).held(now)


def emitted_of(body: bytes) -> Emitted:
    """Return the record that an object holds."""
    document = document_of(body)
    held = dict(document.get("until") or {})
    until = {datetime.fromisoformat(slot): datetime.fromisoformat(time) for slot, time in held.items()}
    return Emitted(until, other_members(document, ("until",)))


def _settled_at(slot: datetime, slot_minutes: int, observed_at: datetime) -> datetime:
    """When a run's own points about a row are seen; what it learned after a day it did not emit."""
    if observed_at - slot > timedelta(hours=EMIT_HOURS):
        return slot
    return observed_at + seen_after(observed_at - stamp_of(slot, slot_minutes))


def _rows(store: Store, day: datetime) -> Iterable[tuple[Any, ...]]:
    from deliverywatch.sms.lake import merge as lake  # brings pyarrow

    for key, body in day_objects.bodies(store, folder_of(day)):
        with day_objects.readable(key):
            yield from lake.rows(body, _NAMES)
