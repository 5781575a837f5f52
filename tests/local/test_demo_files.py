"""The hour of files: one file is put aside, one mail says so, a redrive brings it back, one mail ends it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import deployed
import pytest

from deliverywatch.local.demo import files_day

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deliverywatch.local.demo.report import Outcome


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    out = tmp_path_factory.mktemp("files") / "demo"
    return files_day.perform(out, deployed.Silent(), {}, datetime.now(UTC), fast=True)


def test_one_mail_reports_the_file_and_one_the_end(played: Outcome) -> None:
    mails = [each.text.partition(": ")[2] for each in played.entries if each.kind == "mail"]
    assert [mail.partition(" Files not processed")[0] for mail in mails] == ["[WARNING]", "[RESOLVED 24m]"]


def test_the_page_is_whole_and_legible(played: Outcome, look: Callable[[Path | str, str], list[str]]) -> None:
    assert look(played.page, "demo-files") == []


def test_the_mail_names_the_file_and_the_reason(played: Outcome) -> None:
    (text,) = [path.read_text() for path in (played.page.parent / "mails").glob("01-*.txt")]
    assert "in/payroll 2026-11.csv" in text
    assert "AccessDeniedException" in " ".join(text.split())
    assert "deliverywatch files dlq redrive" in " ".join(text.split())
    assert "deliverywatch-prod-files?start=" in text


def test_every_upload_is_in_the_table_at_the_end(played: Outcome) -> None:
    items = json.loads((played.page.parent / "items.json").read_text())
    assert files_day.POISON in {item["key"] for item in items}
    assert {item["state"] for item in items} == {"present"}
    assert played.summary.endswith("15 files uploaded, 15 in the table, 2 mails")


def test_the_page_shows_why_it_was_put_aside(played: Outcome) -> None:
    page = played.page.read_text()
    assert "DynamoDB could not be used" in page
    assert "The table at the end" in page
