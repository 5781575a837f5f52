"""From an upload to the item, through the deployed template; in a real account too, if the environment names a stack.

    DELIVERYWATCH_REAL_STACK=deliverywatch-test DELIVERYWATCH_SAW=saw .venv/bin/pytest tests/files/test_files_cloud.py

It then uses the account of the environment, uploads under a prefix of its own, removes what it uploaded, and stores
what it saw as JSON in the folder DELIVERYWATCH_SAW.
"""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from files_stack import Intake, wait_for

STACK = os.environ.get("DELIVERYWATCH_REAL_STACK", "")
SAW = os.environ.get("DELIVERYWATCH_SAW", "saw")

KEYS = [
    "plain.csv",
    "with space.csv",
    "plus+plus.csv",
    "100%.csv",
    "ümläut/日本語.csv",
    "🦊.csv",
    "a@b=c&d.csv",
    "k" * 900,
]


def real_intake() -> Intake:
    from deliverywatch.operate.account import aws

    account = aws.connect()
    outputs = aws.find(account, STACK).outputs
    intake = Intake(account.client, outputs, lambda: None, prefix=f"deliverywatch-test-{uuid.uuid4().hex[:8]}/")

    def settle() -> None:
        wait_for(lambda: all(intake.versions(key) for key in intake.uploaded) and not intake.waiting("FilesQueueUrl"))

    intake.settle = settle
    return intake


@pytest.fixture(scope="module")
def anywhere(request: pytest.FixtureRequest) -> Iterator[Intake]:
    """The intake of the real account that the environment names, or else the local one."""
    if not STACK:
        yield request.getfixturevalue("intake")
        return
    intake = real_intake()
    yield intake
    listed = intake.client("s3").list_object_versions(Bucket=intake.bucket, Prefix=intake.prefix)
    for each in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        intake.client("s3").delete_object(Bucket=intake.bucket, Key=each["Key"], VersionId=each["VersionId"])


@pytest.fixture
def keep(request: pytest.FixtureRequest) -> Any:
    """Stores what a test saw in a real account, by the test's name."""

    def stored(what: Any) -> None:
        if STACK:
            folder = Path(SAW)
            folder.mkdir(exist_ok=True)
            (folder / f"{request.node.name}.json").write_text(json.dumps(what, indent=1, ensure_ascii=False))

    return stored


def test_every_upload_becomes_one_item_whatever_its_key(anywhere: Intake, keep: Any) -> None:
    versions = {key: anywhere.put(key, key.encode())["VersionId"] for key in KEYS}
    anywhere.settle()
    items = {key: anywhere.versions(key) for key in KEYS}
    keep(items)
    for key, found in items.items():
        (item,) = found
        assert (item["bucket"], item["key"]) == (anywhere.bucket, anywhere.prefix + key)
        assert (item["version"], item["state"], item["size_bytes"]) == (versions[key], "present", len(key.encode()))
        assert item["event_time"] <= item["processed_at"]
        assert item["message_id"]


def test_an_upload_and_its_removal_leave_the_version_and_the_marker(anywhere: Intake, keep: Any) -> None:
    first = anywhere.put("kept.csv", b"1")["VersionId"]
    second = anywhere.put("kept.csv", b"22")["VersionId"]
    marker = anywhere.delete("kept.csv")["VersionId"]
    anywhere.settle()
    if STACK:
        wait_for(lambda: len(anywhere.versions("kept.csv")) == 3)
    items = anywhere.versions("kept.csv")
    keep(items)
    assert [(item["version"], item["state"]) for item in items] == [
        (first, "present"),
        (second, "present"),
        (marker, "delete_marker"),
    ]


def test_a_version_that_is_removed_for_good_is_remembered_for_a_time(anywhere: Intake, keep: Any) -> None:
    version = anywhere.put("gone.csv")["VersionId"]
    anywhere.settle()
    anywhere.delete("gone.csv", VersionId=version)
    anywhere.settle()
    if STACK:
        wait_for(lambda: anywhere.versions("gone.csv")[0]["state"] == "removed")
    (item,) = anywhere.versions("gone.csv")
    keep(item)
    assert item["state"] == "removed"
    assert "size_bytes" not in item
    assert item["expires_at"] > 0


def test_nothing_is_left_in_the_queues(anywhere: Intake, keep: Any) -> None:
    anywhere.settle()
    left = {name: anywhere.waiting(name) for name in ("FilesQueueUrl", "FilesDeadLettersUrl")}
    keep(left)
    assert left == {"FilesQueueUrl": 0, "FilesDeadLettersUrl": 0}
