"""No function of any system fails unheard, no event vanishes, and no service of AWS acts for a stranger."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

import stacks
from blocks.extras import Extra
from blocks.parts import SAYS_FOR_WHOM
from checks.lint import findings

SYSTEMS = [name for name in stacks.SYSTEMS if name != "files-pusher"]


@pytest.fixture
def template() -> dict[str, Any]:
    made: dict[str, Any] = stacks.template(stacks.chosen(SYSTEMS, [*Extra]), "arm64", "0", [*Extra]).to_dict()
    return copy.deepcopy(made)


def rules(template: dict[str, Any]) -> set[tuple[str, str]]:
    return {(finding.rule, finding.resource) for finding in findings(template)}


def test_without_its_alarm_a_function_is_named(template: dict[str, Any]) -> None:
    del template["Resources"]["EmailTransformErrors"]
    assert rules(template) == {("errors", "EmailTransform")}


@pytest.mark.parametrize(
    "name", ["AlertingNotify", "SmsIngest", "SmsCompact", "OperateDigest", "OperateExamine", "EmailCompact"]
)
def test_without_retries_and_an_end_for_its_events_a_function_is_named(template: dict[str, Any], name: str) -> None:
    del template["Resources"][f"{name}Retries"]
    assert ("retries", name) in rules(template)


def test_a_function_that_keeps_nothing_says_why(template: dict[str, Any]) -> None:
    del template["Resources"]["QueriesReconcileRetries"]["Metadata"]
    assert rules(template) == {("errors", "QueriesReconcile"), ("retries", "QueriesReconcile")}


@pytest.mark.parametrize("lacking", ["RetryPolicy", "DeadLetterConfig"])
def test_a_schedule_without_retries_or_dead_letters_is_named(template: dict[str, Any], lacking: str) -> None:
    del template["Resources"]["AlertingSweepSchedule"]["Properties"]["Target"][lacking]
    assert rules(template) == {("retries", "AlertingSweepSchedule")}


def test_every_role_that_a_service_takes_says_for_whose_resource(template: dict[str, Any]) -> None:
    roles = {name for name, made in template["Resources"].items() if made["Type"] == "AWS::IAM::Role"}
    for name in roles:
        (statement,) = template["Resources"][name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        statement["Condition"].pop("ArnLike", None)
        statement["Condition"].pop("ArnLikeIfExists", None)
    assert rules(template) == {("trust", name) for name in roles}


def test_a_service_that_is_not_documented_to_say_for_whom_it_asks_can_take_its_role(template: dict[str, Any]) -> None:
    for service, conditions in trusts(template):
        tolerant = {operator for operator in conditions if operator.endswith("IfExists")}
        assert tolerant == (set() if service in SAYS_FOR_WHOM else {*conditions}), service


@pytest.mark.parametrize("documented", ["lambda.amazonaws.com", "firehose.amazonaws.com", "glue.amazonaws.com"])
def test_a_role_that_its_service_may_be_unable_to_take_is_named(template: dict[str, Any], documented: str) -> None:
    strict = {"StringEquals": {"aws:SourceAccount": "1"}, "ArnLike": {"aws:SourceArn": "*"}}
    names = set()
    for name, made in template["Resources"].items():
        statement = made["Properties"].get("AssumeRolePolicyDocument", {}).get("Statement", [{}])[0]
        if statement.get("Principal") == {"Service": documented}:
            statement["Condition"] = strict
            names.add(("trust", name))
    assert names
    assert rules(template) == names


def trusts(template: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for made in template["Resources"].values():
        for statement in made["Properties"].get("AssumeRolePolicyDocument", {}).get("Statement", []):
            yield statement["Principal"]["Service"], statement["Condition"]


@pytest.mark.parametrize(
    ("name", "lacking"),
    [("AlertingNotifyPermission", ["SourceArn"]), ("PipelinePublishPermission", ["SourceArn"])],
)
def test_a_permission_for_anybody_is_named(template: dict[str, Any], name: str, lacking: list[str]) -> None:
    for key in lacking:
        del template["Resources"][name]["Properties"][key]
    assert rules(template) == {("trust", name)}


def test_a_bucket_by_its_arn_alone_may_be_anybodys(template: dict[str, Any]) -> None:
    statements = template["Resources"]["FilesQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    from_s3 = statements[0]["Fn::If"][1]
    del from_s3["Condition"]["StringEquals"]
    assert rules(template) == {("trust", "FilesQueuePolicy")}
