"""No way back is older than what the table remembers: late, redriven and expired events change nothing by their age."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from files_world import BUCKET, KEEP, NOON, MemoryFailures, MemoryLake, MemoryTable, body, s3_record, sqs_event

from deliverywatch.cli import main
from deliverywatch.files import process
from deliverywatch.files.aws_objects import Objects
from deliverywatch.files.records.events import Details, State
from deliverywatch.files.records.items import Retention
from deliverywatch.files.records.sqs import messages_of

if TYPE_CHECKING:
    from files_stack import Intake

LATE = NOON + timedelta(days=45)
CREATED, MARKER, REMOVED = "ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete"


class Bucket:
    """The watched bucket, in which every version is in one state."""

    def __init__(self, state: State, etag: str = "") -> None:
        self.answer = (state, etag)

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        assert (bucket, bool(key), bool(version)) == (BUCKET, True, True)
        return self.answer

    def details(self, bucket: str, key: str, version: str) -> Details | None:
        state, _ = self.state(bucket, key, version)
        return Details("text/csv") if state is State.PRESENT else None


def processed(
    text: str, now: datetime, bucket: Bucket | None, retention: Retention = KEEP
) -> tuple[str, list[tuple[str, int]]]:
    """Return what becomes of a message, and the state and expiry of the items afterwards."""
    table = MemoryTable()
    ports = process.Ports(table=table, failures=MemoryFailures(), lake=MemoryLake(), objects=bucket)
    settings = process.Settings(retention, most_receives=5, watched_bucket=BUCKET)
    report = process.process(messages_of(sqs_event(text)), now, ports, settings)
    return report.results[0].outcome, [(item["state"], item.get("expires_at", 0)) for item in table.items.values()]


@pytest.mark.parametrize(
    ("name", "version", "bucket", "outcome"),
    [
        (CREATED, "v1", Bucket(State.PRESENT), "stored"),
        (CREATED, "v1", Bucket(State.REMOVED), "stale"),
        (CREATED, None, Bucket(State.PRESENT, "etag-0A"), "stored"),
        (CREATED, None, Bucket(State.PRESENT, "of what was uploaded since"), "stale"),
        (CREATED, None, Bucket(State.REMOVED), "stale"),
        (MARKER, "v2", Bucket(State.DELETE_MARKER), "stored"),
        (MARKER, "v2", Bucket(State.REMOVED), "stale"),
        (REMOVED, "v1", Bucket(State.PRESENT), "stored"),
    ],
)
def test_what_is_older_than_tombstones_is_kept_only_if_the_bucket_proves_it(
    name: str, version: str | None, bucket: Bucket, outcome: str
) -> None:
    text = body(s3_record("a", "0A", name, version))
    assert processed(text, LATE, bucket)[0] == outcome
    # A tombstone of it would still be there.
    assert processed(text, NOON + timedelta(days=29), bucket)[0] == "stored"


def test_an_old_listing_is_evidence_no_longer_either() -> None:
    entry = {"key": "a", "version": "v1", "last_modified": "2026-11-01T00:00:00Z"}
    listing = {"bucket": BUCKET, "listed_at": "2026-11-21T12:00:00Z", "objects": [entry]}
    text = json.dumps({"deliverywatch": 1, "listing": listing})
    assert processed(text, NOON, Bucket(State.REMOVED))[0] == "stored"
    assert processed(text, LATE, Bucket(State.REMOVED))[0] == "stale"


def test_of_another_bucket_nothing_can_be_proven_and_the_event_is_believed() -> None:
    record = s3_record("a")
    record["s3"]["bucket"]["name"] = "another"
    assert processed(body(record), LATE, Bucket(State.REMOVED))[0] == "stored"


def test_a_tombstone_counts_from_when_the_removal_was_processed() -> None:
    outcome, kept = processed(body(s3_record("a", name=REMOVED)), LATE, None)
    assert (outcome, kept) == ("stored", [("removed", int((LATE + timedelta(days=30)).timestamp()))])


def test_what_would_have_expired_by_now_is_not_written_once_more() -> None:
    retention = Retention(item_days=7, tombstone_days=30)
    assert processed(body(s3_record("a")), NOON + timedelta(days=6), None, retention)[0] == "stored"
    assert processed(body(s3_record("a")), NOON + timedelta(days=8), None, retention) == ("stale", [])


def test_s3_says_which_versions_are_still_as_an_old_event_reports_them(intake: Intake) -> None:
    objects = Objects(intake.client("s3"))
    version = str(intake.put("old.csv")["VersionId"])
    marker = str(intake.delete("old.csv")["VersionId"])
    intake.client("s3").create_bucket(Bucket="plain")
    etag = intake.client("s3").put_object(Bucket="plain", Key="old.csv", Body=b"1")["ETag"].strip('"')

    def states() -> list[State]:
        return [objects.state(intake.bucket, "old.csv", each)[0] for each in (version, marker)]

    assert states() == [State.PRESENT, State.DELETE_MARKER]
    assert objects.state("plain", "old.csv", "null") == (State.PRESENT, etag)
    assert objects.state("plain", "never.csv", "null") == (State.REMOVED, "")
    for each in (version, marker):
        intake.delete("old.csv", VersionId=each)
    assert states() == [State.REMOVED, State.REMOVED]


def test_an_old_message_of_a_removed_version_brings_nothing_back_in_the_deployed_stack(intake: Intake) -> None:
    versions = {key: str(intake.put(key)["VersionId"]) for key in ("old/gone.csv", "old/there.csv")}
    intake.delete("old/gone.csv", VersionId=versions["old/gone.csv"])
    intake.settle()
    for key, version in versions.items():
        (item,) = intake.versions(key)
        where = {name: {"S": item[name]} for name in ("object", "version")}
        # As its tombstone's time was over, and as a table that was restored lacks the other one.
        intake.client("dynamodb").delete_item(TableName=intake.outputs["FilesTable"], Key=where)
        record = s3_record(key, version=version) | {"eventTime": "2020-01-02T03:04:05.678Z"}
        record["s3"]["bucket"]["name"] = intake.bucket
        intake.client("sqs").send_message(QueueUrl=intake.outputs["FilesDeadLettersUrl"], MessageBody=body(record))
    assert CliRunner().invoke(main, ["files", "dlq", "redrive"]).exit_code == 0
    intake.settle()
    assert [len(intake.versions(key)) for key in versions] == [0, 1]
