"""A batch: neighbours do not harm each other, everything may come twice, and every failure has its reason."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
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

from deliverywatch.errors import InputError, StoreUnavailable, TableUnavailable
from deliverywatch.files import process
from deliverywatch.files.aws import has_time
from deliverywatch.files.aws_objects import Objects
from deliverywatch.files.records.events import Details, State
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


def test_what_a_run_has_no_time_for_is_delivered_again_and_what_it_did_is_not() -> None:
    table, failures, seconds = MemoryTable(), MemoryFailures(), iter([6, 5.1, 5])
    batch = messages_of(sqs_event(*(body(s3_record(key)) for key in "abc")))
    ports = process.Ports(table=table, failures=failures, lake=MemoryLake())
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: next(seconds) * 1000)
    report = process.process(batch, NOON, ports, process.Settings(KEEP, 5), has_time(context))
    assert [item["key"] for item in table.items.values()] == ["a", "b"]
    assert report.answer == {"batchItemFailures": [{"itemIdentifier": "m2"}]}
    (failure,) = failures.kept
    assert (failure.kind, failure.is_retryable) == ("timeout", True)
    assert "FilesTimeoutSeconds" in failure.next_step


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


class Bucket:
    """A bucket that shows a content type, or refuses to."""

    def __init__(self, refusal: StoreUnavailable | None = None) -> None:
        self.refusal = refusal

    def details(self, bucket: str, key: str, version: str) -> Details:
        assert (bucket, key, version) == (BUCKET, "a", "null")
        if self.refusal:
            raise self.refusal
        return Details("text/plain")

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        raise AssertionError(f"{bucket}/{key} {version} is no old event.")


def content_types(objects: Bucket, watched: str = BUCKET, **more: Any) -> list[str | None]:
    """What items of an upload and of a removal hold; empty where the message failed."""
    table, event = MemoryTable(), body(s3_record("a"), s3_record("b", name="ObjectRemoved:Delete"))
    ports = process.Ports(table=table, failures=MemoryFailures(), lake=MemoryLake(), objects=objects)
    process.process(
        messages_of(sqs_event(event)), NOON, ports, process.Settings(KEEP, 5, watched_bucket=watched, **more)
    )
    return [item.get("content_type") for item in table.items.values()]


def test_an_item_has_the_content_type_that_its_object_shows() -> None:
    assert content_types(Bucket()) == ["text/plain", None]


def test_the_objects_of_another_bucket_are_not_looked_at() -> None:
    assert content_types(Bucket(), watched="another") == [None, None]


REFUSED = StoreUnavailable("S3 did not give the details of an object of incoming: 403.", kind="refused")
DOWN = StoreUnavailable("S3 did not give the details of an object of incoming: 503.")


@pytest.mark.parametrize(
    ("objects", "has_pusher", "items"),
    [(Bucket(REFUSED), False, [None, None]), (Bucket(REFUSED), True, [None]), (Bucket(DOWN), False, [None])],
)
def test_an_item_lacks_its_content_type_rather_than_to_be_lost_where_no_right_to_it_is_given(
    objects: Bucket, has_pusher: bool, items: list[None]
) -> None:
    assert content_types(objects, has_pusher=has_pusher) == items


class RefusingS3:
    """S3, which answers HeadObject with this error alone, as it has no body."""

    def __init__(self, code: str) -> None:
        self.code = code

    def head_object(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": self.code}, "ResponseMetadata": {}}, "HeadObject")  # type: ignore[typeddict-item]


@pytest.mark.parametrize(("code", "is_refused"), [("403", True), ("400", True), ("503", False)])
def test_an_object_under_its_owners_key_is_refused_as_without_a_right(code: str, is_refused: bool) -> None:
    with pytest.raises(StoreUnavailable) as error:
        Objects(RefusingS3(code)).details(BUCKET, "a", "v1")
    assert (error.value.kind == "refused") == is_refused


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
