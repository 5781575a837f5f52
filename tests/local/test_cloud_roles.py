"""Roles are minimal, proven at work: every function of every system runs under its own role, and no right is left over.

A right that a function lacks is refused by the local cloud; one that it never asks for has to be explained here. The
functions run with the oldest SDK that Lambda may hold: what that lacks, they do without.
"""

import importlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from deployed import NOTIFY, Silent, deployed

import sdk_floor
import stacks
from deliverywatch.cli.demo import _PLAYS
from deliverywatch.local.clicksend.traffic import INCIDENT
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.cloud.compute.worker_clock import WorkerClock
from deliverywatch.local.demo import play as local_play
from deliverywatch.local.demo.reader import Reader

pytestmark = pytest.mark.slow

# Rights that the services use for a function, or that only AWS itself asks for.
BY_AWS = {
    "logs:CreateLogStream": "Lambda writes the log",
    "logs:PutLogEvents": "Lambda writes the log",
    "xray:PutTraceSegments": "Lambda writes the trace",
    "xray:PutTelemetryRecords": "Lambda writes the trace",
    "sqs:SendMessage": "Lambda hands over what could not be handled",
    "sqs:ReceiveMessage": "Lambda reads the queue that starts the function",
    "sqs:DeleteMessage": "Lambda reads the queue that starts the function",
    "sqs:GetQueueAttributes": "Lambda reads the queue that starts the function",
    "s3:ListBucket": "S3 answers 404 instead of 403 where there is no object",
    "kms:Decrypt": "SSM decrypts a parameter",
    "iam:PassRole": "Scheduler takes the role of a schedule",
    "glue:*": "Athena reads the tables in the function's name",
    "s3:GetBucketLocation": "Athena writes the result in the function's name",
    "s3:ListBucketMultipartUploads": "Athena writes the result in the function's name",
    "s3:ListMultipartUploadParts": "Athena writes the result in the function's name",
    "s3:AbortMultipartUpload": "Athena writes the result in the function's name",
    "ses:SendEmail": "SES asks for both rights of a raw message; the local cloud for one",
}
_OF_OTHER_RUNS = {
    "states:DescribeMapRun": "a run with a distributed Map",
    "states:DescribeStateMachineForExecution": "a run that left out a declared step",
}
_REPORTED = {"sns:Publish": "Lambda says what became of the run"}
# Rights for what a play does not play, by role.
ELSEWHERE = {
    "OperateDigestRole": {
        "sns:Publish": "a digest that SES refuses",
    },
    "OperateExamineRole": {"s3:GetObject": "records of an earlier night"},
    "SmsCompactRole": _REPORTED,
    "EmailCompactRole": _REPORTED
    | dict.fromkeys(
        ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), "days that are old enough, of which a day has none"
    ),
    "FilesProcessRole": {
        "dynamodb:UpdateItem": "an object that a comparison with the bucket lists",
        "s3:GetObjectVersion": "an object whose event did not pass the pusher",
        "sqs:ChangeMessageVisibility": "a message that can never be processed",
    },
    "FilesPushRole": {"s3:GetObject": "an object of a bucket that keeps no versions"},
    "QueriesExecuteRole": {"athena:StopQueryExecution": "a query that takes longer than its function may"},
    "PipelinePublishRole": _OF_OTHER_RUNS,
    "PipelineReportRole": _OF_OTHER_RUNS,
    "PipelineMeasureRole": dict.fromkeys(
        ("s3:GetObject", "s3:PutObject", "s3:ListBucket"), "a measurement that fails, for the mail about it"
    ),
    "PipelineValidateRole": {
        "athena:StopQueryExecution": "a check that takes longer than its function may",
        "s3:GetObject": "Athena reads the tables in the function's name",
        "s3:PutObject": "Athena writes the result in the function's name",
    },
    "QueriesReconcileRole": {"sns:Publish": "a query that went silent, or was removed while it called"},
}
# What a function asks for only with a newer SDK than it has here, and what that says of each such call.
NEWER_SDK = {"cloudwatch:ListAlarmMuteRules", "cloudwatch:GetAlarmMuteRule", "cloudwatch:PutAlarmMuteRule"}
REFUSED_BY_SDK = {"list_alarm_mute_rules", "put_alarm_mute_rule"}
# In every template, and judged where SMS is at work, which opens incidents of every kind.
SHARED = {"AlertingNotifyRole", "OperateDigestRole", "OperateExamineRole"}


class Seen:
    """What a cloud knew about its roles when it was stopped."""

    def __init__(self) -> None:
        self.granted: dict[str, set[str]] = {}
        self.used: dict[str, set[str]] = {}
        self.refused: dict[str, set[str]] = {}

    def look(self, cloud: LocalCloud) -> None:
        names = {}
        for stack in cloud.client("cloudformation").describe_stacks()["Stacks"]:
            for each in cloud.client("cloudformation").describe_stack_resources(StackName=stack["StackName"])[
                "StackResources"
            ]:
                if each["ResourceType"] == "AWS::IAM::Role":
                    names[each["PhysicalResourceId"]] = each["LogicalResourceId"]
        for name, logical_id in names.items():
            self.granted[logical_id] = set(_actions(cloud, name))
        for use in cloud.uses:
            role = names.get(use.role, use.role)
            where = self.used if use.is_allowed else self.refused
            where.setdefault(role, set()).add(use.action)


def _actions(cloud: LocalCloud, role: str) -> Iterator[str]:
    iam = cloud.client("iam")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    if "lambda.amazonaws.com" not in str(trust):
        return
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]:
            actions = statement["Action"]
            yield from [actions] if isinstance(actions, str) else actions


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Seen:
    seen, leave = Seen(), LocalCloud.__exit__

    def looking(cloud: LocalCloud, *problem: Any) -> None:
        if problem[0] is None:
            seen.look(cloud)
        leave(cloud, *problem)

    monkeypatch.setattr(LocalCloud, "__exit__", looking)
    return seen


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the functions' oldest SDK writes down what it did not know."""
    refused, begin = (
        tmp_path_factory.mktemp("sdk") / "refused",
        "    try:\n        mod = importlib.import_module(module_name)",
    )
    added_to = WorkerClock.added_to

    def at_floor(clock: WorkerClock, script: str) -> str:
        assert begin in script
        floor = f"    exec({sdk_floor.script(refused)!r})\n{begin}"
        return added_to(clock, script.replace(begin, floor))

    monkeypatch.setattr(WorkerClock, "added_to", at_floor)
    refused.touch()
    return refused


def play_sms(folder: Path) -> None:
    """An incident whose first mail SES refuses, and the night after it."""
    with deployed(folder, 11, INCIDENT) as stack:
        stack.cloud.refuse_mail("MessageRejected", "Email address is not verified.")
        stack.live(50)
        stack.cloud.refuse_mail()
        stack.live(40)
        Reader(stack.cloud).look(stack.now)
        s3 = stack.cloud.client("s3")
        (lake,) = [each["Name"] for each in s3.list_buckets()["Buckets"] if "lake" in each["Name"]]
        (key, *_) = [each["Key"] for each in s3.list_objects_v2(Bucket=lake, Prefix="sms/dt=")["Contents"]]
        old = stack.now - timedelta(days=6)
        content = s3.get_object(Bucket=lake, Key=key)["Body"].read()
        s3.put_object(Bucket=lake, Key=f"sms/dt={old:%Y-%m-%d}/09.parquet", Body=content)
        assert stack.cloud.invoke("deliverywatch-prod-sms-compact", {}).error is None
        # Of an alarm that is gone the notifier asks whether the stack is being changed.
        stack.cloud.client("cloudwatch").delete_alarms(AlarmNames=["deliverywatch-prod-sms-overdue"])
        assert stack.cloud.invoke(NOTIFY, {"sweep": stack.now.isoformat()}).error is None
        assert stack.cloud.invoke("deliverywatch-prod-operate-digest", {}).error is None
        assert stack.cloud.invoke("deliverywatch-prod-operate-examine", {}).error is None


def play(system: str) -> Callable[[Path], None]:
    def perform(folder: Path) -> None:
        module = importlib.import_module(_PLAYS[system])
        module.perform(folder / "out", Silent(), {}, datetime.now(UTC), fast=False)

    return perform


def play_pusher(folder: Path) -> None:
    """Uploads through the pusher, and a message that nobody can read until it is put aside."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
    template = local_play.build(folder, ["files-pusher"])
    with LocalCloud(noon) as cloud:
        outputs = local_play.deploy(cloud, template, folder, {})
        for _ in range(2):
            cloud.client("s3").put_object(Bucket=outputs["FilesBucket"], Key="a.csv", Body=b"a")
        cloud.client("sqs").send_message(QueueUrl=outputs["FilesQueueUrl"], MessageBody="hello")
        for minute in range(0, 30, 3):
            cloud.clock.advance_to(noon + timedelta(minutes=minute))
            cloud.settle()
        items = cloud.client("dynamodb").scan(TableName=outputs["FilesTable"])["Items"]
        assert len(items) == 2, "the bucket keeps versions"


SCENARIOS = {system: play(system) for system in _PLAYS} | {"sms": play_sms, "files-pusher": play_pusher}


@pytest.mark.parametrize("system", SCENARIOS)
def test_a_system_at_work_needs_every_right_that_it_has_and_no_other(
    system: str, seen: Seen, refused: Path, tmp_path: Path
) -> None:
    SCENARIOS[system](tmp_path)
    unknown = set(refused.read_text(encoding="utf-8").splitlines())
    assert unknown <= REFUSED_BY_SDK, "newer than the oldest SDK that Lambda may hold"
    assert unknown or system != "sms", "the notifier and the digest look for mute rules"
    # A play may take a right away for a while, to show what happens then: that one is used at other times.
    missing = {role: actions - seen.used.get(role, set()) for role, actions in seen.refused.items()}
    assert {role: actions for role, actions in missing.items() if actions} == {}, "a right is missing"
    left_over = {
        role: {action for action in actions - seen.used.get(role, set()) if not _is_explained(role, action)}
        for role, actions in seen.granted.items()
        if system == "sms" or role not in SHARED
    }
    assert {role: actions for role, actions in left_over.items() if actions} == {}, "a right is never used"


def test_every_system_with_functions_is_at_work_here() -> None:
    assert set(stacks.SYSTEMS) <= set(SCENARIOS)


def _is_explained(role: str, action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in [*BY_AWS, *NEWER_SDK, *ELSEWHERE.get(role, {})])
