"""A batch: neighbours do not harm each other, everything may come twice, and every failure has its reason."""

import json
from collections.abc import Sequence

import pytest
from files_world import (
    BUCKET,
    KEEP,
    NOON,
    MemoryFailures,
    MemoryLake,
    MemoryTable,
    RefusingTable,
    body,
    recorded,
    run,
    s3_record,
    sqs_event,
)

from deliverywatch.errors import InputError, TableUnavailable
from deliverywatch.files import process
from deliverywatch.files.records.items import Item
from deliverywatch.files.records.sqs import messages_of


def test_an_upload_becomes_one_item_with_all_of_its_event() -> None:
    table = MemoryTable()
    run(sqs_event(body(s3_record("in/a b.csv", version="v7"))), table)
    assert table.items == {
        (f"{BUCKET}/in/a b.csv", "v7"): {
            "object": f"{BUCKET}/in/a b.csv",
            "version": "v7",
            "bucket": BUCKET,
            "key": "in/a b.csv",
            "s3_key": "in/a b.csv",
            "state": "present",
            "event": "ObjectCreated:Put",
            "event_time": "2026-11-21T12:00:00.000Z",
            "sequencer": "0055AED6DCD90281E5".ljust(64, "0"),
            "processed_at": "2026-11-21T12:00:00.000Z",
            "message_id": "m0",
            "size_bytes": 1204,
            "file_size": 1204,
            "etag": "etag-0055AED6DCD90281E5",
        }
    }


def test_two_buckets_may_hold_the_same_key() -> None:
    table = MemoryTable()
    run(sqs_event(body(s3_record("a")), json.dumps(recorded("s3_put"))), table)
    assert len({bucket for bucket, _ in table.items}) == 2


def test_each_message_says_what_became_of_it() -> None:
    event = sqs_event(body(s3_record()), body(s3_record()), json.dumps(recorded("test_event")), "hello", body())
    report = run(event, MemoryTable())
    assert [result.outcome for result in report.results] == ["stored", "stale", "ignored", "failed", "ignored"]
    assert report.counts == {
        "stored_count": 1,
        "stale_count": 1,
        "left_out_count": 0,
        "ignored_count": 2,
        "failed_count": 1,
    }


def test_a_message_that_fails_is_delivered_again_and_its_neighbours_are_done() -> None:
    table = MemoryTable()
    report = run(sqs_event(body(s3_record("a")), "hello", body(s3_record("b"))), table)
    assert report.answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert {item["key"] for item in table.items.values()} == {"a", "b"}


def test_a_record_that_cannot_be_kept_keeps_none_of_its_neighbours_in_the_body_back() -> None:
    table = RefusingTable("b")
    event = sqs_event(body(s3_record("a"), s3_record("b"), s3_record("c")))
    assert run(event, table).answer["batchItemFailures"] == [{"itemIdentifier": "m0"}]
    assert {item["key"] for item in table.items.values()} == {"a", "c"}
    table.objects = ()
    assert run(event, table).answer["batchItemFailures"] == []
    assert {item["key"] for item in table.items.values()} == {"a", "b", "c"}


def test_a_record_that_cannot_be_read_fails_its_message_once_its_neighbours_are_kept() -> None:
    table, failures = MemoryTable(), MemoryFailures()
    report = run(sqs_event(body(s3_record("a"), s3_record(""), s3_record("c"))), table, failures)
    assert {item["key"] for item in table.items.values()} == {"a", "c"}
    assert report.answer["batchItemFailures"] == [{"itemIdentifier": "m0"}]
    (failure,) = failures.kept
    assert (failure.problem, failure.is_retryable) == ("The event names no key.", False)
    assert failure.objects == (f"{BUCKET}/a", f"{BUCKET}/c")


def test_of_several_reasons_the_one_that_may_pass_decides_so_that_the_message_waits_for_it() -> None:
    failures = MemoryFailures()
    run(sqs_event(body(s3_record(""), s3_record("b"))), RefusingTable("b"), failures)
    assert [(failure.kind, failure.is_retryable) for failure in failures.kept] == [("table", True)]


def test_the_reason_of_a_failure_is_kept_by_message() -> None:
    failures = MemoryFailures()
    run(sqs_event("hello", body(s3_record("b")), receive_count=3), RefusingTable("b"), failures)
    malformed, throttled = failures.kept
    assert (malformed.message_id, malformed.kind, malformed.is_retryable) == ("m0", "malformed", False)
    assert malformed.problem == "The body is not JSON: Expecting value."
    assert (throttled.message_id, throttled.kind, throttled.is_retryable) == ("m1", "table", True)
    assert throttled.objects == (f"{BUCKET}/b",)
    assert throttled.receive_count == 3
    assert malformed.as_item()["expires_at"] == int(NOON.timestamp()) + 21 * 24 * 3600


class BrokenTable(MemoryTable):
    def keep(self, item: Item) -> bool:
        raise ZeroDivisionError(item["key"])


def test_an_unforeseen_error_fails_its_message_only_and_shows_no_content() -> None:
    report = run(sqs_event(body(s3_record())), BrokenTable())
    (result,) = report.results
    assert result.failure is not None
    assert result.failure.problem == "Processing failed with ZeroDivisionError."
    assert "ZeroDivisionError" in result.error


def test_a_table_that_is_down_makes_the_whole_batch_an_error_so_that_lambda_slows_down() -> None:
    report = run(sqs_event(body(s3_record("a")), body(s3_record("a"))), RefusingTable("a"))
    with pytest.raises(TableUnavailable, match=r"All 2 messages failed\. DynamoDB could not be used"):
        process.raise_if_nothing_works(report)


def test_messages_that_can_never_work_are_no_error_of_the_function() -> None:
    hopeless = run(sqs_event("hello", "hello"), MemoryTable())
    mixed = run(sqs_event("hello", body(s3_record("a"))), RefusingTable("a"))
    assert [each.is_retryable for each in hopeless.failures] == [False, False]
    assert sorted(each.is_retryable for each in mixed.failures) == [False, True]
    for report in (hopeless, mixed):
        process.raise_if_nothing_works(report)


@pytest.mark.parametrize("event", [None, [], {}, {"Records": [{}]}, {"Records": [{"body": "x"}]}, recorded("s3_put")])
def test_an_event_that_is_none_of_sqs_is_refused(event: object) -> None:
    with pytest.raises(InputError, match="not an SQS event"):
        messages_of(event)


def test_an_empty_batch_is_done() -> None:
    assert run({"Records": []}, MemoryTable()).answer == {"batchItemFailures": []}


class Hurried:
    """A queue that keeps which messages were returned at once."""

    def __init__(self) -> None:
        self.receipts: list[str] = []

    def return_at_once(self, receipts: Sequence[str]) -> None:
        self.receipts.extend(receipts)


def test_only_what_can_never_be_processed_is_returned_at_once() -> None:
    event = sqs_event("hello", body(s3_record("a")), body(s3_record("b")))
    for record in event["Records"]:
        record["receiptHandle"] = f"receipt of {record['messageId']}"
    queue = Hurried()
    ports = process.Ports(table=RefusingTable("a"), failures=MemoryFailures(), lake=MemoryLake(), queue=queue)
    process.process(messages_of(event), NOON, ports, process.Settings(KEEP, most_receives=5))
    assert queue.receipts == ["receipt of m0"]
