"""`deliverywatch queries` without an account: validate and next."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deliverywatch.cli import main

GOOD = {"schedule": "cron(30 2 * * ? *)", "timezone": "Europe/Rome", "query": "SELECT 1"}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["queries", *arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "queries.json"
    path.write_text(json.dumps({"queries": {"daily": GOOD}}))
    return path


def test_a_file_in_order_is_reported_so(file: Path) -> None:
    done = run("validate", str(file))
    assert (done.exit_code, "1 query, all in order" in done.stdout) == (0, True)


def test_a_refused_file_ends_with_2_and_every_path(file: Path) -> None:
    file.write_text(json.dumps({"queries": {"daily": GOOD | {"cron": "x"}, "other": {}}}), encoding="utf-8")
    done = run("validate", str(file))
    assert done.exit_code == 2
    assert "$.queries.daily.cron" in done.stdout
    assert "$.queries.other.schedule" in done.stdout
    assert max(map(len, done.stdout.splitlines()[:1])) <= 80


def test_validate_prints_json_for_scripts(file: Path) -> None:
    file.write_text(json.dumps({"queries": {"daily": GOOD | {"slack": {}}}}), encoding="utf-8")
    document = json.loads(run("validate", str(file), "--json").stdout)
    assert (document["queries"], document["problems"]) == (1, [])
    assert document["notices"][0]["path"] == "$.queries.daily.slack"


def test_next_shows_ten_times_across_a_change_of_clocks(file: Path) -> None:
    done = run("next", "daily", "--config", str(file), "--after", "2026-03-27T12:00Z")
    lines = done.stdout.splitlines()
    assert len(lines) == 11
    assert lines[1:3] == [
        "Sat 2026-03-28 02:30 CET   2026-03-28 01:30 UTC",
        "Mon 2026-03-30 02:30 CEST   2026-03-30 00:30 UTC",
    ]


def test_next_names_the_queries_of_the_file(file: Path) -> None:
    done = run("next", "dayly", "--config", str(file))
    assert done.exit_code == 2
    assert "Choose one of: daily." in done.stderr


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    done = run("validate", str(tmp_path / "none.json"))
    assert done.exit_code == 2
    assert "cannot be read" in done.stderr


def test_validate_ends_with_2_for_a_schedule_that_aws_refuses_and_says_that_the_others_go_on(file: Path) -> None:
    file.write_text(
        json.dumps({"queries": {"daily": GOOD, "bad": GOOD | {"schedule": "cron(*/60 * * * ? *)"}}}), encoding="utf-8"
    )
    done = run("validate", str(file))
    assert (done.exit_code, "$.queries.bad.schedule" in done.stdout) == (2, True)
    assert "1 problem: AWS refuses these schedules; the other queries go on." in done.stdout
    assert run("next", "daily", "--config", str(file)).exit_code == 0
    refused = run("next", "bad", "--config", str(file))
    assert (refused.exit_code, "more than 59" in refused.stderr) == (2, True)


def test_validate_names_a_schedule_that_never_runs_and_next_says_so(file: Path) -> None:
    file.write_text(json.dumps({"queries": {"daily": GOOD | {"schedule": "cron(0 0 31 6 ? *)"}}}), encoding="utf-8")
    done = run("validate", str(file))
    assert (done.exit_code, "It never runs" in done.stdout) == (0, True)
    assert "It never runs again." in run("next", "daily", "--config", str(file)).stdout
