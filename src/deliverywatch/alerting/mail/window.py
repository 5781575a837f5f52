"""Slots of a context -> failed and total of a window, of the time before it, and the recipients affected."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.messages.context import Context

# The rate of fewer messages means nothing.
_TELLING_COUNT = 20


def recipients_affected(context: Context, opened_at: datetime, window_seconds: int) -> tuple[int, bool] | None:
    """Return how many recipients failed in an incident, and whether the slots reach back to its beginning.

    It begins with the alarm's window before the opening. Each recipient is counted only in the slot of its latest
    failure, so the sum of the slots counts nobody twice.
    """
    if not context.slots:
        return None
    since = opened_at - timedelta(seconds=window_seconds) - timedelta(minutes=context.slot_minutes)
    is_whole = context.slots[0].start <= since
    return sum(slot.recipients_last_failed for slot in context.slots if slot.start > since), is_whole


def window_counts(context: Context, seconds: int) -> tuple[int, int] | None:
    """Return failed and total of the last slots that make up a window; None if there are fewer slots."""
    wanted = _slot_count(context, seconds)
    slots = context.slots[-wanted:] if wanted else ()
    if not slots or len(slots) < wanted:
        return None
    return sum(slot.failed for slot in slots), sum(slot.total for slot in slots)


def counts_before(context: Context, seconds: int) -> tuple[int, int, tuple[datetime, datetime]] | None:
    """Return failed and total of the slots before the last window, with their time; None if too few were sent."""
    wanted = _slot_count(context, seconds)
    slots = context.slots[:-wanted] if wanted else ()
    total = sum(slot.total for slot in slots)
    if total < _TELLING_COUNT:
        return None
    return sum(slot.failed for slot in slots), total, (slots[0].start, context.slots[-wanted].start)


def is_rising(context: Context) -> bool:
    """Return whether the last slot's rate is clearly higher than the one before.

    A fall is never reported: outcomes of the last slot still arrive, and can only add failures.
    """
    if len(context.slots) < 2:
        return False
    before, now = context.slots[-2:]
    is_telling = min(before.total, now.total) >= _TELLING_COUNT
    return is_telling and now.rate_percent - before.rate_percent >= max(1.0, before.rate_percent / 5)


def _slot_count(context: Context, seconds: int) -> int:
    return seconds // (60 * context.slot_minutes) if context.slot_minutes else 0
