"""The time, the watermark and the settings -> what a run reads, in which order, and what it may emit.

No range crosses an hour of the lake: its pages are complete or the range fails, and memory holds one hour at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import InputError
from deliverywatch.sms.lake import marks
from deliverywatch.sms.lake.slots import HOUR, as_text, floor, hour_of, steps
from deliverywatch.thresholds import EMIT_HOURS, HISTORY_DAYS, REREAD_MINUTES, SETTLE_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.lake.watermark import Watermark

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
        covered_from, covered_until: Where the watermark stands before and after the run; none leaves it alone.
        counted_from: Begin of the first slot that any run emitted, unless an early version wrote the watermark.
        latest: A watermark after this time is none that a run set.
        rebuilt_at: When the watermark was made anew of the lake.
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
    counted_from: datetime | None = None
    latest: datetime | None = None
    rebuilt_at: datetime | None = None
    is_first: bool = False

    def marks(self, part: Range) -> dict[str, str]:
        """Return what a write of a range leaves beside its object: all before it is covered, unless a run by hand."""
        if self.emit_from is None:
            return {}
        if self.covered_from is None:
            return marks.of_schedule(part.start, None)
        return marks.of_schedule(self.counted_from, max(self.covered_from, part.start))


def due(scheduled_time: Any, clock: datetime, slot_minutes: int) -> datetime:
    """Return when a run was due by its event, or what time it is if the event does not say.

    Raises:
        InputError: It is not a time with a zone, or one that has not come yet: the slots before it are not over.
    """
    if not scheduled_time:
        return clock
    try:
        time = datetime.fromisoformat(scheduled_time)
    except (ValueError, TypeError):
        time = None
    if time is None or time.tzinfo is None:
        raise InputError(
            "The event's scheduled_time is not a time with a zone.",
            next_step='Write it as in {"scheduled_time": "2026-11-21T12:10:00Z"}, or leave it out to run for now.',
        )
    if time > clock + timedelta(minutes=slot_minutes):
        raise InputError(
            f"The event's scheduled_time {as_text(time)} lies in the future: it is {as_text(clock)}.",
            next_step="Leave scheduled_time out to run for now, or wait until that time.",
        )
    return time


def scheduled(now: datetime, watermark: Watermark | None, slot_minutes: int, clock: datetime | None = None) -> Plan:
    """Return the plan of a run on schedule: what is new, the last hour again, and once an hour what has not settled.

    Args:
        now: When the run was due; aware.
        watermark: None if there was no run yet.
        slot_minutes: Length of a slot.
        clock: The current time, if that may be later than `now`.
    """
    end = floor(now, slot_minutes)
    latest = max(now, clock or now) + timedelta(minutes=slot_minutes)
    oldest = hour_of(now - timedelta(days=HISTORY_DAYS))
    covered = max(_covered(end, watermark, latest, slot_minutes), oldest)
    start = min(covered, end) if watermark is None else min(covered, end) - _REREAD
    start = max(start, oldest)
    counted_from = watermark.counted_from if watermark else covered
    emit_from = now - timedelta(hours=EMIT_HOURS)
    new_slots = tuple(steps(covered, end, slot_minutes))
    return Plan(
        now=now,
        end=end,
        ranges=_hourly(start, end),
        settling=_settling(start) if any(slot == hour_of(slot) for slot in new_slots) else (),
        new_slots=new_slots,
        # A message that a back-fill stored before the first run was never counted: its failure is not, either.
        emit_from=max(emit_from, counted_from or emit_from),
        covered_from=covered,
        covered_until=max(covered, end),
        counted_from=counted_from,
        latest=latest,
        rebuilt_at=watermark.rebuilt_at if watermark else None,
        is_first=watermark is None,
    )


def _covered(end: datetime, watermark: Watermark | None, latest: datetime, slot_minutes: int) -> datetime:
    """Return until when runs covered everything, in whole slots: their length may have been changed since."""
    if watermark is None:
        return end - _REREAD
    return end if watermark.covered_until > latest else floor(watermark.covered_until, slot_minutes)


def window(now: datetime, start: datetime, end: datetime, slot_minutes: int) -> Plan:
    """Return the plan of a run by hand over times of sending in [start, end), in whole slots; the watermark stays.

    Only what changed is emitted, no zeros of quiet slots: which of them an earlier run emitted is unknown.
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

    It ends where the runs on schedule read again anyway, and changes nothing that they may still have to emit. What it
    stores of the time before the first run is never emitted, whatever becomes of it (`Plan.counted_from`). A message
    after that which the runs missed and a back-fill finds is the one exception: the lake does not tell that its
    `Total` was never emitted, and if it fails within a day, its `Failed` is.
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
