"""Where the file intake gets its events: a bucket of its own or a given one, straight to the queue or by the pusher."""

from typing import Any

from troposphere import GetAtt, If, Ref, Select, Split, Sub, events, iam, s3, ssm

from blocks.buckets import encoded_key, kept_bucket
from blocks.parts import (
    NO_VALUE,
    PREFIX,
    Function,
    Statement,
    allow,
    arn,
    chosen_name,
    invocable,
    named,
    policy,
    retries,
    sender,
    title,
)
from stacks.files.alarms import DEAD_LETTERS, QUEUE

_EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")
_PUSH = "FilesPush"
_PARTS = ("prefix", "suffix")
# No part of a key that is accepted holds it.
_BETWEEN = "|"
_ENCODED = "FilesFilterEncoded"
_GIVEN = "arn:${AWS::Partition}:s3:::${FilesBucketName}"
_QUEUE_ARN, _DEAD_ARN = (GetAtt(title(queue), "Arn") for queue in (QUEUE, DEAD_LETTERS))


def direct() -> list[Any]:
    """Return the bucket that notifies the queue, or the rule that sends a given bucket's events there."""
    queues = [s3.QueueConfigurations(Event=event, Queue=_QUEUE_ARN, Filter=_filter()) for event in _EVENTS]
    notifies = s3.NotificationConfiguration(QueueConfigurations=queues)
    return [*_bucket(notifies, f"{title(QUEUE)}Policy"), _rule("FilesQueue", _QUEUE_ARN)]


def through_pusher() -> list[Any]:
    """Return the bucket that starts the pusher, or the rule that does, and what catches what the pusher drops."""
    push = GetAtt(_PUSH, "Arn")
    functions = [s3.LambdaConfigurations(Event=event, Function=push, Filter=_filter()) for event in _EVENTS]
    notifies = s3.NotificationConfiguration(LambdaConfigurations=functions)
    return [
        *_bucket(notifies, f"{_PUSH}FromBucket"),
        _rule(_PUSH, push),
        _may_read(),
        # Naming the bucket here would close a circle: it has to be notify the function first.
        invocable(
            f"{_PUSH}FromBucket",
            _PUSH,
            "s3.amazonaws.com",
            Condition="MakesFilesBucket",
            SourceAccount=Ref("AWS::AccountId"),
        ),
        invocable(
            f"{_PUSH}FromRule",
            _PUSH,
            "events.amazonaws.com",
            Condition="HasFilesBucket",
            SourceArn=GetAtt("FilesRule", "Arn"),
        ),
        retries("files-push", 2, DEAD_LETTERS),
    ]


def pusher() -> Function:
    """Return the function that asks each object for what the notification leaves out, and filters."""
    return Function(
        room="files",
        verb="push",
        description="S3 events, with content type, metadata and checksum of each object -> the queue",
        timeout_seconds=30,
        name_parameter="FilesPushName",
        environment={
            "DELIVERYWATCH_QUEUE_URL": Ref(title(QUEUE)),
            "DELIVERYWATCH_PREFIX_OF_KEYS": Ref("FilesPrefix"),
            "DELIVERYWATCH_SUFFIX_OF_KEYS": Ref("FilesSuffix"),
            "DELIVERYWATCH_CONTENT_TYPES": Ref("FilesContentTypes"),
            "DELIVERYWATCH_MAXIMUM_MEGABYTES": Ref("FilesMaximumMegabytes"),
        },
        statements=[allow("sqs:SendMessage", [_QUEUE_ARN, _DEAD_ARN])],
        is_traced=True,
    )


def _may_read() -> Any:
    objects = If("MakesFilesBucket", Sub("${FilesUploads.Arn}/*"), Sub(f"{_GIVEN}/*"))
    statements = [
        allow(["s3:GetObject", "s3:GetObjectVersion"], objects),
        # Without it S3 answers 403 for an object that is gone already, instead of 404.
        allow("s3:ListBucket", bucket_arn()),
    ]
    # Apart from the role, which the bucket waits for.
    return iam.PolicyType(
        f"{_PUSH}MayRead",
        PolicyName="files-push-may-read",
        Roles=[Ref(f"{_PUSH}Role")],
        PolicyDocument=policy(statements),
    )


def bucket_arn() -> Any:
    """Return the ARN of the bucket that is watched."""
    return If("MakesFilesBucket", GetAtt("FilesUploads", "Arn"), Sub(_GIVEN))


def senders(*, with_pusher: bool) -> list[Any]:
    """Return the statements that let S3 or EventBridge send to the queue; the pusher's own role lets it."""
    if with_pusher:
        return []
    # Naming the bucket here would close a circle: it may notify the queue only once this policy is there.
    account = {"aws:SourceAccount": Ref("AWS::AccountId")}
    any_bucket = {"aws:SourceArn": Sub("arn:${AWS::Partition}:s3:::*")}
    conditions = {"StringEquals": account, "ArnLike": any_bucket}
    from_s3 = {**allow("sqs:SendMessage", _QUEUE_ARN, conditions), "Principal": {"Service": "s3.amazonaws.com"}}
    return [If("MakesFilesBucket", from_s3, {**undelivered(), "Resource": _QUEUE_ARN})]


def undelivered() -> Statement:
    """Return the statement that lets EventBridge put aside what it could not deliver; the resource is filled in."""
    # By name, because there is no rule where the bucket is the stack's own.
    return sender("events", Sub(arn("events", f"rule/{PREFIX}-files")))


def _bucket(notifies: Any, after: str) -> list[Any]:
    made = {"Condition": "MakesFilesBucket", "DependsOn": after, "NotificationConfiguration": notifies}
    return [_encoded(), *kept_bucket("FilesUploads", BucketName=chosen_name("FilesUploadsBucketName"), **made)]


def _filter() -> Any:
    rules = [
        If(f"HasFiles{title(name)}", s3.Rules(Name=name, Value=_encoded_part(number)), NO_VALUE)
        for number, name in enumerate(_PARTS)
    ]
    return If("HasFilesFilter", s3.Filter(S3Key=s3.S3Key(Rules=rules)), NO_VALUE)


def _encoded() -> Any:
    """The parts of keys as S3 compares them: said once, where each of six filters would spell out the encoding."""
    both = encoded_key(Sub(_BETWEEN.join(f"${{Files{title(name)}}}" for name in _PARTS)))
    return ssm.Parameter(_ENCODED, Condition="HasFilesFilter", Type="String", Value=both)


def _encoded_part(number: int) -> Any:
    return Select(number, Split(_BETWEEN, GetAtt(_ENCODED, "Value")))


def _rule(target: str, target_arn: Any) -> Any:
    pattern = {
        "source": ["aws.s3"],
        "detail-type": ["Object Created", "Object Deleted"],
        "detail": {
            "bucket": {"name": [Ref("FilesBucketName")]},
            "object": {"key": [{"wildcard": Sub("${FilesPrefix}*${FilesSuffix}")}]},
        },
    }
    return events.Rule(
        "FilesRule",
        Condition="HasFilesBucket",
        Name=named("files"),
        Description="Uploads and removals in the bucket that the file intake watches",
        EventPattern=pattern,
        Targets=[events.Target(Id=target, Arn=target_arn, DeadLetterConfig=events.DeadLetterConfig(Arn=_DEAD_ARN))],
    )
