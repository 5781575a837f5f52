"""Alarms out of templates and descriptions, and what is wrong with them."""

from typing import Any

import pytest
from engine_alarms import NOON, entry, plain, ratio

from cwalarm.definitions.alarm import Alarm, Treat, from_description, from_template
from cwalarm.describe.soundness import problems, require_sound
from cwalarm.errors import InputError

PROPERTIES: dict[str, Any] = {
    "Namespace": "App",
    "MetricName": "Errors",
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 3,
    "ComparisonOperator": "GreaterThanThreshold",
}


def loaded(properties: dict[str, Any], parameters: dict[str, str] | None = None, **sections: Any) -> list[Alarm]:
    resources = {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": {**PROPERTIES, **properties}}}
    template = {"Resources": {**resources, **sections.pop("Resources", {})}, **sections}
    return from_template(template, parameters)


def named(name: Any, parameters: dict[str, str] | None = None, **sections: Any) -> str:
    return loaded({"AlarmName": name}, parameters, **sections)[0].name


NOTHING = {"Ref": "AWS::NoValue"}
SECTIONS: dict[str, Any] = {
    "Parameters": {
        "Environment": {"Type": "String", "Default": "prod"},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Needed": {"Type": "String"},
    },
    "Conditions": {
        "IsProd": {"Fn::Equals": [{"Ref": "Environment"}, "prod"]},
        "IsTest": {"Fn::Not": [{"Condition": "IsProd"}]},
        "Both": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
        "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsTest"}]},
    },
    "Mappings": {"Names": {"prod": {"short": "p"}, "test": {"short": "t"}}},
    "Resources": {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "${Environment}-queue"}}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "alerts"}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"FunctionName": "ingest"}},
        **{
            name: {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Fn::If": [condition, "prod", NOTHING]}}}
            for name, condition in (("Bucket", "IsTest"), ("ProdBucket", "IsProd"))
        },
    },
}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("plain", "plain"),
        ({"Ref": "Environment"}, "prod"),
        ({"Fn::Sub": "${Environment}-${AWS::Region}"}, "prod-us-east-1"),
        ({"Fn::Sub": ["${!Literal} ${Own}", {"Own": {"Ref": "Environment"}}]}, "${Literal} prod"),
        ({"Fn::Sub": "${Function.Arn}"}, "arn:aws:lambda:us-east-1:123456789012:function:ingest"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Environment"}]]}, "a-prod"),
        ({"Fn::Join": ["+", {"Ref": "Zones"}]}, "a+b"),
        ({"Fn::If": ["IsProd", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsTest", "yes", "no"]}, "no"),
        ({"Fn::If": ["Both", "yes", "no"]}, "no"),
        ({"Fn::If": ["Either", "yes", "no"]}, "yes"),
        ({"Fn::FindInMap": ["Names", {"Ref": "Environment"}, "short"]}, "p"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "a,b,c"]}]}, "b"),
        ({"Fn::Select": [0, {"Ref": "Zones"}]}, "a"),
        ({"Ref": "Topic"}, "arn:aws:sns:us-east-1:123456789012:alerts"),
        ({"Ref": "Function"}, "ingest"),
        ({"Ref": "Bucket"}, "Bucket"),
        ({"Ref": "ProdBucket"}, "prod"),
        ({"Fn::GetAtt": ["Queue", "QueueName"]}, "prod-queue"),
        ({"Fn::GetAtt": "Queue.Arn"}, "arn:aws:sqs:us-east-1:123456789012:prod-queue"),
        ({"Ref": "AWS::NoValue"}, "Alarm"),
        ({"Fn::ImportValue": {"Fn::Sub": "${Environment}-name"}}, "{ImportValue prod-name}"),
    ],
)
def test_a_function_of_a_template_is_resolved(value: Any, name: str) -> None:
    assert named(value, **SECTIONS) == name


def test_an_override_takes_the_place_of_a_default() -> None:
    assert named({"Ref": "Environment"}, {"Environment": "test"}, **SECTIONS) == "test"


def test_an_alarm_whose_condition_does_not_hold_is_left_out() -> None:
    resource = {"Type": "AWS::CloudWatch::Alarm", "Condition": "IsTest", "Properties": PROPERTIES}
    assert from_template({**SECTIONS, "Resources": {"Alarm": resource}}) == []


def test_numbers_may_be_text_as_cloudformation_allows() -> None:
    alarm = loaded({"Threshold": "2.5", "Period": "60", "EvaluationPeriods": "3", "DatapointsToAlarm": "2"})[0]
    assert (alarm.threshold, alarm.period_seconds, alarm.evaluation_periods, alarm.m) == (2.5, 60, 3, 2)


def test_a_description_with_dimensions_in_any_order_names_one_metric() -> None:
    pairs = [{"Name": "B", "Value": "2"}, {"Name": "A", "Value": "1"}]
    assert plain(Dimensions=pairs).queries == plain(Dimensions=pairs[::-1]).queries


def test_what_a_definition_leaves_out_is_cloudwatchs_default() -> None:
    alarm = plain(EvaluationPeriods=3)
    assert (alarm.m, alarm.treat_missing_data, alarm.actions_enabled) == (3, Treat.MISSING, True)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Ref": "Needed"}, "needs parameter Needed"),
        ({"Ref": "Nothing"}, "refers to Nothing"),
        ({"Fn::GetAZs": ""}, "uses Fn::GetAZs"),
        ({"Fn::Select": [9, ["a"]]}, "uses Fn::Select"),
        ({"Fn::If": ["Nowhere", 1, 2]}, "refers to Nowhere"),
    ],
)
def test_what_cannot_be_resolved_is_said_with_the_resource(value: Any, words: str) -> None:
    with pytest.raises(InputError, match=f"Resource Alarm {words}"):
        named(value, **SECTIONS)


def test_a_condition_that_refers_to_itself_is_an_error_and_no_endless_loop() -> None:
    with pytest.raises(InputError, match="refers to itself"):
        named({"Fn::If": ["Loop", "a", "b"]}, Conditions={"Loop": {"Fn::Not": [{"Condition": "Loop"}]}})


def test_an_override_of_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(InputError, match="no parameter Treshold"):
        named("x", {"Treshold": "3"}, **SECTIONS)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"Threshold": None}, "Alarm errors cannot be read"),
        ({"ComparisonOperator": "Above"}, "'Above' is not a valid Comparison"),
        ({"TreatMissingData": "zero"}, "'zero' is not a valid Treat"),
        ({"Metrics": [{"Expression": "m1"}]}, "it lacks 'Id'"),
        ({"ThresholdMetricId": "ad1"}, "anomaly detection band"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "anomaly detection band"),
        ({"EvaluationCriteria": {"PromQLCriteria": {}}}, "PromQL"),
    ],
)
def test_a_definition_that_cannot_be_used_is_refused_by_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=r"Alarm errors .*") as raised:
        plain(**changes)
    assert words in str(raised.value)


def test_a_sound_alarm_has_no_problems() -> None:
    assert problems(ratio()) == problems(plain()) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"Metrics": [entry("a", "Failed"), entry("b", "Total")]}, "Exactly one entry must have ReturnData."),
        (
            {"Metrics": [{"Id": "x", "Expression": "a/b", "ReturnData": True}, entry("a", "Failed")]},
            "x refers to b, which does not exist.",
        ),
        (
            {"Metrics": [{"Id": "x", "Expression": "a/b"}, entry("a", "Failed"), entry("b", "Total", 300)]},
            "All metrics must have the same period.",
        ),
        ({"Metrics": [{"Id": "X", "Expression": "a"}, entry("a", "Failed")]}, "The id X must start with a lower-case"),
        ({"Metrics": [{"Id": "x", "Expression": "a+"}, entry("a", "Failed")]}, "The expression ends too early"),
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm 2 must lie between 1 and EvaluationPeriods 1."),
        ({"EvaluationPeriods": 100}, "100 periods of 1800 s are longer than CloudWatch allows."),
    ],
)
def test_what_cloudwatch_would_refuse_is_said(changes: dict[str, Any], problem: str) -> None:
    assert any(sentence.startswith(problem) for sentence in problems(ratio(**changes)))


def test_an_alarm_that_cannot_be_evaluated_is_named_with_its_problem() -> None:
    with pytest.raises(InputError, match="Alarm ratio cannot be evaluated: x refers to b, which does not exist"):
        require_sound(ratio(Metrics=[{"Id": "x", "Expression": "a/b"}, entry("a", "Failed")]))


@pytest.mark.parametrize(
    ("expression", "first"),
    [("1 + 1", "The result of x is a number"), ("SUM(SEARCH('{N} M', 'Sum', 60))", "SEARCH is not evaluated")],
)
def test_an_alarm_without_a_metric_is_refused_first_with_what_its_expression_does(expression: str, first: str) -> None:
    sentence, *others = problems(ratio(Metrics=[{"Id": "x", "Expression": expression}]))
    assert sentence.startswith(first)
    assert others == ["An alarm needs 1 to 10 metrics, not 0."]


def test_a_definition_knows_when_it_was_configured() -> None:
    described = {**PROPERTIES, "AlarmName": "errors", "AlarmConfigurationUpdatedTimestamp": NOON.timestamp()}
    assert from_description(described).configured_at == NOON
