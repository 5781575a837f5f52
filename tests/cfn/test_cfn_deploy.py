"""README's three commands, as they stand there: build, `aws cloudformation package`, `aws cloudformation deploy`."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cfn_values import GIVEN

from deliverywatch.local.cloud.cloud import LocalCloud

ARTIFACTS = "artifacts"
ADDRESSES = [f"{name}={value}" for name, value in GIVEN.items() if not name.startswith("AWS::")]


def test_no_page_names_an_emulator_by_an_option_that_package_does_not_heed() -> None:
    root = Path(__file__).parents[2]
    names = subprocess.run(["git", "ls-files", "*.md"], cwd=root, capture_output=True, text=True, check=True).stdout
    lines = [line for name in names.split() for line in (root / name).read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if "--endpoint-url" in line and "uploads your code to the real S3" not in line] == []
    assert any("set `AWS_ENDPOINT_URL`" in line for line in lines)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(datetime(2026, 11, 21, tzinfo=UTC)) as running:
        running.client("s3").create_bucket(Bucket=ARTIFACTS)
        yield running


def aws(cloud: LocalCloud, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the AWS command line against the local cloud, with no settings of whoever runs the test."""
    credentials = cloud.client("s3")._request_signer._credentials
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    command = [str(Path(sys.executable).with_name("aws")), "cloudformation", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def packaged(cloud: LocalCloud, built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packaged") / "packaged.json"
    template = str(built / "template.json")
    result = aws(
        cloud, "package", "--template-file", template, "--s3-bucket", ARTIFACTS, "--use-json",
        "--output-template-file", str(out),
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return out


def deploy(cloud: LocalCloud, packaged: Path, stack: str, *parameters: str) -> subprocess.CompletedProcess[str]:
    return aws(
        cloud, "deploy", "--template-file", str(packaged), "--stack-name", stack, "--s3-bucket", ARTIFACTS,
        "--capabilities", "CAPABILITY_NAMED_IAM", "--parameter-overrides", *ADDRESSES, *parameters,
    )  # fmt: skip


def test_package_uploads_each_zip_and_changes_nothing_else(
    cloud: LocalCloud, packaged: Path, template: dict[str, Any], built: Path
) -> None:
    after = json.loads(packaged.read_text(encoding="utf-8"))
    for name, made in template["Resources"].items():
        if made["Type"] == "AWS::Lambda::Function":
            code = after["Resources"][name]["Properties"].pop("Code")
            body = cloud.client("s3").get_object(Bucket=code["S3Bucket"], Key=code["S3Key"])["Body"].read()
            assert body == (built / made["Properties"]["Code"]).read_bytes()
            after["Resources"][name]["Properties"]["Code"] = made["Properties"]["Code"]
    assert after == template


def test_two_environments_are_deployed_side_by_side(cloud: LocalCloud, packaged: Path) -> None:
    for environment in ("prod", "test"):
        result = deploy(cloud, packaged, f"deliverywatch-{environment}", f"Environment={environment}")
        assert result.returncode == 0, result.stderr
        alarms = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"deliverywatch-{environment}-")
        assert len(alarms["MetricAlarms"]) == 7
    names = {each["Name"] for each in cloud.client("scheduler").list_schedules()["Schedules"]}
    assert names == {
        f"deliverywatch-{environment}-{name}"
        for environment in ("prod", "test")
        for name in (
            "sms-ingest-slots",
            "sms-compact-nightly",
            "alerting-sweep",
            "operate-digest-weekly",
            "operate-examine-nightly",
        )
    }


def test_contradicting_thresholds_are_refused_before_anything_is_made(cloud: LocalCloud, packaged: Path) -> None:
    result = deploy(cloud, packaged, "refused", "WarningThresholdPercent=20", "CriticalThresholdPercent=20")
    assert result.returncode != 0
    assert "WarningThresholdPercent must be less than CriticalThresholdPercent" in result.stderr
