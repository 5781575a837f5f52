"""Rows of the lake -> what was seen of each slot: the counts that assessments rest on."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.sms.clicksend.outcomes import Fault, Outcome, is_counted_failure
from deliverywatch.sms.lake.slots import from_milliseconds

# What is read of the lake.
NAMES = ("sent_at", "outcome", "fault", "recipient_hash", "message_id")


@dataclass(frozen=True, slots=True)
class SlotCount:
    """What was seen of one slot.

    Attributes:
        total: Messages sent, whatever became of them.
        good: Those with an outcome that is no counted failure; what is pending or unknown is neither good nor failed.
        dead_numbers: The recipients of failures that are the recipient's own, one for each such failure.
    """

    start: datetime
    end: datetime
    total: int
    failed: int
    good: int
    dead_numbers: tuple[str, ...] = ()


def counted(slot: datetime, slot_minutes: int, total: int, failed: int) -> SlotCount:
    """Return what the two metrics say of a slot: each message that has not failed is good."""
    return SlotCount(slot, slot + timedelta(minutes=slot_minutes), total, failed, total - failed)


def of_hour(
    rows: Iterable[tuple[Any, ...]], hour: datetime, slot_minutes: int, *, count_recipient_faults: bool
) -> list[SlotCount]:
    """Return all slots of an hour, the newest first, of rows of the columns `NAMES`."""
    length = slot_minutes * 60_000
    begin = int(hour.timestamp()) * 1000
    tallies = {start: _Tally() for start in range(begin, begin + 3_600_000, length)}
    for sent_at, outcome, fault, recipient, message_id in rows:
        tally = tallies.get(sent_at - sent_at % length)
        if tally and outcome != Outcome.EXCLUDED:
            is_failed = is_counted_failure(outcome, fault, count_recipient_faults=count_recipient_faults)
            tally.total += 1
            tally.failed += is_failed
            tally.good += not is_failed and outcome in (Outcome.DELIVERED, Outcome.FAILED)
            if is_failed and fault == Fault.RECIPIENT:
                tally.dead_numbers.append(recipient or message_id)
    return [_slot_count(start, start + length, tally) for start, tally in reversed(tallies.items())]


class _Tally:
    def __init__(self) -> None:
        self.total = self.failed = self.good = 0
        self.dead_numbers: list[str] = []


def _slot_count(start: int, end: int, tally: _Tally) -> SlotCount:
    times = (from_milliseconds(start), from_milliseconds(end))
    return SlotCount(*times, tally.total, tally.failed, tally.good, tuple(tally.dead_numbers))
