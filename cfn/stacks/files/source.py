"""Where the file intake gets its events: a bucket of its own or a given one, straight to the queue or by the pusher."""

from typing import Any

from troposphere import GetAtt, If, Ref, Sub, events, iam, s3

from blocks.buckets import kept_bucket
from blocks.parts import (
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
from deliverywatch.files.admission import VARIABLES
from stacks.files.alarms import DEAD_LETTERS, QUEUE

_EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")
_PUSH = "FilesPush"
_GIVEN = "arn:${AWS::Partition}:s3:::${FilesBucketName}"
WATCHED = If("MakesFilesBucket", Ref("FilesUploads"), Ref("FilesBucketName"))
_QUEUE_ARN, _DEAD_ARN = (GetAtt(title(queue), "Arn") for queue in (QUEUE, DEAD_LETTERS))


def direct() -> list[Any]:
    """Return the bucket that notifies the queue, or the rule that sends a given bucket's events there."""
    queues = [s3.QueueConfigurations(Event=event, Queue=_QUEUE_ARN) for event in _EVENTS]
    notifies = s3.NotificationConfiguration(QueueConfigurations=queues)
    return [*_bucket(notifies, f"{title(QUEUE)}Policy"), _rule("FilesQueue", _QUEUE_ARN)]


def through_pusher() -> list[Any]:
    """Return the bucket that starts the pusher, or the rule that does, and what catches what the pusher drops."""
    push = GetAtt(_PUSH, "Arn")
    functions = [s3.LambdaConfigurations(Event=event, Function=push) for event in _EVENTS]
    notifies = s3.NotificationConfiguration(LambdaConfigurations=functions)
    return [
        *_bucket(notifies, f"{_PUSH}FromBucket"),
        _rule(_PUSH, push),
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
            "DELIVERYWATCH_TABLE_LAYOUT": Ref("FilesTableLayout"),
            **filters(with_pusher=True),
        },
        statements=[allow("sqs:SendMessage", [_QUEUE_ARN, _DEAD_ARN])],
        is_traced=True,
    )


def filters(*, with_pusher: bool) -> dict[str, Any]:
    """Return the variables of a function with the filters: all that there are with the pusher, else those of names."""
    names = [name for name in VARIABLES if with_pusher or name in ("FilesPrefix", "FilesSuffix")]
    return {VARIABLES[name]: Ref(name) for name in names}


def may_read(*, with_pusher: bool) -> Any:
    """Return the right to read the watched bucket's objects, apart from the roles, which the bucket waits for."""
    objects = If("MakesFilesBucket", Sub("${FilesUploads.Arn}/*"), Sub(f"{_GIVEN}/*"))
    statements = [
        allow(["s3:GetObject", "s3:GetObjectVersion"], objects),
        # Without it S3 answers 403 for an object that is gone already, instead of 404.
        allow("s3:ListBucket", bucket_arn()),
    ]
    return iam.PolicyType(
        "FilesMayRead",
        PolicyName="files-may-read",
        Roles=[Ref("FilesProcessRole"), *([Ref(f"{_PUSH}Role")] if with_pusher else [])],
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
    return kept_bucket("FilesUploads", BucketName=chosen_name("FilesUploadsBucketName"), **made)


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
