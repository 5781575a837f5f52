"""`deliverywatch files ...` against the deployed stack: what it shows, what it changes, what it ends with."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from files_stack import Intake, exhaust
from files_world import s3_record, sqs_event

from deliverywatch.cli import main

pytestmark = pytest.mark.usefixtures("intake")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["files", *arguments])


def printed(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture(scope="module")
def poison(intake: Intake) -> str:
    """The id of the only dead letter, a message that is not a notification; the tests of redrive come after its own."""
    message_id = intake.send("this is not a notification")
    intake.settle()
    exhaust(intake)
    return message_id


def test_list_says_why_each_message_failed_and_leaves_it(intake: Intake, poison: str) -> None:
    result = run("dlq", "list")
    assert result.stdout.splitlines()[0] == f"{poison}  malformed, and will again"
    assert result.stdout.splitlines()[-1] == "  The body is not JSON: Expecting value."
    assert result.stderr == "1 dead letter.\n"
    assert intake.waiting("FilesDeadLettersUrl") == 1


def test_list_as_json_has_the_attempt(poison: str) -> None:
    (letter,) = printed("dlq", "list")
    assert (letter["message_id"], letter["kind"], letter["will_fail_again"]) == (poison, "malformed", True)
    assert letter["sent_at"] <= letter["failed_at"]


def test_show_prints_the_body_of_the_dead_letter_whose_id_begins_so(poison: str) -> None:
    result = run("dlq", "show", poison[:8])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "this is not a notification"
    assert printed("dlq", "show", poison)["body"] == "this is not a notification"


def test_show_of_another_id_is_wrong_usage(poison: str) -> None:
    result = run("dlq", "show", "no-such-id")
    assert result.exit_code == 2
    assert "no-such-id is none of the first 100 dead letters." in result.stderr


def test_a_dry_redrive_moves_nothing_and_says_what_is_in_vain(intake: Intake, poison: str) -> None:
    result = run("dlq", "redrive", "--dry-run")
    assert "1  malformed: will fail again" in result.stdout
    assert "Nothing was moved." in result.stderr
    assert intake.waiting("FilesDeadLettersUrl") == 1
    assert printed("dlq", "redrive", "--dry-run")["in_vain_count"] == 1


@pytest.mark.parametrize("rate", [(), ("--rate", "50")])
def test_a_redrive_sends_the_dead_letters_through_the_intake_again(intake: Intake, rate: tuple[str, ...]) -> None:
    intake.client("sqs").purge_queue(QueueUrl=intake.outputs["FilesDeadLettersUrl"])
    body = json.dumps({"Records": [s3_record("late.csv") | {"eventVersion": "2.6"}]})
    intake.client("sqs").send_message(QueueUrl=intake.outputs["FilesDeadLettersUrl"], MessageBody=body)
    report = printed("dlq", "redrive", *rate)
    assert (report["status"], report["moved_count"]) == ("COMPLETED", 1)
    intake.settle()
    assert run("find", "late.csv", "--bucket", "incoming").exit_code == 0
    assert intake.waiting("FilesDeadLettersUrl") == 0


def test_a_redrive_of_nothing_says_so(intake: Intake) -> None:
    intake.client("sqs").purge_queue(QueueUrl=intake.outputs["FilesDeadLettersUrl"])
    assert run("dlq", "redrive").stderr == "There is no dead letter.\n"
    assert run("dlq", "list").stderr == "No dead letters.\n"


def test_find_shows_every_version_and_which_is_there_now(intake: Intake) -> None:
    first = intake.put("find me.csv", b"1")["VersionId"]
    second = intake.put("find me.csv", b"22")["VersionId"]
    intake.settle()
    found = printed("find", "find me.csv")
    assert found["current"]["version"] == second
    assert [each["version"] for each in found["versions"]] == [first, second]
    result = run("find", "find me.csv")
    assert [line.split()[-2:] for line in result.stdout.splitlines()] == [["bytes", first], ["now", second]]
    assert result.stderr == f"{intake.bucket}/find me.csv is there.\n"


def test_find_of_what_is_gone_or_unknown_ends_with_3(intake: Intake) -> None:
    intake.put("found gone.csv")
    intake.delete("found gone.csv")
    intake.settle()
    gone, unknown = run("find", "found gone.csv"), run("find", "never.csv")
    assert (gone.exit_code, unknown.exit_code) == (3, 3)
    assert "is not there now." in gone.stderr
    assert "is not known." in unknown.stderr


def forget(intake: Intake, key: str) -> None:
    """Lose an item, as a table that was restored from yesterday has."""
    for each in intake.versions(key):
        where = {"object": {"S": each["object"]}, "version": {"S": each["version"]}}
        intake.client("dynamodb").delete_item(TableName=intake.outputs["FilesTable"], Key=where)


def test_verify_finds_what_is_missing_stale_and_too_much_and_repairs_it(intake: Intake) -> None:
    version = {name: intake.put(f"v/{name}.csv", name.encode())["VersionId"] for name in ("ok", "lost", "old", "left")}
    intake.settle()
    forget(intake, "v/lost.csv")
    where = {"object": {"S": f"{intake.bucket}/v/old.csv"}, "version": {"S": version["old"]}}
    intake.client("dynamodb").update_item(
        TableName=intake.outputs["FilesTable"], Key=where, UpdateExpression="SET etag = :etag",
        ExpressionAttributeValues={":etag": {"S": "another"}},
    )  # fmt: skip
    queue = intake.outputs["FilesQueueUrl"]
    intake.delete("v/left.csv", VersionId=version["left"])
    intake.client("sqs").purge_queue(QueueUrl=queue)

    result = run("verify", "--prefix", "v/")
    assert result.exit_code == 3
    assert sorted(line.split()[:2] for line in result.stdout.splitlines()) == [
        ["extra", "v/left.csv"],
        ["missing", "v/lost.csv"],
        ["stale", "v/old.csv"],
    ]
    dry = printed("verify", "--prefix", "v/", "--repair", "--dry-run")
    assert (dry["same_count"], dry["sent_count"]) == (1, 0)
    assert intake.waiting("FilesQueueUrl") == 0

    assert run("verify", "--prefix", "v/", "--repair").exit_code == 0
    intake.settle()
    after = run("verify", "--prefix", "v/", "--json")
    assert after.exit_code == 0
    assert json.loads(after.stdout)["same_count"] == 3


def test_reprocess_fills_what_the_table_lost_and_touches_nothing_else(intake: Intake) -> None:
    intake.put("r/lost.csv")
    intake.put("r/kept.csv")
    intake.settle()
    kept = intake.versions("r/kept.csv")
    forget(intake, "r/lost.csv")
    assert printed("reprocess", "--prefix", "r/", "--dry-run") == {
        "listed_count": 2,
        "message_count": 1,
        "dry_run": True,
    }
    intake.settle()
    assert not intake.versions("r/lost.csv")
    assert "1 messages about 2 versions were sent." in run("reprocess", "--prefix", "r/").stderr
    intake.settle()
    assert [each["state"] for each in intake.versions("r/lost.csv")] == ["present"]
    assert intake.versions("r/kept.csv") == kept


def test_process_puts_an_event_into_the_table_itself(intake: Intake, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps(sqs_event(json.dumps({"Records": [s3_record("by hand.csv")]}), "hello")))
    result = run("process", str(path))
    assert result.exit_code == 3
    assert result.stdout.splitlines() == ["m0  stored", "m1  failed", "  The body is not JSON: Expecting value."]
    assert run("find", "by hand.csv", "--bucket", "incoming").exit_code == 0


@pytest.mark.parametrize(
    "verb",
    [
        ["dlq", "list"],
        ["dlq", "redrive"],
        ["dlq", "show", "x"],
        ["find", "x"],
        ["verify"],
        ["reprocess", "--prefix", ""],
    ],
)
def test_a_missing_stack_is_reported_in_a_sentence(verb: list[str]) -> None:
    result = run(*verb, "--stack", "nowhere")
    assert result.exit_code == 1
    assert "There is no stack nowhere in us-east-1." in result.stderr
