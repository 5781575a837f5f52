"""A prefix and a suffix mean the same on every road, though S3 compares its filters with the URL-encoded key."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

import pytest
from files_stack import deployed
from hypothesis import given
from hypothesis import strategies as some
from troposphere import Ref

import build
from blocks.buckets import ENCODED, encoded_key
from cwalarm.definitions.template import resources
from deliverywatch.local.cloud.cloud import LocalCloud

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PREFIX, SUFFIX = "dt=2026/a b+c@d,e:f/", "=1.csv"


@given(some.text("aZ0_./-" + "".join(ENCODED), max_size=200))
def test_the_template_encodes_every_key_that_its_parameters_take_as_s3_does(key: str) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": encoded_key(Ref("Key")).to_dict()}}
    template = {"Parameters": {"Key": {"Type": "String"}}, "Resources": {"Bucket": bucket}}
    ((_, resolved),) = resources(template, "AWS::S3::Bucket", {"Key": key})
    assert resolved["BucketName"] == quote_plus(key, safe="/")


@pytest.fixture
def cloud() -> Iterator[LocalCloud]:
    """A cloud without a stack, as each road is a stack of its own."""
    with LocalCloud(datetime.now(UTC)) as running:
        yield running


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
