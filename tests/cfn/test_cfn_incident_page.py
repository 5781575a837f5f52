"""Links in mails: nothing of them is made unless it is built and a key is named, and then no more than they need."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from cfn_values import GIVEN, of_type

from cwalarm.definitions.template import Resolver

ON = {"LinkKeyParameter": "/deliverywatch/prod/link-key"}
FUNCTION = "OperateAcknowledge"


def made(template: dict[str, Any], **parameters: str) -> set[str]:
    """The resources of the page that these parameters make."""
    resolver = Resolver(template, {**GIVEN, **parameters})
    named = {name: one for name, one in template["Resources"].items() if name.startswith(FUNCTION)}
    return {name.removeprefix(FUNCTION) for name, one in named.items() if resolver.holds(one.get("Condition"))}


def test_what_is_not_built_with_it_names_nothing_that_some_regions_lack(template: dict[str, Any]) -> None:
    """A condition would not help: where CloudFormation does not know a type it refuses the template that names it."""
    text = json.dumps(template)
    assert [word for word in ("AWS::Lambda::Url", "OperateAcknowledge", "LinkKey", "LINK_") if word in text] == []


def test_without_a_key_there_is_no_function_no_url_and_no_alarm(with_page: dict[str, Any]) -> None:
    assert made(with_page) == set()
    assert made(with_page, **ON) == {"", "Role", "Logs", "Url", "UrlPermission", "Permission", "Errors"}


def test_without_a_key_the_notifier_signs_nothing_and_may_read_none(with_page: dict[str, Any]) -> None:
    def may(**parameters: str) -> str:
        return json.dumps(of_type(with_page, "AWS::IAM::Role", **parameters)["AlertingNotifyRole"])

    assert "link-key" not in may()
    assert "parameter/deliverywatch/prod/link-key" in may(**ON)


def test_the_page_may_write_incidents_read_its_key_and_mute_the_stacks_own_alarms(with_page: dict[str, Any]) -> None:
    (policy,) = of_type(with_page, "AWS::IAM::Role", **ON)[f"{FUNCTION}Role"]["Policies"]
    allowed = {
        (action, resource)
        for one in policy["PolicyDocument"]["Statement"]
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
        for resource in (one["Resource"] if isinstance(one["Resource"], list) else [one["Resource"]])
    }
    rights = {
        action: {resource.rpartition(":")[2] for name, resource in allowed if name == action} for action, _ in allowed
    }
    assert rights.pop("cloudwatch:PutAlarmMuteRule") == {"deliverywatch-prod-mute-*", "deliverywatch-prod-*"}
    assert rights.pop("ssm:GetParameter") == {"parameter/deliverywatch/prod/link-key"}
    assert all("incidents/*" in one or "damaged/*" in one for one in rights.pop("s3:PutObject"))
    assert all("incidents/*" in one for one in rights.pop("s3:GetObject"))
    assert set(rights) == {"logs:CreateLogStream", "logs:PutLogEvents", "s3:ListBucket", "kms:Decrypt"}


def test_no_more_requests_than_chosen_are_answered_at_a_time(with_page: dict[str, Any]) -> None:
    functions = [
        of_type(with_page, "AWS::Lambda::Function", **ON, **more)[FUNCTION] for more in ({}, {"PageConcurrency": "0"})
    ]
    assert [one.get("ReservedConcurrentExecutions") for one in functions] == ["2", None]


@pytest.mark.parametrize("name", ["link-key", "/a b", "/deliverywatch/*", "arn:aws:ssm:eu-west-1:1:parameter/x"])
def test_a_key_that_is_not_the_name_of_a_parameter_is_refused(with_page: dict[str, Any], name: str) -> None:
    assert not re.fullmatch(with_page["Parameters"]["LinkKeyParameter"]["AllowedPattern"], name)
