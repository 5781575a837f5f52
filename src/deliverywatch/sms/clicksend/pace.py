"""How many requests may be under way, and when the next may start: fast until ClickSend says 429, then half as many.

ClickSend publishes no rate limit; seen were 20 to 6,000 requests a minute, answered beyond that with 429 and
Retry-After of 20 s and 39 s. Additive growth and halving settle at the limit, whatever it is.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

from deliverywatch.errors import SourceThrottled, SourceUnavailable

_LONGEST_PAUSE_SECONDS = 30.0

# A pause is slept in slices, so that a reading which was given up does not keep its threads for the rest of it.
_SLICE_SECONDS = 1.0


class Pace:
    """The turns of all requests of one client; safe to use from several threads."""

    def __init__(
        self,
        in_flight: int,
        remaining_seconds: Callable[[], float],
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        random: Callable[[], float],
    ) -> None:
        self._limit = in_flight
        self._allowed = float(in_flight)
        self._active = 0
        self._refusals = 0
        self._resume_at = clock()
        self._retry_after_seconds: float | None = None
        self._remaining_seconds = remaining_seconds
        self._clock, self._sleep, self._random = clock, sleep, random
        self._turn = threading.Condition()

    @property
    def allowed(self) -> int:
        """How many requests may be under way now."""
        return int(self._allowed)

    @contextmanager
    def turn(self, abandoned: threading.Event) -> Iterator[None]:
        """Wait until a request may start, and count it as under way inside the block.

        Raises:
            SourceThrottled: ClickSend's pause is longer than the time that is left.
            SourceUnavailable: No time is left.
            CancelledError: The event was set meanwhile.
        """
        self._wait_for_others(abandoned)
        try:
            self._wait_for_time(abandoned)
            yield
        finally:
            with self._turn:
                self._active -= 1
                self._turn.notify_all()

    def throttled(self, retry_after_seconds: float | None) -> None:
        """Halve the number under way and pause everybody: for as long as ClickSend asked, or longer each time."""
        with self._turn:
            now = self._clock()
            # The requests that were under way together are refused together: that is one refusal, not eight.
            if now >= self._resume_at:
                self._allowed = max(1.0, self._allowed / 2)
                self._refusals += 1
            self._resume_at = max(self._resume_at, now + self._pause_seconds(retry_after_seconds))
            self._retry_after_seconds = retry_after_seconds

    def succeeded(self) -> None:
        """Grow by about one request per round of answers, up to the limit."""
        with self._turn:
            self._refusals = 0
            self._allowed = min(float(self._limit), self._allowed + 1 / self._allowed)
            self._turn.notify_all()

    def back_off(self, failure_count: int) -> None:
        """Sleep before a request that failed is tried again: up to 1 s, 2 s, 4 s."""
        self._sleep(self._jitter(failure_count - 1))

    def _pause_seconds(self, retry_after_seconds: float | None) -> float:
        if retry_after_seconds is None:
            return self._jitter(self._refusals)
        # Retry-After is in whole seconds: a little later is the right side of its edge.
        return retry_after_seconds + self._random()

    def _jitter(self, doublings: int) -> float:
        return min(_LONGEST_PAUSE_SECONDS, 2.0**doublings) * (1 + self._random()) / 2

    def _wait_for_others(self, abandoned: threading.Event) -> None:
        with self._turn:
            while self._active >= self.allowed:
                self._turn.wait(_SLICE_SECONDS)
                if abandoned.is_set():
                    raise CancelledError
            self._active += 1

    def _wait_for_time(self, abandoned: threading.Event) -> None:
        while (pause_seconds := self._resume_at - self._clock()) > 0:
            self._check_that_it_fits(pause_seconds)
            self._sleep(min(pause_seconds, _SLICE_SECONDS))
            if abandoned.is_set():
                raise CancelledError
        if self._remaining_seconds() <= 0:
            raise SourceUnavailable("ClickSend's history was not read to its end in the time that this run has.")

    def _check_that_it_fits(self, pause_seconds: float) -> None:
        remaining_seconds = self._remaining_seconds()
        if pause_seconds <= remaining_seconds:
            return
        requested = self._retry_after_seconds
        pause = (
            f"asks to wait {requested:.0f} s" if requested is not None else f"the next pause is {pause_seconds:.0f} s"
        )
        raise SourceThrottled(
            f"ClickSend answered 429 and {pause}, longer than the {max(0.0, remaining_seconds):.0f} s that this run "
            "has left."
        )
