"""Merging an hour: later news replace a row, the same news change nothing, and what changed is counted."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sms_world import KEY, NOW, at, row

from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Record, Recorder
from deliverywatch.sms.lake import merge as lake
from deliverywatch.sms.lake.merge import Merged, merge

SENT = at("12:05")
LATER = NOW + timedelta(minutes=10)
COUNTED = {"delivered": "delivered", "failed": "failed", "dead": "failed", "pending": "pending", "excluded": "excluded"}


def reading(*rows: dict[str, Any], now: datetime = NOW) -> dict[str, Record]:
    records = Recorder(now, Recipients(KEY)).records([rows], at("12:00"), at("13:00"))
    return {record.message_id: record for record in records}


def outcomes(body: bytes | None) -> dict[str, str]:
    found = list(lake.rows(body or b"", ("message_id", "outcome")))
    assert len(dict(found)) == len(found)
    return dict(found)


def changes(merged: Merged) -> dict[tuple[Any, ...], int]:
    """Outcome before -> outcome now, with how many messages took that way."""
    result: dict[tuple[Any, ...], int] = {}
    for change, number in merged.changes.items():
        key = (change[1] and change[1][0], change[2])
        result[key] = result.get(key, 0) + number
    return result


def test_new_messages_are_inserted_and_counted() -> None:
    merged = merge(None, reading(row("A", SENT), row("B", SENT, "failed")), token="1")
    assert outcomes(merged.body) == {"A": "delivered", "B": "failed"}
    assert changes(merged) == {(None, "delivered"): 1, (None, "failed"): 1}


def test_the_same_reading_again_changes_nothing() -> None:
    first = merge(None, reading(row("A", SENT, "pending")), token="1")
    second = merge(first.body, reading(row("A", SENT, "pending"), now=LATER), token="2")
    assert second.body is None
    assert not second.changes


def test_later_news_replace_a_row_and_say_what_it_was() -> None:
    first = merge(None, reading(row("A", SENT, "pending"), row("B", SENT)), token="1")
    second = merge(first.body, reading(row("A", SENT, "failed"), row("C", SENT), now=LATER), token="2")
    assert outcomes(second.body) == {"A": "failed", "B": "delivered", "C": "delivered"}
    assert changes(second) == {("pending", "failed"): 1, (None, "delivered"): 1}


def test_news_in_a_column_that_is_not_counted_are_kept_as_well() -> None:
    first = merge(None, reading(row("A", SENT, message_price="0.1")), token="1")
    second = merge(first.body, reading(row("A", SENT, message_price="0.2"), now=LATER), token="2")
    assert next(lake.rows(second.body or b"", ("message_price",))) == (Decimal("0.2"),)
    assert changes(second) == {("delivered", "delivered"): 1}


def test_what_was_observed_earlier_does_not_replace_what_was_observed_later() -> None:
    first = merge(None, reading(row("A", SENT, "failed"), now=LATER), token="1")
    assert merge(first.body, reading(row("A", SENT, "pending"), now=NOW), token="2").body is None


def test_a_message_that_comes_twice_in_a_reading_counts_as_it_came_last() -> None:
    merged = merge(None, reading(row("A", SENT, "pending"), row("B", SENT), row("A", SENT, "failed")), token="1")
    assert outcomes(merged.body) == {"A": "failed", "B": "delivered"}
    assert changes(merged) == {(None, "failed"): 1, (None, "delivered"): 1}


def test_a_reading_that_only_inserts_leaves_stored_rows_alone() -> None:
    first = merge(None, reading(row("A", SENT, "pending")), token="1")
    rows = reading(row("A", SENT, "failed"), row("B", SENT), now=LATER)
    second = merge(first.body, rows, token="2", inserts_only=True)
    assert outcomes(second.body) == {"A": "pending", "B": "delivered"}


def test_what_may_still_change_is_counted_beside_the_object() -> None:
    rows = [row("A", SENT, "pending"), row("B", SENT, "unknown"), row("C", SENT), row("D", at("12:06"), "pending")]
    first = merge(None, reading(*rows), token="1")
    assert first.metadata == {"unsettled": "3"}
    second = merge(first.body, reading(row("A", SENT, "failed"), now=LATER), token="2")
    assert second.metadata == {"unsettled": "2"}


def test_two_runs_never_write_the_same_bytes() -> None:
    rows = reading(row("A", SENT))
    assert merge(None, rows, token="1").body != merge(None, rows, token="2").body


def test_thousands_of_rows_are_merged_across_batches() -> None:
    rows = [row(f"{index}", SENT, "pending") for index in range(20_000)]
    first = merge(None, reading(*rows), token="1")
    news = [row(f"{index}", SENT, "failed") for index in range(0, 25_000, 5)]
    second = merge(first.body, reading(*news, now=LATER), token="2")
    assert changes(second) == {("pending", "failed"): 4000, (None, "failed"): 1000}
    assert second.unsettled_count == 16_000
    assert sum(outcome == "failed" for outcome in outcomes(second.body).values()) == 5000


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from(sorted(COUNTED)), st.integers(0, 59)), max_size=8),
        max_size=5,
    )
)
def test_any_readings_leave_the_newest_of_each_message_and_changes_that_add_up(
    runs: list[list[tuple[int, str, int]]],
) -> None:
    body: bytes | None = None
    known: dict[str, str] = {}
    counted = dict.fromkeys(COUNTED.values(), 0)
    for number, messages in enumerate(runs):
        rows = [row(f"{name}", at(f"12:{minute:02}"), outcome) for name, outcome, minute in messages]
        merged = merge(body, reading(*rows, now=NOW + number * timedelta(minutes=1)), token=str(number))
        known |= {f"{name}": COUNTED[outcome] for name, outcome, _ in messages}
        body = merged.body or body
        for (before, now), count in changes(merged).items():
            counted[now] += count
            if before:
                counted[before] -= count
        assert outcomes(body) == known if body else not known
        assert counted == {outcome: [*known.values()].count(outcome) for outcome in counted}
