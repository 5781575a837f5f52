"""What the reconciler, the executor and the schedules may do, each no more than it needs."""

from typing import Any

from troposphere import GetAtt, If, Ref, Sub

from blocks.parts import Statement, allow
from stacks.shared import MAY_LIST_LAKE, may_publish, objects

_HERE = "${AWS::Region}:${AWS::AccountId}"
_SCHEDULES = "arn:${AWS::Partition}:scheduler:" + _HERE + ":schedule/${QueriesScheduleGroup}/${QueriesProject}-*"
_TOKEN = "arn:${AWS::Partition}:ssm:" + _HERE + ":parameter${QueriesTokenParameter}"
_NONE = Ref("AWS::NoValue")
_CATALOG = "arn:${AWS::Partition}:glue:" + _HERE


def reconcile_may(start_role: str) -> list[Any]:
    """Return what the reconciler may: our schedules and nothing else of Scheduler, and its corner of the lake.

    Args:
        start_role: The logical id of the role that it passes to schedules.
    """
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    ours = ["scheduler:GetSchedule", "scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"]
    return [
        allow(ours, Sub(_SCHEDULES)),
        # Scheduler knows no resource for it.
        allow("scheduler:ListSchedules", "*"),
        allow("iam:PassRole", GetAtt(start_role, "Arn"), to_scheduler),
        allow(["s3:GetObject", "s3:PutObject"], objects("queries", "state")),
        MAY_LIST_LAKE,
        *may_publish("AlertsTopic"),
        If("QueriesHasToken", allow("ssm:GetParameter", Sub(_TOKEN)), _NONE),
        If("QueriesHasToken", _decrypt(), _NONE),
        If("QueriesFromS3", allow("s3:GetObject", _file()), _NONE),
    ]


def execute_may(dead_letters: str) -> list[Any]:
    """Return what the executor may: ask Athena, read the lake, write results and exports.

    Args:
        dead_letters: The logical id of the queue for runs that could not be finished.
    """
    workgroup = Sub("arn:${AWS::Partition}:athena:" + _HERE + ":workgroup/${Workgroup}")
    ask = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution"]
    read = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions"]
    lake = GetAtt("LakeBucket", "Arn")
    return [
        allow(ask, workgroup),
        allow(read, _tables("${Database}")),
        If("QueriesHasDatabase", allow(read, _tables("${QueriesDatabase}")), _NONE),
        allow("s3:GetObject", Sub("${LakeBucket.Arn}/*")),
        allow(["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], lake),
        allow(
            ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            objects("athena-results", "exports", "queries", "state"),
        ),
        If("QueriesHasDataBucket", allow(["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"], _data()), _NONE),
        MAY_LIST_LAKE,
        *may_publish("AlertsTopic"),
        allow("sqs:SendMessage", GetAtt(dead_letters, "Arn")),
    ]


def start_may(dead_letters: str) -> list[Statement]:
    """Return what a schedule may: start the executor, and leave what it could not deliver in the queue."""
    return [
        allow("lambda:InvokeFunction", GetAtt("QueriesExecute", "Arn")),
        allow("sqs:SendMessage", GetAtt(dead_letters, "Arn")),
    ]


def _decrypt() -> Statement:
    # Whichever key encrypts that parameter, and only for it.
    only_this = {
        "StringEquals": {
            "kms:ViaService": Sub("ssm.${AWS::Region}.amazonaws.com"),
            "kms:EncryptionContext:PARAMETER_ARN": Sub(_TOKEN),
        }
    }
    return allow("kms:Decrypt", Sub("arn:${AWS::Partition}:kms:" + _HERE + ":key/*"), only_this)


def _file() -> Any:
    # s3://bucket/key -> bucket/key, which is what an ARN ends with.
    path = {"Fn::Select": [1, {"Fn::Split": ["s3://", Ref("QueriesConfigUrl")]}]}
    return {"Fn::Join": ["", [Sub("arn:${AWS::Partition}:s3:::"), path]]}


def _data() -> list[Any]:
    bucket = "arn:${AWS::Partition}:s3:::${QueriesDataBucket}"
    return [Sub(bucket), Sub(f"{bucket}/*")]


def _tables(database: str) -> list[Any]:
    return [Sub(f"{_CATALOG}:{rest}") for rest in ("catalog", f"database/{database}", f"table/{database}/*")]
