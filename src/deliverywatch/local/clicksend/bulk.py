"""A number of messages over some hours -> a history of any size whose rows are made when they are requested.

For measuring: a million messages need no memory, and every process that was given the same numbers has the same rows.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import orjson

from deliverywatch.local.clicksend.history import ACCEPTED, DELIVERED, Message, failure

_CARRIERS = ("Verizon", "AT&T", "T-Mobile", "US Cellular")
_FAILURES = (
    failure("12", "Absent Subscriber. The subscriber is offline."),
    failure("14", "Recipient network error or congestion"),
    failure("8", "Unknown Subscriber. The number is inactive or invalid."),
    failure("15", "Rejected by the recipient network"),
)

# Rows repeat their words and differ in time, number and id; of 1,000 messages 30 fail and 10 are still on their way.
_CYCLE = 1000


@dataclass(frozen=True, slots=True)
class Bulk:
    """Messages sent evenly from `start` on, over `hours` hours; the seed only changes their ids and numbers."""

    start: datetime
    hours: float
    messages: int
    seed: int = 0

    def between(self, first: int, last: int, now: datetime) -> range:
        """Return the positions of what was sent in these Unix seconds, both inclusive, and is visible now."""
        last = min(last, int(now.timestamp()))
        return range(self._position(first), max(self._position(first), self._position(last + 1)))

    def rows(self, positions: Sequence[int], now: datetime) -> list[bytes]:  # noqa: ARG002 - their outcomes never change
        """Return the rows at these positions as JSON."""
        return [
            _template(position % _CYCLE) % _unique(self.seed, position, self.second(position)) for position in positions
        ]

    def second(self, position: int) -> int:
        """Return the Unix second in which the message at a position was sent."""
        return int(self.start.timestamp()) + position * self._length_seconds() // self.messages

    def price(self, positions: range) -> float:
        """Return what the messages at these positions cost together."""
        return sum(float(_price(position)) for position in positions)

    def _position(self, second: int) -> int:
        """The first position that was sent in this second or later."""
        offset = second - int(self.start.timestamp())
        return min(self.messages, max(0, -(-offset * self.messages // self._length_seconds())))

    def _length_seconds(self) -> int:
        return int(self.hours * 3600)


def _unique(seed: int, position: int, second: int) -> tuple[bytes | int, ...]:
    digits = hashlib.blake2b(b"%d:%d" % (seed, position), digest_size=16).hexdigest().upper().encode()
    message_id = b"-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    # 555-01xx is set aside for fiction in every area code: 80,000 numbers that belong to nobody.
    area, line = 200 + position // 100 % 800, position % 100
    return second, area, line, second, message_id


def _outcome(position: int) -> Mapping[str, str]:
    if position % 33 == 5:
        return _FAILURES[position // 33 % len(_FAILURES)]
    return ACCEPTED if position % 100 == 7 else DELIVERED


def _price(position: int) -> str:
    return "0.0713" if position % 10 else "0.1426"


@cache
def _template(position: int) -> bytes:
    """One row as JSON, with a placeholder for each value that differs from message to message."""
    steady = {
        "to": "NUMBER",
        "country": "US",
        "carrier": _CARRIERS[position % len(_CARRIERS)],
        "message_price": _price(position),
        "message_parts": 1 if position % 10 else 2,
        "custom_string": f"order:{position}",
    }
    epoch = datetime.fromtimestamp(0, UTC)
    message = Message("ID", epoch, outcomes=((epoch, _outcome(position)),), fields=steady)
    row = message.row(epoch) | {"schedule": "TIME"}
    text = orjson.dumps(row).replace(b'"date":0', b'"date":%d').replace(b"NUMBER", b"+1%03d55501%02d")
    return text.replace(b'"TIME"', b'"%d"').replace(b'"ID"', b'"%s"')
