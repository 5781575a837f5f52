"""What `status`, `explain`, `mails`, `ack`, `mute`, `test-fire` and `route` ask of AWS and change there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from deliverywatch.alerting.inputs.alarm import from_description
from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account import aws
from deliverywatch.operate.account.aws import described_alarms, existing, translated
from deliverywatch.operate.incidents.watch_verdicts import declared_watches
from deliverywatch.storage.s3 import Bucket

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment

_ACTIONS = ("AlarmActions", "OKActions", "InsufficientDataActions")
# The most names that DescribeAlarms takes.
_NAMES = 100
# SNS allows 100 characters of a subject, and 256 KB of a text.
_SUBJECT_LIMIT, _TEXT_LIMIT = 100, 60_000
_NO_RULE = ("ResourceNotFound", "ResourceNotFoundException")
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


def lake(cloud: Cloud, stack: Deployment) -> Bucket:
    """Return the stack's lake as the operator's credentials see it."""
    return Bucket(stack.bucket, cloud.s3_of(stack.account))


def watches(cloud: Cloud, stack: Deployment) -> tuple[Watch, ...]:
    """Return the watches that a deployed stack declares."""
    return declared_watches(aws.template(cloud, stack.name), stack.parameters, stack.prefix)


class Alarms:
    """CloudWatch's alarms."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloudwatch = cloud.client("cloudwatch")

    def acting_on(self, topic: str) -> list[Alarm]:
        """Return the alarms, metric and composite, one of whose actions is this topic."""
        return [from_description(alarm) for alarm in self._described(topic, _ACTIONS)]

    def calling(self, topic: str) -> list[Alarm]:
        """Return those that notify this topic when they go off; a recovery alarm notifies only when it is over."""
        return [from_description(alarm) for alarm in self._described(topic, _ACTIONS[:1])]

    def of_prefix(self, prefix: str) -> list[Alarm]:
        """Return the alarms, metric and composite, whose names begin so."""
        with translated("The alarms"):
            return [from_description(alarm) for alarm in described_alarms(self._cloudwatch, AlarmNamePrefix=prefix)]

    def _described(self, topic: str, kinds: Sequence[str]) -> list[Mapping[str, Any]]:
        with translated("The alarms"):
            alarms = described_alarms(self._cloudwatch, ActionPrefix=topic)
        # A prefix is also that of a longer name.
        return [alarm for alarm in alarms if topic in [arn for kind in kinds for arn in alarm.get(kind, ())]]

    def named(self, names: Sequence[str]) -> dict[str, Alarm]:
        """Return those of the alarms that exist, by name."""
        if not names:
            return {}
        with translated("The alarms"):
            alarms = described_alarms(self._cloudwatch, AlarmNames=list(names)[:_NAMES])
        return {alarm["AlarmName"]: from_description(alarm) for alarm in alarms}


class MuteRules:
    """CloudWatch's mute rules."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloudwatch = cloud.client("cloudwatch")

    def names(self, statuses: Sequence[str]) -> list[str]:
        """Return the names of the rules of the account in one of these states."""
        names: list[str] = []
        request: dict[str, Any] = {"Statuses": list(statuses)}
        # Without a paginator, of which a boto3 that has the operation may not know yet.
        with translated("The mute rules"):
            while True:
                page = self._cloudwatch.list_alarm_mute_rules(**request)
                names += [rule["AlarmMuteRuleArn"].rpartition(":")[2] for rule in page["AlarmMuteRuleSummaries"]]
                if not page.get("NextToken"):
                    return names
                request["NextToken"] = page["NextToken"]

    def describe(self, name: str) -> Mapping[str, Any] | None:
        """Return a rule as GetAlarmMuteRule has it, or None if it is gone."""
        with translated(f"The mute rule {name}"):
            rule: dict[str, Any] | None = existing(
                lambda: self._cloudwatch.get_alarm_mute_rule(AlarmMuteRuleName=name), *_NO_RULE
            )
        return rule

    def put(self, request: Mapping[str, Any]) -> None:
        """Make a rule."""
        with translated("The mute rule"):
            self._cloudwatch.put_alarm_mute_rule(**request)

    def delete(self, name: str) -> None:
        """Delete a rule."""
        with translated(f"The mute rule {name}"):
            self._cloudwatch.delete_alarm_mute_rule(AlarmMuteRuleName=name)


def publish(cloud: Cloud, topic: str, notice: Mapping[str, Any]) -> None:
    """Publish a notice of our own to the alerts topic."""
    with translated("The alerts topic"):
        cloud.client("sns").publish(TopicArn=topic, Message=json.dumps(notice))


def publish_text(cloud: Cloud, topic: str, subject: str, text: str) -> None:
    """Publish a text to the fallback topic, whose subscribers get it as it is."""
    with translated("The fallback topic"):
        cloud.client("sns").publish(TopicArn=topic, Subject=subject[:_SUBJECT_LIMIT], Message=text[:_TEXT_LIMIT])


def change_parameter(cloud: Cloud, stack: Deployment, name: str, value: str) -> bool:
    """Change one parameter of the stack, with the template that is deployed; return whether anything changed."""
    client = cloud.client("cloudformation")
    kept = [
        {"ParameterKey": parameter, "UsePreviousValue": True} for parameter in stack.parameters if parameter != name
    ]
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
                next_step=f"'aws cloudformation describe-stack-events --stack-name {stack.name}' says why.",
            ) from error
    return True
