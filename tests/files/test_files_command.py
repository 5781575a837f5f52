"""`deliverywatch files process --dry-run`: what the processor would do with an event, message by message."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from files_world import body, recorded, s3_record, sqs_event

from deliverywatch.cli import main


def dry_run(folder: Path, *bodies: str, options: tuple[str, ...] = ()) -> Result:
    path = folder / "event.json"
    path.write_text(json.dumps(sqs_event(*bodies)))
    return CliRunner().invoke(main, ["files", "process", str(path), "--dry-run", *options])


def test_it_says_what_would_be_kept_ignored_and_refused(tmp_path: Path) -> None:
    result = dry_run(tmp_path, body(s3_record("a b.csv")), body(s3_record(name="ObjectAcl:Put")), "hello")
    assert result.exit_code == 3
    assert result.output.splitlines() == [
        "m0  store",
        "  present       incoming/a b.csv  version null",
        "m1  ignore",
        "  ObjectAcl:Put does not change an object.",
        "m2  fail",
        "  The body is not JSON: Expecting value.",
        "  Find out who sends such messages to the queue; then delete the message, it will never be processed.",
    ]


def test_json_holds_the_items_as_the_table_would(tmp_path: Path) -> None:
    result = dry_run(tmp_path, body(s3_record("ü.csv")), options=("--json",))
    assert result.exit_code == 0
    (result,) = json.loads(result.output)
    assert result["would"] == "store"
    assert (result["items"][0]["key"], result["items"][0]["size_bytes"]) == ("ü.csv", 1204)


def test_what_a_file_is_called_gives_no_orders_to_the_terminal(tmp_path: Path) -> None:
    result = dry_run(tmp_path, body(s3_record("a\n\x1b[2Jb.csv")), body(s3_record(name="Odd:\x1b[2J"))).output
    assert "incoming/a??[2Jb.csv" in result
    assert "\x1b" not in result


@pytest.mark.parametrize(
    "record", [{"messageId": {}, "body": ""}, {"messageId": 7, "body": ""}, {"messageId": "\ud800", "body": ""}]
)
def test_a_message_without_a_readable_id_is_wrong_input(tmp_path: Path, record: dict[str, object]) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"Records": [record]}))
    assert CliRunner().invoke(main, ["files", "process", str(path), "--dry-run"]).exit_code == 2


def test_odd_counts_and_times_of_a_message_are_not_taken(tmp_path: Path) -> None:
    path, odd = tmp_path / "event.json", {"SentTimestamp": "9" * 30, "ApproximateReceiveCount": "²"}
    path.write_text(json.dumps({"Records": [{"messageId": "m", "body": "", "attributes": odd}]}))
    result = CliRunner().invoke(main, ["files", "process", str(path), "--dry-run"])
    assert (result.exit_code, "The body is empty." in result.output) == (3, True)


def by_hand(folder: Path, document: object) -> Result:
    path = folder / "event.json"
    path.write_text(json.dumps(document))
    return CliRunner().invoke(main, ["files", "process", str(path), "--dry-run"])


RECEIVED = {"Messages": [{"MessageId": "m0", "ReceiptHandle": "r", "MD5OfBody": "x", "Body": body(s3_record("a"))}]}
OF_SNS = {"Records": [{"EventSource": "aws:sns", "Sns": {"Type": "Notification", "Message": body(s3_record("a"))}}]}
WRAPPED = {"Type": "Notification", "Message": body(s3_record("a"))}


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({"Records": [s3_record("a")]}, "by-hand  store\n  present       incoming/a  version null"),
        (OF_SNS, "by-hand  store\n  present       incoming/a  version null"),
        (WRAPPED, "by-hand  store\n  present       incoming/a  version null"),
        (RECEIVED, "m0  store\n  present       incoming/a  version null"),
        (
            recorded("eventbridge_created"),
            "by-hand  store\n  present       example-bucket/IMG_m7fzo3.jpg  version null",
        ),
        (recorded("s3_odd_sequencer"), "by-hand  store\n  present       sourcebucket/Happy Face.jpg  version version"),
        (recorded("test_event"), "by-hand  ignore\n  S3 tests that it may send to the queue."),
        ({"Records": []}, ""),
    ],
)
def test_a_notification_may_be_given_bare_or_in_any_envelope(tmp_path: Path, document: object, line: str) -> None:
    result = by_hand(tmp_path, document)
    assert (result.exit_code, result.stdout.rstrip("\n")) == (0, line)


def test_of_a_body_with_a_bad_record_the_good_ones_are_shown(tmp_path: Path) -> None:
    result = by_hand(tmp_path, {"Records": [s3_record("a"), s3_record("")]})
    assert result.exit_code == 3
    assert result.stdout.splitlines()[:2] == ["by-hand  fail", "  The event names no key."]
    assert result.stdout.splitlines()[-1] == "  present       incoming/a  version null"


@pytest.mark.parametrize("document", [{}, [], "x", {"Messages": [{}]}, {"version": "0", "detail": {}}])
def test_an_event_of_another_service_is_wrong_input(tmp_path: Path, document: object) -> None:
    result = by_hand(tmp_path, document)
    assert result.exit_code == 2
    assert "SQS event" in result.output
