"""What the lake holds for the mails about dead letters."""

import json
from datetime import timedelta

from files_world import NOON, MemoryLake, MemoryTable, RefusingTable, body, run, s3_record, sqs_event

from deliverywatch.files.records.failures import Failure
from deliverywatch.files.records.mail_context import document
from deliverywatch.messages import context as mail


def dead(number: int, problem: str = "The body is empty.", minutes_ago: int = 0) -> Failure:
    at = NOON - timedelta(minutes=minutes_ago)
    return Failure(f"message-{number}", "malformed", problem, "Find who sends it.", False, (f"in/{number}",), 5, at, at)


def test_only_the_last_attempt_of_a_message_is_reported() -> None:
    lake = MemoryLake()
    run(sqs_event("hello", receive_count=4), MemoryTable(), lake=lake)
    assert lake.body is None
    run(sqs_event("hello", body(s3_record("a")), receive_count=5), RefusingTable("a"), lake=lake)
    assert lake.body is not None
    assert [row[3] for row in json.loads(lake.body)["table"]] == ["Kind", "table", "malformed"]


def test_the_notifier_reads_all_of_it() -> None:
    read = mail.from_json(document(None, [dead(1), dead(2), dead(3, "Another.")], NOON))
    assert read.facts[0] == ("Reason 1", "The body is empty. (2 of the last 3)")
    assert read.table[0] == ("Sent (UTC)", "Message", "About", "Kind")
    assert len(read.table) == 4
    assert read.steps
    assert read.noun == "messages about files"


def test_dead_letters_add_up_and_are_forgotten_after_half_a_day() -> None:
    first = document(None, [dead(1, minutes_ago=800), dead(2, minutes_ago=60)], NOON - timedelta(hours=1))
    second = json.loads(document(first, [dead(3)], NOON))
    assert [each["message_id"] for each in second["dead"]] == ["message-2", "message-3"]


def test_a_message_that_dies_twice_is_one() -> None:
    body = document(document(None, [dead(1)], NOON), [dead(1)], NOON)
    assert len(json.loads(body)["dead"]) == 1


def test_a_document_that_cannot_be_read_counts_as_none() -> None:
    for broken in (b"", b"[]", b"{", b'{"dead": 1}', b'{"dead": [1, {}]}'):
        assert len(json.loads(document(broken, [dead(1)], NOON))["dead"]) == 1


def test_a_long_name_shows_its_end() -> None:
    failure = dead(1)
    long = Failure(**{name: getattr(failure, name) for name in failure.__slots__} | {"objects": ("x" * 60 + "end",)})
    (_, row) = json.loads(document(None, [long], NOON))["table"]
    assert row[2] == "..." + "x" * 37 + "end"
