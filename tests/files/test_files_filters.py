"""The filters mean the same at every entrance: the bucket, a given bucket, the pusher, the queue itself, a redrive."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from files_stack import Intake, deployed
from files_world import body, s3_record
from hypothesis import given
from hypothesis import strategies as some

from bundling import build
from deliverywatch.files.admission import Filters
from deliverywatch.files.aws import plain
from deliverywatch.local.cloud.cloud import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX, SUFFIX = "dt=2026/ä b+c@d,e:f'(%20)/", "é=日 1.csv"


@given(some.text("aZ/=+ü", max_size=4), some.text("aZ/=+ü", max_size=4), some.text("aZ/=+ü", max_size=8))
def test_the_filters_take_the_keys_that_the_rule_of_a_given_bucket_takes(prefix: str, suffix: str, key: str) -> None:
    wildcard = re.compile(f"{re.escape(prefix)}.*{re.escape(suffix)}")
    assert Filters(prefix, suffix).takes_key(key) == bool(wildcard.fullmatch(key))


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    """A cloud without a stack, as each road is a stack of its own."""
    with LocalCloud(datetime.now(UTC)) as running:
        yield running


def items_of(intake: Intake, bucket: str) -> list[str]:
    found = intake.client("dynamodb").scan(TableName=intake.outputs["FilesTable"])["Items"]
    return [each["key"] for each in map(plain, found) if each["bucket"] == bucket]


@pytest.mark.parametrize(("system", "bucket"), [("files", ""), ("files-pusher", ""), ("files", "reports-of-2026")])
def test_a_prefix_with_special_characters_lets_its_objects_in_and_no_others(
    cloud: LocalCloud, tmp_path: Path, system: str, bucket: str
) -> None:
    if bucket:
        s3, events = cloud.client("s3"), {"EventBridgeConfiguration": {}}
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=events)
    build.build([system], "none", tmp_path / "build")
    intake = deployed(cloud, tmp_path / "build", FilesPrefix=PREFIX, FilesSuffix=SUFFIX, FilesBucketName=bucket)
    counts = {f"{PREFIX}x{SUFFIX}": 1, f"dt=2025/x{SUFFIX}": 0, f"{PREFIX}x.csv": 0}
    for key in counts:
        intake.put(key)
    intake.settle()
    # What somebody sends to the queue has passed no filter on its way.
    for key in ("sent/x", f"{PREFIX}sent{SUFFIX}"):
        intake.send(body(s3_record(key)))
    intake.settle()
    sent = items_of(intake, "incoming")
    assert sent == [f"{PREFIX}sent{SUFFIX}"]
    assert {key: len(intake.versions(key)) for key in counts} == counts


FILTERED = {
    "Queue": {"Type": "AWS::SQS::Queue"},
    "Policy": {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": "Queue"}],
            "PolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "s3.amazonaws.com"},
                        "Action": "sqs:*",
                        "Resource": "*",
                    }
                ]
            },
        },
    },
}


def test_the_local_cloud_compares_the_filter_of_a_notification_as_s3_does(cloud: LocalCloud, tmp_path: Path) -> None:
    outputs = {name: {"Value": {"Fn::GetAtt": ["Queue", name]}} for name in ("Arn", "QueueUrl")}
    queue = cloud.deploy({"Resources": FILTERED, "Outputs": outputs}, {}, tmp_path)
    s3, sqs = cloud.client("s3"), cloud.client("sqs")
    s3.create_bucket(Bucket="filtered")

    def received(prefix: str, key: str) -> bool:
        rules = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
        notifies = {"QueueArn": queue["Arn"], "Events": ["s3:ObjectCreated:*"], "Filter": rules}
        s3.put_bucket_notification_configuration(
            Bucket="filtered", NotificationConfiguration={"QueueConfigurations": [notifies]}
        )
        s3.put_object(Bucket="filtered", Key=key)
        cloud.settle()
        messages = sqs.receive_message(QueueUrl=queue["QueueUrl"], MaxNumberOfMessages=10).get("Messages", [])
        return any("Records" in json.loads(message["Body"]) for message in messages)

    plain, encoded = ("dt=2026/", "a b/"), ("dt%3D2026/", "a+b/")
    assert [received(prefix, f"{prefix}x") for prefix in plain] == [False, False]
    assert [received(prefix, f"{key}x") for prefix, key in zip(encoded, plain, strict=True)] == [True, True]
