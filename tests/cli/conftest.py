"""A ClickSend account on loopback with three hours of messages, named by the environment."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from deliverywatch.local.clicksend.history import DELIVERED, Message, Messages, failure
from deliverywatch.local.clicksend.server import ClickSendServer

HOUR = timedelta(hours=1)


@pytest.fixture
def begin() -> datetime:
    """A full hour, some hours ago."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 6 * HOUR


@pytest.fixture
def clicksend(begin: datetime, monkeypatch: pytest.MonkeyPatch) -> Iterator[ClickSendServer]:
    messages = [fate(number, begin + number * timedelta(minutes=1)) for number in range(180)]
    with ClickSendServer(Messages(messages)) as clicksend:
        monkeypatch.setenv("CLICKSEND_USERNAME", "demo")
        monkeypatch.setenv("CLICKSEND_API_KEY", "demo-key")
        monkeypatch.setenv("DELIVERYWATCH_CLICKSEND_URL", clicksend.url)
        monkeypatch.setenv("COLUMNS", "80")
        yield clicksend


def fate(number: int, sent_at: datetime) -> Message:
    """Of ten messages one fails, one is on its way and one was cancelled."""
    outcomes = {
        3: failure("14", "Recipient network error or congestion"),
        5: {"status": "Sent", "status_code": "200"},
        7: {"status": "Cancelled", "status_code": "301", "error_code": "5"},
    }
    return Message(f"MESSAGE-{number:03}", sent_at, ((sent_at, outcomes.get(number % 10, DELIVERED)),))
