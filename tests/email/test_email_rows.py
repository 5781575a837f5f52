"""An event of SES becomes one row: typed columns for what is asked, the rest in `raw`, nothing lost."""

import copy
import json
from base64 import b64decode
from typing import Any

import pytest
from email_world import ARRIVED, DOCUMENTED, ODD, TYPES, answered, event, line
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.email.events import rows, values
from deliverywatch.email.events.columns import COLUMNS, KNOWN_FIELDS, TABLE_COLUMNS
from deliverywatch.email.events.envelopes import event_in
from deliverywatch.email.events.fields import FieldCount, exact, general, leaves
from deliverywatch.email.firehose.conversion import Conversion

EVERY_EVENT = {**dict(zip(TYPES, DOCUMENTED, strict=True)), **ODD}


# What a field may hold tomorrow.
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("x" * 40_000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


def row(content: dict[str, Any], tag: str = "campaign") -> dict[str, Any]:
    return rows.row(event_in(line(content)), values.iso(ARRIVED), tag)


def test_every_type_of_awss_documentation_is_among_the_examples() -> None:
    assert set(TYPES) == set(rows.BLOCKS)


@pytest.mark.parametrize("name", EVERY_EVENT)
def test_every_field_of_an_event_comes_out_again(name: str) -> None:
    content = EVERY_EVENT[name]
    count = FieldCount()
    count.add(exact(json.dumps(content)), exact(row(content)["raw"]))
    headers = len(content["mail"].get("headers", ()))
    assert count.came == len(list(leaves(content))) > 10
    assert (count.kept, count.redacted, count.lost) == (count.came - headers, headers, 0)


@pytest.mark.parametrize("name", EVERY_EVENT)
def test_a_row_has_only_columns_of_the_list(name: str) -> None:
    assert set(row(EVERY_EVENT[name])) <= {column.name for column in COLUMNS}


def test_every_column_gets_a_value_from_some_event() -> None:
    found = {name for content in EVERY_EVENT.values() for name in row(content)}
    assert {column.name for column in COLUMNS} - found == {"remote_mta_ip", "complaint_subtype", "misfits"}
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


@pytest.mark.parametrize(
    ("event_type", "name", "value"),
    [
        ("Bounce", "bounceSubType", "OnAccountSuppressionList"),
        ("Bounce", "feedbackId", "another"),
        ("Complaint", "complaintSubType", "OnAccountSuppressionList"),
        ("DeliveryDelay", "delayType", "MailboxFull"),
        ("Subscription", "contactList", "another"),
    ],
)
def test_two_reports_of_the_same_millisecond_are_two_events(event_type: str, name: str, value: str) -> None:
    assert row(event(event_type))["event_id"] != row(event(event_type, **{name: value}))["event_id"]


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


REFUSED: dict[str, tuple[bytes, str]] = {
    "not JSON": (b"nope\n", "not_json"),
    "cut off": (line(event("Send"))[:200], "not_json"),
    "not UTF-8": (b'{"eventType":"\xff"}\n', "not_json"),
    "a type that is not a number": (b'{"eventType":NaN}\n', "unknown_event_type"),
    "two events in one record": (line(event("Send")) * 2, "not_json"),
    "nothing in an array": (b"[]\n", "no_event"),
    "two events in an array": (line([event("Send"), event("Open")]), "no_event"),
    "a text": (b'"x"\n', "wrong_type"),
    "more than Firehose takes": (line({**event("Send"), "padding": "x" * 1_100_000}), "too_large"),
    "2,000 levels": (b"[" * 2000 + b"]" * 2000, "too_deep"),
    "600 levels in an event": (line(deep(600)), "too_deep"),
    "no type": (line({"mail": {}}), "unknown_event_type"),
    "a type that is an object": (line(changed("eventType", {})), "unknown_event_type"),
    "a type that is a page long": (line(changed("eventType", "x" * 2000)), "unknown_event_type"),
    "no mail": (line(without("mail")), "missing_field"),
    "mail is text": (line(changed("mail", "x")), "missing_field"),
    "no message id": (line(changed("mail.messageId", None)), "missing_field"),
    "an envelope of something else": (line({"Type": "SubscriptionConfirmation", "Message": "Confirm"}), "no_event"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_event_fails_alone_and_says_why(name: str) -> None:
    data, reason = REFUSED[name]
    batch = answered(line(event("Send")), data, line(event("Open")))
    assert [answer["result"] for answer in batch.answers] == ["Ok", "ProcessingFailed", "Ok"]
    assert [refusal.reason for refusal in batch.refusals] == [reason]
    assert batch.refusals[0].sentence.endswith(".")
    assert b64decode(batch.answers[1]["data"]) == data


MISFITS: dict[str, tuple[bytes, str, str]] = {
    "a list for a text": (line(changed("open.ipAddress", ["192.0.2.1"], "Open")), "open.ipAddress", "ip_address"),
    "a boolean for a text": (line(changed("click.isBotEvent", True, "Click")), "click.isBotEvent", "bot_verdict"),
    "a number for a text": (line(changed("bounce.bounceType", 5)), "bounce.bounceType", "bounce_type"),
    "an object for a text": (line(changed("click.link", {"url": "x"}, "Click")), "click.link", "link"),
    "a text that no column needs": (line(changed("click.link", "x" * 40_000, "Click")), "click.link", "link"),
    "half a character": (line(changed("click.link", "\ud800", "Click")), "click.link", "link"),
    "a fraction for a whole number": (
        line(changed("delivery.processingTimeMillis", 812.0, "Delivery")),
        *("delivery.processingTimeMillis", "processing_millis"),
    ),
    "a number that no column holds": (
        line(changed("delivery.processingTimeMillis", 2**63, "Delivery")),
        *("delivery.processingTimeMillis", "processing_millis"),
    ),
    "no number": (
        line(changed("delivery.processingTimeMillis", float("nan"), "Delivery")),
        *("delivery.processingTimeMillis", "processing_millis"),
    ),
    "a time that is a number": (line(changed("mail.timestamp", 1795251600)), "mail.timestamp", "sent_at"),
    "no time": (line(changed("mail.timestamp", None)), "mail.timestamp", "sent_at"),
    "a time that UTC has no year for": (
        line(changed("mail.timestamp", "9999-12-31T23:59:59-01:00")),
        *("mail.timestamp", "sent_at"),
    ),
    "a folded subject": (
        line(changed("mail.commonHeaders.subject", "Hi\r\nBcc: x@example.com")),
        *("mail.commonHeaders.subject", "subject"),
    ),
    "a header in the sender": (line(changed("mail.source", "a@example.com\nBcc: b@c.de")), "mail.source", "sender"),
    "tags in a list": (line(changed("mail.tags", ["x"])), "mail.tags", "tags"),
    "no block": (line(without("bounce")), "bounce", "bounce_type"),
    "a block that is a list": (line(changed("bounce", [])), "bounce", "bounce_type"),
    "a member deep in a block": (
        line(changed("subscription.newTopicPreferences.unsubscribeAll", "yes", "Subscription")),
        *("subscription.newTopicPreferences.unsubscribeAll", "unsubscribed_all"),
    ),
    "a type that nobody knows": (line(changed("eventType", "Teleport")), "eventType", "bounce_type"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_value_that_fits_no_column_is_null_there_and_whole_in_raw(name: str) -> None:
    data, field, column = MISFITS[name]
    made = rows.row(event_in(data), values.iso(ARRIVED), "campaign")
    assert made["misfits"] == [field]
    assert column not in made
    count = FieldCount()
    count.add(exact(data.decode()), exact(made["raw"]))
    assert (count.lost, count.kept + count.redacted) == (0, count.came)


def test_of_a_list_the_values_that_fit_stay() -> None:
    made = row(changed("mail.destination", ["a@example.com", 5], "Send"))
    assert (made["recipients"], made["misfits"]) == (["a@example.com"], ["mail.destination"])
    made = row(changed("mail.tags", {"campaign": ["spring"], "odd": "x", "numbers": [1]}, "Send"))
    assert (made["campaign"], made["tags"], made["misfits"]) == ("spring", {"campaign": ["spring"]}, ["mail.tags.*"])


@given(st.sampled_from(DOCUMENTED), st.data())
@settings(max_examples=200, deadline=None)
def test_no_optional_field_ever_costs_the_event(content: dict[str, Any], data: st.DataObject) -> None:
    content = copy.deepcopy(content)
    owner = data.draw(st.sampled_from([content, content["mail"], *[v for v in content.values() if type(v) is dict]]))
    name = data.draw(st.sampled_from([key for key in owner if key not in ("eventType", "mail", "messageId")] or ["x"]))
    owner[name] = data.draw(ANYTHING)
    record = line(content)
    batch = answered(record)
    assert not batch.refusals
    (landed,) = [json.loads(b64decode(answer["data"])) for answer in batch.answers]
    Conversion(TABLE_COLUMNS, is_case_insensitive=False).row(b64decode(batch.answers[0]["data"]))
    count = FieldCount()
    count.add(exact(record.decode()), exact(landed["raw"]))
    assert count.lost == 0


def test_a_type_of_next_year_is_a_row_with_its_own_time() -> None:
    odd = {
        "eventType": "Teleport",
        "teleport": {"timestamp": "2027-01-01T00:00:00.000Z"},
        "mail": event("Send")["mail"],
    }
    assert (row(odd)["event_type"], row(odd)["event_time"]) == ("Teleport", "2027-01-01T00:00:00.000Z")


def test_an_event_without_any_time_happened_when_it_came() -> None:
    assert row(changed("mail.timestamp", None, "Send"))["event_time"] == values.iso(ARRIVED)


def test_events_that_could_not_be_read_in_full_are_copies_only_if_they_are_equal() -> None:
    one, other = changed("click.link", ["a"], "Click"), changed("click.link", ["b"], "Click")
    assert row(one)["event_id"] == row(one)["event_id"] != row(other)["event_id"]


KEPT = ["18446744073709551617", "1.10", "1e400", "-0.0", "0.1000000000000000055511151231257827", '"\\ud83d"', "NaN"]


@pytest.mark.parametrize("value", KEPT)
def test_raw_holds_what_no_parser_keeps(value: str) -> None:
    record = line(event("Send")).replace(b'"headersTruncated"', f'"seq":{value},"seq":1,"headersTruncated"'.encode())
    assert f'"seq":{value},"seq":1,' in rows.row(event_in(record), "", "")["raw"]


SECRETS = [
    '[{"name":"A","value":"SECRET"}]',
    '[ { "name" : "A \\" b" , "value" : "x \\" SECRET \\\\" } ]',
    '[{"value":"SECRET","name":"A"},{"name":"A","value":["SECRET"],"more":{"name":"SECRET","x":[[{"y":"SECRET"}]]}}]',
    '{"List-Unsubscribe":"SECRET"}',
    '"SECRET"',
    '[["SECRET"],"SECRET",{"name":["SECRET"]}]',
]
PLACES = [
    '{"eventType":"Send","mail":{"messageId":"m","headers":%s}}',
    '{"eventType":"Send","mail":{"messageId":"m","h\\u0065aders":%s}}',
    '{"eventType":"Send","mail":{"headers":%s},"mail":{"messageId":"m"}}',
    '{"eventType":"Send","m\\u0061il":{"headers":%s,"headers":[],"messageId":"m"}}',
    '{"eventType":"Send","x":{"headers":[{"name":"A","value":"y"}]},"mail":{"messageId":"m","headers":%s}}',
    '{"x":"\\"headers","mail":{"messageId":"m","headers":%s,"y":"headers"},"eventType":"Send"}',
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("place", PLACES)
def test_no_spelling_of_headers_brings_a_secret_into_the_lake(secret: str, place: str) -> None:
    made = rows.row(event_in((place % secret).encode()), "", "")
    assert "SECRET" not in json.dumps(made)
    assert json.loads(made["raw"])["eventType"] == "Send"
