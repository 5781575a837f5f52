"""CloudFormation: types that MiniStack lacks, packaging, and parameters that are refused before anything is made."""

import copy
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from deliverywatch.errors import ConfigurationError
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.stack import package
from local import local_probe

PARAMETERS = {
    "Level": {
        "Type": "String",
        "AllowedPattern": "[1-9][0-9]?",
        "Default": "3",
        "ConstraintDescription": "must be 1 to 99.",
    },
    "Colour": {"Type": "String", "AllowedValues": ["red", "blue"], "Default": "red"},
    "Zone": {"Type": "String", "MinLength": 2, "Default": "UTC"},
    "Count": {"Type": "Number", "MinValue": 1, "MaxValue": 9, "Default": "5"},
}
RULES = {
    "Order": {
        "RuleCondition": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Colour"}, "blue"]}]},
        "Assertions": [
            {"Assert": {"Fn::Contains": [["1", "2", "3"], {"Ref": "Level"}]}, "AssertDescription": "Red goes up to 3."}
        ],
    }
}
GUARDED = {
    "Parameters": PARAMETERS,
    "Rules": RULES,
    "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "guarded"}}},
}


def test_an_alarm_on_metric_math_keeps_its_queries_and_nothing_of_a_plain_one(cloud: LocalCloud) -> None:
    (alarm,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=["probe-ratio"])["MetricAlarms"]
    assert [each["Id"] for each in alarm["Metrics"]] == ["share", "failed", "total"]
    assert [each["ReturnData"] for each in alarm["Metrics"]] == [True, False, False]
    assert alarm["Metrics"][1]["MetricStat"]["Period"] == 600
    assert not {"MetricName", "Namespace", "Period", "Statistic"} & set(alarm)
    assert alarm["AlarmConfigurationUpdatedTimestamp"] <= cloud.clock.now


def test_a_composite_alarm_and_a_saved_query_come_from_the_template(cloud: LocalCloud) -> None:
    described = cloud.client("cloudwatch").describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [each["AlarmName"] for each in described] == ["probe-any"]
    athena = cloud.client("athena")
    queries = [
        athena.get_named_query(NamedQueryId=each)["NamedQuery"]["Name"]
        for each in athena.list_named_queries()["NamedQueryIds"]
    ]
    assert queries == ["everything"]


def test_a_schedule_from_the_template_keeps_its_time_zone(cloud: LocalCloud) -> None:
    assert cloud.client("scheduler").get_schedule(Name="morning")["ScheduleExpressionTimezone"] == "Australia/Brisbane"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"Level": "0"}, "Parameter 'Level' must be 1 to 99."),
        ({"Colour": "green"}, "Parameter 'Colour' value 'green' is not in AllowedValues"),
        ({"Zone": "X"}, "Parameter 'Zone' must contain at least 2 characters"),
        ({"Count": "10"}, "Parameter 'Count' must be a number not greater than 9"),
        ({"Level": "4"}, "Red goes up to 3."),
    ],
)
def test_a_bad_parameter_is_refused_with_a_sentence_and_nothing_is_made(
    cloud: LocalCloud, tmp_path: Path, parameters: dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        cloud.deploy(GUARDED, parameters, tmp_path, name="guarded")
    assert sentence in str(refused.value)
    assert not cloud.client("sqs").list_queues(QueueNamePrefix="guarded").get("QueueUrls")


def test_a_rule_that_looks_in_an_empty_list_is_refused(cloud: LocalCloud, tmp_path: Path) -> None:
    asserted = {"Fn::Not": [{"Fn::Contains": [[], {"Ref": "Level"}]}]}
    wrong = {**GUARDED, "Rules": {"Empty": {"Assertions": [{"Assert": asserted, "AssertDescription": "Never."}]}}}
    with pytest.raises(ConfigurationError, match="Fn::Contains in rule Empty must have a list that is not empty"):
        cloud.deploy(wrong, {}, tmp_path, name="empty-list")


def test_a_resource_that_fails_is_named(cloud: LocalCloud, tmp_path: Path) -> None:
    template: dict[str, Any] = {
        "Resources": {"Wrong": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Threshold": 1}}}
    }
    with pytest.raises(ConfigurationError, match=r"The stack wrong failed: .*Wrong"):
        cloud.deploy(template, {}, tmp_path, name="wrong")


def test_events_of_a_configuration_set_that_does_not_exist_are_refused_as_ses_does(
    cloud: LocalCloud, tmp_path: Path
) -> None:
    destination = {
        "Name": "metrics",
        "MatchingEventTypes": ["send"],
        "CloudWatchDestination": {
            "DimensionConfigurations": [
                {"DimensionName": "set", "DimensionValueSource": "messageTag", "DefaultDimensionValue": "none"}
            ]
        },
    }
    properties = {"ConfigurationSetName": "nobody-made-it", "EventDestination": destination}
    made = {"Type": "AWS::SES::ConfigurationSetEventDestination", "Properties": properties}
    with pytest.raises(ConfigurationError, match="Configuration set <nobody-made-it> does not exist"):
        cloud.deploy({"Resources": {"Events": made}}, {}, tmp_path, name="events")


@pytest.mark.parametrize(("policy", "is_left"), [("Retain", True), ("RetainExceptOnCreate", False)])
def test_what_is_kept_is_left_behind_by_a_first_deploy_that_failed_unless_the_template_says_otherwise(
    cloud: LocalCloud, tmp_path: Path, policy: str, is_left: bool
) -> None:
    bucket = f"left-{policy.lower()}"
    kept = {"Type": "AWS::S3::Bucket", "DeletionPolicy": policy, "Properties": {"BucketName": bucket}}
    wrong = {"Type": "AWS::CloudWatch::Alarm", "DependsOn": "Kept", "Properties": {"Threshold": 1}}
    with pytest.raises(ConfigurationError):
        cloud.deploy({"Resources": {"Kept": kept, "Wrong": wrong}}, {}, tmp_path, name=bucket)
    names = [made["Name"] for made in cloud.client("s3").list_buckets()["Buckets"]]
    assert (bucket in names) == is_left


def test_a_second_deploy_updates_the_stack(cloud: LocalCloud, tmp_path: Path) -> None:
    template: dict[str, Any] = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "one"}}}
    }
    cloud.deploy(template, {}, tmp_path, name="twice")
    changed = copy.deepcopy(template)
    changed["Resources"]["Topic"]["Properties"]["DisplayName"] = "two"
    cloud.deploy(changed, {}, tmp_path, name="twice")
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="twice")["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"


def test_packaging_uploads_local_code_and_leaves_the_template_alone(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handlers.py").write_text("x = 1\n")
    before = json.dumps(local_probe.TEMPLATE)
    packaged = package(local_probe.TEMPLATE, tmp_path)
    assert json.dumps(local_probe.TEMPLATE) == before
    code = packaged.template["Resources"]["Probe"]["Properties"]["Code"]
    assert zipfile.ZipFile(io.BytesIO(packaged.objects[code["S3Key"]])).namelist() == ["handlers.py"]


def test_missing_code_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"The code of Probe is not at .*code"):
        package(local_probe.TEMPLATE, tmp_path)
