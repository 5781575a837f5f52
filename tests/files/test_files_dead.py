"""What becomes of a message that cannot be processed, in the deployed stack."""

from __future__ import annotations

import json

import pytest
from files_stack import Intake, exhaust

from deliverywatch.files.aws import plain


@pytest.fixture(scope="module")
def poisoned(intake: Intake) -> tuple[Intake, str]:
    """The intake after a poisonous message between two good ones failed five times."""
    intake.put("before.csv")
    message_id = intake.send("this is no notification")
    intake.put("after.csv")
    intake.settle()
    exhaust(intake)
    return intake, message_id


def test_neighbours_are_processed_and_the_message_is_put_aside(poisoned: tuple[Intake, str]) -> None:
    intake, _ = poisoned
    assert [len(intake.versions(key)) for key in ("before.csv", "after.csv")] == [1, 1]
    assert (intake.waiting("FilesQueueUrl"), intake.waiting("FilesDeadLettersUrl")) == (0, 1)


def test_the_reason_is_kept_by_message_id(poisoned: tuple[Intake, str]) -> None:
    intake, message_id = poisoned
    key = {"message_id": {"S": message_id}}
    item = plain(intake.client("dynamodb").get_item(TableName=intake.outputs["FilesFailuresTable"], Key=key)["Item"])
    assert (item["kind"], item["problem"]) == ("malformed", "The body is not JSON: Expecting value.")
    assert item["receive_count"] == 5


def test_each_attempt_is_a_line_that_the_metric_filter_counts(poisoned: tuple[Intake, str]) -> None:
    intake, message_id = poisoned
    failed = [line for line in intake.log() if line["level"] == "ERROR"]
    assert [(line["message_id"], line["receive_count"]) for line in failed] == [(message_id, n) for n in range(1, 6)]
    assert {line["event"] for line in failed} == {"message_failed"}


def test_the_lake_tells_the_mail_what_failed_and_what_to_do(poisoned: tuple[Intake, str]) -> None:
    intake, message_id = poisoned
    body = intake.client("s3").get_object(Bucket=intake.outputs["LakeBucket"], Key="state/files.json")["Body"].read()
    told = json.loads(body)
    assert [fact["value"] for fact in told["facts"]] == ["The body is not JSON: Expecting value. (1 of the last 1)"]
    assert told["table"][1][1:] == [message_id[:8], "nothing that can be read", "malformed"]
    assert "deliverywatch files dlq list" in told["steps"][0]


def test_the_test_event_that_s3_sent_is_no_failure(intake: Intake) -> None:
    assert sum(line.get("ignored_count", 0) for line in intake.log()) >= 3
