"""Simulated time: one clock that the emulator, the alarms and the demo read instead of the machine's."""

import heapq
import itertools
import threading
import time
from datetime import UTC, datetime
from time import struct_time
from typing import Any, Generic, TypeVar

_Item = TypeVar("_Item")


class Clock:
    """The time of the local cloud, which moves only by `advance_to`, and never backwards."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    @property
    def now(self) -> datetime:
        """The simulated time, aware, in UTC."""
        return self._now

    def advance_to(self, at: datetime) -> None:
        """Move the clock to a time; an earlier one leaves it where it is."""
        self._now = max(self._now, at.astimezone(UTC))


class Agenda(Generic[_Item]):
    """What will happen, and when; equal times keep the order in which they were added. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._order = itertools.count()
        self._waiting: list[tuple[datetime, int, _Item]] = []

    def add(self, at: datetime, item: _Item) -> None:
        """Let something wait for its time."""
        with self._lock:
            heapq.heappush(self._waiting, (at, next(self._order), item))

    def next_due(self, until: datetime) -> tuple[datetime, _Item] | None:
        """Take out what is next, with its time, if that has come."""
        with self._lock:
            if not self._waiting or self._waiting[0][0] > until:
                return None
            at, _, item = heapq.heappop(self._waiting)
            return at, item


def iso(at: datetime) -> str:
    """Return a time as AWS writes it, in UTC with milliseconds."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


class SimulatedTime:
    """Stands where the emulator has imported `time`: the present is simulated, all else is the real module."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def time(self) -> float:
        """Return the simulated time in seconds since the epoch."""
        return self._clock.now.timestamp()

    def gmtime(self, seconds: float | None = None) -> struct_time:
        """Return the simulated time, or the given one, as `time.gmtime` does."""
        return time.gmtime(self.time() if seconds is None else seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)
