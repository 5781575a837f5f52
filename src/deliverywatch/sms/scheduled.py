"""What the lake holds of messages that were scheduled -> the ranges to read again, because ClickSend lists them there.

ClickSend's history is read by `date`. What that is for a scheduled message is not documented: if it is when the message
was created, its outcome shows only where that time is read again, maybe days before the time for which it was
scheduled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.sms.clicksend.outcomes import is_unsettled
from deliverywatch.sms.lake.slots import floor, from_milliseconds, hour_of
from deliverywatch.sms.plan import Range

# What is read of the lake.
NAMES = ("sent_at", "created_at", "outcome", "status")

_MINUTE = timedelta(minutes=1)


def created_ranges(rows: Iterable[tuple[Any, ...]], end: datetime, already: Sequence[Range]) -> list[Range]:
    """Return where messages were created that were due before `end` and may have changed: at most one range an hour.

    Args:
        rows: Of the columns `NAMES`.
        end: Aware.
        already: Ranges that are read anyway.
    """
    newest = int(end.timestamp()) * 1000
    times = {
        floor(from_milliseconds(created_at), 1)
        for sent_at, created_at, outcome, status in rows
        if created_at is not None and sent_at < newest and is_unsettled(outcome, status)
    }
    by_hour: dict[datetime, list[datetime]] = {}
    for time in times:
        if not any(part.start <= time < part.end for part in already):
            by_hour.setdefault(hour_of(time), []).append(time)
    return [Range(min(by_hour[hour]), max(by_hour[hour]) + _MINUTE) for hour in sorted(by_hour)]
