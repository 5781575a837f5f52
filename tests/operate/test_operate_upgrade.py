"""`deploy` and `destroy` against the local cloud: the same code as against AWS, interrupted at every step too."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deliverywatch.operate.deploy import aws_artifacts, aws_formation
from operate.conftest import GIVEN, forget

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from click.testing import Result

    from deliverywatch.local.clicksend.server import ClickSendServer
    from deliverywatch.local.cloud.cloud import LocalCloud

BUCKET = "deliverywatch-artifacts-111122223333-us-east-1"


@pytest.fixture
def cloud(new_cloud: LocalCloud) -> LocalCloud:
    """The local cloud as a new account."""
    return new_cloud


def state(cloud: LocalCloud) -> dict[str, Any]:
    """Everything in which two deployed accounts could differ, without ids and times."""
    formation = cloud.client("cloudformation")
    found = {}
    for stack in formation.describe_stacks()["Stacks"]:
        resources = formation.describe_stack_resources(StackName=stack["StackName"])["StackResources"]
        summaries = formation.list_change_sets(StackName=stack["StackName"])["Summaries"]
        found[stack["StackName"]] = {
            "status": stack["StackStatus"].removeprefix("CREATE_").removeprefix("UPDATE_"),
            "parameters": {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]},
            "resources": sorted(each["LogicalResourceId"] for each in resources),
            "waiting": [each["ChangeSetName"] for each in summaries if each["ExecutionStatus"] == "AVAILABLE"],
        }
    keys = {
        bucket["Name"] if "artifacts" in bucket["Name"] else "lake": sorted(
            each["Key"] for each in cloud.client("s3").list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        )
        for bucket in cloud.client("s3").list_buckets()["Buckets"]
        if bucket["Name"] != "deliverywatch-local-code"
    }
    return {"stacks": found, "buckets": keys}


def test_a_dry_run_says_what_would_be_made_and_leaves_no_trace(
    deploy: Callable[..., Result], cloud: LocalCloud
) -> None:
    result = deploy("--dry-run")
    assert result.exit_code == 0
    assert re.search(r"deliverywatch-prod \(new\) in us-east-1, account 111122223333: \d+ new", result.stdout)
    assert re.search(r"\+ \d x Lambda Function", result.stdout)
    assert "USD a month at list price" in result.stdout
    assert state(cloud) == {"stacks": {}, "buckets": {}}


def test_a_deployment_makes_a_private_encrypted_bucket_and_the_stack(
    deploy: Callable[..., Result], cloud: LocalCloud
) -> None:
    result = deploy("--yes", "--json")
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (0, "deployed")
    s3 = cloud.client("s3")
    assert all(s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert '"aws:SecureTransport"' in s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    stack = state(cloud)["stacks"]["deliverywatch-prod"]
    assert stack["status"] == "COMPLETE"
    assert stack["parameters"] | GIVEN == stack["parameters"]


def test_a_second_deployment_changes_nothing_and_uploads_nothing(
    deploy: Callable[..., Result], cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy("--yes")
    before = state(cloud)
    monkeypatch.setattr(aws_artifacts.Artifacts, "put", None)
    again = deploy("--yes", "--json")
    assert json.loads(again.stdout)["status"] == "unchanged"
    assert state(cloud) == before


def test_a_changed_parameter_is_shown_with_what_it_changes_and_others_keep_their_value(
    deploy: Callable[..., Result], run: Callable[..., Result], built_stack: tuple[Any, Path], cloud: LocalCloud
) -> None:
    deploy("--yes", "--set", "TimeZone=Europe/Berlin")
    result = run("deploy", "--template", built_stack[1] / "template.json", "--set", "SlotMinutes=5", "--yes", "--json")
    document = json.loads(result.stdout)
    assert document["parameters"] == {"SlotMinutes": {"before": "10", "after": "5"}}
    assert {change["resource"] for change in document["changes"]} >= {"SmsIngestSlotsSchedule", "SmsIngest"}
    assert document["monthly_usd"]["after"] > document["monthly_usd"]["before"], "twice as many runs"
    parameters = state(cloud)["stacks"]["deliverywatch-prod"]["parameters"]
    assert (parameters["TimeZone"], parameters["SlotMinutes"]) == ("Europe/Berlin", "5")


def test_a_dry_run_of_a_change_leaves_the_stack_and_no_change_set(
    deploy: Callable[..., Result], cloud: LocalCloud
) -> None:
    deploy("--yes")
    before = state(cloud)
    result = deploy("--dry-run", "--set", "WarningThresholdPercent=5")
    assert "WarningThresholdPercent: 3 -> 5" in result.stdout
    assert state(cloud) == before


def test_a_new_stack_tells_what_is_left_to_do_and_a_changed_one_that_something_is_wrong(
    deploy: Callable[..., Result],
) -> None:
    first, second = deploy("--yes"), deploy("--yes", "--set", "WarningThresholdPercent=5")
    assert (first.exit_code, second.exit_code) == (0, 3)
    assert "Left to do:\nfailed   sender" in first.stdout
    assert "Not as it should be:\nfailed   sender" in second.stdout
    assert "aws ssm put-parameter --type SecureString --name /deliverywatch/prod/clicksend/username" in first.stdout


def test_the_smoke_test_reads_clicksend_once_and_sends_nothing(
    deploy: Callable[..., Result], cloud: LocalCloud, clicksend: ClickSendServer
) -> None:
    names = {"username": clicksend.username, "api_key": clicksend.api_key}
    for name, value in names.items():
        cloud.client("ssm").put_parameter(
            Name=f"/deliverywatch/prod/clicksend/{name}", Value=value, Type="SecureString"
        )
    document = json.loads(deploy("--yes", "--json", "--set", f"ClickSendUrl={clicksend.url}").stdout)
    (ran,) = [each for each in document["checks"] if each["check"] == "run"]
    assert re.fullmatch(r"A run read [\d,]+ rows of ClickSend's history\.", ran["told"])
    assert document["outputs"]["LakeBucket"] in buckets(cloud)
    assert cloud.outbox() == []
    cloud.client("ssm").delete_parameters(Names=[f"/deliverywatch/prod/clicksend/{name}" for name in names])


def test_nobody_is_asked_without_a_terminal(deploy: Callable[..., Result], cloud: LocalCloud) -> None:
    result = deploy()
    assert result.exit_code == 2
    assert "There is no terminal to ask in: add --yes" in result.stderr
    assert state(cloud) == {"stacks": {}, "buckets": {}}


def in_terminal(*answers: str, arguments: list[str]) -> tuple[int, str]:
    """Run the command with a person at a terminal of 80 columns, who answers each question when it comes."""
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-c", "from deliverywatch.cli import main; main()", *arguments]
    environment = {**os.environ, "COLUMNS": "80"}
    with subprocess.Popen(command, stdin=other_end, stdout=other_end, stderr=other_end, env=environment) as process:
        os.close(other_end)
        printed, waiting = b"", list(answers)
        while True:
            try:
                printed += os.read(terminal, 4096)
            except OSError:  # the other end is closed
                break
            if waiting and printed.rstrip(b" ").endswith(b":"):
                os.write(terminal, f"{waiting.pop(0)}\n".encode())
                printed += b"\n"
    os.close(terminal)
    return process.returncode, printed.decode()


def test_a_person_at_a_terminal_is_asked_for_what_is_missing_and_before_anything_is_done(
    cloud: LocalCloud, built_stack: tuple[Any, Path]
) -> None:
    arguments = ["deploy", "--template", str(built_stack[1] / "template.json")]
    code, printed = in_terminal("a@example.com", "b@example.com", "c@example.com", "n", arguments=arguments)
    assert re.findall(r"^(\w+): ", printed, re.MULTILINE) == ["SenderAddress", "AlertRecipients", "FallbackAddress"]
    assert "Deploy this to deliverywatch-prod? [y/N]:" in printed
    assert (code, state(cloud)) == (1, {"stacks": {}, "buckets": {}})


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("WarningThreshold=5", "Did you mean WarningThresholdPercent?"),
        ("WarningThresholdPercent=3.3", "WarningThresholdPercent cannot be '3.3'. Choose one of 1, 2, 3,"),
        ("TimeZone=Europe/Berln", "TimeZone cannot be 'Europe/Berln'. Choose one of Europe/Berlin"),
        ("TimeZone=the moon", "TimeZone cannot be 'the moon'. "),
        ("Wings=2", "The template has no parameter Wings. Those that it has stand under Parameters"),
        (
            "EmailBudgetDollars=2",
            "has no parameter EmailBudgetDollars. Build it with `python cfn/build.py --with budget`",
        ),
        (
            "SenderAddress=me",
            "SenderAddress cannot be 'me': it must be one e-mail address, such as alerts@example.com.",
        ),
        ("Environment=Test", "it must be 1 to 16 lower-case letters and digits and start with a letter."),
        ("WarningThresholdPercent", "Write it like --set WarningThresholdPercent=5."),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_what_was_meant(
    deploy: Callable[..., Result], setting: str, told: str
) -> None:
    result = deploy("--yes", "--set", setting)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize("stack", ["deliverywatch-Test", "deliverywatch-a-b", "deliverywatch-seventeenletters1"])
def test_a_stack_whose_name_makes_no_environment_is_refused_by_a_dry_run_already(
    deploy: Callable[..., Result], cloud: LocalCloud, stack: str
) -> None:
    result = deploy("--dry-run", "--stack", stack)
    assert result.exit_code == 2
    assert f"Environment cannot be '{stack.removeprefix('deliverywatch-')}'" in result.stderr
    assert "--set Environment=..." in result.stderr
    assert state(cloud) == {"stacks": {}, "buckets": {}}


def test_what_cloudformation_refuses_is_told_in_its_words_and_can_be_fixed(
    deploy: Callable[..., Result], cloud: LocalCloud
) -> None:
    result = deploy("--yes", "--set", "WarningThresholdPercent=20", "--set", "CriticalThresholdPercent=20")
    assert result.exit_code == 1
    assert "WarningThresholdPercent must be less than CriticalThresholdPercent" in result.stderr
    assert deploy("--yes").exit_code == 0
    assert state(cloud)["stacks"]["deliverywatch-prod"]["status"] == "COMPLETE"


def test_a_stack_of_another_name_is_another_environment(deploy: Callable[..., Result], cloud: LocalCloud) -> None:
    assert deploy("--yes").exit_code == 0
    assert deploy("--yes", "--stack", "deliverywatch-test").exit_code == 0
    stacks = state(cloud)["stacks"]
    assert stacks["deliverywatch-test"]["parameters"]["Environment"] == "test"
    assert stacks["deliverywatch-prod"]["parameters"]["Environment"] == "prod"


class Interrupted(BaseException):
    """Stands for Ctrl-C at a certain call."""


STEPS = [(step, when) for step in ("make", "put", "create", "execute") for when in ("before", "after")]
MOMENTS = [
    *((step, when, []) for step, when in [*STEPS, ("change_set", "before"), ("find", "after"), ("events", "before")]),
    *((step, when, ["--set", "SlotMinutes=5"]) for step, when in [("create", "after"), ("execute", "after")]),
]


@pytest.fixture(scope="module")
def straight() -> dict[str, Any]:
    """The state after a deployment that nobody interrupted, once it is known."""
    return {}


@pytest.mark.parametrize(
    ("step", "when", "more"), MOMENTS, ids=["-".join([step, when, *more[1:]]) for step, when, more in MOMENTS]
)
def test_a_deployment_interrupted_anywhere_and_run_again_ends_like_one_that_was_not(
    deploy: Callable[..., Result],
    cloud: LocalCloud,
    monkeypatch: pytest.MonkeyPatch,
    straight: dict[str, Any],
    small: Path,
    step: str,
    when: str,
    more: list[str],
) -> None:
    def again() -> Result:
        return deploy("--yes", "--template", small, *more)

    if more or not straight:
        deploy("--yes", "--template", small)
        straight.setdefault("state", state(cloud))
    if not more:
        forget(cloud)
    owner = aws_artifacts.Artifacts if step in ("make", "put") else aws_formation.CloudFormation
    unpatched = getattr(owner, step)

    def interrupted(*arguments: Any) -> Any:
        if when == "after":
            unpatched(*arguments)
        raise Interrupted

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(owner, step, interrupted)
        again()
    # 3: it is deployed, and this account has neither a sender nor a key.
    assert again().exit_code in (0, 3)
    wanted = straight["state"]
    if more:
        wanted["stacks"]["deliverywatch-prod"]["parameters"]["SlotMinutes"] = "5"
    assert state(cloud) == wanted


def test_a_first_deployment_that_failed_is_cleared_away_and_made_anew(
    deploy: Callable[..., Result], cloud: LocalCloud, built_stack: tuple[Any, Path]
) -> None:
    template, folder = built_stack
    properties = {"FunctionName": "nobody", "Qualifier": "$LATEST"}
    broken = {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": properties}
    path = folder / "broken.json"
    path.write_text(json.dumps({**template, "Resources": {**template["Resources"], "Broken": broken}}))
    failed = deploy("--yes", "--template", path)
    assert failed.exit_code == 1
    assert "The deployment failed and was taken back: Broken: " in failed.stderr
    assert "run the same command again" in failed.stderr
    assert deploy("--yes").exit_code == 0
    assert state(cloud)["stacks"]["deliverywatch-prod"]["status"] == "COMPLETE"


def lake(cloud: LocalCloud) -> str:
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName="deliverywatch-prod")["Stacks"]
    return next(each["OutputValue"] for each in stack["Outputs"] if each["OutputKey"] == "LakeBucket")


def buckets(cloud: LocalCloud) -> list[str]:
    return [each["Name"] for each in cloud.client("s3").list_buckets()["Buckets"]]


def test_destroy_keeps_the_history_and_says_what_is_left_and_how_to_delete_it(
    deploy: Callable[..., Result], run: Callable[..., Result], cloud: LocalCloud
) -> None:
    deploy("--yes")
    bucket = lake(cloud)
    cloud.client("s3").put_object(Bucket=bucket, Key="sms/dt=2026-11-21/09.parquet", Body=b"x" * 1000)
    cloud.client("ssm").put_parameter(Name="/deliverywatch/prod/clicksend/api_key", Value="k", Type="SecureString")
    result = run("destroy", "--yes", "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["status"], state(cloud)["stacks"]) == (0, "deleted", {})
    assert bucket in buckets(cloud)
    commands = [each["delete_with"] for each in document["left"]]
    assert commands == [
        "deliverywatch destroy --with-data",
        "aws ssm delete-parameters --names /deliverywatch/prod/clicksend/api_key",
        f"aws s3 rb --force s3://{BUCKET}",
    ]
    assert f"s3://{bucket}, 1 objects" in document["left"][0]["what"]
    cloud.client("ssm").delete_parameter(Name="/deliverywatch/prod/clicksend/api_key")


def test_destroy_with_data_deletes_every_version_even_when_the_stack_is_gone_already(
    deploy: Callable[..., Result], run: Callable[..., Result], cloud: LocalCloud
) -> None:
    deploy("--yes")
    bucket = lake(cloud)
    for body in (b"old", b"new"):
        cloud.client("s3").put_object(Bucket=bucket, Key="state/sms.json", Body=body)
    assert run("destroy", "--yes").exit_code == 0
    again = run("destroy", "--yes", "--with-data")
    assert (again.exit_code, bucket in buckets(cloud)) == (0, False)
    assert "is gone already" in again.stdout
    assert run("destroy", "--yes", "--with-data").exit_code == 0


def test_a_dry_run_of_destroy_deletes_nothing(
    deploy: Callable[..., Result], run: Callable[..., Result], cloud: LocalCloud
) -> None:
    deploy("--yes")
    before = state(cloud)
    result = run("destroy", "--dry-run", "--with-data")
    assert result.exit_code == 0
    assert "THE HISTORY" in result.stdout
    assert state(cloud) == before


def test_destroy_of_a_stack_that_never_was_is_refused(run: Callable[..., Result], cloud: LocalCloud) -> None:
    result = run("destroy", "--yes", "--stack", "deliverywatch-never")
    assert result.exit_code == 1
    assert "There is no stack deliverywatch-never in us-east-1." in result.stderr
