"""`deliverywatch recipients`: whom an incident kept from a message, and who got none since."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from deliverywatch.alerting.incidents import outbox
from deliverywatch.local.clicksend.history import DELIVERED, Message, Messages, failure
from deliverywatch.local.clicksend.server import ClickSendServer

if TYPE_CHECKING:
    from click.testing import Result

NOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
FAILED = failure("14", "Recipient network error or congestion")
A, B, C, D = (f"+6140000000{digit}" for digit in range(4))


def message(minute: int, number: str, fate: dict[str, object]) -> Message:
    sent_at = NOON + timedelta(minutes=minute)
    return Message(f"M{minute:03}-{number[-1]}", sent_at, ((sent_at, fate),), {"to": number})


# Before, in and after an incident from 12:30 to 13:30, whose alarm looked back to 12:00.
SENT = [
    message(-10, D, FAILED),
    message(5, A, FAILED),
    message(40, A, FAILED),
    message(41, B, FAILED),
    message(42, C, dict(DELIVERED)),
    message(50, C, FAILED),
    message(45, D, dict(DELIVERED)),
    message(100, B, dict(DELIVERED)),
    message(110, D, FAILED),
]


@pytest.fixture
def lake(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with ClickSendServer(Messages(SENT)) as clicksend:
        monkeypatch.setenv("CLICKSEND_USERNAME", "demo")
        monkeypatch.setenv("CLICKSEND_API_KEY", "demo-key")
        monkeypatch.setenv("DELIVERYWATCH_CLICKSEND_URL", clicksend.url)
        filled = run("backfill", "--since", (NOON - timedelta(hours=1)).isoformat(), "--lake", tmp_path)
        assert filled.exit_code == 0, filled.stderr
        for seq, event, minute in ((1, "OPENED", 30), (2, "ESCALATED", 40), (3, "RESOLVED", 90)):
            record(tmp_path, seq, event, NOON + timedelta(minutes=minute))
        yield tmp_path


def record(lake: Path, seq: int, event: str, time: datetime) -> None:
    mail = outbox.Record("INC-1121-1204", "sms-failures", seq, event, "warning", time, "request", time)
    path = lake / outbox.record_key(mail)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(outbox.to_json(mail))


def rows(result: Result) -> list[dict[str, str]]:
    assert result.exit_code == 0, result.stderr
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_who_was_not_reached_is_listed_once_the_latest_first(lake: Path, run: Callable[..., Result]) -> None:
    found = rows(run("recipients", "INC-1121-1204", "--lake", lake))
    assert [(each["message_id"], each["failed_messages"]) for each in found] == [("M050-2", "1"), ("M040-0", "2")]
    assert found[0]["recipient"] == "+61•••••002"
    assert (found[0]["code"], found[0]["reason"]) == ("14", "Recipient network error or congestion")


def test_no_number_is_in_it_unless_it_is_looked_up(lake: Path, run: Callable[..., Result]) -> None:
    masked, named = (run("recipients", "inc-1121-1204", "--lake", lake, *more) for more in ([], ["--lookup"]))
    assert not any(number in masked.stdout for number in (A, B, C, D))
    assert [(each["message_id"], each["number"]) for each in rows(named)] == [("M050-2", C), ("M040-0", A)]
    assert not any(A.encode() in path.read_bytes() for path in lake.rglob("*") if path.is_file())


def test_a_time_can_be_named_instead(lake: Path, run: Callable[..., Result]) -> None:
    times = ["--since", (NOON + timedelta(minutes=105)).isoformat(), "--format", "json"]
    result = run("recipients", "--lake", lake, *times)
    assert [json.loads(line)["message_id"] for line in result.stdout.splitlines()] == ["M110-3"]
    assert "1 person was not reached" in result.stderr


def test_a_number_that_clicksend_no_longer_tells_is_left_out(
    lake: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ClickSendServer(Messages(SENT[:3])) as clicksend:
        monkeypatch.setenv("DELIVERYWATCH_CLICKSEND_URL", clicksend.url)
        result = run("recipients", "INC-1121-1204", "--lake", lake, "--lookup")
    assert [each["number"] for each in rows(result)] == ["", A]
    assert "ClickSend does not give 1 of the numbers" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["INC-0000-0000"],
        [],
        ["INC-1121-1204", "--since", "2026-11-21"],
        ["--until", "2026-11-21"],
        ["--since", "2026-11-21", "--until", "2026-11-20"],
    ],
)
def test_what_cannot_be_listed_is_one_sentence(lake: Path, run: Callable[..., Result], arguments: list[str]) -> None:
    result = run("recipients", "--lake", lake, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
