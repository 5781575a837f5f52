"""Which stack a verb works on, and what is said when there is none."""

from __future__ import annotations

import contextlib
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from click.testing import CliRunner

from deliverywatch.cli.terminal.target import Target, target
from deliverywatch.errors import CloudRefused, CloudUnavailable
from deliverywatch.operate.account import aws
from deliverywatch.operate.account.deployment import from_description

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud
    from deliverywatch.operate.account.deployment import Deployment

STACK = {
    "StackName": "deliverywatch-test",
    "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/deliverywatch-test/1",
    "StackStatus": "UPDATE_COMPLETE",
    "Parameters": [{"ParameterKey": "Environment", "ParameterValue": "test"}],
    "Outputs": [{"OutputKey": "Version", "OutputValue": "0.1.0"}],
}


def test_a_deployment_says_what_and_where_it_is() -> None:
    found = from_description(STACK)
    assert (found.environment, found.region, found.account, found.version, found.prefix, found.status) == (
        "test", "eu-west-1", "123456789012", "0.1.0", "deliverywatch-test", "UPDATE_COMPLETE"
    )  # fmt: skip


def test_a_stack_of_somebody_else_is_refused() -> None:
    with pytest.raises(CloudRefused, match="not one of DeliveryWatch") as refused:
        from_description({**STACK, "Parameters": []})
    assert refused.value.kind == "foreign-stack"


def test_an_output_that_an_older_version_has_not_is_told_with_what_brings_it() -> None:
    with pytest.raises(CloudRefused, match="no output LakeBucket") as refused:
        _ = from_description(STACK).bucket
    assert "deliverywatch deploy" in refused.value.next_step


def test_the_deployed_stack_is_found_with_its_parameters_and_outputs(found: tuple[aws.Cloud, Deployment]) -> None:
    _, deployment = found
    assert (deployment.name, deployment.environment, deployment.region) == ("deliverywatch-prod", "prod", "us-east-1")
    assert deployment.parameters["WarningThresholdPercent"] == "3"
    assert deployment.bucket == deployment.outputs["LakeBucket"]
    assert deployment.version == version("deliverywatch")


def test_a_stack_that_is_not_there_is_told_with_the_next_command(empty_cloud: LocalCloud) -> None:
    with pytest.raises(CloudRefused, match="There is no stack deliverywatch-none in us-east-1") as refused:
        aws.find(aws.connect(), "deliverywatch-none")
    assert refused.value.kind == "no-stack"
    assert "'deliverywatch deploy --stack deliverywatch-none'" in refused.value.next_step
    assert "deliverywatch deploy" in refused.value.next_step


def without_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **environment: str) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    for name, value in {"AWS_EC2_METADATA_DISABLED": "true", **environment}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("environment", "profile", "kind", "next_step"),
    [
        ({}, None, "no-region", "--region us-east-1"),
        ({"AWS_REGION": "us-east-1"}, None, "no-credentials", "aws configure"),
        ({"AWS_REGION": "us-east-1"}, "elsewhere", "no-profile", "aws configure list-profiles"),
    ],
)
def test_what_is_missing_on_this_machine_is_told_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    environment: dict[str, str],
    profile: str | None,
    kind: str,
    next_step: str,
) -> None:
    without_account(monkeypatch, tmp_path, **environment)
    with pytest.raises(CloudRefused) as refused:
        aws.connect(profile)
    assert refused.value.kind == kind
    assert next_step in refused.value.next_step


@pytest.mark.parametrize(
    ("code", "kind", "next_step"),
    [
        ("InvalidClientTokenId", "unknown-credentials", "aws configure"),
        ("ExpiredToken", "expired-credentials", "aws sso login"),
        ("AccessDenied", "denied", "--profile"),
        ("ValidationError", "refused", "run the command again"),
        ("Throttling", "cloud", "run the command again"),
    ],
)
def test_what_aws_refuses_is_told_with_what_to_do(code: str, kind: str, next_step: str) -> None:
    with pytest.raises((CloudRefused, CloudUnavailable)) as refused, aws.translated("The stack x"):
        raise ClientError({"Error": {"Code": code, "Message": "not so."}}, "DescribeStacks")
    assert refused.value.kind == kind
    assert next_step in refused.value.next_step
    assert str(refused.value).endswith(".")


def test_an_aws_that_does_not_answer_may_answer_later(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_account(monkeypatch, tmp_path, AWS_REGION="us-east-1", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    with pytest.raises(CloudUnavailable, match="cannot be reached"):
        aws.find(aws.connect(), "deliverywatch-prod")


@pytest.mark.parametrize(
    ("given", "named", "told"),
    [
        ([], Target("deliverywatch-prod", None, None), ""),
        (
            ["--stack", "deliverywatch-test", "--region", "eu-west-1", "--profile", "ops"],
            Target("deliverywatch-test", "eu-west-1", "ops"),
            " --stack deliverywatch-test --region eu-west-1 --profile ops",
        ),
    ],
)
def test_three_options_name_the_target(given: list[str], named: Target, told: str) -> None:
    seen: list[Any] = []

    @click.command()
    @target
    def verb(*, target: Target) -> None:
        seen.append(target)

    assert CliRunner().invoke(verb, given).exit_code == 0
    assert seen == [named]
    assert named.options() == told


def test_a_bucket_of_ours_is_only_used_while_it_is_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_account(monkeypatch, tmp_path, AWS_REGION="us-east-1", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAUNKNOWN000000000")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    cloud, owners = aws.connect(), []
    s3 = cloud.s3_of("111122223333")

    def sent(request: Any, **_: Any) -> AWSResponse:
        owners.append((request.method, request.headers.get("x-amz-expected-bucket-owner")))
        return AWSResponse(request.url, 404, {}, None)

    s3.meta.events.register("before-send.s3", sent)
    for name, more in (
        ("get_object", {"Key": "k"}),
        ("put_object", {"Key": "k"}),
        ("delete_object", {"Key": "k"}),
        ("list_objects_v2", {}),
        ("list_object_versions", {}),
        ("head_bucket", {}),
        ("delete_bucket", {}),
    ):
        with contextlib.suppress(ClientError, AttributeError):
            getattr(s3, name)(Bucket="bucket", **more)
    assert len(owners) == 7
    assert {owner.decode() if isinstance(owner, bytes) else owner for _, owner in owners} == {"111122223333"}
    assert cloud.s3_of("111122223333") is s3


def test_other_buckets_than_ours_are_read_where_another_account_may_own_them() -> None:
    others = {
        # dbt's artifacts lie where the pipeline's owner keeps them.
        "deliverywatch/cli/pipeline.py",
        # It looks at what is there, and says so.
        "deliverywatch/operate/doctor/aws_deployed.py",
        "deliverywatch/operate/doctor/aws_doctor.py",
        "deliverywatch/operate/proofs/aws_lake.py",
    }
    source = Path(__file__).parents[2] / "src"
    plain = {
        str(path.relative_to(source))
        for room in ("cli", "operate")
        for path in (source / "deliverywatch" / room).rglob("*.py")
        if 'client("s3")' in path.read_text()
    }
    assert plain <= others
