"""What scripts around an intake rely on: the names that are chosen, the outputs, the fields and the key of an item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from files_stack import Intake, deployed

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
    return deployed(cloud, files_build, FilesTimeoutSeconds="60", **NAMES)


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
    (item,) = map(plain, named.client("dynamodb").scan(TableName="processing-metadata")["Items"])
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
