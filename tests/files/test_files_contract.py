"""What scripts around an intake rely on: the names that are chosen, the outputs, the fields and the key of an item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from files_stack import Intake, deployed
from files_world import s3_record

from deliverywatch.cli import main
from deliverywatch.files.aws import plain

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud

NAMES = {
    "FilesUploadsBucketName": "uploads-of-a-shop",
    "FilesTableName": "processing-metadata",
    "FilesQueueName": "processing-queue",
    "FilesDeadLettersName": "processing-dlq",
    "FilesProcessName": "sqs-processor-lambda",
}
ARN_NAMES = {"FilesBucketArn": "uploads-of-a-shop", "FilesQueueArn": "processing-queue"} | {
    "FilesDeadLettersArn": "processing-dlq",
    "FilesTableArn": "table/processing-metadata",
    "FilesProcessArn": "sqs-processor-lambda",
}


@pytest.fixture(scope="module")
def named(cloud: LocalCloud, files_build: Path) -> Intake:
    return deployed(cloud, files_build, FilesTimeoutSeconds="60", FilesTableLayout="s3_key", **NAMES)


def item_of(named: Intake, key: str) -> dict[str, Any] | None:
    """What `aws dynamodb get-item --key '{"s3_key": {"S": ...}}'` shows."""
    answer = named.client("dynamodb").get_item(TableName="processing-metadata", Key={"s3_key": {"S": key}})
    return plain(answer["Item"]) if "Item" in answer else None


def test_the_outputs_have_the_names_and_arns_of_all_parts(named: Intake) -> None:
    outputs = named.outputs
    assert (outputs["FilesBucket"], outputs["FilesTable"]) == ("uploads-of-a-shop", "processing-metadata")
    assert outputs["FilesProcessName"] == "sqs-processor-lambda"
    assert outputs["FilesQueueUrl"].endswith("/processing-queue")
    assert outputs["FilesDeadLettersUrl"].endswith("/processing-dlq")
    assert {name: outputs[name].rpartition(":")[2] for name in ARN_NAMES} == ARN_NAMES


def test_under_chosen_names_an_upload_becomes_an_item(named: Intake) -> None:
    named.put("test-file.txt", b"hello, world\n", ContentType="text/plain")
    named.settle()
    item = item_of(named, "test-file.txt")
    assert item is not None
    assert (item["s3_key"], item["bucket"]) == ("test-file.txt", "uploads-of-a-shop")
    assert (item["file_size"], item["content_type"]) == (13, "text/plain")
    assert item["event_time"] <= item["processed_at"]
    assert item["message_id"]
    events = named.client("logs").filter_log_events(logGroupName="/aws/lambda/sqs-processor-lambda")["events"]
    assert any("batch_processed" in event["message"] for event in events)


def test_the_time_out_is_the_functions_and_a_sixth_of_what_the_queue_waits(named: Intake) -> None:
    run = named.client("lambda").get_function_configuration(FunctionName="sqs-processor-lambda")
    url = named.outputs["FilesQueueUrl"]
    waits = named.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert (run["Timeout"], waits["Attributes"]["VisibilityTimeout"]) == (60, "361")


def test_a_table_by_key_shows_what_is_there_now(named: Intake) -> None:
    first = named.put("report.csv", b"1")["VersionId"]
    second = named.put("report.csv", b"22")["VersionId"]
    named.settle()
    assert shown(named, "report.csv") == ("present", second, 2)
    named.delete("report.csv", VersionId=second)
    named.settle()
    assert shown(named, "report.csv") == ("present", first, 1)
    marker = named.delete("report.csv")["VersionId"]
    named.settle()
    assert shown(named, "report.csv") == ("delete_marker", marker, None)
    named.delete("report.csv", VersionId=first)
    named.settle()
    assert shown(named, "report.csv") == ("delete_marker", marker, None)
    named.delete("report.csv", VersionId=marker)
    named.settle()
    assert shown(named, "report.csv") == ("removed", marker, None)


def shown(named: Intake, key: str) -> tuple[str, str, int | None]:
    item = item_of(named, key)
    assert item is not None
    return item["state"], item["version"], item.get("file_size")


def cli(*arguments: str) -> Any:
    return json.loads(CliRunner().invoke(main, ["files", *arguments, "--json"]).stdout)


def test_the_commands_know_the_layout(named: Intake) -> None:
    named.put("another.csv")
    named.settle()
    assert CliRunner().invoke(main, ["files", "find", "another.csv", "--bucket", "no-such-bucket"]).exit_code == 3
    version = named.put("orders.csv", b"1")["VersionId"]
    latest = named.put("orders.csv", b"22")["VersionId"]
    named.settle()
    found = cli("find", "orders.csv")
    assert (found["current"]["version"], len(found["versions"])) == (latest, 1)
    named.client("dynamodb").delete_item(TableName="processing-metadata", Key={"s3_key": {"S": "orders.csv"}})
    assert cli("reprocess", "--prefix", "orders")["listed_count"] == 1
    named.settle()
    assert shown(named, "orders.csv") == ("present", latest, 2)
    assert version != latest
    report = cli("verify", "--prefix", "orders")
    assert [report[f"{kind}_count"] for kind in ("same", "missing", "stale", "extra")] == [1, 0, 0, 0]


def test_a_bare_event_is_processed_by_hand_as_the_function_would(named: Intake, tmp_path: Path) -> None:
    record = s3_record("by hand.csv")
    record["s3"]["bucket"]["name"] = named.bucket
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"Records": [record, s3_record("of another bucket.csv")]}))
    (result,) = cli("process", str(path))
    assert (result["outcome"], "incoming" in result["problem"]) == ("failed", True)
    item = item_of(named, "by hand.csv")
    assert item is not None
    assert (item["message_id"], item["state"]) == ("by-hand", "present")
    assert item_of(named, "of another bucket.csv") is None
