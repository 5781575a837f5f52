"""Simulated time: one clock that the emulator, the alarms and the demo read instead of the machine's."""

import time
from datetime import UTC, datetime
from time import struct_time
from typing import Any


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
