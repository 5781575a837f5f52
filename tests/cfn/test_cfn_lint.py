"""Each rule of the lint fires on the fault it is there for, and on nothing that is right."""

import copy
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import stacks
from blocks.alarms import Alarm, Metric
from blocks.extras import Extra
from bundling import build
from checks.lint import check, findings
from checks.published import PUBLISHED, Published
from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.outputs.metrics import PUBLISHED as PIPELINE_METRICS

SOURCES = Path(__file__).parents[2] / "src/deliverywatch"
SYSTEMS = [name for name in stacks.SYSTEMS if name != "files-pusher"]
EMITTED = [
    Published("Own", "Score", frozenset({"Environment"}), 21_600),
    Published("Own", "Runs", frozenset({"Environment"})),
]

ALARM: dict[str, Any] = {
    "AlarmName": "score",
    "AlarmDescription": "The score is low.",
    "AlarmActions": [{"Ref": "Alerts"}],
    "Namespace": "Own",
    "MetricName": "Score",
    "Dimensions": [{"Name": "Environment", "Value": "prod"}],
    "Period": 300,
    "EvaluationPeriods": 1,
    "ComparisonOperator": "LessThanThreshold",
    "TreatMissingData": "ignore",
}
TOPIC = {"TopicName": "alerts"}


def template(topic: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    properties = {key: value for key, value in {**copy.deepcopy(ALARM), **changes}.items() if value is not None}
    return {
        "Parameters": {
            "Hours": {"Type": "Number", "Default": "7", "MinValue": 2, "MaxValue": 169},
            "Periods": {"Type": "Number", "Default": "72"},
            "Key": {"Type": "String", "Description": "Its policy must let cloudwatch.amazonaws.com use it."},
            "Bare": {"Type": "String", "Description": "A key."},
        },
        "Resources": {
            "Score": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties},
            "Alerts": {"Type": "AWS::SNS::Topic", "Properties": topic or TOPIC},
        },
    }


def rules(document: dict[str, Any]) -> list[str]:
    return [each.rule for each in findings(document, EMITTED)]


def test_a_right_template_has_no_findings() -> None:
    assert findings(template(), EMITTED) == []


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"Dimensions": []}, "dimensions"),
        ({"Dimensions": [{"Name": "Environment", "Value": "prod"}, {"Name": "JobRunId", "Value": "x"}]}, "dimensions"),
        ({"MetricName": "Scores"}, "dimensions"),
        ({"Namespace": "AWS/Glue", "MetricName": "glue.driver.aggregate.numFailedTasks"}, "dimensions"),
        ({"Namespace": "AWS/Lambda", "MetricName": "Errors"}, "dimensions"),
        ({"TreatMissingData": "notBreaching"}, "period"),
        ({"TreatMissingData": None}, "period"),
        ({"TreatMissingData": "breaching", "Period": 3600, "EvaluationPeriods": 24}, "breaching"),
        ({"EvaluationPeriods": 289}, "look-back"),
        ({"Period": 3600, "EvaluationPeriods": {"Ref": "Hours"}}, "look-back"),
        ({"AlarmActions": None}, "action"),
        ({"AlarmDescription": None}, "description"),
    ],
)
def test_each_fault_of_an_alarm_is_found_and_nothing_else(changes: dict[str, Any], rule: str) -> None:
    assert rules(template(**changes)) == [rule]


@pytest.mark.parametrize(("part", "expected"), [("validation", []), ("glue", ["dimensions"]), ({"Ref": "Part"}, [])])
def test_a_dimension_must_have_a_value_that_is_published(part: Any, expected: list[str]) -> None:
    dimensions = [{"Name": name, "Value": "x"} for name in ("Environment", "Pipeline")]
    metric = {
        "Namespace": "DeliveryWatch/Pipeline",
        "MetricName": "RecordsProcessed",
        "Dimensions": [*dimensions, {"Name": "JobType", "Value": part}],
    }
    assert [each.rule for each in findings(template(**metric))] == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"TreatMissingData": "notBreaching", "EvaluationPeriods": {"Ref": "Periods"}},
        {"TreatMissingData": "missing", "Period": 86_400, "EvaluationPeriods": 7},
        {"MetricName": "Runs", "TreatMissingData": "breaching"},
        {"AlarmActions": None, "OKActions": [{"Ref": "Alerts"}]},
    ],
)
def test_what_is_right_in_another_way_is_no_finding(changes: dict[str, Any]) -> None:
    assert rules(template(**changes)) == []


def test_a_missed_run_must_be_asked_for_by_less_than() -> None:
    changes = {"MetricName": "Runs", "TreatMissingData": "breaching", "ComparisonOperator": "GreaterThanThreshold"}
    assert rules(template(**changes)) == ["breaching"]


def test_metrics_of_an_expression_are_looked_at_too() -> None:
    stat = {"Metric": {"Namespace": "Own", "MetricName": "Score", "Dimensions": []}, "Period": 300, "Stat": "Minimum"}
    queries = [{"Id": "value", "Expression": "score * 1"}, {"Id": "score", "MetricStat": stat, "ReturnData": False}]
    assert rules(template(Metrics=queries, MetricName=None, Namespace=None, Dimensions=None, Period=None)) == [
        "dimensions"
    ]


def test_a_metric_filter_publishes_too() -> None:
    document = template(MetricName="Lines", Dimensions=[])
    made = {"MetricNamespace": "Own", "MetricName": "Lines"}
    document["Resources"]["Filter"] = {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {"MetricTransformations": [made]},
    }
    assert rules(document) == []


KEY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}}],
}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("alias/aws/sns", ["encryption"]),
        ({"Ref": "Bare"}, ["encryption"]),
        ({"Ref": "Key"}, []),
        ({"Fn::If": ["HasKey", {"Ref": "Bare"}, {"Ref": "AWS::NoValue"}]}, ["encryption"]),
        ({"Fn::GetAtt": ["Own", "Arn"]}, []),
        ({"Ref": "Closed"}, ["encryption"]),
    ],
)
def test_an_encrypted_topic_must_let_cloudwatch_in(key: Any, expected: list[str]) -> None:
    document = template({"KmsMasterKeyId": key})
    closed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}}]}
    for name, policy in (("Own", KEY), ("Closed", closed)):
        document["Resources"][name] = {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}
    assert rules(document) == expected


def test_a_composite_must_name_alarms_that_there_are() -> None:
    document = template()
    properties = {"AlarmDescription": "x", "AlarmActions": ["x"], "AlarmRule": 'ALARM("score") OR ALARM("gone")'}
    document["Resources"]["Health"] = {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": properties}
    (finding,) = findings(document, EMITTED)
    assert (finding.rule, "gone" in finding.sentence) == ("children", True)


def test_a_state_machine_in_a_template_is_looked_at() -> None:
    document = template()
    states = {
        "Work": {"Type": "Task", "End": True, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Tell"}]},
        "Tell": {"Type": "Pass", "End": True},
    }
    text = json.dumps({"StartAt": "Work", "States": states})
    document["Resources"]["M"] = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": text}}
    assert rules(document) == ["failure-path"]


@pytest.mark.parametrize("systems", [*([each] for each in SYSTEMS), SYSTEMS, ["files-pusher"]], ids=",".join)
def test_our_own_templates_are_right(systems: list[str]) -> None:
    assert findings(stacks.template(stacks.chosen(systems, [*Extra]), "arm64", "0", [*Extra]).to_dict()) == []


def test_a_build_with_a_wrong_alarm_fails_and_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = stacks.SYSTEMS["sms"]()
    nothing = Metric("DeliveryWatch/Sms", "Nothing", "Sum", {})
    wrong = Alarm("sms-nothing", "Nobody emits it.", nothing, 1, 300, "ignore").resource()
    monkeypatch.setitem(stacks.SYSTEMS, "sms", lambda _: replace(right, resources=[*right.resources, wrong]))
    with pytest.raises(ConfigurationError, match=r"\[dimensions\] SmsNothing: nothing is known to publish"):
        build.build(["sms"], "none", tmp_path / "build")
    assert not (tmp_path / "build").exists()


def test_what_is_said_to_be_published_stands_in_the_code_that_does_it() -> None:
    rooms = {"Sms": "sms", "Email": "email", "Queries": "queries"}
    for each in PUBLISHED:
        room = rooms.get(each.namespace.removeprefix("DeliveryWatch/"))
        if room:
            text = " ".join(path.read_text() for path in (SOURCES / room).rglob("*.py"))
            assert re.search(rf'"({each.name}|{each.name.lower()})"', text), each.name
    own = {each.name for each in PUBLISHED if each.namespace == "DeliveryWatch/Pipeline"}
    assert own == {name for _, name in PIPELINE_METRICS}


def test_a_template_without_faults_passes() -> None:
    check({"Resources": {}})
