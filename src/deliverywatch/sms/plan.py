"""The time, the watermark and the settings -> what a run reads, in which order, and what it may emit.

No range crosses an hour of the lake: its pages are complete or the range fails, and memory holds one hour at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from deliverywatch.sms.slots import HOUR, floor, hour_of, steps
from deliverywatch.thresholds import EMIT_HOURS, HISTORY_DAYS, REREAD_MINUTES, SETTLE_HOURS

if TYPE_CHECKING:
    from datetime import datetime

_REREAD = timedelta(minutes=REREAD_MINUTES)


@dataclass(frozen=True, slots=True)
class Range:
    """Times of sending in [start, end), within one hour of the lake."""

    start: datetime
    end: datetime

    @property
    def hour(self) -> datetime:
        """The hour whose object holds the range."""
        return hour_of(self.start)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run does.

    Attributes:
        now: The time as of which messages are judged.
        end: Nothing sent from here on is looked at.
        ranges: What is read, in this order.
        settling: What is read after that, where the hour still holds messages without a final outcome.
        new_slots: Slots that no run has covered yet: they are emitted even if nothing was sent.
        emit_from: Slots from here on are emitted; none emits nothing.
        insert_from: From here on only messages are stored that are not there yet, so that no run misses a change.
        covered_from: Where the watermark stood before it.
        covered_until: Where the watermark stands after the run; none leaves it alone.
        is_first: Whether there was no watermark: the run covers the last hour instead.
    """

    now: datetime
    end: datetime
    ranges: tuple[Range, ...]
    settling: tuple[Range, ...] = ()
    new_slots: tuple[datetime, ...] = ()
    emit_from: datetime | None = None
    insert_from: datetime | None = None
    covered_from: datetime | None = None
    covered_until: datetime | None = None
    is_first: bool = False


def scheduled(now: datetime, watermark: datetime | None, slot_minutes: int) -> Plan:
    """Return the plan of a run on schedule: what is new, the last hour again, and once an hour what has not settled.

    Args:
        now: When the run was due; aware.
        watermark: End of the newest slot that an earlier run covered; none if there was no run yet.
        slot_minutes: Length of a slot.
    """
    end = floor(now, slot_minutes)
    covered = watermark or end - _REREAD
    start = covered if watermark is None else min(covered, end) - _REREAD
    start = max(start, hour_of(now - timedelta(days=HISTORY_DAYS)))
    # From the whole slot on: the watermark may lie inside one if the length of slots was changed.
    new_slots = tuple(steps(floor(covered, slot_minutes), end, slot_minutes))
    return Plan(
        now=now,
        end=end,
        ranges=_hourly(start, end),
        settling=_settling(start) if any(slot == hour_of(slot) for slot in new_slots) else (),
        new_slots=new_slots,
        emit_from=now - timedelta(hours=EMIT_HOURS),
        covered_from=covered,
        covered_until=max(covered, end),
        is_first=watermark is None,
    )


def window(now: datetime, start: datetime, end: datetime, slot_minutes: int) -> Plan:
    """Return the plan of a run by hand over times of sending in [start, end), in whole slots; the watermark stays.

    Only what changed is emitted, no zeros of quiet slots: nobody knows which of them an earlier run emitted.
    """
    start, end = floor(start, slot_minutes), min(floor(now, slot_minutes), floor(end, slot_minutes))
    return Plan(
        now=now,
        end=end,
        ranges=_hourly(start, end),
        emit_from=now - timedelta(hours=EMIT_HOURS),
    )


def backfill(now: datetime, watermark: datetime | None, slot_minutes: int, days: int = HISTORY_DAYS) -> Plan:
    """Return the plan that fills the lake with history and emits nothing.

    It ends where the runs on schedule read again anyway, and changes nothing that they may still have to emit.
    """
    end = min(floor(now, slot_minutes), watermark or now) - _REREAD
    return Plan(
        now=now,
        end=end,
        ranges=_hourly(hour_of(now - timedelta(days=min(days, HISTORY_DAYS))), end),
        insert_from=hour_of(now - timedelta(hours=EMIT_HOURS + 1)),
    )


def _hourly(start: datetime, end: datetime) -> tuple[Range, ...]:
    hours = steps(hour_of(start), end, 60)
    return tuple(Range(max(hour, start), min(hour + HOUR, end)) for hour in hours)


def _settling(start: datetime) -> tuple[Range, ...]:
    """The hours before: one more than the receipts may take, so that the last reading finds all of them final."""
    return _hourly(hour_of(start) - timedelta(hours=SETTLE_HOURS + 1), start)
