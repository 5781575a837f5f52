"""What becomes of a message that cannot be processed, in the deployed stack."""

import json

import pytest
from click.testing import CliRunner
from files_stack import Intake, exhaust
from files_world import BUCKET, body, s3_record

from deliverywatch.cli import main
from deliverywatch.files.aws import plain


@pytest.fixture(scope="module")
def poisoned(intake: Intake) -> tuple[Intake, str]:
    """The intake after a poisonous message between two good ones failed five times."""
    intake.put("before.csv")
    message_id = intake.send("this is not a notification")
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


def test_the_lake_holds_what_failed_and_what_to_do(poisoned: tuple[Intake, str]) -> None:
    intake, message_id = poisoned
    body = intake.client("s3").get_object(Bucket=intake.outputs["LakeBucket"], Key="state/files.json")["Body"].read()
    context = json.loads(body)
    assert [fact["value"] for fact in context["facts"]] == ["The body is not JSON: Expecting value. (1 of the last 1)"]
    assert context["table"][1][1:] == [message_id[:8], "nothing that can be read", "malformed"]
    assert "deliverywatch files dlq list" in context["steps"][0]


def test_the_test_event_that_s3_sent_is_no_failure(intake: Intake) -> None:
    assert sum(line.get("ignored_count", 0) for line in intake.log()) >= 3


ODD_BODIES = {
    "[]": "The body is JSON, but no object.",
    '{"Records": [{"eventSource": "aws:ses"}]}': "A record is not of S3: its eventSource is 'aws:ses'.",
    body({**s3_record(), "eventTime": "soon"}): "The event does not say when it happened.",
    body(s3_record("k" * 1025)): "The event's key has 1025 bytes; S3 allows 1024.",
    json.dumps({"Type": "SubscriptionConfirmation"}): "SNS asks to confirm a subscription",
}


def test_every_kind_of_malformed_body_is_put_aside_with_its_reason(intake: Intake) -> None:
    ids = {intake.send(text): problem for text, problem in ODD_BODIES.items()}
    intake.settle()
    exhaust(intake)
    for message_id, problem in ids.items():
        shown = CliRunner().invoke(main, ["files", "dlq", "show", message_id])
        assert shown.exit_code == 0
        assert problem in " ".join(shown.stdout.split())


def test_a_notification_of_64_kilobytes_is_processed(intake: Intake) -> None:
    text = body(*(s3_record(f"big/{number}/" + "k" * 900) for number in range(50)))
    assert 60_000 < len(text) < 65_536
    intake.send(text)
    intake.settle()
    assert intake.waiting("FilesQueueUrl") == 0
    assert CliRunner().invoke(main, ["files", "find", "big/49/" + "k" * 900, "--bucket", BUCKET]).exit_code == 0


def test_a_table_that_refuses_everything_is_an_error_of_the_function_and_nothing_is_lost(intake: Intake) -> None:
    role = {"StackName": "deliverywatch-prod", "LogicalResourceId": "FilesProcessRole"}
    found = intake.client("cloudformation").describe_stack_resource(**role)
    name = found["StackResourceDetail"]["PhysicalResourceId"]
    denial = {"Effect": "Deny", "Action": "dynamodb:PutItem", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denial]})
    intake.client("iam").put_role_policy(RoleName=name, PolicyName="denial", PolicyDocument=policy)
    intake.put("waits 1.csv")
    intake.put("waits 2.csv")
    event = {"Records": [{"messageId": f"m{n}", "body": body(s3_record("x"))} for n in range(2)]}
    assert intake.cloud is not None
    answer = intake.cloud.invoke("deliverywatch-prod-files-process", event)
    assert answer.error is not None
    assert answer.error.startswith("All 2 messages failed. DynamoDB could not be used")
    intake.settle()
    intake.client("iam").delete_role_policy(RoleName=name, PolicyName="denial")
    exhaust(intake)
    assert [len(intake.versions(f"waits {number}.csv")) for number in (1, 2)] == [1, 1]


def test_a_message_that_can_never_be_processed_is_put_aside_at_once(intake: Intake) -> None:
    before = intake.waiting("FilesDeadLettersUrl")
    intake.send("{}")
    intake.settle()
    assert (intake.waiting("FilesQueueUrl"), intake.waiting("FilesDeadLettersUrl")) == (0, before + 1)
