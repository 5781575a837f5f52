"""Rows become records: judged, converted, without anything personal, and none is lost for the sake of a field."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_world import KEY, NOW, at, row, stored
from test_sms_values import ANYTHING

from deliverywatch.sms.clicksend.recipients import Recipients, hash_key, masked
from deliverywatch.sms.clicksend.records import TEST_NUMBERS, Record, Recorder
from deliverywatch.sms.lake.columns import COLUMNS

EVENTS = Path(__file__).parents[1] / "events"
SENT = at("12:05")


def recorded(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((EVENTS / name).read_text())["data"]["data"]
    return rows


def test_the_documented_shapes_of_the_years_are_read() -> None:
    old = stored(recorded("sms_history_old.json"), hours=72)
    assert [(kept["outcome"], kept["message_parts"], kept["message_price"]) for kept in old] == [
        ("unknown", 1, Decimal("0.07"))
    ] * 2
    assert [kept["carrier"] for kept in old] == [None, "Telstra"]


def test_rows_of_different_shapes_share_a_page() -> None:
    mixed = stored(recorded("sms_history_mixed.json"), hours=72)
    assert [(kept["outcome"], kept["fault"]) for kept in mixed] == [
        ("delivered", "none"),
        ("delivered", "none"),
        ("failed", "recipient"),
        ("excluded", "none"),
        ("excluded", "none"),
    ]
    assert [kept["message_price"] for kept in mixed] == [Decimal("0.0792"), None, Decimal("0.07"), 0, None]


def test_a_row_without_a_time_or_an_id_is_counted_and_the_others_are_kept() -> None:
    recorder = Recorder(NOW, Recipients(KEY))
    rows = [
        row("A", SENT),
        row("B", SENT, date="soon"),
        row("", SENT),
        row("C", SENT) | {"message_id": None},
        row("D", SENT),
    ]
    assert [kept["message_id"] for kept in stored(rows, recorder=recorder)] == ["A", "D"]
    assert recorder.unreadable_count == 3


def test_rows_outside_of_the_range_are_another_readings_matter() -> None:
    rows = [row("A", at("11:09")), row("B", at("11:10")), row("C", at("12:09")), row("D", at("12:10"))]
    assert [kept["message_id"] for kept in stored(rows)] == ["B", "C"]


@pytest.mark.parametrize("price", ["0.0000", 0, "0.0792", None])
@pytest.mark.parametrize("parts", [0, "0", 1, None])
def test_only_a_documented_number_makes_a_test_message_never_what_it_costs(price: Any, parts: Any) -> None:
    free = {"message_price": price, "message_parts": parts}
    rows = [row("test", SENT, to="+61411111111", **free)]
    rows += [row(outcome, SENT, outcome, **free) for outcome in ("delivered", "failed", "pending", "unknown")]
    outcomes = ["excluded", "delivered", "failed", "pending", "unknown"]
    assert [kept["outcome"] for kept in stored(rows)] == outcomes


def test_the_test_numbers_are_the_documented_ones() -> None:
    assert len(TEST_NUMBERS) == 8
    assert "+61411111111" in TEST_NUMBERS


def test_a_temporary_failure_becomes_a_failure_with_age() -> None:
    sent = NOW - timedelta(hours=72)
    rows = [row("A", sent, "temporary"), row("B", sent + timedelta(seconds=1), "temporary")]
    assert [kept["outcome"] for kept in stored(rows, hours=73)] == ["failed", "pending"]


def test_a_scheduled_message_waits_for_its_time() -> None:
    later = str(int(NOW.timestamp()) + 60)
    rows = [row("A", SENT, "scheduled", schedule=later), row("B", SENT, "scheduled")]
    assert [kept["outcome"] for kept in stored(rows)] == ["excluded", "pending"]


def test_equal_numbers_have_equal_hashes_and_only_their_ends_can_be_read() -> None:
    first, second, third = stored([row("A", SENT), row("B", SENT), row("C", SENT, to="+61400000002")])
    assert first["recipient_hash"] == second["recipient_hash"] != third["recipient_hash"]
    assert len(first["recipient_hash"]) == 32
    assert (first["recipient"], third["recipient"]) == ("+61•••••001", "+61•••••002")


def test_the_hash_depends_on_the_key() -> None:
    number = "+61400000001"
    assert Recipients(hash_key("a")).hashed(number) != Recipients(hash_key("b")).hashed(number)
    assert hash_key("a") != hash_key("a", is_api_key=True)


def test_numbers_are_plain_only_where_that_was_chosen() -> None:
    assert stored([row("A", SENT)], plain=True)[0]["recipient"] == "+61400000001"


@pytest.mark.parametrize(("number", "shown"), [("19999", "•••••"), ("Jo Doe", "•••••"), ("", None), (None, None)])
def test_what_is_no_phone_number_is_not_shown_at_all(number: str | None, shown: str | None) -> None:
    assert stored([row("A", SENT, to=number), row("B", SENT)])[0]["recipient"] == shown


def test_a_mail_masks_also_what_is_stored_plain() -> None:
    assert masked("+61400000001") == masked("+61•••••001") == "+61•••••001"
    assert masked(None) == masked("19999") == "•••••"


def test_nothing_personal_is_kept_but_an_unknown_field_is() -> None:
    rows = [row("A", SENT, latency=3, Email="jo@example.com", reply_body="secret"), row("B", SENT)]
    kept = stored(rows)
    assert [entry["extra"] and json.loads(entry["extra"]) for entry in kept] == [{"latency": 3}, None]
    everything = repr(kept)
    for personal in ("1234", "Jo", "Doe", "someone", "jo@example.com", "secret", "+61400000001"):
        assert personal not in everything


def test_an_unhashable_value_costs_a_field_and_not_the_row() -> None:
    kept = stored([row("A", SENT, status_text=["x"], schedule={"at": 1}), row("B", SENT)])
    assert [(entry["message_id"], entry["status_text"]) for entry in kept] == [("A", None), ("B", "words")]


def test_a_record_has_the_columns_of_the_lake() -> None:
    assert list(Record._fields) == [column.name for column in COLUMNS]


def test_rows_that_share_nothing_are_kept_apart() -> None:
    rows = [row(f"{index}", SENT, status_text=f"text {index}") for index in range(1000)]
    assert [kept["status_text"] for kept in stored(rows)] == [f"text {index}" for index in range(1000)]


FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys([*row("A", SENT), "new"], ANYTHING))


@given(st.lists(FIELDS, max_size=4))
def test_no_row_harms_another(changes: list[dict[str, Any]]) -> None:
    rows = [row(f"changed {index}", SENT) | fields for index, fields in enumerate(changes)]
    kept = {entry["message_id"]: entry for entry in stored([row("first", SENT), *rows, row("last", SENT)])}
    assert kept["first"]["outcome"] == kept["last"]["outcome"] == "delivered"


@given(st.lists(FIELDS, max_size=3))
def test_a_page_is_read_as_its_rows_one_by_one(changes: list[dict[str, Any]]) -> None:
    rows = [*(row(f"{index}", SENT) | fields for index, fields in enumerate(changes)), row("last", SENT)]
    assert stored(rows) == [kept for single in rows for kept in stored([single])]


@given(st.lists(st.sampled_from(["delivered", "failed", "pending", "unknown", "scheduled"]), max_size=8))
def test_a_regular_page_is_read_as_its_rows_in_any_company(outcomes: list[str]) -> None:
    rows = [row(f"{index}", SENT, outcome) for index, outcome in enumerate(outcomes)]
    irregular = row("irregular", SENT, new=1)
    assert stored([*rows, irregular])[:-1] == stored(rows)
