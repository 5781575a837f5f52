"""Which object holds a row: its hour's, until the day is one object; and how it becomes one without losing a row.

The rule for everybody who reads: where a day's object is there, it is the whole day, and hour objects beside it do not
count. So the day must hold all rows from the instant in which it appears:

1. Every hour of the day is sealed by a conditional write, also those without an object. From then on no writer can
   change an hour: its condition fails, it reads again, and finds the seal.
2. The day is written from the sealed hours, if nobody else was faster. This is the instant that changes what is read,
   and before and after it the rows are the same.
3. The hours are deleted.

A process may be killed between any two steps: the next one, a writer's or another compaction's, goes on from there. One
writer is left to think of: it looked for an hour before step 1 and creates it after step 3, and others may find that
hour. So each looks for the day once more after its write, and writes again there; if it is killed before that, the next
compaction takes the stray hour in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from deliverywatch.errors import ObjectDamaged, StoreConflict
from deliverywatch.messages.untrusted import count
from deliverywatch.sms.clicksend.outcomes import UNSETTLED
from deliverywatch.sms.lake import marks
from deliverywatch.sms.lake.slots import DAY_OBJECT, HOUR, as_text, day_key_of, day_of, folder_of, key_of, steps
from deliverywatch.storage.records import set_aside
from deliverywatch.storage.store import Change, Result, update
from deliverywatch.thresholds import SETTLE_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.lake.merge import Merged
    from deliverywatch.storage.store import Store

DAY = timedelta(days=1)

# A day changes over once; two more are for the deletion of its hours, and for nothing.
_LISTINGS = 4

# What a file that is no Parquet, or lacks columns, may raise; pyarrow's own errors are among them.
ARROW_ERRORS = (ValueError, OSError, KeyError, TypeError)


class _Sealed(Exception):
    """The hour's day is being made."""


def counting(keys: Iterable[str]) -> list[str]:
    """Return those of the keys of Parquet objects that count: a day's object hides the hours beside it."""
    objects = sorted(key for key in keys if key.endswith(".parquet"))
    days = {key.removesuffix(DAY_OBJECT) for key in objects if key.endswith(f"/{DAY_OBJECT}")}
    return [key for key in objects if key.endswith(f"/{DAY_OBJECT}") or f"{key.rpartition('/')[0]}/" not in days]


def bodies(store: Store, prefix: str, first: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield key and body of the objects that count under a prefix, from the key `first` on; a day after the other.

    The prefix is of whole days or of all. A day that becomes one object before it is read is listed anew.
    """
    folders: dict[str, list[str]] = {}
    for key in counting(key for key in store.keys(prefix) if key >= first):
        folders.setdefault(f"{key.rpartition('/')[0]}/", []).append(key)
    for folder, keys in folders.items():
        yield from _all_of(store, folder, keys)


def _all_of(store: Store, folder: str, keys: list[str]) -> list[tuple[str, bytes]]:
    for _ in range(_LISTINGS):
        objects = [(key, stored.body) for key in keys if (stored := store.read(key))]
        if len(objects) == len(keys):
            return objects
        keys = counting(store.keys(folder))
    raise StoreConflict(f"The objects under {folder} came and went while they were read.")


def day_of_key(key: str) -> datetime:
    """Return the UTC day of an object of the lake.

    Raises:
        ValueError: It is not named like one.
    """
    folder, _, name = key.rpartition("/")
    day = datetime.strptime(folder.rpartition("/")[2], "dt=%Y-%m-%d").replace(tzinfo=UTC)
    if name != DAY_OBJECT and not (name.endswith(".parquet") and name[:-8].isdigit() and int(name[:-8]) < 24):
        raise ValueError(f"{name} is neither an hour nor a day")
    return day


def is_due(day: datetime, now: datetime) -> bool:
    """Whether all of a UTC day is so old that it may become one object: its receipts have come."""
    return day + DAY + timedelta(hours=SETTLE_HOURS) <= now


def hour_keys(day: datetime) -> list[str]:
    """Return the keys of the hours of a UTC day."""
    return [key_of(hour) for hour in steps(day, day + DAY, 60)]


def keep(
    store: Store,
    hour: datetime,
    change: Callable[[bytes | None], Merged],
    *,
    token: str,
    now: datetime,
    counted_until: datetime | None = None,
) -> Merged:
    """Change the object that holds an hour's rows, so that nothing that anybody does at the same time is lost.

    Args:
        store: Of the lake.
        hour: Begin of the hour.
        change: Computes the change from the present body; called again when another writer was faster.
        token: Different for each run.
        now: Aware. The object of a day that cannot have one yet is not looked for: between the write of a new hour and
            its emission nothing else happens.
        counted_until: Until when messages were counted, in case the hour's object is damaged; `now` if none.

    Raises:
        StoreConflict: Other writers were faster every time.
        ObjectDamaged: The object of the hour's day cannot be read.
    """
    hour_key, day = key_of(hour), day_of(hour)
    may_be_made = is_due(day, now + HOUR)

    def unless_sealed(body: bytes | None) -> Change[Merged]:
        is_made = may_be_made and body is None and _exists(store, day)
        if is_made or (body is not None and _is_sealed(hour_key, body)):
            raise _Sealed
        return _changed(hour_key, body, change)

    try:
        try:
            done = update(store, hour_key, unless_sealed)
        except ObjectDamaged:
            begin_anew(store, hour, token, counted_until or now)
            done = update(store, hour_key, unless_sealed)
        if not may_be_made or not _exists(store, day):
            return done
    except _Sealed:
        make_day(store, day, token)

    day_key = day_key_of(day)
    return update(store, day_key, lambda body: _changed(day_key, body, change))


def begin_anew(store: Store, hour: datetime, token: str, counted_until: datetime) -> None:
    """Set an hour's object aside if it cannot be read, and put an empty one in its place.

    Its messages are read again, and those sent before `counted_until` are not counted a second time (`marks`).
    """
    from deliverywatch.sms.lake import seal  # brings pyarrow

    key = key_of(hour)

    def emptied(body: bytes | None) -> Change[None]:
        if body is None or seal.is_whole(body):
            return Change(None, None)
        set_aside(store, key, body)
        beside = marks.kept(store.metadata(key) or {})
        return seal.empty({**beside, UNSETTLED: "0", marks.BEGUN_ANEW: as_text(counted_until)}, token)

    update(store, key, emptied)


def make_day(store: Store, day: datetime, token: str) -> None:
    """Make one object of a day's hours, unless it is there; the hours stay until `clear` deletes them."""
    from deliverywatch.sms.lake import seal  # brings pyarrow
    from deliverywatch.sms.lake.parquet import united

    if _exists(store, day):
        return
    others = [update(store, key, _readable(key, lambda body: seal.sealed(body, token))) for key in hour_keys(day)]
    try:
        with readable(folder_of(day)):
            made = seal.joined(_sealed_bodies(store, day), token, united(others))
    except _Sealed:
        return
    try:
        store.write_if_unchanged(day_key_of(day), made.body or b"", None, made.metadata)
    except StoreConflict:
        if not _exists(store, day):
            raise


def finish(store: Store, day: datetime, token: str) -> None:
    """Make a day's object if somebody has begun to and was killed: only then is it clear which objects count."""
    keys = [key for key in store.keys(folder_of(day)) if key.endswith(".parquet")]
    if day_key_of(day) in keys:
        return
    if any(_is_sealed(key, stored.body) for key in keys if (stored := store.read(key))):
        make_day(store, day, token)


def clear(store: Store, day: datetime, token: str) -> None:
    """Delete the hours beside a day's object, after taking in what a stray one holds more."""
    from deliverywatch.sms.lake import seal  # brings pyarrow

    for key in store.keys(folder_of(day)):
        stored = store.read(key) if key != day_key_of(day) else None
        if stored is None:
            continue
        if not _is_sealed(key, stored.body):
            absorb = partial(seal.absorbed, stray=stored.body, token=token)
            update(store, day_key_of(day), _readable(key, absorb))
        with suppress(StoreConflict):  # somebody is just writing it: the next compaction takes it in
            store.delete_if_unchanged(key, stored.etag)


def unsettled_count(store: Store, hour: datetime, *, may_be_compacted: bool) -> int:
    """Return how many rows of an hour, or of its day once that is one object, a later reading may find changed.

    An hour that was begun anew counts as one: for want of some rows it may hold none that say so.
    """
    metadata = store.metadata(key_of(hour))
    if metadata is None and may_be_compacted:
        metadata = store.metadata(day_key_of(day_of(hour)))
    beside = metadata or {}
    # One that cannot be read is read again, once more than needed.
    return count(beside.get(UNSETTLED, "0"), default=1) + (marks.BEGUN_ANEW in beside)


@contextmanager
def readable(key: str) -> Iterator[None]:
    """Turn Arrow's errors about an object into one sentence.

    Raises:
        ObjectDamaged: It cannot be read.
    """
    try:
        yield
    except ARROW_ERRORS as error:
        raise ObjectDamaged(key) from error


def _changed(key: str, body: bytes | None, change: Callable[[bytes | None], Merged]) -> Change[Merged]:
    if body == b"":
        raise ObjectDamaged(key)
    try:
        merged = change(body)
    except ARROW_ERRORS as error:
        from deliverywatch.sms.lake import seal  # brings pyarrow

        # It may be the rows that were read just now: the object is only blamed if it cannot be read by itself.
        if body is None or seal.is_whole(body):
            raise
        raise ObjectDamaged(key) from error
    return Change(merged.body, merged, merged.metadata)


def _exists(store: Store, day: datetime) -> bool:
    with readable(day_key_of(day)):
        return store.metadata(day_key_of(day)) is not None


def _is_sealed(key: str, body: bytes) -> bool:
    from deliverywatch.sms.lake import seal  # brings pyarrow

    with readable(key):
        return seal.is_sealed(body)


def _readable(key: str, change: Callable[[bytes | None], Change[Result]]) -> Callable[[bytes | None], Change[Result]]:
    def readable_change(body: bytes | None) -> Change[Result]:
        with readable(key):
            return change(body)

    return readable_change


def _sealed_bodies(store: Store, day: datetime) -> Iterator[bytes]:
    """Yield the hours one by one. That one is gone, or is there unsealed, means that another one has made the day."""
    for key in hour_keys(day):
        stored = store.read(key)
        if stored is None or not _is_sealed(key, stored.body):
            raise _Sealed
        yield stored.body
