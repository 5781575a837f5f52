"""Bodies of messages: every envelope, keys as S3 encodes them, and what is wrong with those that cannot be read."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
from files_world import BUCKET, body, recorded, s3_record
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import MessageMalformed
from deliverywatch.files.records.events import Details, ObjectEvent, State
from deliverywatch.files.records.messages import read


def only(text: Any) -> ObjectEvent:
    reading = read(text)
    assert not reading.ignored
    (event,) = reading.events
    return event


def test_a_put_is_read_with_all_that_the_table_keeps() -> None:
    assert only(recorded("s3_put")) == ObjectEvent(
        bucket="lambda-artifacts-deafc19498e3f2df",
        key="b21b84d653bb07b05b1e6b33684dc11b",
        version="null",
        state=State.PRESENT,
        name="ObjectCreated:Put",
        time=datetime(2019, 9, 3, 19, 37, 27, 192000, UTC),
        sequencer="0C0F6F405D6ED209E1".ljust(64, "0"),
        size_bytes=1305107,
        etag="b21b84d653bb07b05b1e6b33684dc11b",
    )


def test_the_body_of_a_message_in_a_versioned_bucket_has_the_version() -> None:
    (record,) = recorded("sqs_versioned")["Records"]
    event = only(record["body"])
    assert (event.key, event.version) == ("test.pdf", "yd3d4HaWOT2zguDLvIQLU6ptDTwKBnQV")


def test_a_delete_has_neither_size_nor_etag() -> None:
    event = only(recorded("s3_delete"))
    assert (event.state, event.size_bytes, event.etag) == (State.REMOVED, None, None)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("ObjectCreated:Put", State.PRESENT),
        ("ObjectCreated:CompleteMultipartUpload", State.PRESENT),
        ("s3:ObjectCreated:Copy", State.PRESENT),
        ("ObjectRemoved:Delete", State.REMOVED),
        ("ObjectRemoved:DeleteMarkerCreated", State.DELETE_MARKER),
        ("LifecycleExpiration:Delete", State.REMOVED),
        ("LifecycleExpiration:DeleteMarkerCreated", State.DELETE_MARKER),
    ],
)
def test_what_happened_says_what_is_left(name: str, state: State) -> None:
    assert only(body(s3_record(name=name))).state is state


@pytest.mark.parametrize(
    "name", ["ObjectTagging:Put", "ObjectAcl:Put", "ObjectRestore:Completed", "Replication:OperationFailedReplication"]
)
def test_what_changes_no_object_is_ignored_though_it_has_no_sequencer(name: str) -> None:
    record = s3_record(name=name)
    del record["s3"]["object"]["sequencer"]
    assert read(body(record)).ignored == (f"{name} does not change an object.",)


def test_a_body_may_hold_several_records_of_any_kind() -> None:
    reading = read(body(s3_record("a"), s3_record("b", name="ObjectAcl:Put"), s3_record("c")))
    assert [event.key for event in reading.events] == ["a", "c"]
    assert len(reading.ignored) == 1


def test_the_test_event_of_s3_is_ignored_wherever_it_comes_through() -> None:
    event_of_s3 = recorded("test_event")
    wrapped = {"Type": "Notification", "Message": json.dumps(event_of_s3)}
    assert read(json.dumps(event_of_s3)) == read(json.dumps(wrapped))
    assert read(event_of_s3).ignored == ("S3 tests that it may send to the queue.",)


def test_a_notification_inside_a_message_of_sns_is_the_same() -> None:
    (record,) = recorded("sqs_sns")["Records"]
    assert only(record["body"]) == only(recorded("s3_put"))


def test_an_event_of_eventbridge_keeps_its_own_names() -> None:
    event = only(recorded("eventbridge_created"))
    assert (event.bucket, event.key, event.size_bytes) == ("example-bucket", "IMG_m7fzo3.jpg", 184662)
    assert (event.etag, event.name) == ("4e68adba0abe2dc8653dc3354e14c01d", "Object Created: PutObject")
    assert event.time == datetime(2023, 3, 8, 17, 50, 14, tzinfo=UTC)


def test_eventbridge_distinguishes_a_delete_marker_from_a_removal() -> None:
    event_of_s3 = recorded("eventbridge_deleted")
    assert only(event_of_s3).state is State.DELETE_MARKER
    event_of_s3["detail"] |= {"deletion-type": "Permanently Deleted"}
    assert only(event_of_s3).state is State.REMOVED


def test_eventbridge_does_not_encode_keys() -> None:
    event_of_s3 = recorded("eventbridge_created")
    event_of_s3["detail"]["object"]["key"] = "a+b%20c.txt"
    assert only(event_of_s3).key == "a+b%20c.txt"


def test_what_lambda_put_aside_for_the_pusher_is_what_the_pusher_got() -> None:
    aside = {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": recorded("s3_put")}
    assert only(aside) == only(recorded("s3_put"))


@pytest.mark.parametrize("source", ["s3", "eventbridge"])
def test_the_pusher_adds_what_only_the_object_says(source: str) -> None:
    event_of_s3 = recorded("s3_put")["Records"][0] if source == "s3" else recorded("eventbridge_created")
    head = {"content_type": "text/csv", "metadata": {"by": "jo"}, "checksums": {"CRC32": "x"}}
    event = only({"deliverywatch": 1, "objects": [{"record": event_of_s3, "head": head}]})
    assert event.details == Details("text/csv", {"by": "jo"}, {"CRC32": "x"})


def test_a_listing_is_read_as_of_its_time() -> None:
    one = {"key": "a+b.csv", "version": "v1", "size": 7, "etag": "e", "last_modified": "2026-11-20T10:00:00Z"}
    event = only(
        {"deliverywatch": 1, "listing": {"bucket": BUCKET, "listed_at": "2026-11-21T12:00:00Z", "objects": [one]}}
    )
    assert (event.key, event.version, event.sequencer, event.listed_at) == (
        "a+b.csv",
        "v1",
        "",
        datetime(2026, 11, 21, 12, tzinfo=UTC),
    )


ODD_KEYS = [
    "with space.csv",
    "plus+plus.csv",
    "percent%20percent%.csv",
    "a@b=c&d?e#f.csv",
    "ümläut/日本語.csv",
    "🦊/👩‍👩‍👧.csv",
    " leading and trailing ",
    'new\nline\tand "quotes" and \\',
    "x" * 1024,
    "é" * 512,
    "../..//.",
]


@pytest.mark.parametrize("key", ODD_KEYS, ids=lambda key: key[:12].encode("unicode_escape").decode())
def test_a_key_is_decoded_to_what_it_was(key: str) -> None:
    assert only(body(s3_record(key))).key == key


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80))
def test_any_key_is_decoded_to_what_it_was(key: str) -> None:
    assert only(body(s3_record(key))).key == key


def test_a_key_encoded_without_plus_is_decoded_too() -> None:
    record = s3_record()
    record["s3"]["object"]["key"] = "Happy%20Face.jpg"
    assert only(body(record)).key == "Happy Face.jpg"


def test_a_notification_of_64_kilobytes_is_read() -> None:
    records = [s3_record(f"{number}/" + "k" * 900) for number in range(40)]
    text = body(*records)
    assert len(text) > 50_000
    assert len(read(text).events) == 40


def without(*path: str) -> dict[str, Any]:
    record = s3_record()
    at = record
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return record


def with_value(value: object, *path: str) -> dict[str, Any]:
    record = s3_record()
    at = record
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return record


LISTED = {"version": "v1", "state": "present", "size": 7, "etag": "e", "is_latest": True}


def listing(*entries: Any) -> str:
    """The body that reports these entries of a listing."""
    objects = [LISTED | {"last_modified": "2026-11-20T10:00:00Z"} | entry for entry in entries]
    return json.dumps(
        {"deliverywatch": 1, "listing": {"bucket": BUCKET, "listed_at": "2026-11-21", "objects": objects}}
    )


MALFORMED = {
    "": "The body is empty.",
    " \n": "The body is empty.",
    "hello world": "The body is not JSON: Expecting value.",
    '{"Records": [': "The body is not JSON: Expecting value.",
    "[]": "The body is JSON, but no object.",
    "null": "The body is JSON, but no object.",
    "{}": "The body is not a notification of S3, SNS, EventBridge or the pusher.",
    '{"Records": {}}': "The field 'Records' is not a list of objects.",
    '{"Records": [1]}': "The field 'Records' is not a list of objects.",
    '{"Records": [{"eventSource": "aws:ses"}]}': "A record is not of S3: its eventSource is 'aws:ses'.",
    body({**s3_record(), "eventVersion": "3.0"}): "A record has version '3.0', which is not one of 2.x.",
    body(without("s3")): "The field 's3' is missing or no object.",
    body(without("s3", "bucket", "name")): "The event names no bucket.",
    body(without("s3", "object", "key")): "The event names no key.",
    body(without("eventTime")): "The event does not say when it happened.",
    body(s3_record(""), s3_record("x" * 1025)): "The event names no key.",
    body(s3_record("x" * 1025)): "The event's key has 1025 bytes; S3 allows 1024.",
    body(with_value("\ud800", "s3", "bucket", "name")): r"No bucket can be called '\ud800'.",
    body(with_value("b" * 256, "s3", "bucket", "name")): "No bucket can be called 'bbbb",
    body(with_value("v" * 1025, "s3", "object", "versionId")): "The event's versionId is none that S3 gives.",
    body(with_value({"a": 1}, "s3", "object", "versionId")): "The event's versionId is none that S3 gives.",
    body(with_value("\ud800", "s3", "object", "eTag")): "The event's eTag is none that S3 gives.",
    body(with_value(10**40, "s3", "object", "size")): "The event's size is not a number of bytes.",
    body(with_value("9999-12-31T23:00:00Z", "eventTime")): "The event says that it happened in the year 9999.",
    body(with_value("0001-01-01T00:00:00+23:00", "eventTime")): "The event says that it happened in the year 1.",
    '{"Records": ' + "1" * 5000 + "}": "The body is not JSON: it is nested too deep, or a number is too long.",
    json.dumps({"deliverywatch": 1, "listing": {"objects": [{"key": "a"}]}}): "The event names no bucket.",
    listing({"key": "a", "state": "frozen"}): "The listing has a state that is not known: frozen.",
    listing({"key": "a", "state": ["present"]}): "The listing has a state that is not known: ['present'].",
    json.dumps({"Type": "SubscriptionConfirmation"}): "SNS asks to confirm a subscription",
    json.dumps({"Type": "Notification", "Message": "hello"}): "The body is not JSON",
}


@pytest.mark.parametrize(("text", "problem"), MALFORMED.items(), ids=list(map(str, range(len(MALFORMED)))))
def test_a_body_that_cannot_be_read_says_why(text: str, problem: str) -> None:
    with pytest.raises(MessageMalformed) as refused:
        read(text)
    assert str(refused.value).startswith(problem)
    assert refused.value.next_step


@pytest.mark.parametrize("key", ["%FF%FE", "%ED%A0%80"])
def test_a_key_that_is_not_utf_8_is_refused(key: str) -> None:
    record = s3_record()
    record["s3"]["object"]["key"] = key
    with pytest.raises(MessageMalformed, match="not UTF-8"):
        read(body(record))


def test_half_a_character_is_refused_where_keys_are_not_encoded() -> None:
    event_of_s3 = recorded("eventbridge_created")
    event_of_s3["detail"]["object"]["key"] = "\ud83e"
    with pytest.raises(MessageMalformed, match="not valid Unicode"):
        read(json.dumps(event_of_s3))


def test_a_sample_event_of_aws_is_good_though_it_is_of_1970_and_its_sequencer_is_a_joke() -> None:
    event = only(recorded("s3_odd_sequencer"))
    moment = datetime(1970, 1, 1, 0, 0, 0, 123000, UTC)
    assert (event.key, event.time, event.sequencer, event.listed_at) == ("Happy Face.jpg", moment, "", moment)


@pytest.mark.parametrize("record", [without("s3", "object", "sequencer"), s3_record(sequencer="Happy Sequencer")])
def test_an_event_without_a_sequencer_is_placed_by_its_time(record: dict[str, Any]) -> None:
    event = only(body(record))
    assert (event.sequencer, event.listed_at) == ("", event.time)


BAD_RECORDS: list[Any] = [1, {}, s3_record(""), {**s3_record(), "eventVersion": "3.0"}, without("s3")]


@pytest.mark.parametrize("bad", BAD_RECORDS)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_bad_record_does_not_keep_its_neighbours_in_the_body_from_being_read(bad: Any, at: int) -> None:
    records = [s3_record("a"), s3_record("b")]
    records.insert(at, bad)
    reading = read(body(*records))
    assert [event.key for event in reading.events] == ["a", "b"]
    assert len(reading.problems) == 1


def test_a_bad_entry_of_a_listing_does_not_keep_its_neighbours_from_being_read() -> None:
    reading = read(listing({"key": "a"}, {"key": ""}, {"key": "c"}))
    assert ([event.key for event in reading.events], len(reading.problems)) == (["a", "c"], 1)


def test_envelopes_without_end_are_refused() -> None:
    text = body(s3_record())
    for _ in range(6):
        text = json.dumps({"Type": "Notification", "Message": text})
    with pytest.raises(MessageMalformed, match="more envelopes"):
        read(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["Records", "s3", "object", "bucket", "key", "Type", "Message", "source", "detail", "deliverywatch",
             "listing", "objects", "eventSource", "requestPayload", "sequencer"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSON | st.text(max_size=40))
def test_nothing_but_a_malformed_message_is_ever_raised(text: Any) -> None:
    try:
        read(text if isinstance(text, str) else json.dumps(text))
    except MessageMalformed as refused:
        assert str(refused)


@given(st.data())
def test_a_record_with_any_field_replaced_is_read_or_refused(data: st.DataObject) -> None:
    record = s3_record(version="v1")
    holder = data.draw(st.sampled_from([record, record["s3"], record["s3"]["object"], record["s3"]["bucket"]]))
    holder[data.draw(st.sampled_from(sorted(holder)))] = data.draw(JSON)
    try:
        reading = read(body(record))
    except MessageMalformed as refused:
        assert str(refused)
    else:
        assert all(quote_plus(event.key) for event in reading.events)


@given(st.sampled_from(["key", "last_modified", *LISTED]), JSON)
def test_whatever_an_entry_of_a_listing_says_its_neighbour_is_read(field: str, value: Any) -> None:
    assert read(listing({"key": "good"}, {"key": "odd", field: value})).events[0].key == "good"
