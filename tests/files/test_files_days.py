"""Whatever chance does to the events of a bucket, the table ends as the bucket is, as far as its filters take it."""

from __future__ import annotations

import json

from files_days import FILTERS, SMALL, Bucket, Clock, problems_of
from files_world import BUCKET, KEEP, NOON, MemoryFailures, MemoryLake, MemoryTable, body, s3_record, sqs_event
from hypothesis import given, settings
from hypothesis import strategies as some

from deliverywatch.files import process
from deliverywatch.files.admission import Current, Filters
from deliverywatch.files.records.events import Details, State
from deliverywatch.files.records.sqs import messages_of


@settings(max_examples=120)
@given(some.integers(0, 10**9))
def test_the_table_ends_as_the_bucket_is(seed: int) -> None:
    assert problems_of(seed) == []


class Overwritten:
    """A bucket without versions, whose object is an image by now."""

    def details(self, bucket: str, key: str, version: str) -> Details | None:
        raise AssertionError(f"{bucket}/{key} {version} has its details.")

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        raise AssertionError(f"{bucket}/{key} {version} is no old event.")

    def current(self, bucket: str, key: str, version: str = "") -> Current:
        assert (bucket, key, version) == (BUCKET, "a", "null")
        return Current(State.PRESENT, "null", "etag-0B", 5, Details("image/png"))


def processed(table: MemoryTable, sequencer: str, content_type: str) -> str:
    sent = {"record": s3_record("a", sequencer), "head": {"content_type": content_type}}
    ports = process.Ports(table=table, failures=MemoryFailures(), lake=MemoryLake(), objects=Overwritten())
    only_csv = process.Settings(KEEP, 5, Filters(content_types=("text/csv",)), has_pusher=True, watched_bucket=BUCKET)
    event = sqs_event(json.dumps({"deliverywatch": 1, "objects": [sent]}))
    return process.process(messages_of(event), NOON, ports, only_csv).results[0].outcome


def states(table: MemoryTable) -> list[str]:
    return [item["state"] for item in table.items.values()]


def test_an_object_that_is_left_out_takes_the_one_out_whose_place_it_took_in_either_order() -> None:
    in_order, late = MemoryTable(), MemoryTable()
    in_order.keep({"object": f"{BUCKET}/a", "version": "null", "sequencer": "0A", "event_time": "", "state": "present"})
    assert processed(in_order, "0B", "image/png") == "stored"
    assert states(in_order) == ["removed"]
    assert processed(late, "0B", "image/png") == "left_out"
    assert states(late) == []
    assert processed(late, "0A", "text/csv") == "stored"
    assert states(late) == ["removed"]
    assert processed(late, "0C", "text/csv") == "stored"


def test_an_object_from_before_versions_were_kept_stays_below_one_that_is_left_out() -> None:
    bucket, table = Bucket(Clock(), has_versions=False), MemoryTable()
    record = bucket.put("in/a.csv", "text/csv", SMALL)
    bucket.switch()
    bucket.put("in/a.csv", "image/png", SMALL)
    ports = process.Ports(table=table, failures=MemoryFailures(), lake=MemoryLake(), objects=bucket)
    only_text = process.Settings(KEEP, 5, FILTERS[-1], has_pusher=True, watched_bucket=BUCKET)
    process.process(messages_of(sqs_event(body(record))), NOON, ports, only_text)
    assert states(table) == ["present"]


def test_what_is_left_out_and_took_no_place_leaves_nothing() -> None:
    table = MemoryTable()
    ports = process.Ports(table=table, failures=MemoryFailures(), lake=MemoryLake())
    small = process.Settings(KEEP, 5, Filters(maximum_megabytes=1))
    record = s3_record("a")
    record["s3"]["object"]["size"] = 10**12
    report = process.process(messages_of(sqs_event(body(record))), NOON, ports, small)
    assert (report.results[0].outcome, table.items) == ("left_out", {})
