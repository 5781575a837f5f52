"""What the reconciler, the executor and the schedules may do, each no more than it needs."""

from typing import Any

from troposphere import GetAtt, If, Ref, Sub

from blocks.parts import NO_VALUE, Statement, allow, arn
from stacks.shared import MAY_LIST_LAKE, MAY_SET_ASIDE, may_publish, may_read_secret, objects

# The stack's own, or one that was there before.
GROUP = If("QueriesMakesGroup", Ref("QueriesScheduleGroup"), Ref("QueriesGroupName"))


def reconcile_may(start_role: str) -> list[Any]:
    """Return what the reconciler may: our schedules and nothing else of Scheduler, and its corner of the lake.

    It passes the role `start_role`, a logical id, to schedules.
    """
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    ours = ["scheduler:GetSchedule", "scheduler:CreateSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"]
    return [
        allow(ours, Sub(arn("scheduler", "schedule/${Group}/${QueriesProject}-*"), Group=GROUP)),
        # Scheduler knows no resource for it.
        allow("scheduler:ListSchedules", "*"),
        allow("iam:PassRole", GetAtt(start_role, "Arn"), to_scheduler),
        allow(["s3:GetObject", "s3:PutObject"], objects("queries", "state")),
        MAY_LIST_LAKE,
        MAY_SET_ASIDE,
        *may_publish("AlertsTopic"),
        *(If("QueriesHasToken", statement, NO_VALUE) for statement in may_read_secret("QueriesTokenParameter")),
        If("QueriesFromS3", allow("s3:GetObject", _file()), NO_VALUE),
    ]


def execute_may(dead_letters: str) -> list[Any]:
    """Return what the executor may: query with Athena, read the lake, write results and exports.

    Runs that could not be finished go to the queue `dead_letters`, a logical id.
    """
    query = ["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:StopQueryExecution"]
    read = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions"]
    lake = GetAtt("LakeBucket", "Arn")
    return [
        allow(query, Sub(arn("athena", "workgroup/${Workgroup}"))),
        allow(read, _tables("${Database}")),
        If("QueriesHasDatabase", allow(read, _tables("${QueriesDatabase}")), NO_VALUE),
        allow("s3:GetObject", Sub("${LakeBucket.Arn}/*")),
        allow(["s3:GetBucketLocation", "s3:ListBucketMultipartUploads"], lake),
        allow(
            ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"],
            objects("athena-results", "damaged", "exports", "queries", "state"),
        ),
        If("QueriesHasDataBucket", allow(["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"], _data()), NO_VALUE),
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


def _file() -> Any:
    # s3://bucket/key -> bucket/key, which is what an ARN ends with.
    path = {"Fn::Select": [1, {"Fn::Split": ["s3://", Ref("QueriesConfigUrl")]}]}
    return {"Fn::Join": ["", [Sub("arn:${AWS::Partition}:s3:::"), path]]}


def _data() -> list[Any]:
    bucket = "arn:${AWS::Partition}:s3:::${QueriesDataBucket}"
    return [Sub(bucket), Sub(f"{bucket}/*")]


def _tables(database: str) -> list[Any]:
    return [Sub(arn("glue", name)) for name in ("catalog", f"database/{database}", f"table/{database}/*")]
