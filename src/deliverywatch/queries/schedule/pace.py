"""A token bucket: calls go out as fast as a service allows, with a short burst, from however many threads.

Scheduler allows 250 calls a second of each kind in its smaller regions, and 50 of ListSchedules
(docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html).
"""

import threading
from collections.abc import Callable


class Pace:
    """Turns for calls; safe to use from several threads."""

    def __init__(
        self, per_second: float, burst: int, *, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self._per_second, self._burst = per_second, burst
        self._clock, self._sleep = clock, sleep
        self._tokens, self._at = float(burst), clock()
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait until the next call may go out."""
        with self._lock:
            now = self._clock()
            self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second) - 1
            self._at = now
            seconds = -self._tokens / self._per_second
        if seconds > 0:
            self._sleep(seconds)
