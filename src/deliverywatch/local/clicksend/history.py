"""Messages with a fate -> the rows that ClickSend's history shows of them at a given time.

Rows: developers.clicksend.com, GET /v3/sms/history; the older shape is that of the documents before 2024, which has
times and counts as text and leaves out keys.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

import orjson

# What ClickSend says of a message until its outcome is known.
ACCEPTED = {
    "status": "Sent",
    "status_code": "200",
    "status_text": "Success: Message sent.",
    "error_code": "3",
    "error_text": "Message sent",
}
DELIVERED = {
    "status": "Sent",
    "status_code": "201",
    "status_text": "Message delivered to the handset",
    "error_code": "4",
    "error_text": "Message delivered to the handset",
}


def failure(error_code: str, text: str) -> dict[str, str]:
    """Return the outcome fields of a final failure."""
    return {
        "status": "Failed",
        "status_code": "301",
        "status_text": text,
        "error_code": error_code,
        "error_text": "Unknown error",
    }


class Shape(StrEnum):
    """Which of ClickSend's documented row shapes is answered."""

    CURRENT = "current"
    OLD = "old"


@dataclass(frozen=True, slots=True)
class Message:
    """A message and its fate.

    Attributes:
        message_id: ClickSend's id, an upper-case UUID; None leaves the key out of the row.
        sent_at: Aware; history shows the message from then on.
        outcomes: (aware time, fields) in order of time: from that time on the row has these fields.
        fields: Fields that stay, on top of the documented example's.
    """

    message_id: str | None
    sent_at: datetime
    outcomes: Sequence[tuple[datetime, Mapping[str, Any]]] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)

    def row(self, now: datetime, shape: Shape = Shape.CURRENT) -> dict[str, Any]:
        """Return the message as history shows it at this time."""
        times = {"date": _second(self), "schedule": str(_second(self))}
        row = _EXAMPLE | times | {"message_id": self.message_id, **self.fields, **self._outcome(now)}
        if self.message_id is None:
            del row["message_id"]
        return row if shape is Shape.CURRENT else _old(row)

    def _outcome(self, now: datetime) -> Mapping[str, Any]:
        reached = [fields for since, fields in self.outcomes if since <= now]
        return reached[-1] if reached else ACCEPTED


class History(Protocol):
    """What the server shows: messages in order of their whole seconds of sending."""

    def between(self, first: int, last: int, now: datetime) -> range:
        """Return the positions of what was sent in these Unix seconds, both inclusive, and is visible now."""

    def rows(self, positions: Sequence[int], now: datetime) -> list[bytes]:
        """Return the rows at these positions as JSON."""

    def price(self, positions: range) -> float:
        """Return what the messages at these positions cost together."""

    def second(self, position: int) -> int:
        """Return the Unix second in which the message at a position was sent."""


class Messages:
    """A history of given messages; messages can come and go."""

    def __init__(self, messages: Iterable[Message] = (), shape: Shape = Shape.CURRENT) -> None:
        self._messages = sorted(messages, key=_second)
        self._shape = shape

    def add(self, *messages: Message) -> None:
        """Let messages appear, wherever their time of sending puts them."""
        for message in messages:
            insort(self._messages, message, key=_second)

    def remove(self, position: int) -> None:
        """Let a message vanish."""
        del self._messages[position]

    def between(self, first: int, last: int, now: datetime) -> range:
        """Return the positions of what was sent in these Unix seconds, both inclusive, and is visible now."""
        last = min(last, int(now.timestamp()))
        return range(bisect_left(self._messages, first, key=_second), bisect_right(self._messages, last, key=_second))

    def rows(self, positions: Sequence[int], now: datetime) -> list[bytes]:
        """Return the rows at these positions as JSON."""
        return [orjson.dumps(self._messages[position].row(now, self._shape)) for position in positions]

    def second(self, position: int) -> int:
        """Return the Unix second in which the message at a position was sent."""
        return _second(self._messages[position])

    def price(self, positions: range) -> float:
        """Return what the messages at these positions cost together."""
        usual = _EXAMPLE["message_price"]
        return sum(float(self._messages[position].fields.get("message_price", usual)) for position in positions)


def _second(message: Message) -> int:
    return int(message.sent_at.timestamp())


def _old(row: dict[str, Any]) -> dict[str, Any]:
    """The shape of the older documents: text instead of numbers, and no names."""
    texts = {"date": str(row["date"]), "message_parts": f"{float(row['message_parts']):.2f}", "contact_id": 0}
    return {name: value for name, value in (row | texts).items() if name not in {"first_name", "last_name"}}


# ClickSend's documented example, with documented test numbers of no network.
_EXAMPLE: dict[str, Any] = {
    "direction": "out",
    "date": 0,
    "to": "+61491570156",
    "body": "test message, please ignore",
    "status": "Sent",
    "from": "+61491570006",
    "schedule": "0",
    **ACCEPTED,
    "message_id": None,
    "message_parts": 1,
    "message_price": "0.0792",
    "from_email": None,
    "list_id": None,
    "custom_string": "",
    "contact_id": None,
    "user_id": 1,
    "subaccount_id": 2,
    "country": "AU",
    "carrier": "Telstra",
    "first_name": None,
    "last_name": None,
    "_api_username": "someone",
}
