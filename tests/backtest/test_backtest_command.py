"""`deliverywatch backtest` from the outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from backtest.backtest_world import SLOT, csv, rows_of_the_demo, template, write_lake
from deliverywatch.cli import main
from deliverywatch.engine.series import Series

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from deliverywatch.engine.alarm import Metric


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["backtest", *map(str, arguments)])


def document(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_the_demos_day_brings_the_demos_four_mails(deployed: Path, lake: Path) -> None:
    (variant,) = document("--template", deployed, "--history", lake)["variants"]
    assert [(mail["time"][11:16], mail["event"], mail["level"]) for mail in variant["mails"]] == [
        ("11:23", "OPENED", "warning"),
        ("12:13", "ESCALATED", "critical"),
        ("13:13", "DOWNGRADED", "warning"),
        ("13:23", "RESOLVED", "ok"),
    ]
    assert variant["mails"][0]["subject"] == "[WARNING] SMS failures 3.2% - prod - INC-1120-1123"


def test_a_lake_says_nothing_of_alarms_on_what_is_not_in_it(deployed: Path, lake: Path) -> None:
    found = document("--template", deployed, "--history", lake)
    assert [name.removeprefix("deliverywatch-prod-") for name in found["left_out"]] == [
        "mail-failed",
        "sms-ingest-errors",
        "sms-overdue",
    ]


def test_a_higher_threshold_mails_later_and_side_by_side(deployed: Path, lake: Path) -> None:
    found = document("--template", deployed, "--history", lake, "--set", "WarningThresholdPercent=2,5")
    waits = {each["label"]: each["figures"]["median_minutes_to_mail"] for each in found["variants"]}
    assert list(waits) == ["WarningThresholdPercent=2", "WarningThresholdPercent=5"]
    assert waits["WarningThresholdPercent=2"] < waits["WarningThresholdPercent=5"]


def test_a_threshold_above_everything_misses_the_incident(tmp_path: Path) -> None:
    history = csv(tmp_path, dict.fromkeys(range(60, 66), 10))
    found = document("--template", template(tmp_path), "--history", history, "--set", "Limit=5,50")
    assert [(each["figures"]["mails_count"], each["figures"]["missed_count"]) for each in found["variants"]] == [
        (2, 0),
        (0, 1),
    ]


@pytest.mark.parametrize(("earlier", "minutes"), [(59, 11), (58, 1)])
def test_the_wait_begins_with_the_last_unbroken_row_of_bad_datapoints(
    tmp_path: Path, earlier: int, minutes: int
) -> None:
    found = document("--template", template(tmp_path), "--history", csv(tmp_path, {earlier: 3, 60: 10}))
    assert found["variants"][0]["figures"]["median_minutes_to_mail"] == minutes


def test_an_alarm_without_a_watch_is_its_own(tmp_path: Path) -> None:
    found = document("--template", template(tmp_path), "--history", csv(tmp_path, {60: 10}))
    assert [mail["watch"] for mail in found["variants"][0]["mails"]] == ["alarm.orders"] * 2


@pytest.mark.parametrize(("zone", "per_month"), [("UTC", 0.0), ("Asia/Tokyo", 61.2)])
def test_night_is_where_the_readers_are(tmp_path: Path, zone: str, per_month: float) -> None:
    found = document("--template", template(tmp_path), "--history", csv(tmp_path, {90: 20}), "--time-zone", zone)
    assert found["variants"][0]["figures"]["night_mails_a_month"] == pytest.approx(per_month, abs=0.3)


def test_the_table_lists_the_mails_in_80_columns(deployed: Path, lake: Path) -> None:
    result = run("--template", deployed, "--history", lake)
    assert "2026-11-20 12:13 [CRITICAL] SMS failures 29% - prod - INC-1120-1123" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_mails_are_written_as_they_would_have_been_sent(tmp_path: Path) -> None:
    history = csv(tmp_path, {60: 20})
    result = run("--template", template(tmp_path), "--history", history, "--render-to", tmp_path / "mails")
    assert result.exit_code == 0
    written = sorted(path.name for path in (tmp_path / "mails").iterdir())
    assert written == ["001-INC-1120-1001.eml", "002-INC-1120-1001.eml"]
    assert b"Subject: [ALARM] orders 13%" in (tmp_path / "mails" / written[0]).read_bytes()


def test_an_hour_missing_in_the_lake_is_mailed_as_blindness(deployed: Path, tmp_path: Path) -> None:
    history = write_lake(tmp_path, [row for row in rows_of_the_demo() if row[0].hour not in (17, 18)])
    (variant,) = document("--template", deployed, "--history", history)["variants"]
    assert [(mail["time"][11:16], mail["event"]) for mail in variant["mails"] if mail["watch"] == "sms-blind"] == [
        ("17:31", "OPENED"),
        ("19:11", "RESOLVED"),
    ]


def test_a_value_that_the_template_refuses_is_replayed_and_named(deployed: Path, lake: Path) -> None:
    found = document("--template", deployed, "--history", lake, "--set", "WarningThresholdPercent=3.21")
    assert found["notes"][-1].endswith("so not deployable: WarningThresholdPercent=3.21.")


def test_cloudwatch_is_a_history_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Account:
        def history(self, metrics: list[Metric], start: datetime, *_: datetime) -> Series:
            series = Series()
            for number in range(36):
                for metric in metrics:
                    value = 50 if metric.name == "Total" else 20 * (number == 20)
                    series.add(metric, start + number * SLOT, value)
            return series

    monkeypatch.setattr("deliverywatch.backtest.aws.cloudwatch", Account)
    found = document("--template", template(tmp_path), "--history", "cloudwatch", "--from", "2026-11-20")
    assert [mail["time"][11:16] for mail in found["variants"][0]["mails"]] == ["03:21", "03:51"]


def test_cloudwatch_needs_a_begin(tmp_path: Path) -> None:
    result = run("--template", template(tmp_path), "--history", "cloudwatch")
    assert (result.exit_code, "CloudWatch needs a begin. Add --from" in result.stderr) == (2, True)


GOOD = "2026-11-20T00:00Z,50,0"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "orders.csv holds no datapoints."),
        ([GOOD, GOOD], "Row 3 of orders.csv cannot be used: it has the time of the row before"),
        ([GOOD.replace("Z", "")], "has no zone"),
        (
            [GOOD, GOOD.replace("T00", "T01").replace("50", "nan")],
            "Row 3 of orders.csv cannot be used: nan is",
        ),
    ],
)
def test_a_bad_history_is_one_sentence(tmp_path: Path, lines: list[str], sentence: str) -> None:
    history = tmp_path / "orders.csv"
    history.write_text("\n".join(["time,Total,Failed", *lines]))
    result = run("--template", template(tmp_path), "--history", history)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_times_out_of_order_are_a_sentence(tmp_path: Path) -> None:
    history = tmp_path / "orders.csv"
    history.write_text("\n".join(["time,Total,Failed", GOOD.replace("T00", "T01"), GOOD]))
    result = run("--template", template(tmp_path), "--history", history)
    assert (result.exit_code, "Row 3 of orders.csv cannot be used: it is older" in result.stderr) == (2, True)


def test_an_alarm_on_another_metric_is_named_with_the_way_out(tmp_path: Path) -> None:
    history = tmp_path / "orders.csv"
    history.write_text("time,Total\n2026-11-20T00:00Z,50\n2026-11-20T01:00Z,50")
    result = run("--template", template(tmp_path), "--history", history)
    assert result.exit_code == 2
    assert "Alarm orders watches Shop/Failed, which is not in the history." in result.stderr


def test_an_alarm_left_out_is_not_asked_for(tmp_path: Path) -> None:
    result = run("--template", template(tmp_path), "--history", csv(tmp_path, {}), "--without", "ord*")
    assert (result.exit_code, "no alarm to replay" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "Limit"], "'Limit' is no setting."),
        (["--set", "Nothing=3"], "The template has no parameter Nothing."),
        (["--time-zone", "Mars/Olympus"], "There is no time zone 'Mars/Olympus'."),
        (["--from", "2027-01-01"], "too short to replay"),
    ],
)
def test_a_bad_option_is_one_sentence(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    result = run("--template", template(tmp_path), "--history", csv(tmp_path, {}), *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr


def test_a_parameter_without_a_value_is_named(tmp_path: Path) -> None:
    path = template(tmp_path)
    path.write_text(path.read_text().replace('{"Default": "5"}', "{}"))
    result = run("--template", path, "--history", csv(tmp_path, {}))
    assert (result.exit_code, "needs parameter Limit" in result.stderr) == (2, True)
