"""The SMS lake in a folder -> the datapoints that the pipeline would have published of it.

Each slot of an hour whose object is there has a Total, a Failed and one run; an hour without an object is quiet if the
lake's watermark is there and lies behind it, else it is a gap and has none of them. When a slot was read first is not
in the lake, so the model says it: at the slot's end. How much later a failure came out is measured: it is the time from
the first row of its slot that was observed to the failed one.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.backtest.past import Past
from deliverywatch.engine.alarm import Metric
from deliverywatch.engine.series import Series
from deliverywatch.errors import InputError
from deliverywatch.sms.counts import NAMESPACE, is_counted
from deliverywatch.sms.outcomes import is_counted_failure
from deliverywatch.sms.slots import HOUR, floor, from_milliseconds, hour_of, steps
from deliverywatch.thresholds import EMIT_HOURS, STAMP_DELAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# From the end of a slot until CloudWatch shows its datapoint: a run takes seconds, the log line up to a minute.
PUBLISH_DELAY_SECONDS = 90

NAMES = ("sent_at", "outcome", "fault", "observed_at")
_KEY = re.compile(r"dt=(\d{4}-\d\d-\d\d)/(\d\d)\.parquet$")
_UNKNOWABLE = frozenset(
    {(NAMESPACE, "OverduePercent"), ("AWS/Lambda", "Errors"), ("AWS/SQS", "ApproximateNumberOfMessagesVisible")}
)


@dataclass(slots=True)
class _Slot:
    """One slot: messages, when the first of them was observed, and by time of observation how many have failed."""

    total: int = 0
    observed_at: int = 0
    failed: Counter[int] = field(default_factory=Counter)
    first_failure: int = 0


def read(folder: Path, environment: str, slot_minutes: int, *, count_recipient_faults: bool) -> Past:
    """Read a lake.

    Args:
        folder: Holds `sms/dt=YYYY-MM-DD/HH.parquet`.
        environment: The dimension of the metrics.
        slot_minutes: The grain of the counts.
        count_recipient_faults: Whether dead numbers count as failures.

    Raises:
        InputError: The folder holds no lake, or an object is damaged.
    """
    slots: dict[datetime, _Slot] = {}
    hours: set[datetime] = set()
    newest = 0
    for path in sorted(folder.glob("sms/dt=*/*.parquet")):
        hour, rows = _hour(path)
        hours.add(hour)
        for sent_at, outcome, fault, observed_at in rows:
            slot = slots.setdefault(floor(from_milliseconds(sent_at), slot_minutes), _Slot())
            _count(slot, sent_at, outcome, observed_at, is_failed=_failed(outcome, fault, count_recipient_faults))
            newest = max(newest, observed_at)
    if not hours:
        raise InputError(
            f"{folder} holds no hour of a lake.", next_step="Name the folder of 'deliverywatch ingest --lake'."
        )
    covered, gaps = _coverage(hours, _watermark(folder))
    # What was sent after the newest observation may not be read yet.
    until = max(from_milliseconds(newest), min(hours))
    begins = [
        each
        for hour in sorted(covered)
        for each in steps(hour, hour + HOUR, slot_minutes)
        if each + timedelta(minutes=slot_minutes) <= until
    ]
    return _published(slots, begins, environment, slot_minutes, (_model(slot_minutes), _told(folder, hours, gaps)))


def _failed(outcome: str, fault: str, count_recipient_faults: bool) -> bool:  # noqa: FBT001
    return is_counted_failure(outcome, fault, count_recipient_faults=count_recipient_faults)


def _hour(path: Path) -> tuple[datetime, list[tuple[Any, ...]]]:
    from deliverywatch.sms import lake  # brings pyarrow, which no other history needs

    try:
        return _hour_of(path), list(lake.rows(path.read_bytes(), NAMES))
    except (ValueError, KeyError, TypeError) as error:  # pyarrow's own errors are among them
        raise InputError(
            f"{path} is not an hour of a DeliveryWatch lake, or it is damaged.",
            next_step="Move it away; 'deliverywatch backfill' reads the hour again.",
        ) from error


def _hour_of(path: Path) -> datetime:
    found = _KEY.search(path.as_posix())
    if not found:
        raise ValueError("the name is not dt=YYYY-MM-DD/HH.parquet")
    return datetime.strptime("T".join(found.groups()), "%Y-%m-%dT%H").replace(tzinfo=UTC)


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
    slots: dict[datetime, _Slot], begins: list[datetime], environment: str, slot_minutes: int, notes: tuple[str, ...]
) -> Past:
    total, failed, runs = (
        Metric(NAMESPACE, name, (("Environment", environment),)) for name in ("Total", "Failed", "Runs")
    )
    series, first_failures = Series(), {}
    for begin in begins:
        slot, end = slots.get(begin, _Slot()), begin + timedelta(minutes=slot_minutes)
        stamp, visible = end + timedelta(seconds=STAMP_DELAY_SECONDS), end + timedelta(seconds=PUBLISH_DELAY_SECONDS)
        series.add(runs, end, 1, published=visible)
        series.add(total, stamp, slot.total, published=visible)
        for late, count in _failures(slot):
            series.add(failed, stamp, count, published=visible + late)
        if slot.first_failure:
            first_failures[int(stamp.timestamp()) // 60 * 60] = from_milliseconds(slot.first_failure)
    return Past(series, notes, _UNKNOWABLE, first_failures)


def _failures(slot: _Slot) -> Iterator[tuple[timedelta, int]]:
    """Yield how much later than the slot was read first, and how many failures were known then; at least one zero."""
    known: Counter[timedelta] = Counter({timedelta(0): 0})
    for observed_at, count in slot.failed.items():
        late = timedelta(milliseconds=observed_at - slot.observed_at)
        # Later ones are never published; that a backfill saw it only then is likelier.
        known[late if late <= timedelta(hours=EMIT_HOURS) else timedelta(0)] += count
    yield from sorted(known.items())


def _model(slot_minutes: int) -> str:
    return (
        f"Publish delay: every slot of {slot_minutes} minutes is visible {PUBLISH_DELAY_SECONDS} s after its end "
        "(fixed); failures that came out later are visible as much later as the lake observed them."
    )


def _told(folder: Path, hours: set[datetime], gaps: int) -> str:
    missing = f" {gaps} hours between them are gaps: they have no object, and no watermark covers them." if gaps else ""
    return f"History: {len(hours)} hours of the lake {folder.name}.{missing}"
