"""What somebody changed by hand, resource by resource -> one line each, with the command that undoes it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.resources import kind_words
from deliverywatch.operate.doctor.check import Check, failed, ok, some, unknown, warning

if TYPE_CHECKING:
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.account.resources import Resource
    from deliverywatch.operate.doctor.deployed import Difference

NAME = "changed"
# No properties of a template: policies that somebody put into a role beside those of the stack, and statements that let
# everybody start a function.
ADDED_POLICIES, ADDED_PERMISSIONS = "AddedPolicies", "AddedPermissions"
_UNDO = "deliverywatch deploy --revert-drift"
_CONFIGURE = "aws lambda update-function-configuration"
# What SQS has where a template says nothing.
QUEUE_DEFAULTS = {"DelaySeconds": "0", "VisibilityTimeout": "30", "MessageRetentionPeriod": "345600"}
# What CloudFormation does not undo, as the template says nothing of it.
_UNDO_BY_HAND = {
    ("AWS::Athena::WorkGroup", "State"): "aws athena update-work-group --state ENABLED --work-group {name}",
    ("AWS::DynamoDB::Table", "DeletionProtectionEnabled"): (
        "aws dynamodb update-table --no-deletion-protection-enabled --table-name {name}"
    ),
    ("AWS::Events::Rule", "State"): "aws events enable-rule --name {name}",
    ("AWS::IAM::Role", ADDED_POLICIES): "aws iam delete-role-policy --role-name {name} --policy-name {now}",
    ("AWS::IAM::Role", "ManagedPolicyArns"): "aws iam detach-role-policy --role-name {name} --policy-arn {now}",
    ("AWS::IAM::Role", "PermissionsBoundary"): "aws iam delete-role-permissions-boundary --role-name {name}",
    ("AWS::Lambda::EventSourceMapping", "FilterCriteria"): (
        "aws lambda update-event-source-mapping --filter-criteria '{{}}' --uuid {name}"
    ),
    ("AWS::Lambda::EventSourceMapping", "Enabled"): "aws lambda update-event-source-mapping --enabled --uuid {name}",
    ("AWS::Lambda::Function", ADDED_PERMISSIONS): (
        "aws lambda remove-permission --function-name {name} --statement-id {now}"
    ),
    ("AWS::Lambda::Function", "ReservedConcurrentExecutions"): (
        "aws lambda delete-function-concurrency --function-name {name}"
    ),
    ("AWS::Lambda::Function", "Layers"): f"{_CONFIGURE} --layers '[]' --function-name {{name}}",
    ("AWS::Lambda::Function", "TracingConfig.Mode"): (
        f"{_CONFIGURE} --tracing-config Mode=PassThrough --function-name {{name}}"
    ),
    ("AWS::Lambda::Function", "VpcConfig.SubnetIds"): (
        f"{_CONFIGURE} --vpc-config 'SubnetIds=[],SecurityGroupIds=[]' --function-name {{name}}"
    ),
    ("AWS::S3::Bucket", "CorsConfiguration"): "aws s3api delete-bucket-cors --bucket {name}",
    ("AWS::S3::Bucket", "LoggingConfiguration"): (
        "aws s3api put-bucket-logging --bucket-logging-status '{{}}' --bucket {name}"
    ),
    ("AWS::S3::Bucket", "ReplicationConfiguration"): "aws s3api delete-bucket-replication --bucket {name}",
    ("AWS::SNS::Subscription", "FilterPolicy"): (
        "aws sns set-subscription-attributes --attribute-name FilterPolicy --attribute-value '{{}}' "
        "--subscription-arn {name}"
    ),
    ("AWS::SNS::Topic", "KmsMasterKeyId"): (
        "aws sns set-topic-attributes --attribute-name KmsMasterKeyId --attribute-value '' --topic-arn {name}"
    ),
    **{
        ("AWS::SQS::Queue", key): f"aws sqs set-queue-attributes --attributes {key}={usual} --queue-url {{name}}"
        for key, usual in QUEUE_DEFAULTS.items()
    },
    **{
        ("AWS::Scheduler::Schedule", key): f"aws scheduler delete-schedule --name {{name}}, then {_UNDO}"
        for key in ("StartDate", "EndDate")
    },
}
# Kinds whose absence is a line of another check: alarms, functions, schedules.
_GONE_ELSEWHERE = ("AWS::CloudWatch::Alarm", "AWS::Lambda::Function", "AWS::Scheduler::Schedule")
# By logical id: without these no alarm becomes a mail, which the checks notifier, notifier-policy and fallback say.
_ROAD_OF_ALARMS = ("AlertingNotifySubscription", "AlertingNotifyPermission", "FallbackSubscription", "Workgroup")
_OF_THE_LAKE = "PublicAccessBlockConfiguration"


@dataclass(frozen=True, slots=True)
class Compared:
    """One resource and what is not as it was deployed; None if it is gone.

    Attributes:
        error: Why it could not be read.
        then: Its properties as they were deployed.
    """

    resource: Resource
    differences: Sequence[Difference] | None = ()
    error: Exception | None = None
    then: Mapping[str, Any] = field(default_factory=dict)


def changed(compared: Sequence[Compared], lake: str) -> Iterator[Check]:
    """Yield a line for each resource that is not as it was deployed; `lake` is a bucket that has a check of its own."""
    findings = [one for one in compared if not one.error and _sentence(one, lake)]
    for one in findings:
        yield failed(NAME, _sentence(one, lake), _fix(one))
    if unread := [(one, one.error) for one in compared if one.error]:
        names = some([one.resource.id for one, _ in unread])
        check = unknown(NAME, unread[0][1])
        yield replace(check, finding=f"{names} could not be compared: {check.finding}")
    if not findings and not unread:
        yield ok(NAME, f"{len(compared)} resources are as they were deployed.")


def _sentence(one: Compared, lake: str) -> str:
    kind, name = one.resource.kind, one.resource.name.rpartition("/")[2].rpartition("|")[2]
    if one.differences is None:
        if kind in _GONE_ELSEWHERE or one.resource.id in _ROAD_OF_ALARMS:
            return ""
        return f"The {kind_words(kind)} {name} ({one.resource.id}) does not exist any more."
    hidden = _OF_THE_LAKE if name == lake else "-"
    differences = [difference for difference in one.differences if not difference.path.startswith(hidden)]
    words = some([difference.words for difference in differences])
    return f"The {kind_words(kind)} {name} ({one.resource.id}) was changed: {words}." if words else ""


def _fix(one: Compared) -> str:
    if one.resource.kind == "AWS::Glue::Table":
        # CloudFormation's drift detection does not know tables.
        verb = "create" if one.differences is None else "update"
        table = shlex.quote(json.dumps(one.then["TableInput"]))
        return f"aws glue {verb}-table --database-name {one.then['DatabaseName']} --table-input {table}"
    for difference in one.differences or ():
        command = _UNDO_BY_HAND.get((one.resource.kind, difference.path))
        if command and not difference.then:
            return command.format(name=one.resource.name, now=difference.now)
    return _UNDO


def drifted(reported: Sequence[Compared], compared: Sequence[Compared], deployment: Deployment) -> Iterator[Check]:
    """Yield a warning for each resource that only CloudFormation calls changed.

    It compares properties that are not read here, and is wrong about some that nobody touched.
    """
    known = {one.resource.id for one in compared if one.differences is None or one.differences or one.error}
    show = f"aws cloudformation describe-stack-resource-drifts --stack-name {deployment.name}"
    for one in reported:
        if one.resource.id not in known and (sentence := _sentence(one, deployment.bucket)):
            yield warning(NAME, f"CloudFormation says: {sentence}", f"{show}, and look at {one.resource.id}")
