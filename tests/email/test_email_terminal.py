"""What strangers put into events is printed, and gives a terminal no orders."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from email_world import event, line

from deliverywatch.cli import main

RED = "\x1b[31mred\x07"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["email", *arguments])


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A campaign, a new field and a type that is none, which would colour the terminal and ring its bell."""
    sent, broken = event("Send"), event("Send")
    sent["mail"] |= {"timestamp": "2026-11-20T08:00:00.000Z", "tags": {"campaign": [RED]}, RED: 1}
    broken["eventType"] = RED * 20
    path = tmp_path / "events.ndjson"
    path.write_bytes(line(sent) + line(broken))
    return path


def test_no_verb_prints_an_order_of_an_event(events: Path) -> None:
    lake = ("--lake", str(events.with_name("lake")))
    landed = run("land", str(events), "--out", lake[1], "--at", "2026-11-20T09:00Z")
    done = [
        landed,
        run("report", *lake, "--since", "2026-11-19", "--until", "2026-11-21"),
        run("replay", *lake, "--dry-run"),
        run("drift", *lake),
    ]
    for result in done:
        assert "[31mred" in result.output
        assert "\x1b" not in result.output
        assert "\x07" not in result.output
