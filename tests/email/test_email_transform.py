"""Firehose gets one answer for every record, whatever the records hold."""

import json
from base64 import b64decode, b64encode
from typing import Any

import orjson
import pytest
from email_world import ARN, ARRIVED, DOCUMENTED, answered, event, line, reasons_in, records
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.email import counts
from deliverywatch.email.events.fields import FieldCount, exact
from deliverywatch.email.events.refusals import Reason
from deliverywatch.email.events.streams import Stream, delivery_stream, stream_of
from deliverywatch.email.judge import Share
from deliverywatch.email.transform import reasons_object, transformed
from deliverywatch.errors import InputError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def mutated_events(draw: st.DrawFn) -> bytes:
    """A documented event in which one place, anywhere, holds something else."""
    content: Any = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTED))))
    owner: Any = content
    while True:
        keys = list(owner) if isinstance(owner, dict) else list(range(len(owner)))
        key = draw(st.sampled_from(keys))
        if not isinstance(owner[key], (dict, list)) or not owner[key] or draw(st.booleans()):
            owner[key] = draw(JSON)
            return line(content)
        owner = owner[key]


@given(st.lists(st.binary(max_size=200) | mutated_events(), max_size=6))
@settings(max_examples=150, deadline=None)
def test_every_record_is_answered_once_and_good_neighbours_stay_good(hostile: list[bytes]) -> None:
    good = line(event("Delivery"))
    data = [part for each in hostile for part in (good, each)] + [good]
    batch = answered(*data)
    assert [each["recordId"] for each in batch.answers] == [f"record-{number}" for number in range(len(data))]
    assert {each["result"] for each in batch.answers[::2]} == {"Ok"}
    failed = [answer for answer in batch.answers if answer["result"] == "ProcessingFailed"]
    assert len(failed) == len(batch.refusals)
    assert all(orjson.loads(b64decode(each["data"])) for each in batch.answers if each["result"] == "Ok")


@given(mutated_events())
@settings(max_examples=150, deadline=None)
def test_what_lands_holds_every_field_that_came(data: bytes) -> None:
    (answer,) = answered(data).answers
    if answer["result"] == "Ok":
        count = FieldCount()
        count.add(exact(data.decode()), exact(orjson.loads(b64decode(answer["data"]))["raw"]))
        assert count.lost == 0


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\t"])
def test_an_empty_record_is_dropped_and_not_an_error(data: bytes) -> None:
    batch = answered(data)
    assert [answer["result"] for answer in batch.answers] == ["Dropped"]
    assert not batch.refusals


def test_a_batch_of_nothing_is_answered_with_nothing() -> None:
    assert answered().answers == []


@pytest.mark.parametrize("event", [{"key1": "value1"}, {"records": None}, [], "x", None])
def test_a_test_of_the_console_is_no_batch(event: Any) -> None:
    with pytest.raises(InputError, match="not a batch of Firehose"):
        transformed(event, "campaign")


def test_data_that_is_no_base64_fails_alone() -> None:
    batch = answered(line(event("Send")), line(event("Open")))
    broken = records(line(event("Send")), b"x")
    broken[1]["data"] = "a"
    batch = transformed({"deliveryStreamArn": ARN, "records": broken}, "campaign")
    assert [answer["result"] for answer in batch.answers] == ["Ok", "ProcessingFailed"]


def test_a_row_says_when_firehose_got_it() -> None:
    (answer,) = answered(line(event("Send"))).answers
    assert orjson.loads(b64decode(answer["data"]))["arrived_at"] == "2026-11-21T09:30:00.000Z"


def test_a_row_ends_with_a_line_break_so_that_objects_can_be_read_by_line() -> None:
    (answer,) = answered(line(event("Send"))).answers
    assert b64decode(answer["data"]).endswith(b"}\n")


@pytest.mark.parametrize("stream", list(Stream))
def test_the_stream_is_told_by_the_name_of_the_delivery_stream(stream: Stream) -> None:
    assert stream_of(f"arn:aws:firehose:eu-west-1:1:deliverystream/{delivery_stream(stream, 'prod')}") is stream


def test_the_reasons_of_refusals_are_found_again_by_the_hash_of_the_record() -> None:
    batch = answered(b"nope\n", line(event("Send")), line({"eventType": "Teleport"}))
    key, body = reasons_object(batch, "request-1")
    assert key == "errors/newsletter/reasons/dt=2026-11-21/request-1.ndjson"
    assert sorted(each.reason for each in reasons_in(body).values()) == [Reason.MISSING_FIELD, Reason.NOT_JSON]


COUNTED = [
    (event("Bounce"), 1, 0),
    (event("Bounce", bounceType="Transient"), 0, 0),
    (event("Bounce", bounceSubType="OnAccountSuppressionList"), 0, 0),
    (event("Bounce", bouncedRecipients=[{"emailAddress": "bounce@simulator.amazonses.com"}]), 0, 0),
    (event("Complaint"), 0, 1),
    (event("Complaint", complaintSubType="OnAccountSuppressionList"), 0, 0),
    (event("Complaint", complaintFeedbackType="not-spam"), 0, 0),
    (event("Delivery"), 0, 0),
]


@pytest.mark.parametrize(("content", "bounced", "complained"), COUNTED)
def test_bounces_and_complaints_count_as_ses_counts_them(
    content: dict[str, Any], bounced: int, complained: int
) -> None:
    tally = answered(line(content)).tally
    assert (tally.counts.bounced, tally.counts.complained) == (bounced, complained)


def metrics(document: str) -> tuple[dict[str, Any], list[list[str]]]:
    content = json.loads(document)
    (directive,) = content["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "DeliveryWatch/Email"
    return {each["Name"]: content[each["Name"]] for each in directive["Metrics"]}, directive["Dimensions"]


def test_send_events_are_counted_apart_as_others_may_be_of_mails_of_last_week() -> None:
    *_, sends = counts.documents("prod", answered(line(event("Send")), line(event("Send")), line(event("Open"))))
    assert metrics(sends) == ({"Sends": 2}, [["Environment", "Stream"]])
    assert "Sends" not in "".join(counts.documents("prod", answered(line(event("Open")))))


def test_a_share_is_a_metric_of_its_stream_with_the_counts_behind_it_for_the_log() -> None:
    share = Share(Stream.NEWSLETTER, "BouncePercent", 12.0, {"sent": 600, "bounced": 72})
    (document,) = counts.of_shares("prod", [share], ARRIVED)
    assert metrics(document) == ({"BouncePercent": 12.0}, [["Environment", "Stream"]])
    content = json.loads(document)
    assert (content["Stream"], content["sent"], content["bounced"]) == ("newsletter", 600, 72)


def test_refusals_are_a_metric_of_the_environment_and_only_where_there_are_some() -> None:
    assert counts.documents("prod", answered(line(event("Bounce")))) == []
    (refused,) = counts.documents("prod", answered(line(event("Bounce")), b"nope"))
    assert metrics(refused) == ({"Refused": 1}, [["Environment"]])
    assert "not_json" in refused


def test_misfits_are_a_metric_of_the_environment_that_names_their_fields_and_only_where_there_are_some() -> None:
    batch = answered(line(event("Open", ipAddress=["192.0.2.1"])), line(event("Open", ipAddress=5, userAgent=5)))
    (misfits,) = counts.documents("prod", batch)
    assert metrics(misfits) == ({"Misfits": 3}, [["Environment"]])
    assert json.loads(misfits)["fields"] == {"open.ipAddress": 2, "open.userAgent": 1}


def test_nothing_personal_is_printed() -> None:
    documents = counts.documents("prod", answered(*map(line, DOCUMENTED), b'{"eventType":"a@example.com"}'))
    assert "recipient@example.com" not in "".join(documents)


def test_an_answer_to_the_largest_batch_fits_into_what_lambda_returns() -> None:
    # 1 MB at a time, of records at their largest, made of what JSON has to escape twice.
    worst = line({**event("Send"), "padding": '"\\' * 60_000})
    answers = answered(*[worst] * 5).answers
    assert {each["result"] for each in answers} == {"Ok"}
    assert len(json.dumps({"records": answers})) < 6_000_000
    assert len(b64encode(worst)) * 5 > 1_300_000
