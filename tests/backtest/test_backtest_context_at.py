"""What a mail of the past found in the lake: what had been observed by then, and nothing newer."""

import email
import json
from datetime import datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from backtest.backtest_world import MIDNIGHT, SLOT, Row, write_lake
from deliverywatch.backtest.inputs import context_at
from deliverywatch.cli import main

NOON = MIDNIGHT + timedelta(hours=12)


def context(folder: Path, rows: list[Row], moment: datetime) -> Any:
    return json.loads(context_at.at(write_lake(folder, rows), moment, 30, slot_minutes=10, count_recipient_faults=True))


def test_a_failure_that_was_not_observed_yet_is_pending(tmp_path: Path) -> None:
    row = (NOON, "failed", "carrier", NOON + timedelta(minutes=40))
    early = context(tmp_path / "early", [row], NOON + timedelta(minutes=20))["slots"][-2]
    late = context(tmp_path / "late", [row], NOON + timedelta(minutes=40))["slots"][-4]
    assert (early["start"], early["pending"], early["failed"]) == ("2026-11-20T12:00:00Z", 1, 0)
    assert (late["start"], late["pending"], late["failed"]) == ("2026-11-20T12:00:00Z", 0, 1)


def test_what_was_sent_later_is_not_in_it(tmp_path: Path) -> None:
    rows = [(NOON, "failed", "carrier", NOON + SLOT), (NOON + SLOT, "failed", "carrier", NOON + 2 * SLOT)]
    document = context(tmp_path, rows, NOON + timedelta(minutes=13))
    assert sum(slot["total"] for slot in document["slots"]) == 1
    assert document["window"]["reasons"][0]["count"] == 1


def test_a_rendered_mail_tells_the_reasons(deployed: Path, lake: Path, tmp_path: Path) -> None:
    arguments = ["--template", deployed, "--history", lake, "--render-to", tmp_path]
    assert CliRunner().invoke(main, ["backtest", *map(str, arguments)]).exit_code == 0
    (critical,) = tmp_path.glob("002-*.eml")
    body = email.message_from_bytes(critical.read_bytes(), policy=policy.default).get_body(("plain",))
    assert body is not None
    assert "TOP REASONS IN THE LAST 30 MINUTES" in body.get_content()
