"""Changes of the lake become datapoints: sums that stay right, at the slot's time, without anything personal."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sms_world import at

from deliverywatch.sms import counts
from deliverywatch.sms.counts import Datapoint, SlotCounts
from deliverywatch.sms.lake.merge import MessageChange

MINUTE = int(at("12:05").timestamp()) // 60
SLOT = at("12:00")


def change(before: str | None, now: str, fault: str = "none", minute: int = MINUTE, **words: str) -> MessageChange:
    verdict = None if before is None else (before, "none")
    fields = {"error_code": "14", "carrier": "Telstra", "country": "AU", "status": "Failed", "status_code": "301"}
    return MessageChange(minute, verdict, now, fault, **(fields | words))


def counted(
    *changes: MessageChange, recipients: bool = True, slot_minutes: int = 10
) -> dict[datetime, tuple[int, int]]:
    slots = counts.per_slot(dict.fromkeys(changes, 1), slot_minutes, count_recipient_faults=recipients)
    return {slot: (numbers.total, numbers.failed) for slot, numbers in slots.items()}


@pytest.mark.parametrize(
    ("before", "now", "difference"),
    [
        (None, "delivered", (1, 0)),
        (None, "pending", (1, 0)),
        (None, "unknown", (1, 0)),
        (None, "failed", (1, 1)),
        (None, "excluded", (0, 0)),
        ("pending", "failed", (0, 1)),
        ("pending", "delivered", (0, 0)),
        ("failed", "delivered", (0, -1)),
        ("excluded", "pending", (1, 0)),
        ("failed", "excluded", (-1, -1)),
    ],
)
def test_only_the_difference_is_counted(before: str | None, now: str, difference: tuple[int, int]) -> None:
    assert counted(change(before, now)) == {SLOT: difference}


def test_dead_numbers_count_as_messages_but_not_as_failures_where_that_was_chosen() -> None:
    assert counted(change(None, "failed", "recipient"), recipients=False) == {SLOT: (1, 0)}
    assert counted(change(None, "failed", "carrier"), recipients=False) == {SLOT: (1, 1)}


def test_each_slot_has_its_own_counts() -> None:
    changes = [change(None, "failed", minute=MINUTE + offset) for offset in (0, 4, 5)]
    assert counted(*changes) == {SLOT: (2, 2), SLOT + timedelta(minutes=10): (1, 1)}
    assert counted(*changes, slot_minutes=5).keys() == {at("12:05"), at("12:10")}


def test_all_counts_of_a_slot_carry_one_stamp_two_minutes_after_its_end() -> None:
    point = counts.slot_datapoint(SLOT, 10, SlotCounts(total=3, failed=1))
    assert point.stamp == at("12:12")
    assert point.metrics == {"Total": (3, "Count"), "Failed": (1, "Count")}


def test_a_datapoint_says_what_its_failures_were_made_of() -> None:
    changes = {change(None, "failed", "carrier"): 3, change(None, "failed", "recipient", error_code="12"): 1}
    slot = counts.per_slot(changes, 10, count_recipient_faults=True)[SLOT]
    properties = counts.slot_datapoint(SLOT, 10, slot).properties
    assert properties["failed_by_code"] == {"14": 3, "12": 1}
    assert properties["failed_by_fault"] == {"carrier": 3, "recipient": 1}


@pytest.mark.parametrize(
    ("points", "metrics"),
    [(None, {}), (0.0, {"OverduePercent": (0.0, "Percent")}), (12.345, {"OverduePercent": (12.35, "Percent")})],
)
def test_where_too_little_is_known_of_late_messages_there_is_no_datapoint(
    points: float | None, metrics: dict[str, tuple[float, str]]
) -> None:
    point = counts.run_datapoint(at("12:10"), points, {"delay": {"median_minutes": 10}})
    assert point.metrics == {"Runs": (1, "Count"), **metrics}
    assert point.properties == {"delay": {"median_minutes": 10}}


def test_each_unknown_status_is_named_once_and_only_when_it_is_new() -> None:
    known = change("unknown", "unknown", status="Old", status_code="202")
    new = [change(None, "unknown", status="New" * 50, status_code="303", minute=MINUTE + index) for index in range(2)]
    assert counts.newly_unknown([known, *new, change(None, "failed")]) == [("New" * 50)[:40]]


def test_an_unknown_status_is_logged_without_what_names_a_person() -> None:
    unknown = change(None, "unknown", status="To +61491570156\n", status_code=None)
    assert counts.newly_unknown([unknown]) == ["To ••••• /None"]


def test_a_document_is_one_line_with_one_dimension() -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    line = counts.document("prod", Datapoint({"Total": (2, "Count"), "Failed": (-1, "Count")}, now, {"slot": "x"}))
    document: dict[str, Any] = json.loads(line)
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert "\n" not in line
    assert (directive["Namespace"], directive["Dimensions"]) == ("DeliveryWatch/Sms", [["Environment"]])
    assert (document["Environment"], document["Total"], document["Failed"]) == ("prod", 2, -1)
    assert document["_aws"]["Timestamp"] == now.timestamp() * 1000
