"""The body of an answer: a page, or an error that says what came instead and shows nothing of it."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from deliverywatch.errors import (
    DeliveryWatchError,
    SourceMalformed,
    SourceRefused,
    SourceThrottled,
    SourceUnavailable,
)
from deliverywatch.sms.clicksend.pages import Page, check_status, parse_page

PAGINATOR = {"total": 2, "per_page": 15, "current_page": 1, "last_page": 1, "data": [{"message_id": "A"}, {}]}
ENVELOPE = {"http_code": 200, "response_code": "SUCCESS", "response_msg": "Here are your data.", "data": PAGINATOR}
LIVE_EMPTY = {
    "total": 0, "per_page": 15, "current_page": 1, "last_page": 0, "next_page_url": None, "prev_page_url": None,
    "from": None, "to": None, "data": [],
}  # fmt: skip


def body(envelope: dict[str, Any] | None = None, **paginator: Any) -> bytes:
    return json.dumps(ENVELOPE | (envelope or {"data": PAGINATOR | paginator})).encode()


def test_a_page_is_read() -> None:
    assert parse_page(body()) == Page(number=1, total=2, last_page=1, rows=[{"message_id": "A"}, {}])


def test_the_live_answer_without_messages_is_a_page() -> None:
    assert parse_page(body({"data": LIVE_EMPTY})) == Page(number=1, total=0, last_page=0, rows=[])


def test_numbers_may_be_texts() -> None:
    page = parse_page(body(total="2", current_page="1", last_page="7"))
    assert (page.total, page.number, page.last_page) == (2, 1, 7)


NO_COUNTS = [None, True, -1, "", "x", "1,000", [], {}, "9" * 16, 10**20]


@pytest.mark.parametrize("value", NO_COUNTS)
@pytest.mark.parametrize("name", ["total", "current_page", "last_page"])
def test_rows_are_worth_more_than_what_is_said_about_them(name: str, value: Any) -> None:
    page = parse_page(body(**{name: value}))
    numbers = {"total": page.total, "current_page": page.number, "last_page": page.last_page}
    assert (page.rows, numbers[name]) == (PAGINATOR["data"], 0)


@pytest.mark.parametrize("value", ["2.0", 2.0, " 2 ", "\u0662"])
def test_a_count_is_read_in_any_form(value: Any) -> None:
    assert parse_page(body(total=value)).total == 2


@pytest.mark.parametrize("value", NO_COUNTS)
def test_no_rows_are_evidence_of_nothing_without_a_total(value: Any) -> None:
    with pytest.raises(SourceMalformed, match="total is not a count, and it lists no messages"):
        parse_page(body(total=value, data=[]))


def test_a_list_may_stand_in_place_of_its_paginator() -> None:
    assert parse_page(body({"data": PAGINATOR["data"]})) == Page(0, 0, 0, [{"message_id": "A"}, {}])


@pytest.mark.parametrize(
    ("sent", "rows"), [({}, []), ({"100": {"message_id": "A"}, "101": {}}, [{"message_id": "A"}, {}])]
)
def test_rows_may_come_by_their_places(sent: Any, rows: Any) -> None:
    assert parse_page(body(data=sent)).rows == rows


@pytest.mark.parametrize(
    ("http_code", "status"),
    [(None, 200), (None, "200"), (None, None), (200, 500), (None, "SUCCESS"), ("many", []), (200.0, 1)],
)
def test_an_answer_without_http_code_is_good_when_it_says_success(http_code: object, status: object) -> None:
    assert parse_page(body({"http_code": http_code, "status": status})).total == 2


def test_what_is_no_row_is_counted_and_left_out() -> None:
    page = parse_page(body(data=[None, {"message_id": "A"}, "row", [], 7]))
    assert (page.rows, page.strange_count) == ([{"message_id": "A"}], 4)


# Around the letters of a text: what a strict reader of JSON refuses, and what is read instead.
ODD_TEXTS = [
    (rb"half an emoji \ud83d", "half an emoji \ufffd"),
    (rb"\ude00 the other half", "\ufffd the other half"),
    (rb"\ud83d\ude00", "\U0001f600"),
    (b"caf\xe9", "caf\ufffd"),
    (b"\xf0\x9f\x98", "\ufffd"),
    (b"two\nlines\x00", "two\nlines\x00"),
]


@pytest.mark.parametrize(("sent", "read"), ODD_TEXTS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_text_that_is_no_text_costs_no_row(sent: bytes, read: str, mark: bytes) -> None:
    page = parse_page(mark + body(data=[{"message_id": "A", "body": "TEXT"}]).replace(b"TEXT", sent))
    assert page.rows == [{"message_id": "A", "body": read}]


@pytest.mark.parametrize(
    ("sent", "read"),
    [(b"NaN", None), (b"-Infinity", None), (b"1e999", math.inf), (b"9" * 5_000, math.inf), (b"9" * 20, 1e20)],
)
def test_a_number_that_is_none_costs_no_row(sent: bytes, read: object) -> None:
    assert parse_page(body(data=[{"price": "NUMBER"}]).replace(b'"NUMBER"', sent)).rows == [{"price": read}]


@pytest.mark.parametrize(
    ("envelope", "message"),
    [
        ({"data": None}, "data is not an object"),
        ({"data": []}, "data is not an object"),
        ({"data": PAGINATOR | {"data": None}}, "not a list of messages"),
        ({"data": PAGINATOR | {"data": {"error": {}}}}, "not a list of messages"),
        ({"response_code": "INSUFFICIENT_CREDIT"}, "INSUFFICIENT_CREDIT instead of SUCCESS"),
        ({"response_code": "call +61411111111"}, "no known word instead of SUCCESS"),
        ({"response_code": None}, "no known word instead of SUCCESS"),
    ],
)
def test_another_envelope_is_malformed(envelope: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceMalformed, match=message):
        parse_page(body(envelope))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "empty"),
        (b"\r\n ", "empty"),
        (b"<html><h1>502 Bad Gateway</h1></html>", "HTML"),
        (b"\n<!DOCTYPE html>", "HTML"),
        (body()[:-9], "truncated"),
        (b"\xff\xfe", "truncated or no JSON"),
    ],
)
def test_what_is_no_json_is_worth_another_try(answer: bytes, message: str) -> None:
    with pytest.raises(SourceUnavailable, match=message):
        parse_page(answer)


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, SourceRefused, "unauthorized"),
        (403, SourceRefused, "forbidden"),
        (429, SourceThrottled, "throttled"),
        (408, SourceUnavailable, "unavailable"),
        (500, SourceUnavailable, "unavailable"),
        (502, SourceUnavailable, "unavailable"),
        (503, SourceUnavailable, "unavailable"),
        (400, SourceMalformed, "malformed"),
        (404, SourceMalformed, "malformed"),
        (302, SourceMalformed, "malformed"),
    ],
)
def test_a_status_means_the_same_inside_and_outside(status: int, error: type[DeliveryWatchError], kind: str) -> None:
    for refuse in (lambda: check_status(status), lambda: parse_page(body({"http_code": status}))):
        with pytest.raises(error) as raised:
            refuse()
        assert raised.value.kind == kind
        assert raised.value.next_step


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(answer=st.binary(max_size=300))
@example(answer=b"[" * 100_000)
@example(answer=b"{}")
def test_any_bytes_are_a_page_or_our_error(answer: bytes) -> None:
    assert_page_or_error(answer)


@given(envelope=st.fixed_dictionaries({}, optional=dict.fromkeys(["http_code", "response_code", "data"], JSON)))
def test_any_envelope_is_a_page_or_our_error(envelope: dict[str, Any]) -> None:
    assert_page_or_error(json.dumps(ENVELOPE | envelope).encode())


@given(
    paginator=st.fixed_dictionaries({}, optional=dict.fromkeys(["total", "last_page", "current_page", "data"], JSON))
)
def test_any_paginator_is_a_page_or_our_error(paginator: dict[str, Any]) -> None:
    assert_page_or_error(body(**paginator))


def assert_page_or_error(answer: bytes) -> None:
    try:
        page = parse_page(answer)
    except DeliveryWatchError as error:
        assert error.next_step
    else:
        assert min(page.number, page.total, page.last_page) >= 0
        assert all(isinstance(row, dict) for row in page.rows)


@given(cut=st.integers(0, len(body()) - 1))
def test_a_page_cut_off_anywhere_is_never_a_page(cut: int) -> None:
    with pytest.raises(SourceUnavailable):
        parse_page(body()[:cut])


@pytest.mark.parametrize(
    ("answer", "says", "rights"),
    [
        (b'{"data":{"access_reporting":"required"}}', "that access_reporting is missing", "access_reporting,"),
        (b"You need access_sms and access_reporting.", "access_reporting and access_sms is missing", "access_sms,"),
        (b"", "access_reporting or access_sms is missing", "access_reporting and access_sms,"),
        (b"access_" + b"x" * 99, "access_reporting or access_sms is missing", "access_reporting and access_sms,"),
    ],
)
def test_403_says_which_right_is_missing(answer: bytes, says: str, rights: str) -> None:
    with pytest.raises(SourceRefused, match=says) as raised:
        check_status(403, answer)
    assert rights in raised.value.next_step
