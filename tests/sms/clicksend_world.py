"""A ClickSend account with messages, on loopback, and a client whose pauses cost no time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.local.clicksend.history import Message
from deliverywatch.sms.clicksend.client import ClickSend
from deliverywatch.sms.clicksend.credentials import Credentials

if TYPE_CHECKING:
    from deliverywatch.local.clicksend.server import ClickSendServer

START = datetime(2026, 11, 21, 11, tzinfo=UTC)
END = START + timedelta(hours=1)
API_KEY = "KEY-0123-SECRET"


@dataclass
class Time:
    """A clock that only moves when somebody sleeps."""

    seconds: float = 1000.0
    budget_seconds: float = 600.0
    pauses: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.pauses.append(seconds)
            self.seconds += seconds

    def remaining_seconds(self) -> float:
        return 1000.0 + self.budget_seconds - self.seconds

    def slept_seconds(self) -> float:
        return self.seconds - 1000.0


def messages(count: int) -> list[Message]:
    """So many messages, evenly over the hour."""
    return [
        Message(f"MESSAGE-{number:05}", START + timedelta(seconds=number * 3600 // count)) for number in range(count)
    ]


def client(clicksend: ClickSendServer, time: Time | None = None, **options: Any) -> ClickSend:
    """A client of the account that waits for nothing longer than a second."""
    time = time or Time()
    defaults = {"answer_seconds": 1.0, "remaining_seconds": time.remaining_seconds, "random": lambda: 0.5}
    url, key = options.pop("url", clicksend.url), options.pop("api_key", API_KEY)
    credentials = Credentials("somebody", key)
    return ClickSend(credentials, url, clock=time.clock, sleep=time.sleep, **(defaults | options))


def ids(reader: ClickSend, start: datetime = START, end: datetime = END) -> list[str]:
    """The ids of all rows that are read, in their order."""
    return [row["message_id"] for page in reader.pages(start, end) for row in page.rows]
