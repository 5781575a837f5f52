"""A bucket that was there before the stack: its events come through EventBridge, and the bucket is left as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from files_stack import Intake, deployed

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud

BUCKET = "reports-of-2019"


@pytest.fixture(scope="module")
def given(cloud: LocalCloud, files_build: Path) -> Intake:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}})
    return deployed(cloud, files_build, FilesBucketName=BUCKET, FilesPrefix="in/", FilesSuffix=".csv")


def test_no_bucket_is_made(given: Intake) -> None:
    assert given.bucket == BUCKET
    names = [each["Name"] for each in given.client("s3").list_buckets()["Buckets"]]
    assert not [name for name in names if "filesuploads" in name]


def test_an_upload_comes_through_with_its_key_as_it_is(given: Intake) -> None:
    given.put("in/a+b c%20.csv", b"123")
    given.settle()
    (item,) = given.versions("in/a+b c%20.csv")
    assert (item["state"], item["version"], item["size_bytes"]) == ("present", "null", 3)
    assert item["event"] == "Object Created: PutObject"


def test_a_removal_comes_through(given: Intake) -> None:
    given.put("in/gone.csv")
    given.delete("in/gone.csv")
    given.settle()
    assert [item["state"] for item in given.versions("in/gone.csv")] == ["removed"]


def test_other_keys_are_left_out(given: Intake) -> None:
    given.put("in/a.txt")
    given.put("out/a.csv")
    given.settle()
    assert not given.versions("in/a.txt") + given.versions("out/a.csv")
    assert (given.waiting("FilesQueueUrl"), given.waiting("FilesDeadLettersUrl")) == (0, 0)
