"""Every member of an alarm is evaluated, an assumption that is named, refused by name, or without effect."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from engine_alarms import ERRORS, NOON, entry, minutes, plain, ratio

from cwalarm.cli.main import main
from cwalarm.definitions import composites
from cwalarm.definitions.alarm import from_description
from cwalarm.definitions.supported import COMPOSITE_ALARM, METRIC_ALARM, Support
from cwalarm.errors import InputError
from cwalarm.evaluation import assumptions
from cwalarm.evaluation.evaluate import evaluate
from cwalarm.evaluation.series import Series

TABLES = {"Alarm": METRIC_ALARM, "CompositeAlarm": COMPOSITE_ALARM}


def known(names: Iterator[str], table: dict[str, Support]) -> None:
    """Fail for a member that is not in the table; what is below one that is not read does not matter."""
    unread = {name for name, support in table.items() if support in (Support.REFUSED, Support.WITHOUT_EFFECT)}
    missing = [name for name in names if name not in table and not any(name.startswith(f"{top}.") for top in unread)]
    assert not missing, f"say in cwalarm/definitions/supported.py what becomes of {', '.join(missing)}"


def of_shape(shape: Any, prefix: str = "") -> Iterator[str]:
    for name, member in getattr(shape, "members", {}).items():
        yield prefix + name
        yield from of_shape(getattr(member, "member", member), f"{prefix}{name}.")


@pytest.mark.parametrize("kind", ["Alarm", "CompositeAlarm"])
def test_every_member_of_the_newest_sdk_has_its_place(kind: str) -> None:
    botocore = pytest.importorskip("botocore.session", reason="the SDK is not part of every installation")
    service = botocore.get_session().get_service_model("cloudwatch")
    operation = {"Alarm": "PutMetricAlarm", "CompositeAlarm": "PutCompositeAlarm"}[kind]
    described = {"Alarm": "MetricAlarm", "CompositeAlarm": "CompositeAlarm"}[kind]
    known(of_shape(service.operation_model(operation).input_shape), TABLES[kind])
    known(of_shape(service.shape_for(described)), TABLES[kind])


def of_schema(schema: dict[str, Any], whole: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for name, member in schema.get("properties", {}).items():
        yield prefix + name
        held = member.get("items", member)
        if reference := held.get("$ref"):
            yield from of_schema(whole["definitions"][reference.rpartition("/")[2]], whole, f"{prefix}{name}.")


@pytest.mark.parametrize("kind", ["Alarm", "CompositeAlarm"])
def test_every_member_of_cloudformation_has_its_place(kind: str) -> None:
    schemas = pytest.importorskip("cfnlint.schema.manager", reason="cfn-lint is not part of every installation")
    schema = schemas.PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", f"AWS::CloudWatch::{kind}").schema
    known(of_schema(schema, schema), TABLES[kind])


# Of each member that is evaluated, a definition in which it makes a difference.
PLAIN: dict[str, Any] = {
    "ActionsEnabled": False,
    "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:t"],
    "AlarmConfigurationUpdatedTimestamp": "2026-01-01T00:00:00Z",
    "AlarmDescription": "words",
    "AlarmName": "other",
    "ComparisonOperator": "LessThanThreshold",
    "DatapointsToAlarm": 1,
    "Dimensions": [{"Name": "a", "Value": "b"}],
    "EvaluateLowSampleCountPercentile": "ignore",
    "EvaluationPeriods": 2,
    "EvaluationWindow": {"WallClockWindow": {"Timezone": "Europe/Rome"}},
    "InsufficientDataActions": ["arn:aws:sns:us-east-1:123456789012:t"],
    "MetricName": "Other",
    "Namespace": "Other",
    "OKActions": ["arn:aws:sns:us-east-1:123456789012:t"],
    "Period": 60,
    "Statistic": "Maximum",
    "Threshold": 4,
    "TreatMissingData": "breaching",
    "Unit": "Percent",
    "WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 5, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": True},
}


@pytest.mark.parametrize("member", PLAIN)
def test_a_member_that_is_evaluated_makes_a_difference(member: str) -> None:
    assert plain(**{member: PLAIN[member]}) != plain()
    assert plain(**{member: PLAIN[member]}).unknown_members == ()


def test_all_members_of_one_metric_that_are_evaluated_are_tried() -> None:
    tops = {
        name.partition(".")[0]
        for name, support in METRIC_ALARM.items()
        if support in (Support.EVALUATED, Support.ASSUMED)
    }
    assert tops - {"ExtendedStatistic", "Metrics"} == set(PLAIN)


@pytest.mark.parametrize(
    "changes",
    [
        *({name: {"PromQLCriteria": {}}} for name, support in METRIC_ALARM.items() if support is Support.REFUSED),
        {"Metrics": [{"Id": "q", "Expression": "SELECT AVG(Errors) FROM App GROUP BY Service"}]},
        {"Metrics": [{**entry(f"m{account}", "Failed"), "AccountId": f"11112222333{account}"} for account in (1, 2)]},
        {"ComparisonOperator": "GreaterThanUpperThreshold"},
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"^Alarm errors is not evaluated: it[a-z A-Z,]+\.$") as refusal:
        plain(**changes)
    assert refusal.value.kind == "unsupported"


def test_a_member_of_next_year_is_named_in_every_result() -> None:
    alarm = plain(Weight=3, Dimensions=[{"Name": "a", "Value": "b", "Scope": "all"}], Tags=[{"Key": "x"}])
    assert alarm.unknown_members == ("Dimensions.Scope", "Weight")
    assert (
        assumptions.of(alarm, Series())[1]
        == "Weight is not known to this version: whatever it changes is not evaluated."
    )
    composite = composites.from_description({"AlarmName": "c", "AlarmRule": "TRUE", "Mood": "good"})
    assert "Mood" in "".join(assumptions.of(composite, Series()))


def at_noon(*values: tuple[float, str | None]) -> Series:
    series = Series()
    for value, unit in values:
        series.add(ERRORS, NOON - minutes(5), value, unit=unit)
    return series


@pytest.mark.parametrize(
    ("unit", "values", "state", "assumed"),
    [
        ("Percent", [(9, "Percent")], "ALARM", ""),
        ("Percent", [(9, "Count")], "INSUFFICIENT_DATA", ""),
        ("Percent", [(9, "Count"), (1, "Percent")], "OK", ""),
        ("Percent", [(9, None)], "ALARM", "name no unit, and all of them are taken to have it"),
        (None, [(2, "Count"), (2, "Percent")], "ALARM", "which of them CloudWatch counts is undefined"),
        (None, [(9, "Count")], "ALARM", ""),
    ],
)
def test_a_unit_chooses_datapoints_where_they_have_one(unit: str | None, values: Any, state: str, assumed: str) -> None:
    alarm, series = plain(Unit=unit), at_noon(*values)
    assert evaluate(alarm, series, NOON).state == state
    sentences = " ".join(assumptions.of(alarm, series))
    assert assumed in sentences
    assert bool(assumed) == bool(sentences)


def test_an_account_is_an_assumption() -> None:
    other = {**entry("failed", "Failed"), "AccountId": "111122223333"}
    alarm = ratio(Metrics=[{"Id": "x", "Expression": "failed"}, other])
    assert "in account 111122223333" in " ".join(assumptions.of(alarm, Series()))


def test_a_warm_up_is_an_assumption_where_nothing_says_when_the_alarm_was_created() -> None:
    alarm = plain(WarmUpConfiguration={"WarmUpPeriodDurationInMinutes": 5})
    assert assumptions.of(alarm, Series()) == [
        "It warms up for 5 minutes once it is created, and is taken as created long before."
    ]
    assert assumptions.of(alarm, Series(), is_created=True) == []


TEMPLATE = """
Resources:
  A:
    Type: AWS::CloudWatch::Alarm
    Properties: {AlarmName: load, Namespace: X, MetricName: Load, Statistic: Sum, Unit: Percent, Period: 60,
      EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: GreaterThanThreshold}
"""
CASES = """
[[case]]
name = "busy"
series = { Load = "9x5" }
%s
states = [{ at = "3m", alarm = "load", state = "%s" }]
"""


@pytest.mark.parametrize(
    ("units", "state", "assumed"),
    [
        ("", "ALARM", True),
        ('units = { Load = "Percent" }', "ALARM", False),
        ('units = { Load = "Count" }', "INSUFFICIENT_DATA", False),
    ],
)
def test_check_names_what_it_assumes_below_its_result(tmp_path: Path, units: str, state: str, assumed: bool) -> None:
    (tmp_path / "t.yaml").write_text(TEMPLATE)
    (tmp_path / "c.toml").write_text(CASES % (units, state))
    asked = ["check", str(tmp_path / "c.toml"), "--template", str(tmp_path / "t.yaml")]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert ("Assumed of load: Only values of Load with the unit Percent count" in done.output) == assumed
    case = json.loads(CliRunner().invoke(main, [*asked, "--json"]).output)["cases"][0]
    assert bool(case["assumptions"]) == assumed


@pytest.mark.parametrize(("column", "times", "assumed"), [("", 1, True), ("Percent", 1, False), ("Count", 0, False)])
def test_backtest_reads_units_and_names_what_it_assumes(tmp_path: Path, column: str, times: int, assumed: bool) -> None:
    (tmp_path / "t.yaml").write_text(TEMPLATE)
    rows = [f"2026-11-21T12:0{minute}:00Z,9,{column}" for minute in range(5)]
    (tmp_path / "h.csv").write_text("\n".join(["time,Load,unit", *rows]))
    asked = ["backtest", "--template", str(tmp_path / "t.yaml"), "--history", str(tmp_path / "h.csv")]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert ("Assumed of load:" in done.output) == assumed
    document = json.loads(CliRunner().invoke(main, [*asked, "--json"]).output)
    assert document["alarms"][0]["alarm_count"] == times
    assert bool(document["assumptions"]) == assumed


def test_an_alarm_of_describe_alarms_has_no_unknown_member() -> None:
    described = {"StateReason": "x", "AlarmArn": "y", "EvaluationState": "PARTIAL_DATA", "Tags": []}
    assert plain(**described) == plain()
    math = {"Metrics": [{**entry("m", "Failed"), "ReturnData": True}], "Threshold": 1, "EvaluationPeriods": 1}
    alarm = from_description({**described, **math, "AlarmName": "e", "ComparisonOperator": "LessThanThreshold"})
    assert alarm.unknown_members == ()
