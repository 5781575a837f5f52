"""The SMS lake and an incident -> what was affected: slots, messages, people, and whose they were.

The lake has outcomes as they are known now, so that the numbers are better than those of the mails.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.messages.context import Context
from deliverywatch.operate.incidents.recipients import Period, rows, unreached
from deliverywatch.sms.clicksend.outcomes import Outcome, is_counted_failure
from deliverywatch.sms.lake.slots import floor, from_milliseconds, steps
from deliverywatch.sms.mail_context.recent_statistics import NAMES, RecentStatistics

if TYPE_CHECKING:
    from deliverywatch.sms.ports import Settings
    from deliverywatch.storage.store import Store

# What was before shows what is usual, and how it began; what came after shows whether it is over.
LEAD, SHOWN, AFTER = timedelta(hours=6), timedelta(hours=2), timedelta(hours=1)


@dataclass(slots=True)
class SlotSeen:
    """What became of the messages of one slot."""

    start: datetime
    total: int = 0
    failed: int = 0
    pending: int = 0
    first_failed: datetime | None = None

    @property
    def rate_percent(self) -> float:
        """The share of failures."""
        return 100 * self.failed / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Impact:
    """What an incident did.

    Attributes:
        slots: From some hours before it to an hour after.
        minutes: How long a slot is.
        period: From the first bad slot to the end.
        first_bad: When the first message failed of the slots that opened it; None if no slot shows where it began.
        well_from: The end of the last bad slot, if enough SMS are known to have arrived since; else None.
        context: Reasons and groups of the period, as a mail has them.
        people_count: Who had a message that failed.
        unreached_count: Those of them who got none since.
    """

    slots: tuple[SlotSeen, ...]
    minutes: int
    period: Period
    first_bad: datetime | None
    well_from: datetime | None
    context: Context
    people_count: int
    unreached_count: int

    @property
    def during(self) -> list[SlotSeen]:
        """The slots of the period."""
        return [slot for slot in self.slots if self.period.start <= slot.start < self.period.end]

    @property
    def shown(self) -> list[SlotSeen]:
        """The slots of the chart."""
        return [slot for slot in self.slots if slot.start >= self.period.start - SHOWN]

    @property
    def before(self) -> list[SlotSeen]:
        """The slots before it."""
        return [slot for slot in self.slots if slot.start < self.period.start]


@dataclass(slots=True)
class _Reader:
    store: Store
    settings: Settings
    slots: dict[datetime, SlotSeen] = field(default_factory=dict)

    def read(self, start: datetime, end: datetime) -> None:
        minutes = self.settings.slot_minutes
        self.slots = {begin: SlotSeen(begin) for begin in steps(floor(start, minutes), end, minutes)}
        for sent_at, outcome, fault in rows(self.store, start, end, ("sent_at", "outcome", "fault")):
            time = from_milliseconds(sent_at)
            slot = self.slots.get(floor(time, minutes))
            if slot is not None and outcome != Outcome.EXCLUDED:
                self._count(slot, time, outcome, fault)

    def _count(self, slot: SlotSeen, time: datetime, outcome: str, fault: str) -> None:
        counts_all = self.settings.count_recipient_faults
        slot.total += 1
        slot.pending += outcome in (Outcome.PENDING, Outcome.UNKNOWN)
        if is_counted_failure(outcome, fault, count_recipient_faults=counts_all):
            slot.failed += 1
            slot.first_failed = min(slot.first_failed or time, time)

    def statistics(self, period: Period) -> RecentStatistics:
        minutes = self.settings.slot_minutes
        end = floor(period.end + timedelta(minutes=minutes) - timedelta(microseconds=1), minutes)
        statistics = RecentStatistics(
            end,
            end,
            minutes,
            count_recipient_faults=self.settings.count_recipient_faults,
            window_minutes=round((end - period.start) / timedelta(minutes=1)),
        )
        statistics.add(rows(self.store, period.start, end, NAMES))
        return statistics


def impact(
    store: Store, settings: Settings, opened_at: datetime, ended_at: datetime, now: datetime, warning_percent: float
) -> Impact:
    """Return what an incident did.

    Args:
        store: Holds the lake.
        settings: What the stack's operator chose.
        opened_at: When its alarm opened it.
        ended_at: When it was over; `now` while it is open.
        now: The current time.
        warning_percent: A slot with a larger share of failures is bad.
    """
    reader = _Reader(store, settings)
    reader.read(opened_at - LEAD, min(now, ended_at + AFTER))
    slots = tuple(reader.slots.values())
    bad = {slot.start for slot in slots if slot.rate_percent > warning_percent}
    begin = _begin([slot for slot in slots if slot.start < opened_at and slot.total], bad)
    start = begin.start if begin else opened_at - timedelta(minutes=settings.failures.window_minutes)
    period = Period(floor(start, settings.slot_minutes), ended_at)
    statistics = reader.statistics(period)
    return Impact(
        slots=slots,
        minutes=settings.slot_minutes,
        period=period,
        first_bad=begin.first_failed if begin else None,
        well_from=_well_from(slots, bad, settings),
        context=_context(statistics),
        people_count=len(statistics.last_failures),
        unreached_count=len(unreached(store, period, now)),
    )


def _begin(sent: list[SlotSeen], bad: set[datetime]) -> SlotSeen | None:
    """Return the first of the last unbroken row of bad slots; slots without messages break no row."""
    row: list[SlotSeen] = []
    for slot in reversed(sent):
        if slot.start in bad:
            row.append(slot)
        elif row:
            break
    return row[-1] if row else None


def _well_from(slots: Sequence[SlotSeen], bad: set[datetime], settings: Settings) -> datetime | None:
    """Return the end of the last bad slot: that no SMS failed since proves nothing where hardly any was sent."""
    after = [slot for slot in slots if bad and slot.start > max(bad)]
    known = sum(slot.total - slot.pending for slot in after)
    return after[0].start if after and known >= settings.failures.minimum_total else None


def _context(statistics: RecentStatistics) -> Context:
    return Context(
        noun="SMS",
        window_minutes=statistics.window_minutes,
        reasons=statistics.top_reasons(),
        groups=statistics.top_groups(fewest_clients=1),
        samples=statistics.samples(),
    )
