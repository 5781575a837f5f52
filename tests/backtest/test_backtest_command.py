"""`deliverywatch backtest` from the outside."""

import email
import json
from email import policy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from backtest.backtest_world import csv, rows_of_the_demo, template, write_lake
from deliverywatch.cli import main


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["backtest", *map(str, arguments)])


def document(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    printed: dict[str, Any] = json.loads(result.stdout)
    return printed


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
    printed = document("--template", deployed, "--history", lake)
    assert [name.removeprefix("deliverywatch-prod-") for name in printed["left_out"]] == [
        "mail-failed",
        "sms-ingest-errors",
        "sms-overdue",
        "sms-silence",
    ]


def test_whatever_else_a_stack_watches_its_lake_is_replayed(deployed: Path, lake: Path, tmp_path: Path) -> None:
    """Alarms on what a lake cannot hold are left out, with those that depend on them: no list has to know them."""
    document_of = json.loads(deployed.read_text(encoding="utf-8"))
    watching = {"AlarmName": "deliverywatch-prod-new", "Namespace": "AWS/Firehose", "MetricName": "New", "Threshold": 1}
    more = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Period": 60, "Statistic": "Sum"}
    rules = {
        "any": "ALARM(deliverywatch-prod-new)",
        "all": "ALARM(any)",
        "kept": "ALARM(deliverywatch-prod-sms-warning)",
    }
    document_of["Resources"] |= {
        "New": {"Type": "AWS::CloudWatch::Alarm", "Properties": watching | more},
        **{
            name.title(): {
                "Type": "AWS::CloudWatch::CompositeAlarm",
                "Properties": {"AlarmName": name, "AlarmRule": rule},
            }
            for name, rule in rules.items()
        },
    }
    path = tmp_path / "template.json"
    path.write_text(json.dumps(document_of))
    printed = document("--template", path, "--history", lake)
    left_out = set(document("--template", deployed, "--history", lake)["left_out"])
    assert {*printed["left_out"]} - left_out == {"deliverywatch-prod-new", "any", "all"}
    assert printed["variants"][0]["mails"]


def test_a_higher_threshold_mails_later_and_side_by_side(deployed: Path, lake: Path) -> None:
    printed = document("--template", deployed, "--history", lake, "--set", "WarningThresholdPercent=2,5")
    waits = {variant["label"]: variant["figures"]["median_minutes_to_mail"] for variant in printed["variants"]}
    assert list(waits) == ["as it is", "WarningThresholdPercent=2", "WarningThresholdPercent=5"]
    assert waits["WarningThresholdPercent=2"] < waits["WarningThresholdPercent=5"]


def test_a_threshold_above_everything_misses_the_incident(tmp_path: Path) -> None:
    history = csv(tmp_path, dict.fromkeys(range(60, 66), 10))
    printed = document("--template", template(tmp_path), "--history", history, "--set", "Limit=5,50")
    assert [
        (variant["figures"]["mails_count"], variant["figures"]["missed_count"]) for variant in printed["variants"]
    ] == [
        (2, 0),
        (0, 1),
    ]


@pytest.mark.parametrize(("earlier", "minutes"), [(59, 11), (58, 1)])
def test_the_wait_begins_with_the_last_unbroken_row_of_bad_datapoints(
    tmp_path: Path, earlier: int, minutes: int
) -> None:
    printed = document("--template", template(tmp_path), "--history", csv(tmp_path, {earlier: 3, 60: 10}))
    assert printed["variants"][0]["figures"]["median_minutes_to_mail"] == minutes


def test_an_alarm_without_a_watch_is_its_own(tmp_path: Path) -> None:
    printed = document("--template", template(tmp_path), "--history", csv(tmp_path, {60: 10}))
    assert [mail["watch"] for mail in printed["variants"][0]["mails"]] == ["alarm.orders"] * 2


@pytest.mark.parametrize(("zone", "count"), [("UTC", 0), ("Asia/Tokyo", 2)])
def test_night_is_where_the_readers_are(tmp_path: Path, zone: str, count: int) -> None:
    printed = document("--template", template(tmp_path), "--history", csv(tmp_path, {90: 20}), "--time-zone", zone)
    assert printed["variants"][0]["figures"]["night_mails_count"] == count


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
    printed = document("--template", deployed, "--history", lake, "--set", "WarningThresholdPercent=3.21")
    assert printed["notes"][-1].startswith(
        "WarningThresholdPercent=3.21 is not deployable: the template offers 1, 2, 3, 4,"
    )


def test_cloudwatch_needs_a_begin(tmp_path: Path) -> None:
    result = run("--template", template(tmp_path), "--history", "cloudwatch")
    assert (result.exit_code, "CloudWatch needs a begin. Add --from" in result.stderr) == (2, True)


def test_the_template_as_it_is_comes_first_and_is_not_replayed_twice(deployed: Path, lake: Path) -> None:
    printed = document("--template", deployed, "--history", lake, "--set", "WarningThresholdPercent=5,3")
    assert [variant["label"] for variant in printed["variants"]] == [
        "WarningThresholdPercent=3 (as it is)",
        "WarningThresholdPercent=5",
    ]


def test_what_the_rules_of_the_template_refuse_is_replayed_and_reported(deployed: Path, lake: Path) -> None:
    printed = document("--template", deployed, "--history", lake, "--set", "CriticalThresholdPercent=12")
    assert "CriticalRecoveryPercent must be less than CriticalThresholdPercent" in printed["notes"][-1]


def test_an_incident_from_before_the_span_is_open_at_its_begin(deployed: Path, lake: Path) -> None:
    printed = document("--template", deployed, "--history", lake, "--from", "2026-11-20T12:30Z")
    (variant,) = printed["variants"]
    assert [mail["event"] for mail in variant["mails"]] == ["DOWNGRADED", "RESOLVED"]
    assert variant["incidents"] == [
        {"watch": "sms-failures", "from": "2026-11-20T12:30:00Z", "to": "2026-11-20T13:23:00Z"}
    ]


def test_a_day_says_nothing_of_a_month(deployed: Path, lake: Path) -> None:
    printed = document("--template", deployed, "--history", lake, "--sweep")
    assert printed["variants"][0]["figures"]["mails_a_month"] is None
    assert printed["sweep"]["knee"] is None
    assert {point["mails_a_month"] for point in printed["sweep"]["points"]} == {None}
    assert any("1.0 days say nothing of a month" in note for note in printed["notes"])


def test_a_value_with_a_slash_stays_in_the_folder(tmp_path: Path) -> None:
    history, folder = csv(tmp_path, {60: 20}), tmp_path / "mails"
    path = template(tmp_path, AlarmDescription={"Ref": "Owner"})
    edited = json.loads(path.read_text())
    edited["Parameters"]["Owner"] = {"Default": "us"}
    path.write_text(json.dumps(edited))
    assert (
        run("--template", path, "--history", history, "--set", "Owner=a,../../b", "--render-to", folder).exit_code == 0
    )
    assert sorted(subfolder.name for subfolder in folder.iterdir()) == ["01-as_it_is", "02-Owner=a", "03-Owner=.._.._b"]


GOOD = "2026-11-20T00:00Z,50,0"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([], "orders.csv holds no datapoints."),
        ([GOOD, GOOD], "Row 3 of orders.csv cannot be used: it has the time of the row before"),
        ([GOOD.replace("Z", "")], "has no zone"),
        (
            [GOOD, GOOD.replace("T00", "T01").replace("50", "nan")],
            "Row 3 of orders.csv cannot be used: nan in column Total is",
        ),
    ],
)
def test_a_bad_history_is_one_sentence(tmp_path: Path, lines: list[str], sentence: str) -> None:
    history = tmp_path / "orders.csv"
    history.write_text("\n".join(["time,Total,Failed", *lines]))
    result = run("--template", template(tmp_path), "--history", history)
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("header", "row", "sentence"),
    [
        ("time,Total,Failed,Total", "2026-11-20T00:00Z,1,2,3", "orders.csv has the column Total twice."),
        ("Time;Total", "2026-11-20T00:00Z;1", "orders.csv has no column `time`: its first line is Time;Total."),
        ("time,Total,Failed", "2026-11-20T00:00Z,1,2,3", "it has more cells than the first line has names."),
        ("time,Total,Failed", "2026-11-20T00:00Z,abc,2", "abc in column Total is not a finite number"),
        ("time,Total,Failed", "1767571260,1,2", "1767571260 is not a time; write it like 2026-11-21T12:00:00Z."),
    ],
)
def test_a_file_of_another_shape_is_one_sentence(tmp_path: Path, header: str, row: str, sentence: str) -> None:
    history = tmp_path / "orders.csv"
    history.write_text(f"{header}\n{row}\n")
    result = run("--template", template(tmp_path), "--history", history)
    assert (result.exit_code, sentence in result.stderr) == (2, True), result.stderr


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


def test_an_alarm_left_out_is_not_requested(tmp_path: Path) -> None:
    result = run("--template", template(tmp_path), "--history", csv(tmp_path, {}), "--without", "ord*")
    assert (result.exit_code, ".json has no alarm." in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--set", "Limit"], "'Limit' is not NAME=VALUE."),
        (["--set", "Nothing=3"], "The template has no parameter Nothing."),
        (["--time-zone", "Mars/Olympus"], "There is no time zone 'Mars/Olympus'."),
        (["--from", "2027-01-01"], "too short to replay"),
        (["--from", "2026-11-20T03:00Z", "--to", "2026-11-20T02:00Z"], "is not after --from"),
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
    given = document("--template", path, "--history", csv(tmp_path, {}), "--set", "Limit=5,9")
    assert [variant["label"] for variant in given["variants"]] == ["Limit=5", "Limit=9"]


def test_slots_that_do_not_exist_are_a_sentence(deployed: Path, lake: Path) -> None:
    result = run("--template", deployed, "--history", lake, "--set", "SlotMinutes=abc")
    assert (result.exit_code, "SlotMinutes is abc." in result.stderr) == (2, True)


def test_the_mail_of_a_composite_names_the_child_that_changed(tmp_path: Path) -> None:
    path = template(tmp_path, AlarmActions=[], OKActions=[])
    edited = json.loads(path.read_text())
    acting = {"AlarmActions": ["arn:aws:sns:us-east-1:123456789012:mails"]}
    rule = {"AlarmName": "shop", "AlarmRule": 'ALARM("orders")', **acting}
    edited["Resources"]["Shop"] = {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": rule}
    path.write_text(json.dumps(edited))
    run("--template", path, "--history", csv(tmp_path, {60: 20}), "--render-to", tmp_path / "mails")
    opened = min((tmp_path / "mails").iterdir())
    body = email.message_from_bytes(opened.read_bytes(), policy=policy.default).get_body(("plain",))
    assert body is not None
    assert "Child alarm orders: ALARM" in body.get_content()


def test_an_alarm_that_cannot_be_resolved_can_be_left_out(tmp_path: Path) -> None:
    path = template(tmp_path)
    edited = json.loads(path.read_text())
    foreign = {"Namespace": {"Fn::ImportValue": "x"}, "AlarmName": {"Fn::GetAZs": ""}}
    edited["Resources"]["Foreign"] = {"Type": "AWS::CloudWatch::Alarm", "Properties": foreign}
    path.write_text(json.dumps(edited))
    refused = run("--template", path, "--history", csv(tmp_path, {60: 20}))
    assert (refused.exit_code, "--without Foreign" in refused.stderr) == (2, True)
    assert run("--template", path, "--history", csv(tmp_path, {60: 20}), "--without", "Foreign").exit_code == 0


def test_each_mail_of_one_sweep_is_that_of_its_own_watch(tmp_path: Path) -> None:
    path = template(tmp_path, OKActions=[])
    edited = json.loads(path.read_text())
    second = json.loads(json.dumps(edited["Resources"]["Orders"]))
    second["Properties"]["AlarmName"] = "too"
    edited["Resources"]["Too"] = second
    path.write_text(json.dumps(edited))
    (variant,) = document("--template", path, "--history", csv(tmp_path, {60: 20}))["variants"]
    assert sorted((mail["event"], mail["watch"]) for mail in variant["mails"]) == [
        ("OPENED", "alarm.orders"),
        ("OPENED", "alarm.too"),
        ("RESOLVED", "alarm.orders"),
        ("RESOLVED", "alarm.too"),
    ]
    assert len({incident["to"] for incident in variant["incidents"]}) == 1


def test_times_with_an_offset_are_printed_in_utc(tmp_path: Path) -> None:
    printed = document(
        "--template", template(tmp_path), "--history", csv(tmp_path, {}), "--from", "2026-11-20T03:00+02:00"
    )
    assert printed["from"] == "2026-11-20T01:00:00Z"


def test_the_curve_counts_as_the_table_does_where_an_incident_was_open_before(deployed: Path, lake: Path) -> None:
    printed = document("--template", deployed, "--history", lake, "--from", "2026-11-20T12:30Z", "--sweep")
    mails = {point["threshold"]: point["mails_count"] for point in printed["sweep"]["points"]}
    assert mails[3.0] == printed["variants"][0]["figures"]["mails_count"]


def test_the_curve_of_an_alarm_that_calls_below_is_quiet_on_the_left(tmp_path: Path) -> None:
    changes = {"ComparisonOperator": "LessThanThreshold", "Threshold": 10}
    history = csv(tmp_path, {number: number % 40 for number in range(144)})
    points = document("--template", template(tmp_path, **changes), "--history", history, "--sweep")["sweep"]["points"]
    assert points[0]["mails_count"] <= points[-1]["mails_count"]


def test_a_threshold_of_zero_is_swept_over_what_was_seen(tmp_path: Path) -> None:
    history = csv(tmp_path, {60: 20, 90: 10})
    sweep = document("--template", template(tmp_path, Threshold=0), "--history", history, "--sweep")["sweep"]
    assert 0 in [point["threshold"] for point in sweep["points"]]
    assert max(point["threshold"] for point in sweep["points"]) > 10


def test_a_parameter_in_ssm_is_requested(tmp_path: Path) -> None:
    path = template(tmp_path)
    in_ssm = '{"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/a/b"}'
    path.write_text(path.read_text().replace('{"Default": "5"}', in_ssm))
    result = run("--template", path, "--history", csv(tmp_path, {}))
    assert (result.exit_code, "its value in SSM under /a/b" in result.stderr) == (2, True)
    assert run("--template", path, "--history", csv(tmp_path, {}), "--set", "Limit=3").exit_code == 0


def test_a_search_for_metrics_is_refused_by_name(tmp_path: Path) -> None:
    search = [{"Id": "q", "Expression": "SELECT SUM(Errors) FROM SCHEMA(App)", "Period": 60, "ReturnData": True}]
    result = run("--template", template(tmp_path, Metrics=search), "--history", csv(tmp_path, {}))
    assert (result.exit_code, "Alarm orders is not evaluated: it is a Metrics Insights query" in result.stderr) == (
        2,
        True,
    )


def test_a_template_that_aws_must_process_first_is_refused_by_name(tmp_path: Path) -> None:
    path = template(tmp_path)
    edited = json.loads(path.read_text())
    edited["Transform"] = "Shout"
    path.write_text(json.dumps(edited))
    result = run("--template", path, "--history", csv(tmp_path, {}))
    assert (result.exit_code, "goes through Shout, which only the account can run" in result.stderr) == (2, True)


@pytest.mark.parametrize("name", ["orders ", "or\u202eders", "or\x9bders"])
def test_an_alarm_of_any_name_that_cloudwatch_takes_is_mailed(tmp_path: Path, name: str) -> None:
    history = csv(tmp_path, {60: 10})
    printed = document("--template", template(tmp_path, AlarmName=name), "--history", history)
    assert [mail["event"] for mail in printed["variants"][0]["mails"]] == ["OPENED", "RESOLVED"]
