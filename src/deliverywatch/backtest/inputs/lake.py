"""The SMS lake in a folder -> the datapoints that the pipeline would have published of it.

Each slot of an hour whose object is there has a Total, a Failed and one run; an hour without an object is quiet if the
lake's watermark is there and lies behind it, else it is a gap and has none of them.

When a datapoint became visible is measured where the lake shows it: a time in which messages were sent and no run
observed anything was an outage of the pipeline, whose slots came out with the run that ended it; and a failure came out
as much later as its row was observed after the first row of its slot. From a run to the datapoint a distribution is
assumed.
"""

import json
import zlib
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from cwalarm.definitions.alarm import Metric
from cwalarm.evaluation.series import Series
from deliverywatch.backtest.inputs import context_at
from deliverywatch.backtest.inputs.history import History
from deliverywatch.errors import InputError
from deliverywatch.sms.clicksend.outcomes import is_counted_failure
from deliverywatch.sms.counts import NAMESPACE, is_counted
from deliverywatch.sms.lake import day_objects
from deliverywatch.sms.lake.slots import DAY_OBJECT, HOUR, floor, from_milliseconds, hour_of, stamp_of, steps
from deliverywatch.sms.mail_context import context
from deliverywatch.storage.folder import Folder
from deliverywatch.thresholds import EMIT_HOURS

# From a run's begin until CloudWatch shows its datapoint, as shares: a run takes seconds, the log line up to a minute.
# AWS gives no figure, so this is an assumption; only what exceeds the stamp's two minutes can move an alarm.
PUBLISH_DELAYS = ((0.50, 60), (0.98, 90), (1.00, 180))

# Without an observation for two slots and this many messages, no run can have taken place.
_OUTAGE_SLOTS, _OUTAGE_MESSAGES = 2, 5

NAMES = ("sent_at", "outcome", "fault", "observed_at")
_PUBLISHED = ("Total", "Failed", "Runs")
# What is to be expected is computed of the totals (`expected`).
_HOLDS = frozenset((NAMESPACE, name) for name in (*_PUBLISHED, "Expected"))


@dataclass(slots=True)
class _Slot:
    """One slot: messages, when the first of them was observed, and by time of observation how many have failed."""

    total: int = 0
    observed_at: int = 0
    failed: Counter[int] = field(default_factory=Counter)
    first_failure: int = 0


def read(folder: Path, environment: str, slot_minutes: int, *, count_recipient_faults: bool) -> History:
    """Read a lake: `sms/dt=YYYY-MM-DD/HH.parquet`, or `day.parquet` once the day is one object.

    Raises:
        InputError: The folder holds no lake.
        ObjectDamaged: An object of it cannot be read.
    """
    slots: dict[datetime, _Slot] = {}
    hours: set[datetime] = set()
    seen: set[int] = set()
    for key, body in day_objects.bodies(Folder(folder), "sms/"):
        hours.update(_hours_named(folder, key))
        for sent_at, outcome, fault, observed_at in _rows(folder, key, body):
            hours.add(hour_of(from_milliseconds(sent_at)))
            slot = slots.setdefault(floor(from_milliseconds(sent_at), slot_minutes), _Slot())
            is_failed = is_counted_failure(outcome, fault, count_recipient_faults=count_recipient_faults)
            _count(slot, sent_at, outcome, observed_at, is_failed=is_failed)
            seen.add(observed_at)
    if not hours:
        raise InputError(
            f"{folder} holds no hour of a lake.", next_step="Name the folder of 'deliverywatch ingest --lake'."
        )
    # What was sent after the newest observation may not be read yet, or is scheduled.
    until = max(from_milliseconds(max(seen, default=0)), min(hours))
    covered, gaps = _coverage({hour for hour in hours if hour <= until}, _watermark(folder))
    begins = [
        begin
        for hour in sorted(covered)
        for begin in steps(hour, hour + HOUR, slot_minutes)
        if begin + timedelta(minutes=slot_minutes) <= until
    ]
    outages = _outages(slots, seen, slot_minutes)
    series, first_failures = _published(slots, begins, outages, environment, slot_minutes)
    seen_at = partial(context_at.at, folder, slot_minutes=slot_minutes, count_recipient_faults=count_recipient_faults)
    return History(
        series,
        (_delay_note(outages), _extent_note(folder, hours, gaps)),
        _HOLDS,
        contexts={context.KEY: seen_at},
        first_failures=first_failures,
    )


def _hours_named(folder: Path, key: str) -> list[datetime]:
    """The hour that an object is named after; those of a day's object are known by their rows."""
    with day_objects.readable(str(folder / key)):
        day, name = day_objects.day_of_key(key), key.rpartition("/")[2]
        return [] if name == DAY_OBJECT else [day + int(name.removesuffix(".parquet")) * HOUR]


def _rows(folder: Path, key: str, body: bytes) -> list[tuple[Any, ...]]:
    from deliverywatch.sms.lake import merge  # brings pyarrow, which no other history needs

    with day_objects.readable(str(folder / key)):
        return list(merge.rows(body, NAMES))


def _count(slot: _Slot, sent_at: int, outcome: str, observed_at: int, *, is_failed: bool) -> None:
    slot.total += is_counted(outcome)
    slot.observed_at = min(slot.observed_at or observed_at, observed_at)
    if is_failed:
        slot.failed[observed_at] += 1
        slot.first_failure = min(slot.first_failure or sent_at, sent_at)


def _watermark(folder: Path) -> datetime | None:
    path = folder / "state" / "sms-watermark.json"
    if not path.exists():
        return None
    try:
        return datetime.fromisoformat(json.loads(path.read_bytes())["covered_until"]).astimezone(UTC)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged.", next_step="Remove it: hours without messages are then gaps.") from error


def _coverage(hours: set[datetime], watermark: datetime | None) -> tuple[set[datetime], int]:
    """Return the hours that were read, and how many between them are gaps."""
    every = set(steps(min(hours), max(hours) + HOUR, 60))
    quiet = {hour for hour in every - hours if watermark and hour + HOUR <= hour_of(watermark)}
    return hours | quiet, len(every - hours - quiet)


def _published(
    slots: dict[datetime, _Slot],
    begins: list[datetime],
    outages: Sequence[tuple[datetime, datetime]],
    environment: str,
    slot_minutes: int,
) -> tuple[Series, dict[int, datetime]]:
    """Return the datapoints, and by the second of a stamp when the first failure of its slot was sent."""
    total, failed, runs = (Metric(NAMESPACE, name, (("Environment", environment),)) for name in _PUBLISHED)
    series, first_failures = Series(), {}
    for begin in begins:
        slot, end = slots.get(begin, _Slot()), begin + timedelta(minutes=slot_minutes)
        ran = _first_run(outages, end)
        stamp, visible = stamp_of(begin, slot_minutes), ran + _delay(ran)
        if ran == end:
            series.add(runs, end, 1, published=visible)
        series.add(total, stamp, slot.total, published=visible)
        for late, count in _failures(slot):
            series.add(failed, stamp, count, published=visible + late)
        if slot.first_failure:
            first_failures[int(stamp.timestamp()) // 60 * 60] = from_milliseconds(slot.first_failure)
    return series, first_failures


def _first_run(outages: Sequence[tuple[datetime, datetime]], end: datetime) -> datetime:
    """Return when the run took place that read a slot first: at its end, or at that of the outage in which it lies."""
    index = bisect_right(outages, end, key=lambda outage: outage[1])
    return outages[index][1] if index < len(outages) and outages[index][0] < end else end


def _delay(ran: datetime) -> timedelta:
    """Return how long after this run its datapoints became visible: drawn by its time, so always the same."""
    drawn = zlib.crc32(f"{ran:%Y%m%dT%H%M}".encode()) / 2**32
    return timedelta(seconds=next(seconds for share, seconds in PUBLISH_DELAYS if drawn < share))


def _outages(slots: dict[datetime, _Slot], seen: set[int], slot_minutes: int) -> list[tuple[datetime, datetime]]:
    """Return the times between two observations in which messages were sent and no run can have taken place."""
    begins, slot = sorted(slots), timedelta(minutes=slot_minutes)
    outages = []
    for before, after in pairwise(map(from_milliseconds, sorted(seen))):
        # After more than a day a slot is not published any more: that was a back-fill, which shows nothing.
        if _OUTAGE_SLOTS * slot < after - before <= timedelta(hours=EMIT_HOURS):
            inside = begins[bisect_right(begins, before - slot) : bisect_left(begins, after - slot)]
            if sum(slots[begin].total for begin in inside) >= _OUTAGE_MESSAGES:
                outages.append((before, after))
    return outages


def _failures(slot: _Slot) -> Iterator[tuple[timedelta, int]]:
    """Yield how much later than the slot was read first, and how many failures were known then; at least one zero."""
    counts: Counter[timedelta] = Counter({timedelta(0): 0})
    for observed_at, count in slot.failed.items():
        late = timedelta(milliseconds=observed_at - slot.observed_at)
        # Later ones are never published; that a backfill saw it only then is likelier.
        counts[late if late <= timedelta(hours=EMIT_HOURS) else timedelta(0)] += count
    yield from sorted(counts.items())


def _delay_note(outages: Sequence[tuple[datetime, datetime]]) -> str:
    shares = ", ".join(f"{share:.0%} within {seconds} s" for share, seconds in PUBLISH_DELAYS)
    count = len(outages)
    observed = (
        f"{count} outage{'' if count == 1 else 's'} of the pipeline in the lake delayed what was sent meanwhile"
        if count
        else "the lake shows no outage of the pipeline"
    )
    return (
        f"Publish delay: measured where the lake tells, and {observed}; a failure that came out late is visible as "
        f"much later. From a run to its datapoints it is assumed: {shares}."
    )


def _extent_note(folder: Path, hours: set[datetime], gaps: int) -> str:
    missing = f" {gaps} hours between them are gaps: they have no object, and no watermark covers them." if gaps else ""
    return f"History: {len(hours)} hours of the lake {folder.name}.{missing}"
