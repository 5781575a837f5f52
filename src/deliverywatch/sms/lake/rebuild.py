"""A lost watermark -> the one that the lake's objects prove, so that no failure is lost with it.

The runs leave beside each object that they write how far they had got and what they count from (`marks`). Everything
that may still have to be emitted is of the last day, so its hours are looked at; only if they hold nothing, the newest
object before. `state/sms.json` ends with the last slot that they summed up. What they had covered since is read again,
which changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.messages import context
from deliverywatch.messages.untrusted import moment
from deliverywatch.sms.lake.day_objects import counting, day_of_key
from deliverywatch.sms.lake.marks import COUNTED_FROM, COVERED_UNTIL
from deliverywatch.sms.lake.slots import DAY_OBJECT, HOUR, hour_of, key_of, steps
from deliverywatch.sms.lake.watermark import Watermark
from deliverywatch.thresholds import EMIT_HOURS

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store

# Of older objects the newest are looked at: as many as a day has.
_OLDER_OBJECTS = 24


def rebuilt(store: Store, now: datetime) -> Watermark | None:
    """Return the watermark that the lake proves at `now`; none if no run on schedule ever wrote to it."""
    proofs = [*_recent(store, now)] or [*_newest(store, now)]
    proofs += _reported(store, now)
    coverage = [until for until, _ in proofs if until]
    if not coverage:
        return None
    covered_until = max(coverage)
    # What is not covered yet is counted in any case.
    return Watermark(covered_until, min([covered_until, *(since for _, since in proofs)]), rebuilt_at=now)


def _reported(store: Store, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield until when the last run that reached the present summed up the lake, and since when messages count."""
    stored = store.read(context.key_of("sms"))
    body = stored.body if stored else None
    document = context.from_json(body)
    for slot in document.slots[-1:]:
        until = slot.start + timedelta(minutes=document.slot_minutes)
        if document.slot_minutes and until <= now:
            yield until, moment(context.decoded(body).get("counted_from")) or until


def _recent(store: Store, now: datetime) -> Iterator[tuple[datetime | None, datetime]]:
    for hour in steps(hour_of(now - timedelta(hours=EMIT_HOURS)) - HOUR, now, 60):
        metadata = store.metadata(key_of(hour))
        if metadata is not None and _is_counted(metadata):
            yield _proof(hour, metadata, now)


def _newest(store: Store, now: datetime) -> Iterator[tuple[datetime | None, datetime]]:
    # Objects of hours to come hold what is scheduled for them.
    past = [key for key in store.keys("sms/") if key <= key_of(now)]
    for key in reversed(counting(past)[-_OLDER_OBJECTS:]):
        metadata, hour = store.metadata(key), _begin(key)
        if metadata is not None and hour is not None and _is_counted(metadata):
            yield _proof(hour, metadata, now)
            return


def _is_counted(metadata: Mapping[str, str]) -> bool:
    return bool(metadata.get(COUNTED_FROM, "of version 0.2"))


def _proof(hour: datetime, metadata: Mapping[str, str], now: datetime) -> tuple[datetime | None, datetime]:
    """Return until when messages were covered, and from when on they were counted, as far as an object proves it.

    One with the second alone is of a run by hand, before which nothing need have been covered.
    """
    until, since = (moment(metadata.get(name)) for name in (COVERED_UNTIL, COUNTED_FROM))
    if until is None and COUNTED_FROM in metadata:
        return None, since or hour
    return until if until and until <= now else hour, since or hour


def _begin(key: str) -> datetime | None:
    with suppress(ValueError):
        name = key.rpartition("/")[2]
        return day_of_key(key) + (0 if name == DAY_OBJECT else int(name[:2])) * HOUR
    return None
