"""The newest hours of the lake, and what is usual -> how many outcomes are late now, compared with that."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.sms.assessments import delivery
from deliverywatch.sms.assessments.delivery import Delivery, Measured, Minute
from deliverywatch.sms.assessments.usual import KEY, Usual, parse
from deliverywatch.sms.lake.slots import HOUR, hour_of
from deliverywatch.storage.records import update_record
from deliverywatch.storage.store import Change
from deliverywatch.thresholds import OVERDUE_HOURS, OVERDUE_MINIMUM_COUNT, OVERDUE_TO_MINUTES

if TYPE_CHECKING:
    from deliverywatch.sms.lake.recent_hours import RecentHours
    from deliverywatch.sms.ports import Settings
    from deliverywatch.storage.store import Store

log = logging.getLogger(__name__)

# What was sent so long before the run is of the newest slots, and teaches what is usual.
_NEW = timedelta(minutes=2 * OVERDUE_TO_MINUTES)


def measure_delivery(hours: RecentHours, store: Store, now: datetime, settings: Settings) -> Measured:
    """Return how long outcomes take, and keep the share for what is usual."""
    seen = delivery.measure(_minutes(hours, now, settings.slot_minutes), now)
    usual = _learned(store, seen, now)
    return Measured(seen, usual.percent, delivery.points_above(seen, usual.percent, now, settings.delivery))


def _minutes(hours: RecentHours, now: datetime, slot_minutes: int) -> Iterator[Minute]:
    """Yield what was sent, the newest first; an hour is read when it is reached."""
    for back in range(OVERDUE_HOURS + 1):
        rows = hours.rows(hour_of(now) - back * HOUR, delivery.NAMES)
        yield from delivery.minutes(rows, now, slot_minutes)


def _learned(store: Store, seen: Delivery, now: datetime) -> Usual:
    """Return what is usual; a store that does not take the newest share loses that share and nothing else."""
    is_new = seen.last_seen is not None and now - seen.last_seen <= _NEW

    def learn(usual: Usual | None) -> Change[Usual]:
        known = usual or Usual()
        learned = known.with_share(seen.percent, now)
        return Change(learned.as_body() if learned != known else None, learned)

    def look(usual: Usual | None) -> Change[Usual]:
        return Change(None, usual or Usual())

    return update_record(store, KEY, parse, learn if is_new and seen.total >= OVERDUE_MINIMUM_COUNT else look)
