"""The comparison of what was deployed with what is there, and CloudFormation's own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as some

from deliverywatch.errors import CloudRefused, CloudUnavailable
from deliverywatch.operate.account.deployment import Deployment
from deliverywatch.operate.account.resources import Resource
from deliverywatch.operate.doctor import aws_drift
from deliverywatch.operate.doctor.checks_changed import Compared, changed, drifted
from deliverywatch.operate.doctor.deployed import Difference, Place, changes, properties

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

FUNCTION = Resource("SmsIngest", "AWS::Lambda::Function", "deliverywatch-prod-sms-ingest")
DEPLOYMENT = Deployment(
    "deliverywatch-prod", "prod", "eu-west-1", "111122223333", "CREATE_COMPLETE", "0", outputs={"LakeBucket": "lake"}
)
PLACE = Place("aws-us-gov", "us-gov-west-1", "111122223333", "deliverywatch-prod")


@dataclass
class CloudFormation:
    """A detection that takes some looks, and pages of its results."""

    pages: list[list[dict[str, Any]]]
    looks: int = 0
    refuses: str = ""
    requests: list[Mapping[str, Any]] = field(default_factory=list)

    def client(self, _: str) -> CloudFormation:
        return self

    def detect_stack_drift(self, **_: str) -> dict[str, str]:
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": "no"}}, "DetectStackDrift")
        return {"StackDriftDetectionId": "1"}

    def describe_stack_drift_detection_status(self, **_: str) -> dict[str, str]:
        self.looks -= 1
        return {"DetectionStatus": "DETECTION_IN_PROGRESS" if self.looks >= 0 else "DETECTION_COMPLETE"}

    def describe_stack_resource_drifts(self, **request: Any) -> dict[str, Any]:
        self.requests.append(dict(request))
        number = int(request.get("NextToken", 0))
        more = {"NextToken": str(number + 1)} if number + 1 < len(self.pages) else {}
        return {"StackResourceDrifts": self.pages[number], **more}


def drift(status: str = "MODIFIED", path: str = "/Timeout") -> dict[str, Any]:
    difference = {"PropertyPath": path, "ExpectedValue": "900", "ActualValue": "3", "DifferenceType": "NOT_EQUAL"}
    named = {"LogicalResourceId": FUNCTION.id, "ResourceType": FUNCTION.kind, "PhysicalResourceId": FUNCTION.name}
    return {**named, "StackResourceDriftStatus": status, "PropertyDifferences": [difference]}


def detected(cloud: CloudFormation, pauses: int = 9) -> list[Compared]:
    left = iter([True] * pauses)
    return aws_drift.changed(cast("Cloud", cloud), "deliverywatch-prod", lambda: next(left, False))


def test_every_page_of_what_cloudformation_calls_changed_is_read_when_it_has_compared_all() -> None:
    cloud = CloudFormation([[drift()], [drift("DELETED")]], looks=3)
    assert detected(cloud) == [
        Compared(FUNCTION, [Difference("Timeout", "3", "900")]),
        Compared(FUNCTION, None),
    ]
    assert {tuple(request["StackResourceDriftStatusFilters"]) for request in cloud.requests} == {
        ("MODIFIED", "DELETED")
    }


def test_nobody_waits_for_ever() -> None:
    with pytest.raises(CloudUnavailable, match="still compares"):
        detected(CloudFormation([[]], looks=99))


def test_a_missing_right_is_named() -> None:
    with pytest.raises(CloudRefused, match="AWS denies DetectStackDrift"):
        detected(CloudFormation([[]], refuses="AccessDenied"))


def test_what_cloudformation_is_known_to_see_wrongly_is_not_believed() -> None:
    (found,) = detected(CloudFormation([[drift(path="/NotificationConfiguration/QueueConfigurations/0")]]))
    assert found.differences == []
    assert list(drifted([found], [Compared(FUNCTION)], DEPLOYMENT)) == []


def test_a_policy_that_the_template_has_as_a_text_is_what_iam_has_as_a_document() -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}]})
    same, other = drift(path="/AssumeRolePolicyDocument"), drift(path="/AssumeRolePolicyDocument")
    same["PropertyDifferences"][0] |= {"ExpectedValue": document, "ActualValue": document.replace(" ", "")}
    other["PropertyDifferences"][0] |= {"ExpectedValue": document, "ActualValue": "{}"}
    assert [len(found.differences or []) for found in detected(CloudFormation([[same, other]]))] == [0, 1]


@pytest.mark.parametrize(
    ("known", "verdicts"),
    [
        (Compared(FUNCTION), ["warning"]),
        (Compared(FUNCTION, [Difference("Timeout", "3", "900")]), []),
        (Compared(FUNCTION, error=CloudRefused("denied")), []),
    ],
)
def test_what_only_cloudformation_sees_is_a_warning_and_nothing_is_said_twice(
    known: Compared, verdicts: list[str]
) -> None:
    found = Compared(FUNCTION, [Difference("Description", "x", "y")])
    assert [check.verdict for check in drifted([found], [known], DEPLOYMENT)] == verdicts


def test_a_resource_that_cannot_be_read_is_named_and_hides_no_other() -> None:
    topic = Compared(Resource("AlertsTopic", "AWS::SNS::Topic", "arn:x:y"), error=CloudRefused("not you"))
    lines = list(changed([topic, Compared(FUNCTION, [Difference("Timeout", "3", "900")])], "lake"))
    assert [line.finding for line in lines] == [
        "The Lambda Function deliverywatch-prod-sms-ingest (SmsIngest) was changed: Timeout is 3, deployed was 900.",
        "AlertsTopic could not be compared: not you",
    ]


TEMPLATE = {
    "Parameters": {"Days": {"Type": "Number", "Default": "7"}},
    "Resources": {
        "Lake": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "q-${AWS::StackName}"}}},
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Days": {"Ref": "Days"},
                "Objects": {"Fn::Sub": "${Lake.Arn}/${!literal}/*"},
                "Queue": [{"Ref": "Queue"}, {"Fn::GetAtt": ["Queue", "Arn"]}, {"Fn::GetAtt": ["Queue", "QueueName"]}],
            },
        },
    },
}


def test_references_are_resolved_by_what_is_in_the_account_in_any_partition() -> None:
    names = {"Lake": "lake-1", "Role": "role-1", "Queue": "https://sqs.x/1/q-1", "Function": "f-1"}
    resources = [Resource(id_, TEMPLATE["Resources"][id_]["Type"], name) for id_, name in names.items()]
    deployed = {resource.id: then for resource, then in properties(TEMPLATE, {"Days": "30"}, resources, PLACE)}
    queue = "arn:aws-us-gov:sqs:us-gov-west-1:111122223333:q-1"
    assert deployed["Function"] == {
        "Role": "arn:aws-us-gov:iam::111122223333:role/role-1",
        "Days": "30",
        "Objects": "arn:aws-us-gov:s3:::lake-1/${literal}/*",
        "Queue": ["https://sqs.x/1/q-1", queue, "q-1"],
    }


@pytest.mark.parametrize("spelled", [{"Fn::GetAtt": ["Encoded", "Value"]}, {"Fn::Sub": "${Encoded.Value}"}])
def test_a_parameter_of_ssm_is_what_the_template_puts_there_however_it_is_referred_to(spelled: dict[str, Any]) -> None:
    template = {
        "Parameters": {},
        "Resources": {
            "Encoded": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": "dt%3D"}},
            "Lake": {"Type": "AWS::S3::Bucket", "Properties": {"Prefix": spelled}},
        },
    }
    (deployed,) = properties(template, {}, [Resource("Lake", "AWS::S3::Bucket", "lake-1")], PLACE)
    assert deployed[1] == {"Prefix": "dt%3D"}


SCALARS = some.none() | some.booleans() | some.integers() | some.text("abc1{[", max_size=4)
VALUES = some.recursive(
    SCALARS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from("ABC"), inner, max_size=3),
)


@given(some.dictionaries(some.sampled_from(["Timeout", "Policies", "Rules"]), VALUES, min_size=1))
def test_what_is_as_it_was_deployed_is_no_difference_however_aws_writes_it(then: dict[str, Any]) -> None:
    assert list(changes(then, then)) == []
    assert list(changes(then, {key: _reversed(value) for key, value in then.items()})) == []
    written = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in then.items()}
    assert list(changes(then, written)) == []


def _reversed(value: Any) -> Any:
    if isinstance(value, list):
        return [_reversed(item) for item in reversed(value)]
    return {key: _reversed(item) for key, item in value.items()} if isinstance(value, dict) else value


def cases() -> Iterator[tuple[dict[str, Any], dict[str, Any], list[str]]]:
    """What was deployed, what is there, and the paths that differ."""
    yield {"Timeout": 900}, {"Timeout": 900}, []
    yield {"Timeout": "900"}, {"Timeout": 3}, ["Timeout"]
    yield {}, {"Timeout": None}, []
    yield {}, {"ReservedConcurrentExecutions": 0}, ["ReservedConcurrentExecutions"]
    yield {"Target": {"Arn": "a"}}, {"Target": {"Arn": "a", "RetryPolicy": {"MaximumRetryAttempts": 185}}}, []
    added = {"Environment": {"Variables": {"A": "1", "B": "2"}}}
    yield {"Environment": {"Variables": {"A": "1"}}}, added, ["Environment.Variables.B"]
    yield {"Event": {"Enabled": True}}, {"Event.Enabled": False}, ["Event.Enabled"]
    yield {"PolicyDocument": {"Action": ["s3:*"]}}, {"PolicyDocument": '{"Action": "s3:*"}'}, []
    wider = {"Statement": [{"Action": "s3:*", "Principal": "*"}]}
    yield (
        {"PolicyDocument": {"Statement": [{"Action": "s3:*"}]}},
        {"PolicyDocument": wider},
        ["PolicyDocument.Statement"],
    )


@pytest.mark.parametrize(("then", "now", "paths"), list(cases()))
def test_a_difference_has_a_path(then: dict[str, Any], now: dict[str, Any], paths: list[str]) -> None:
    assert [difference.path for difference in changes(then, now)] == paths
