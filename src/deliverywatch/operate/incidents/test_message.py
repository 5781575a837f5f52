"""`test-fire`: a test notice -> the alerts topic, and then the wait for its line in the outbox.

Why a notice and not SetAlarmState: see `deliverywatch.alerting.test_message`, which is its other end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.incidents.outbox import from_json, record_key
from deliverywatch.alerting.test_message import WATCH, outbox_record
from deliverywatch.messages.notice import SystemNotice, to_document

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.messages.level import Level
    from deliverywatch.storage.store import Store


def notice(level: Level, by: str, to: Sequence[str], now: datetime) -> dict[str, Any]:
    """Return the test notice; without addresses it goes to whom a real mail of that level goes."""
    return to_document(SystemNotice(watch=WATCH, level=level, time=now, is_test=True, by=by, to=tuple(to)))


def awaited(store: Store, level: Level, now: datetime, tries: int, pause: Callable[[], None]) -> Record | None:
    """Return the outbox line of the test of this second once its mail is sent, or None after the given tries."""
    key = record_key(outbox_record(now, level, ""))
    for _ in range(tries):
        stored = store.read(key)
        record = from_json(stored.body) if stored else None
        if record is not None and record.sent_at is not None:
            return record
        pause()
    return None
