"""What `status`, `explain`, `mails`, `ack`, `mute`, `test-fire` and `route` ask of AWS and change there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from deliverywatch.alerting.inputs.alarm import from_description
from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account import deployment
from deliverywatch.operate.account.aws import translated
from deliverywatch.storage.s3 import Bucket

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment

_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
# DescribeAlarms takes at most so many names.
_NAMES = 100
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


def lake(cloud: Cloud, stack: Deployment) -> Bucket:
    """Return the stack's lake as the operator's credentials see it."""
    return Bucket(stack.bucket, cloud.client("s3"))


def with_birth(cloud: Cloud, name: str) -> tuple[Deployment, datetime]:
    """Return a deployment and when its stack was made, aware.

    Raises:
        CloudRefused: There is no such stack, or it may not be asked.
        CloudUnavailable: AWS does not answer.
    """
    with translated(f"The stack {name}"):
        (stack,) = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return deployment.from_description(stack), stack["CreationTime"]


class Alarms:
    """CloudWatch's alarms."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def acting_on(self, topic: str) -> list[Alarm]:
        """Return the alarms, metric and composite, one of whose actions is this topic."""
        return [from_description(each) for each in self._described(topic, _ACTIONS)]

    def calling(self, topic: str) -> list[Alarm]:
        """Return those that tell this topic when they go off; a recovery alarm only tells when it is over."""
        return [from_description(each) for each in self._described(topic, _ACTIONS[:1])]

    def _described(self, topic: str, kinds: Sequence[str]) -> list[Mapping[str, Any]]:
        with translated("The alarms"):
            pages = self._cloud.client("cloudwatch").get_paginator("describe_alarms")
            described = [
                each
                for page in pages.paginate(ActionPrefix=topic, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
                for kind in ("MetricAlarms", "CompositeAlarms")
                for each in page.get(kind, ())
            ]
        # A prefix is also that of a longer name.
        return [each for each in described if topic in [arn for kind in kinds for arn in each.get(kind, ())]]

    def named(self, names: Sequence[str]) -> dict[str, Alarm]:
        """Return those of the alarms that exist, by name."""
        with translated("The alarms"):
            described = (
                self._cloud.client("cloudwatch").describe_alarms(
                    AlarmNames=list(names)[:_NAMES], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
                )
                if names
                else {}
            )
        kinds = [described.get(kind, []) for kind in ("MetricAlarms", "CompositeAlarms")]
        return {each["AlarmName"]: from_description(each) for kind in kinds for each in kind}


class MuteRules:
    """CloudWatch's mute rules."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def names(self, statuses: Sequence[str]) -> list[str]:
        """Return the names of the rules of the account in one of these states."""
        found: list[str] = []
        request: dict[str, Any] = {"Statuses": list(statuses)}
        with translated("The mute rules"):
            while True:
                answer = self._cloud.client("cloudwatch").list_alarm_mute_rules(**request)
                found += [each["AlarmMuteRuleArn"].rpartition(":")[2] for each in answer["AlarmMuteRuleSummaries"]]
                if not answer.get("NextToken"):
                    return found
                request["NextToken"] = answer["NextToken"]

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return a rule as GetAlarmMuteRule has it, or None if it is gone."""
        with translated(f"The mute rule {name}"):
            try:
                found: dict[str, Any] = self._cloud.client("cloudwatch").get_alarm_mute_rule(AlarmMuteRuleName=name)
            except ClientError as error:
                if error.response["Error"]["Code"].startswith("ResourceNotFound"):
                    return None
                raise
        return found

    def put(self, request: Mapping[str, Any]) -> None:
        """Make a rule."""
        with translated("The mute rule"):
            self._cloud.client("cloudwatch").put_alarm_mute_rule(**request)

    def delete(self, name: str) -> None:
        """Delete a rule."""
        with translated(f"The mute rule {name}"):
            self._cloud.client("cloudwatch").delete_alarm_mute_rule(AlarmMuteRuleName=name)


def publish(cloud: Cloud, topic: str, notice: Mapping[str, Any]) -> None:
    """Publish a notice of our own to the alerts topic.

    Raises:
        CloudRefused: These credentials may not.
        CloudUnavailable: AWS does not answer.
    """
    with translated("The alerts topic"):
        cloud.client("sns").publish(TopicArn=topic, Message=json.dumps(notice))


def change_parameter(cloud: Cloud, stack: Deployment, name: str, value: str) -> bool:
    """Change one parameter of the stack, with the template that is deployed; return whether anything changed.

    Raises:
        CloudRefused: CloudFormation refuses the value, or the update fails.
        CloudUnavailable: AWS does not answer.
    """
    client = cloud.client("cloudformation")
    kept = [{"ParameterKey": each, "UsePreviousValue": True} for each in stack.parameters if each != name]
    with translated(f"The stack {stack.name}"):
        try:
            client.update_stack(
                StackName=stack.name,
                UsePreviousTemplate=True,
                Parameters=[*kept, {"ParameterKey": name, "ParameterValue": value}],
                Capabilities=_CAPABILITIES,
            )
        except ClientError as error:
            if "No updates are to be performed" in error.response["Error"]["Message"]:
                return False
            raise
        try:
            client.get_waiter("stack_update_complete").wait(
                StackName=stack.name, WaiterConfig={"Delay": 3, "MaxAttempts": 200}
            )
        except WaiterError as error:
            raise CloudRefused(
                f"The stack {stack.name} could not be updated, and is as it was.",
                next_step=f"'aws cloudformation describe-stack-events --stack-name {stack.name}' tells why.",
            ) from error
    return True
