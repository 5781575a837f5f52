"""The lake's old hours -> one object per day: what a query over a month opens is 30 objects instead of 720.

Days are due 72 hours after their end, when the outcomes have come; a later one is merged into the day's object. How a
day changes over without a row being lost or seen twice, whoever is killed when, is in `lake/day_objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.sms.lake import day_objects
from deliverywatch.sms.lake.slots import DAY_OBJECT
from deliverywatch.thresholds import COMPACT_MOST_BYTES

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store


@dataclass(frozen=True, slots=True)
class Due:
    """A day that is to become one object.

    Attributes:
        hour_count, byte_count: Of its hour objects.
        is_made: Whether its object is there, and only the hours have to go.
    """

    day: datetime
    hour_count: int
    is_made: bool
    byte_count: int = 0

    @property
    def is_too_large(self) -> bool:
        """Whether it stays as it is (`thresholds.COMPACT_MOST_BYTES`)."""
        return not self.is_made and self.byte_count > COMPACT_MOST_BYTES


@dataclass(slots=True)
class Summary:
    """What a compaction did, in numbers only.

    Attributes:
        day_count: Days that are one object now.
        hour_count: Hour objects that are gone, without the empty ones that sealed quiet hours.
        postponed_count: Days for which there was no time.
        too_large_count: Days that stay as they are, for their size.
        failures: Days that could not be compacted, with the reason; their rows stay where they are.
    """

    day_count: int = 0
    hour_count: int = 0
    postponed_count: int = 0
    too_large_count: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def as_fields(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return asdict(self)


def due(sizes: Iterable[tuple[str, int]], now: datetime, before: datetime | None = None) -> list[Due]:
    """Return the days that are due, the oldest first, of the lake's keys and their bytes; only days before `before`."""
    names: dict[datetime, dict[str, int]] = {}
    for key, size in sizes:
        if key.endswith(".parquet"):
            names.setdefault(day_objects.day_of_key(key), {})[key.rpartition("/")[2]] = size
    limit = min(now, before) if before else now
    return [
        Due(day, len(objects.keys() - {DAY_OBJECT}), DAY_OBJECT in objects, sum(objects.values()))
        for day, objects in sorted(names.items())
        if day_objects.is_due(day, now) and day + day_objects.DAY <= limit and objects.keys() != {DAY_OBJECT}
    ]


def compact(
    days: Sequence[Due],
    store: Store,
    *,
    token: str,
    has_time: Callable[[], bool] = lambda: True,
    on_begin: Callable[[Due], None] = lambda _: None,
) -> Summary:
    """Make one object of each of these days. A day that fails stops no other one.

    Args:
        days: As `due` returns them.
        store: Of the lake.
        token: Different for each run.
        has_time: Whether another day can be begun.
        on_begin: Is called with each day before it is begun.
    """
    summary = Summary()
    for due_day in days:
        if due_day.is_too_large:
            summary.too_large_count += 1
            continue
        if not has_time():
            summary.postponed_count += 1
            continue
        on_begin(due_day)
        try:
            day_objects.make_day(store, due_day.day, token)
            day_objects.clear(store, due_day.day, token)
            summary.day_count += 1
            summary.hour_count += due_day.hour_count
        except DeliveryWatchError as error:
            summary.failures[f"{due_day.day:%Y-%m-%d}"] = f"{error} {error.next_step}"
    return summary
