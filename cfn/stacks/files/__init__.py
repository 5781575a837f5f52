"""Files: bucket -> queue -> processor -> table, with the queue of dead letters; and the same with the pusher between.

A bucket that the stack makes notifies the queue directly. A bucket that was there before is not touched: its events
come through EventBridge, because CloudFormation could only replace its notifications. With the pusher both go to that
function, which fills the queue; never both ways for one event.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from troposphere import FindInMap, GetAtt, If, Ref, Sub, awslambda, dynamodb, iam, sqs

from blocks.extras import Extra
from blocks.parts import LOOKS_AT_FUNCTION, Function, allow, chosen_name, dead_letters, named, policy, queue, title
from blocks.stack import Stack, dashboard_url
from deliverywatch.files.records.layout import Layout
from stacks.files import source as files_source
from stacks.files.alarms import DEAD_LETTERS, QUEUE, errors_filter, watches
from stacks.files.dashboard import files_dashboard
from stacks.files.parameters import MAPPINGS, WINDOW_SECONDS, conditions, parameters
from stacks.shared import MAY_LIST_LAKE, MAY_SET_ASIDE

# Less, and throttling alone would dead-letter good messages.
RECEIVE_COUNT = 5
# Dead letters keep the time at which they were sent: two weeks there leave ten days after four in the queue.
RETENTION_SECONDS = 4 * 24 * 3600
# The first three are Lambda's, which polls in the function's name; the last puts hopeless messages aside at once.
_QUEUE_ACTIONS = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes", "ChangeMessageVisibility")


def stack(_extras: Collection[Extra] = ()) -> Stack:
    """Return the intake in which S3 itself fills the queue."""
    return _stack(files_source.direct(), with_pusher=False)


def stack_with_pusher(_extras: Collection[Extra] = ()) -> Stack:
    """Return the intake in which the pusher fills the queue."""
    return _stack(files_source.through_pusher(), with_pusher=True)


def _stack(source: list[Any], *, with_pusher: bool) -> Stack:
    functions = [_process(with_pusher=with_pusher), *([files_source.pusher()] if with_pusher else [])]
    names = [function.name for function in functions]
    return Stack(
        resources=[
            *source,
            files_source.may_read(with_pusher=with_pusher),
            *_queue(files_source.senders(with_pusher=with_pusher)),
            *dead_letters(
                DEAD_LETTERS,
                [files_source.undelivered()],
                QueueName=chosen_name("FilesDeadLettersName", named(DEAD_LETTERS)),
            ),
            _items(),
            _failures(),
            _mapping(),
            errors_filter(),
            files_dashboard(names),
            _examined(functions),
        ],
        parameters=parameters(with_pusher=with_pusher),
        conditions=conditions(with_pusher=with_pusher),
        mappings=MAPPINGS,
        outputs=_outputs(functions),
        functions=functions,
        watches=watches(names),
    )


def _process(*, with_pusher: bool) -> Function:
    return Function(
        room="files",
        verb="process",
        description="S3 notifications from the queue -> items in DynamoDB",
        # It holds 60 MB; the share of a processor that 512 buy takes a batch of 1,000 through in eight seconds.
        memory_megabytes=512,
        timeout_seconds=Ref("FilesTimeoutSeconds"),
        name_parameter="FilesProcessName",
        environment={
            "DELIVERYWATCH_ENVIRONMENT": Ref("Environment"),
            "DELIVERYWATCH_BUCKET": Ref("LakeBucket"),
            "DELIVERYWATCH_QUEUE_URL": Ref(title(QUEUE)),
            "DELIVERYWATCH_TABLE": Ref("FilesTable"),
            "DELIVERYWATCH_TABLE_LAYOUT": Ref("FilesTableLayout"),
            "DELIVERYWATCH_FAILURES_TABLE": Ref("FilesFailuresTable"),
            "DELIVERYWATCH_RECEIVE_COUNT": str(RECEIVE_COUNT),
            "DELIVERYWATCH_ITEM_DAYS": Ref("FilesItemDays"),
            "DELIVERYWATCH_TOMBSTONE_DAYS": Ref("FilesTombstoneDays"),
            "DELIVERYWATCH_WATCHED_BUCKET": files_source.WATCHED,
            **files_source.filters(with_pusher=with_pusher),
        },
        statements=_PROCESS_MAY,
        is_traced=True,
    )


_PROCESS_MAY = [
    allow([f"sqs:{action}" for action in _QUEUE_ACTIONS], GetAtt(title(QUEUE), "Arn")),
    allow(["dynamodb:PutItem", "dynamodb:UpdateItem"], GetAtt("FilesTable", "Arn")),
    allow("dynamodb:BatchWriteItem", GetAtt("FilesFailuresTable", "Arn")),
    allow(["s3:GetObject", "s3:PutObject"], Sub("${LakeBucket.Arn}/state/files.json")),
    MAY_LIST_LAKE,
    MAY_SET_ASIDE,
]


def _queue(senders: list[Any]) -> list[Any]:
    return queue(
        QUEUE,
        senders,
        QueueName=chosen_name("FilesQueueName", named(QUEUE)),
        VisibilityTimeout=FindInMap("FilesTimeouts", Ref("FilesTimeoutSeconds"), "Visibility"),
        MessageRetentionPeriod=RETENTION_SECONDS,
        RedrivePolicy=sqs.RedrivePolicy(
            deadLetterTargetArn=GetAtt(title(DEAD_LETTERS), "Arn"), maxReceiveCount=RECEIVE_COUNT
        ),
    )


def _mapping() -> Any:
    return awslambda.EventSourceMapping(
        "FilesProcessMapping",
        EventSourceArn=GetAtt(title(QUEUE), "Arn"),
        FunctionName=Ref("FilesProcess"),
        BatchSize=Ref("FilesBatchSize"),
        # Lambda wants a window for batches over 10; a second costs nobody anything.
        MaximumBatchingWindowInSeconds=WINDOW_SECONDS,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


def _items() -> Any:
    keys = [dict(zip(layout.key, ("HASH", "RANGE"), strict=False)) for layout in (Layout.S3_KEY, Layout.VERSIONS)]
    table = _table("FilesTable", keys[1], is_restorable=True)
    table.AttributeDefinitions = If("HasFilesTableByKey", *map(_attributes, keys))
    table.KeySchema = If("HasFilesTableByKey", *map(_schema, keys))
    # The record of what arrived is the customer's: deleting the stack leaves it.
    table.TableName = chosen_name("FilesTableName")
    table.DeletionPolicy, table.UpdateReplacePolicy = "RetainExceptOnCreate", "Retain"
    return table


def _failures() -> Any:
    # Reasons of dead letters that are weeks old: nobody restores them.
    return _table("FilesFailuresTable", {"message_id": "HASH"}, is_restorable=False)


def _table(name: str, keys: dict[str, str], *, is_restorable: bool) -> Any:
    return dynamodb.Table.from_dict(
        name,
        {
            "AttributeDefinitions": _attributes(keys),
            "KeySchema": _schema(keys),
            "BillingMode": "PAY_PER_REQUEST",
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": is_restorable},
            "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        },
    )


def _attributes(keys: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": key, "AttributeType": "S"} for key in keys]


def _schema(keys: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()]


def _examined(functions: Sequence[Function]) -> Any:
    """Return the rights of the daily examination to look at what is not called as the stack's other parts are."""
    queues = [GetAtt(title(name), "Arn") for name in (QUEUE, DEAD_LETTERS)]
    arns = [GetAtt(title(function.name), "Arn") for function in functions]
    return iam.PolicyType(
        "FilesExamined",
        PolicyName="files-examined",
        Roles=[Ref("OperateExamineRole")],
        PolicyDocument=policy([allow(LOOKS_AT_FUNCTION, arns), allow("sqs:GetQueueAttributes", queues)]),
    )


def _outputs(functions: Sequence[Function]) -> dict[str, tuple[str, Any]]:
    queue_id, dead_id = title(QUEUE), title(DEAD_LETTERS)
    outputs = {
        "FilesBucket": ("Bucket that is watched", files_source.WATCHED),
        "FilesBucketArn": ("Its ARN", files_source.bucket_arn()),
        "FilesQueueUrl": ("Queue of the notifications", Ref(queue_id)),
        "FilesQueueArn": ("Its ARN", GetAtt(queue_id, "Arn")),
        "FilesDeadLettersUrl": ("Queue of messages that failed five times", Ref(dead_id)),
        "FilesDeadLettersArn": ("Its ARN", GetAtt(dead_id, "Arn")),
        "FilesTable": ("Table of items", Ref("FilesTable")),
        "FilesTableArn": ("Its ARN", GetAtt("FilesTable", "Arn")),
        "FilesFailuresTable": ("Table with the reason of each failure", Ref("FilesFailuresTable")),
        "FilesDashboardUrl": dashboard_url("files", "The dashboard of files"),
    }
    for function in functions:
        name = title(function.name)
        outputs[f"{name}Name"] = (f"Function: {function.description}", Ref(name))
        outputs[f"{name}Arn"] = ("Its ARN", GetAtt(name, "Arn"))
    return outputs
