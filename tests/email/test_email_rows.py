"""An event of SES becomes one row: typed columns for what is asked, the rest in `raw`, nothing lost."""

import copy
import json
from base64 import b64decode
from typing import Any

import pytest
from email_world import ARRIVED, DOCUMENTED, ODD, TYPES, answered, event, line

from deliverywatch.email.events import rows, values
from deliverywatch.email.events.columns import COLUMNS, KNOWN_FIELDS
from deliverywatch.email.events.fields import FieldCount, general, leaves
from deliverywatch.email.events.refusals import RefusedError

EVERY_EVENT = {**dict(zip(TYPES, DOCUMENTED, strict=True)), **ODD}


def row(content: dict[str, Any], tag: str = "campaign") -> dict[str, Any]:
    return rows.row(copy.deepcopy(content), values.iso(ARRIVED), tag)


def test_every_type_of_awss_documentation_is_among_the_examples() -> None:
    assert set(TYPES) == set(rows.BLOCKS)


@pytest.mark.parametrize("name", EVERY_EVENT)
def test_every_field_of_an_event_comes_out_again(name: str) -> None:
    content = EVERY_EVENT[name]
    count = FieldCount()
    count.add(content, json.loads(row(content)["raw"]))
    headers = len(content["mail"].get("headers", ()))
    assert count.came == len(list(leaves(content))) > 10
    assert (count.kept, count.redacted, count.lost) == (count.came - headers, headers, 0)


@pytest.mark.parametrize("name", EVERY_EVENT)
def test_a_row_has_only_columns_of_the_list(name: str) -> None:
    assert set(row(EVERY_EVENT[name])) <= {column.name for column in COLUMNS}


def test_every_column_gets_a_value_from_some_event() -> None:
    found = {name for content in EVERY_EVENT.values() for name in row(content)}
    assert {column.name for column in COLUMNS} - found == {"remote_mta_ip", "complaint_subtype"}
    assert row(event("Delivery", remoteMtaIp="192.0.2.9"))["remote_mta_ip"] == "192.0.2.9"
    suppressed = row(event("Complaint", complaintSubType="OnAccountSuppressionList"))
    assert suppressed["complaint_subtype"] == "OnAccountSuppressionList"


@pytest.mark.parametrize("content", DOCUMENTED, ids=TYPES)
def test_every_documented_field_is_known(content: dict[str, Any]) -> None:
    assert {general(path) for path, value in leaves(content) if value not in ({}, [])} <= KNOWN_FIELDS


EXPECTED: dict[str, dict[str, Any]] = {
    "Delivery": {
        "processing_millis": 11893,
        "event_time": "2016-10-19T23:21:04.133Z",
        "recipient_domain": "example.com",
    },
    "Bounce": {"bounce_type": "Permanent", "status_code": "5.1.1", "diagnostic": "smtp; 550 5.1.1 user unknown"},
    "Complaint": {"complaint_type": "abuse", "complaint_arrival": "2017-08-05T00:41:02.669Z"},
    "Reject": {"reject_reason": "Bad content", "event_time": "2016-10-14T17:38:15.211Z"},
    "Rendering Failure": {"template_name": "MyTemplate", "event_time": "2018-01-22T18:43:06.197Z"},
    "DeliveryDelay": {"delay_type": "TransientCommunicationFailure", "expires_at": "2020-06-16T00:25:40.914Z"},
    "Subscription": {"contact_list": "ContactListName", "unsubscribed_all": True},
    "Click": {"link_tags": {"samplekey0": ["samplevalue0"], "samplekey1": ["samplevalue1"]}},
    "a templated Send has no subject": {"message_id": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000"},
    "a tag has the text NULL and a name in mixed case": {"campaign": "spring-sale", "configuration_set": "ConfigSet"},
    "identity feedback calls the type notificationType and has no tags": {"event_type": "Bounce"},
    "the source is a name in an encoded word": {"sender_domain": "mail.example.com"},
    "one bounce concerns two recipients": {"recipients": ["recipient@example.com", "other@example.net"]},
    "an open says what a bot is": {"bot_verdict": "Likely"},
    "a verdict that nobody knows": {"bot_verdict": "Undecided"},
    "a time with an offset": {"event_time": "2016-10-19T23:21:04.133Z"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_what_people_ask_for_has_a_column(name: str) -> None:
    found = row(EVERY_EVENT[name])
    assert {column: found[column] for column in EXPECTED[name]} == EXPECTED[name]


@pytest.mark.parametrize("spelling", ["2026-W47-5T08:00:00Z", "2026-11-20T08:00:00,000Z", "20261120T080000.0000000Z"])
def test_a_time_in_another_spelling_is_written_as_firehose_takes_it(spelling: str) -> None:
    assert row(changed("bounce.timestamp", spelling))["event_time"] == "2026-11-20T08:00:00.000Z"


def test_message_tags_keep_their_case() -> None:
    tags = row(ODD["a tag has the text NULL and a name in mixed case"])["tags"]
    assert tags["My-Tag"] == ["NULL"]


def test_the_tag_that_names_the_campaign_is_a_choice() -> None:
    assert row(event("Send"), tag="myCustomTag1")["campaign"] == "myCustomTagValue1"


def test_a_working_unsubscribe_link_never_reaches_the_lake() -> None:
    made = row(ODD["an unsubscribe link in the headers"])
    assert "SECRET-TOKEN" not in json.dumps(made)
    assert {"name": "List-Unsubscribe", "value": "[redacted]"} in json.loads(made["raw"])["mail"]["headers"]


def test_a_field_that_ses_adds_tomorrow_is_kept() -> None:
    made = row(ODD["a field that SES adds tomorrow"])
    assert json.loads(made["raw"])["delivery"]["inboxPlacement"] == {"folder": "spam", "confidence": 0.9}


def test_copies_of_an_event_have_one_id_and_other_events_have_others() -> None:
    ids = [row(content)["event_id"] for content in DOCUMENTED]
    assert ids == [row(content)["event_id"] for content in DOCUMENTED]
    again = event("Open", timestamp="2017-08-09T22:00:19.653Z")
    assert len({*ids, row(again)["event_id"]}) == len(ids) + 1


@pytest.mark.parametrize("name", ["ipAddress", "userAgent"])
def test_two_clients_in_the_same_millisecond_are_two_events(name: str) -> None:
    assert row(event("Open"))["event_id"] != row(event("Open", **{name: "another"}))["event_id"]


def changed(path: str, value: Any, event_type: str = "Bounce") -> dict[str, Any]:
    found = event(event_type)
    owner: Any = found
    *way, last = path.split(".")
    for part in way:
        owner = owner[int(part)] if part.isdigit() else owner[part]
    owner[last] = value
    return found


def without(name: str) -> dict[str, Any]:
    found = event("Bounce")
    del found[name]
    return found


def deep(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return changed("bounce.extra", value)


BROKEN: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"nope\n", "not_json"),
    "cut off": (line(event("Send"))[:200], "not_json"),
    "not UTF-8": (b'{"eventType":"\xff"}\n', "not_json"),
    "NaN": (b'{"eventType":NaN}\n', "not_json"),
    "two events in one record": (line(event("Send")) * 2, "not_json"),
    "an array": (b"[]\n", "wrong_type"),
    "a megabyte": (line({**event("Send"), "padding": "x" * 1_000_000}), "too_large"),
    "2,000 levels": (b"[" * 2000 + b"]" * 2000, "too_deep"),
    "300 levels in an event": (line(deep(300)), "too_deep"),
    "no type": (line({"mail": {}}), "unknown_event_type"),
    "a type that is an object": (line(changed("eventType", {})), "unknown_event_type"),
    "a type that nobody knows": (line(changed("eventType", "Teleport")), "unknown_event_type"),
    "no mail": (line(without("mail")), "missing_field"),
    "no block": (line(without("bounce")), "missing_field"),
    "no message id": (line(changed("mail.messageId", None)), "missing_field"),
    "no time": (line(changed("mail.timestamp", None)), "missing_field"),
    "mail is text": (line(changed("mail", "x")), "wrong_type"),
    "the block is an array": (line(changed("bounce", [])), "wrong_type"),
    "a number for a text": (line(changed("bounce.bounceType", 5)), "wrong_type"),
    "a text for recipients": (line(changed("mail.destination", "a@example.com")), "wrong_type"),
    "recipients of numbers": (line(changed("mail.destination", [1])), "wrong_type"),
    "tags of numbers": (line(changed("mail.tags", {"a": [1]})), "wrong_type"),
    "a tag that is no array": (line(changed("mail.tags", {"a": "b"})), "wrong_type"),
    "headers of texts": (line(changed("mail.headers", ["x"])), "wrong_type"),
    "a text for a number": (line(changed("delivery.processingTimeMillis", "1", "Delivery")), "wrong_type"),
    "a number that no column holds": (
        line(changed("delivery.processingTimeMillis", 2**63, "Delivery")),
        "wrong_type",
    ),
    "a time that is a number": (line(changed("mail.timestamp", 1795251600)), "wrong_type"),
    "a time that is none": (line(changed("bounce.timestamp", "yesterday")), "bad_time"),
    "a time that UTC has no year for": (line(changed("mail.timestamp", "9999-12-31T23:59:59-01:00")), "bad_time"),
    "a header in the subject": (
        line(changed("mail.commonHeaders.subject", "Hi\r\nBcc: x@example.com")),
        "header_injection",
    ),
    "a header in the sender": (line(changed("mail.source", "a@example.com\nBcc: x@example.com")), "header_injection"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_record_fails_alone_and_says_why(name: str) -> None:
    data, reason = BROKEN[name]
    batch = answered(line(event("Send")), data, line(event("Open")))
    assert [answer["result"] for answer in batch.answers] == ["Ok", "ProcessingFailed", "Ok"]
    assert [refusal.reason for refusal in batch.refusals] == [reason]
    assert batch.refusals[0].sentence.endswith(".")
    assert b64decode(batch.answers[1]["data"]) == data


def test_a_refusal_names_the_field() -> None:
    with pytest.raises(RefusedError, match=r"^bounce\.bouncedRecipients\[\]\.status is a number, not text\.$"):
        row(changed("bounce.bouncedRecipients.0.status", 5))
