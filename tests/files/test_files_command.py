"""`deliverywatch files process --dry-run`: what the processor would do with an event, message by message."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from files_world import body, s3_record, sqs_event

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


def test_an_event_of_another_service_is_wrong_input(tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text("{}")
    result = CliRunner().invoke(main, ["files", "process", str(path), "--dry-run"])
    assert result.exit_code == 2
    assert "This is not an SQS event" in result.output
