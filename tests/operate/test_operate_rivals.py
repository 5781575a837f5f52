"""A deployment beside another change of the same stack, and one that CloudFormation's validation refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

import deliverywatch.cli.deploy as verb
from deliverywatch.local.cloud.compute import queues
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.operate.deploy import aws_formation
from deliverywatch.operate.deploy import deploy as deploying
from operate.conftest import GIVEN

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.cloud.cloud import LocalCloud

STACK = "deliverywatch-prod"


@pytest.fixture(autouse=True)
def _without_the_checks_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "_look", lambda *_, **__: None)


def kept(status: str) -> None:
    """Let the stack stand in a status."""
    hooks.inside("services.cloudformation.handlers", "_resolve_stack")(STACK)["StackStatus"] = status


def status(cloud: LocalCloud) -> str:
    return str(cloud.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"])


@pytest.fixture
def once(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], Any]], None]:
    """Does something just before the first time that a deployment makes a call."""

    def install(name: str, act: Callable[[], Any]) -> None:
        original = getattr(aws_formation.CloudFormation, name)
        waiting = [act]

        def call(*arguments: Any) -> Any:
            while waiting:
                waiting.pop()()
            return original(*arguments)

        monkeypatch.setattr(aws_formation.CloudFormation, name, call)

    return install


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("call", ["create", "execute"])
def test_of_two_deployments_at_once_the_second_hears_that_another_was_faster(
    deploy: Callable[..., Result], small: Path, new_cloud: LocalCloud, once: Any, call: str, *, is_new: bool
) -> None:
    if not is_new:
        deploy("--yes", "--template", small)
    rivals: list[Result] = []
    once(call, lambda: rivals.append(deploy("--yes", "--template", small, "--set", "SlotMinutes=5")))
    second = deploy("--yes", "--template", small, "--set", "SlotMinutes=2")
    assert rivals[0].exit_code in (0, 3)
    assert status(new_cloud) in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
    if is_new or call == "execute":
        assert second.exit_code == 1
        assert "Another change of deliverywatch-prod was faster, and nothing of this one was done." in second.stderr
    assert deploy("--yes", "--template", small, "--set", "SlotMinutes=2").exit_code in (0, 3)


def test_a_stack_that_begins_to_move_under_a_deployment_is_left_alone(
    deploy: Callable[..., Result], small: Path, new_cloud: LocalCloud, once: Any
) -> None:
    deploy("--yes", "--template", small)
    once("execute", lambda: kept("UPDATE_IN_PROGRESS"))
    result = deploy("--yes", "--template", small, "--set", "SlotMinutes=5")
    assert (result.exit_code, "was faster" in result.stderr) == (1, True)
    assert status(new_cloud) == "UPDATE_IN_PROGRESS"
    kept("UPDATE_COMPLETE")


def test_a_dry_run_does_not_wait_for_a_stack_that_moves(
    deploy: Callable[..., Result], run: Callable[..., Result], small: Path
) -> None:
    deploy("--yes", "--template", small)
    kept("UPDATE_IN_PROGRESS")
    shown, removal = deploy("--dry-run", "--template", small, "--set", "SlotMinutes=5"), run("destroy", "--dry-run")
    kept("UPDATE_COMPLETE")
    assert (shown.exit_code, removal.exit_code) == (0, 0)
    assert "CloudFormation is changing it (UPDATE_IN_PROGRESS)" in shown.stdout
    assert "SmsIngest" in shown.stdout


def test_a_dry_run_leaves_the_change_set_at_somebody_else_s_prompt_alone(
    deploy: Callable[..., Result], small: Path, new_cloud: LocalCloud
) -> None:
    deploy("--yes", "--template", small)
    formation = new_cloud.client("cloudformation")
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    formation.create_change_set(StackName=STACK, ChangeSetName="deliverywatch-theirs", TemplateBody=body)
    assert deploy("--dry-run", "--template", small, "--set", "SlotMinutes=5").exit_code == 0
    summaries = formation.list_change_sets(StackName=STACK)["Summaries"]
    waiting = [one["ChangeSetName"] for one in summaries if one["ExecutionStatus"] == "AVAILABLE"]
    assert waiting == ["deliverywatch-theirs"]


def test_a_stack_that_was_packaged_as_yaml_is_destroyed_like_any_other(
    run: Callable[..., Result], small: Path, new_cloud: LocalCloud
) -> None:
    template = json.loads(small.read_text(encoding="utf-8"))
    kept = {name: made for name, made in template["Resources"].items() if not name.startswith("SmsIngest")}
    new_cloud.client("cloudformation").create_stack(
        StackName=STACK,
        TemplateBody=yaml.safe_dump({**template, "Resources": kept}),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in GIVEN.items()],
    )
    planned = json.loads(run("destroy", "--dry-run", "--json").stdout)
    assert [one["resource"] for one in planned["removed"]] == ["AlertsTopic"]
    assert run("destroy", "--yes", "--with-data").exit_code == 0
    assert "lakebucket" not in str(new_cloud.client("s3").list_buckets()["Buckets"])


@pytest.mark.parametrize("left", ["REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"])
def test_destroy_removes_whatever_is_left_of_a_stack(
    deploy: Callable[..., Result], run: Callable[..., Result], small: Path, new_cloud: LocalCloud, left: str
) -> None:
    formation = new_cloud.client("cloudformation")
    if left == "REVIEW_IN_PROGRESS":
        body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
        formation.create_change_set(StackName=STACK, ChangeSetName="first", ChangeSetType="CREATE", TemplateBody=body)
    else:
        deploy("--yes", "--template", small)
        kept(left)
    result = run("destroy", "--yes")
    assert result.exit_code == 0, result.output
    assert formation.describe_stacks()["Stacks"] == []


@pytest.fixture
def conflicting(small: Path, new_cloud: LocalCloud) -> Path:
    """A template with a queue whose name somebody else's has already."""
    new_cloud.client("sqs").create_queue(QueueName="taken")
    template = json.loads(small.read_text(encoding="utf-8"))
    template["Resources"]["Letters"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "taken"}}
    path = small.with_name("conflicting.json")
    path.write_text(json.dumps(template))
    return path


REASON = "Letters (SQS Queue): Resource of type 'AWS::SQS::Queue' with identifier 'taken' already exists."


def test_what_early_validation_refuses_is_said_by_resource_and_reason(
    deploy: Callable[..., Result], small: Path, conflicting: Path
) -> None:
    first = deploy("--yes", "--template", conflicting)
    deploy("--yes", "--template", small)
    second = deploy("--yes", "--template", conflicting)
    for result in (first, second):
        assert result.exit_code == 1
        assert f"CloudFormation refuses the change: {REASON}" in " ".join(result.stderr.split())


WARNING = "the quota of queues would be exceeded"
EVENT = {
    "EventType": "VALIDATION_ERROR",
    "LogicalResourceId": "AlertsTopic",
    "ResourceType": "AWS::SNS::Topic",
    "ValidationPath": "/Resources/AlertsTopic/Properties/TopicName",
    "ValidationStatusReason": WARNING,
    "ValidationFailureMode": "WARN",
}


@pytest.mark.parametrize("more", [[], ["--dry-run", "--set", "SlotMinutes=5"]])
def test_what_early_validation_warns_of_is_said_and_stops_nothing(
    deploy: Callable[..., Result], small: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    if more:
        deploy("--yes", "--template", small)
    original = aws_formation.listed

    def warning(client: Any, operation: str, *rest: Any, **request: Any) -> Any:
        return [EVENT] if operation == "describe_events" else original(client, operation, *rest, **request)

    monkeypatch.setattr(aws_formation, "listed", warning)
    result = deploy("--yes", "--template", small, *more)
    assert result.exit_code == 0
    assert f"CloudFormation warns of AlertsTopic (SNS Topic), property TopicName: {WARNING}." in result.stderr


@pytest.mark.parametrize(
    "fault",
    [
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "DescribeEvents"),
        ClientError({"Error": {"Code": "Throttling", "Message": "later"}}, "DescribeEvents"),
        KeyError("describe_events"),
    ],
)
def test_without_a_right_to_the_details_the_command_that_shows_them_is_said(
    deploy: Callable[..., Result], conflicting: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    original = aws_formation.listed

    def refusing(client: Any, operation: str, *rest: Any, **request: Any) -> Any:
        if operation == "describe_events":
            raise fault
        return original(client, operation, *rest, **request)

    monkeypatch.setattr(aws_formation, "listed", refusing)
    result = deploy("--yes", "--template", conflicting)
    assert result.exit_code == 1
    assert "AWS::EarlyValidation::ResourceExistenceCheck" in result.stderr
    assert "aws cloudformation describe-events --change-set-name arn:aws:cloudformation:" in result.stderr


def test_the_local_cloud_refuses_a_change_in_the_words_of_aws(new_cloud: LocalCloud, conflicting: Path) -> None:
    formation = new_cloud.client("cloudformation")
    body = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    formation.create_stack(StackName=STACK, TemplateBody=body)
    formation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 0.05})
    made = {"StackName": STACK, "TemplateBody": body, "ChangeSetName": "second"}
    for now, act, words in (
        ("UPDATE_IN_PROGRESS", formation.create_change_set, r"is in UPDATE_IN_PROGRESS state and can not be updated"),
        ("ROLLBACK_COMPLETE", formation.create_change_set, r"is in ROLLBACK_COMPLETE state and can not be updated"),
        ("UPDATE_FAILED", formation.create_change_set, r"non-terminal \[UPDATE_FAILED\] state"),
    ):
        kept(now)
        with pytest.raises(ClientError, match=words):
            act(**made)
    kept("UPDATE_IN_PROGRESS")
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        formation.delete_stack(StackName=STACK)
    with pytest.raises(ClientError, match="already exists and cannot be created again with the changeSet"):
        formation.create_change_set(**made, ChangeSetType="CREATE")
    with pytest.raises(ClientError, match="One of ChangeSetName, OperationId or StackName must be specified"):
        formation.describe_events(ChangeSetName="second")
    kept("CREATE_COMPLETE")
    assert conflicting.exists()


def test_the_name_of_a_deleted_queue_is_taken_for_a_minute_as_sqs_says(new_cloud: LocalCloud) -> None:
    sqs = new_cloud.client("sqs")
    url = sqs.create_queue(QueueName="letters")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(queues, "NAME_KEPT_SECONDS", 60)
        with pytest.raises(ClientError, match="You must wait 60 seconds after deleting a queue") as refused:
            sqs.create_queue(QueueName="letters")
    assert refused.value.response["Error"]["Code"] == "AWS.SimpleQueueService.QueueDeletedRecently"
    assert sqs.create_queue(QueueName="letters")["QueueUrl"] == url


@pytest.fixture
def with_queue(small: Path) -> Path:
    """A template with a queue that bears a name."""
    template = json.loads(small.read_text(encoding="utf-8"))
    template["Resources"]["Letters"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "ours"}}
    path = small.with_name("queue.json")
    path.write_text(json.dumps(template))
    return path


@pytest.mark.parametrize("waits", [True, False])
def test_a_stack_can_be_destroyed_and_deployed_again_at_once(
    deploy: Callable[..., Result],
    run: Callable[..., Result],
    with_queue: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    waits: bool,
) -> None:
    deploy("--yes", "--template", with_queue)
    run("destroy", "--yes")
    monkeypatch.setattr(queues, "NAME_KEPT_SECONDS", 1.5)
    # A clock that is wrong, or a queue that somebody deleted by hand: then the reason is said.
    monkeypatch.setattr(deploying, "NAME_KEPT_SECONDS", 2 if waits else 0)
    result = deploy("--yes", "--template", with_queue)
    if waits:
        assert result.exit_code == 0, result.output
        assert "SQS keeps the names of deleted queues for a minute: waiting until" in result.stderr
    else:
        assert "Letters: You must wait 60 seconds after deleting a queue" in result.stderr
