"""A number of messages over some hours -> a history of any size whose rows are made when they are asked for.

For measuring: a million messages need no memory, and every page is the same in every process that was given the same numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from deliverywatch.local.history import ACCEPTED, DELIVERED, Message, failure

if TYPE_CHECKING:
    from collections.abc import Mapping

_CARRIERS = ("Telstra", "Optus", "Vodafone", "TPG", "Pivotel")
_COUNTRIES = ("AU", "AU", "AU", "AU", "NZ", "AU", "AU", "GB")
_FAILURES = (
    failure("12", "Absent Subscriber. The subscriber is offline."),
    failure("14", "Recipient network error or congestion"),
    failure("8", "Unknown Subscriber. The number is inactive or invalid."),
    failure("15", "Rejected by the recipient network"),
)

# Rows repeat their words and differ in id, time, number and price; of 1,000 messages 30 fail and 10 are still on their way.
_CYCLE = 1000


@dataclass(frozen=True, slots=True)
class Bulk:
    """Messages sent evenly from a moment on, over so many hours; the seed only changes their ids and numbers."""

    start: datetime
    hours: float
    messages: int
    seed: int = 0

    def between(self, first: int, last: int, now: datetime) -> range:
        """Return the positions of what was sent in these Unix seconds, both inclusive, and is visible now."""
        last = min(last, int(now.timestamp()))
        return range(self._position(first), max(self._position(first), self._position(last + 1)))

    def rows(self, positions: range, now: datetime) -> list[bytes]:
        """Return the rows at these positions as JSON."""
        start, span = int(self.start.timestamp()), self._span_seconds()
        return [
            _TEMPLATES[position % _CYCLE]
            % _unique(self.seed, position, start + position * span // self.messages)
            for position in positions
        ]

    def _position(self, second: int) -> int:
        """The first position that was sent in this second or later."""
        offset = second - int(self.start.timestamp())
        return min(self.messages, max(0, -(-offset * self.messages // self._span_seconds())))

    def _span_seconds(self) -> int:
        return int(self.hours * 3600)


def _unique(seed: int, position: int, second: int) -> tuple[bytes | int, ...]:
    digits = hashlib.blake2b(b"%d:%d" % (seed, position), digest_size=16).hexdigest().upper().encode()
    message_id = b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return second, position % 100_000, second, message_id
