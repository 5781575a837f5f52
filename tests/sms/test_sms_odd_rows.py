"""Rows as ClickSend must not send them, and some day will: none crashes a run, and nothing personal stays."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.clicksend.redaction import redacted, without_personal
from deliverywatch.sms.lake.merge import Merged, merge, rows

HOUR = datetime(2026, 11, 20, 11, tzinfo=UTC)
NUMBER = "+61491570156"
COLUMNS = ("message_id", "outcome", "recipient", "recipient_hash", "carrier", "status_text", "sender", "extra")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def row(index: int, **fields: Any) -> dict[str, Any]:
    second = int(HOUR.timestamp()) + index
    return {
        "direction": "out", "date": second, "to": NUMBER, "body": "your code", "status": "Sent", "from": "+61491570157",
        "schedule": str(second), "status_code": "201", "status_text": "Message delivered to the handset",
        "error_code": None, "error_text": None, "message_id": f"ID-{index}", "message_parts": 1,
        "message_price": "0.0792", "from_email": None, "list_id": None, "custom_string": "", "contact_id": None,
        "user_id": 1, "subaccount_id": 2, "country": "AU", "carrier": "Telstra", "first_name": None, "last_name": None,
        "_api_username": "someone", **fields,
    }  # fmt: skip


def merged(*page: dict[str, Any]) -> Merged:
    recorder = Recorder(HOUR + timedelta(hours=1), Recipients(b"k" * 32))
    records = recorder.records([page], HOUR, HOUR + timedelta(hours=1))
    return merge(None, {record.message_id: record for record in records}, token="test")


def stored(*page: dict[str, Any]) -> list[dict[str, Any]]:
    body = merged(*page).body
    return [dict(zip(COLUMNS, values, strict=True)) for values in rows(body, COLUMNS)] if body else []


@pytest.mark.parametrize("field", ["carrier", "status_text", "status", "message_parts", "message_price", "country"])
@pytest.mark.parametrize("value", [["Telstra"], {"name": "Telstra"}])
def test_a_value_with_parts_of_its_own_costs_only_itself(field: str, value: Any) -> None:
    found = stored(*map(row, range(9)), row(9, **{field: value}))
    assert [one["message_id"] for one in found] == [f"ID-{index}" for index in range(10)]


@given(st.dictionaries(st.sampled_from(sorted(row(0).keys() - {"message_id", "date"})), anything, max_size=6))
def test_no_field_of_a_row_keeps_it_or_its_neighbours_out_of_the_lake(fields: dict[str, Any]) -> None:
    assert {one["message_id"] for one in stored(row(0), row(1, **fields), row(2))} == {"ID-0", "ID-1", "ID-2"}


@pytest.mark.parametrize("number", [f" {NUMBER}", f"{NUMBER}\r", f"\t{NUMBER}", f"{NUMBER}\n"])
def test_blanks_around_a_number_do_not_make_it_another_one(number: str) -> None:
    clean, blank = stored(row(0), row(1, to=number))
    assert (blank["recipient_hash"], blank["recipient"]) == (clean["recipient_hash"], clean["recipient"])


def test_a_documented_test_number_is_excluded_even_if_it_fails() -> None:
    failed = {"status": "Failed", "status_code": "301", "message_price": "0.0000", "message_parts": 0}
    assert [one["outcome"] for one in stored(row(0, to="+61411111111", **failed))] == ["excluded"]
    assert [one["outcome"] for one in stored(row(0, **failed))] == ["failed"]


def test_a_short_number_is_hidden_as_a_whole() -> None:
    assert [one["recipient"] for one in stored(row(0, to="12345678"))] == ["•••••"]


def test_the_unsettled_rows_are_counted_across_minutes() -> None:
    assert merged(*(row(60 * index, status_code="200") for index in range(8))).unsettled_count == 8


def test_clicksends_words_do_not_carry_a_number_into_the_lake_but_the_sender_stays() -> None:
    (one,) = stored(row(0, status_text=f"Invalid recipient {NUMBER}"))
    assert one["status_text"] == "Invalid recipient •••••"
    assert one["sender"] == "+61491570157"


def test_a_field_that_nobody_documented_is_kept_without_what_is_personal() -> None:
    unknown = {
        "campaign": "spring", "meta": {"body": "secret", "score": 7, "note": "ask jane@example.com"},
        "msisdn": NUMBER, "routes": ["a", 61491570156],
    }  # fmt: skip
    (one,) = stored(row(0, **unknown))
    kept = {"campaign": "spring", "meta": {"note": "ask •••••", "score": 7}, "routes": ["a", "•••••"]}
    assert json.loads(one["extra"]) == kept


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Recipient network error", "Recipient network error"),
        ("call +61 491 570 156 now", "call ••••• now"),
        ("0491-570-156", "•••••"),
        ("error 12 of 2026-11-20", "error 12 of 2026-11-20"),
        ("<jo@example.com>", "•••••"),
    ],
)
def test_what_identifies_a_person_is_hidden_and_the_rest_stays(words: str, shown: str) -> None:
    assert redacted(words) == shown


@given(anything)
def test_whatever_json_says_no_personal_field_is_left(value: Any) -> None:
    hidden = without_personal({"outer": {"email": "jo@example.com", "inner": value}})
    assert "email" not in hidden["outer"]
    assert "jo@example.com" not in str(hidden)
