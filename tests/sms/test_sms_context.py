"""What a mail can say: counts of three hours, reasons, groups, samples, steps; exact, bounded, nothing personal."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sms_world import KEY, NOW, at, row

from deliverywatch.errors import SourceRefused
from deliverywatch.sms.assessments.delivery import Delivery, Measured
from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.lake import merge as lake
from deliverywatch.sms.lake.merge import merge
from deliverywatch.sms.mail_context import context
from deliverywatch.sms.mail_context.recent_statistics import NAMES, RecentStatistics

EXAMPLE = json.loads((Path(__file__).parents[1] / "events" / "sms_context.json").read_text())


def described(
    *rows: dict[str, Any],
    plain: bool = False,
    recipients: bool = True,
    measured: Measured | None = None,
    window_minutes: int = 30,
) -> dict[str, Any]:
    statistics = RecentStatistics(NOW, NOW, 10, count_recipient_faults=recipients, window_minutes=window_minutes)
    recorder = Recorder(NOW, Recipients(KEY, plain=plain))
    records = {record.message_id: record for record in recorder.records([rows], NOW - timedelta(hours=4), NOW)}
    if rows:
        statistics.add(lake.rows(merge(None, records, token="t").body or b"", NAMES))
    result: dict[str, Any] = json.loads(context.document(statistics, NOW, NOW, 10, measured=measured))
    return result


def shape(value: Any) -> Any:
    """Names and types, whatever the values: of a list the shape of its first entry."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return [shape(inner) for inner in value[:1]] if isinstance(value, list) else type(value)


def test_the_context_has_the_shape_that_the_notifier_knows() -> None:
    seen = described(row("A", at("12:05"), "failed"), row("B", at("11:35")))
    assert shape({name: member for name, member in seen.items() if name in EXAMPLE}) == shape(EXAMPLE)


@pytest.mark.parametrize(("window_minutes", "counted"), [(20, 1), (30, 2), (60, 3), (120, 4)])
def test_reasons_are_those_of_the_window_that_the_alarms_look_at(window_minutes: int, counted: int) -> None:
    rows = [row(time, at(time), "failed") for time in ("12:00", "11:45", "11:20", "10:30")]
    window = described(*rows, window_minutes=window_minutes)["window"]
    assert (window["minutes"], [reason["count"] for reason in window["reasons"]]) == (window_minutes, [counted])
    quiet = described(window_minutes=window_minutes)["steps"]
    assert quiet == [f"Nothing to do: no message failed in the last {window_minutes} minutes."]


def test_every_slot_of_three_hours_is_there_the_quiet_ones_as_zeros() -> None:
    slots = described(row("A", at("12:05"), "failed"), row("B", at("12:06"), "excluded"))["slots"]
    assert (slots[0]["start"], slots[-1]["start"]) == ("2026-11-21T09:10:00Z", "2026-11-21T12:00:00Z")
    assert [slot["total"] for slot in slots] == [0] * 17 + [1]
    assert slots[-1] | {"start": ""} == {
        "start": "",
        "total": 1,
        "delivered": 0,
        "failed": 1,
        "pending": 0,
        "unknown": 0,
        "recipients_last_failed": 1,
    }


def test_a_suffix_of_the_slots_counts_each_affected_recipient_once() -> None:
    failures = [
        ("+61400000001", "11:35"),
        ("+61400000001", "12:05"),
        ("+61400000002", "11:36"),
        ("+61400000003", "09:05"),
    ]
    rows = [row(f"{index}", at(time), "failed", to=number) for index, (number, time) in enumerate(failures)]
    slots = described(*rows)["slots"]
    assert [slot["recipients_last_failed"] for slot in slots[-4:]] == [1, 0, 0, 1]
    assert sum(slot["recipients_last_failed"] for slot in slots) == 2  # the third failed before the three hours


def test_the_window_is_the_newest_half_hour() -> None:
    window = described(row("A", at("11:39"), "failed"), row("B", at("11:40"), "failed"))["window"]
    assert (window["minutes"], [reason["count"] for reason in window["reasons"]]) == (30, [1])
    assert [sample["message_id"] for sample in window["samples"]] == ["B"]


def test_reasons_are_ranked_and_say_whose_side_it_is() -> None:
    failed = [row(f"{index}", at("12:05"), "failed") for index in range(3)]
    reasons = described(*failed, row("D", at("12:05"), "dead"))["window"]["reasons"]
    assert reasons == [
        {
            "code": "14",
            "text": "Recipient network error or congestion",
            "fault": "carrier",
            "count": 3,
            "share_percent": 75.0,
        },
        {
            "code": "12",
            "text": "Absent subscriber: handset off or out of reach",
            "fault": "recipient",
            "count": 1,
            "share_percent": 25.0,
        },
    ]


def test_groups_show_who_fails_most_and_the_largest_of_the_healthy() -> None:
    sick = [row(f"{name}", at("12:05"), "failed", carrier=f"Sick {name}") for name in range(6)]
    sound = [row(f"s{index}", at("12:05"), carrier="Sound", country=None) for index in range(9)]
    groups = described(*sick, *sound)["window"]["groups"]
    names = [group["name"] for group in groups["carrier"]]
    assert names == [f"Sick {name}" for name in range(5)] + ["Sound", "Sick 5"]
    assert groups["carrier"][5] == {"name": "Sound", "total": 9, "failed": 0, "rate_percent": 0.0}
    assert {group["name"] for group in groups["country"]} == {"AU", "unknown"}


@pytest.mark.parametrize("plain", [True, False])
def test_samples_are_the_newest_of_the_top_reason_and_masked_also_where_numbers_are_plain(plain: bool) -> None:
    rows = [row(f"{index}", at(f"12:0{index}"), "failed") for index in range(7)] + [row("D", at("12:09"), "dead")]
    samples = described(*rows, plain=plain)["window"]["samples"]
    assert [sample["message_id"] for sample in samples] == ["6", "5", "4", "3", "2"]
    assert {sample["recipient"] for sample in samples} == {"+61•••••001"}


def test_hostile_words_stay_on_one_line_and_short() -> None:
    hostile = "<script>\n\u202ealert(1)\u0007" + "x" * 900
    window = described(row("A", at("12:05"), "failed", status_text=hostile, error_code="99", carrier=hostile))["window"]
    text = window["reasons"][0]["text"]
    assert text.startswith("<script> alert(1)x")
    assert len(text) == 120
    assert len(window["groups"]["carrier"][0]["name"]) == 40


def test_a_thousand_reasons_are_summed_up() -> None:
    rows = [
        row(f"{index}", at("12:05"), "failed", error_code=None, status_text=f"words {index}") for index in range(1000)
    ]
    reasons = described(*rows)["window"]["reasons"]
    assert reasons[0]["text"] == "Other reasons"
    assert reasons[0]["count"] > 700


def test_dead_numbers_are_no_failures_where_that_was_chosen() -> None:
    told = described(row("A", at("12:05"), "dead"), row("B", at("12:05")), recipients=False)
    assert (told["slots"][-1]["total"], told["slots"][-1]["failed"]) == (2, 0)
    assert told["window"]["reasons"] == []


@pytest.mark.parametrize(
    ("outcome", "fields", "words"),
    [
        ("failed", {}, "carrier"),
        ("dead", {}, "numbers"),
        ("failed", {"error_code": "18"}, "ClickSend's status page"),
        ("failed", {"error_code": "19"}, "content"),
        ("failed", {"error_code": None}, "ClickSend's words"),
        ("delivered", {}, "Nothing to do"),
    ],
)
def test_the_steps_fit_the_top_reason(outcome: str, fields: dict[str, Any], words: str) -> None:
    assert words in described(row("A", at("12:05"), outcome, **fields))["steps"][0]


def test_messages_that_wait_have_steps_of_their_own() -> None:
    late = Measured(Delivery(total=30, late=30), points=100.0)
    assert "has not said since" in described(row("A", at("11:55"), "pending"), measured=late)["steps"][0]


def test_a_problem_is_added_to_the_earlier_context_and_keeps_its_beginning() -> None:
    known = json.dumps(EXAMPLE).encode()
    refused = SourceRefused("ClickSend refuses the API key (401).")
    first = context.with_problem(known, refused, NOW, 10)
    second = json.loads(context.with_problem(first, refused, NOW + timedelta(minutes=10), 10))
    assert second["problem"] == {
        "kind": "unauthorized",
        "since": "2026-11-21T12:10:00Z",
        "sentence": "ClickSend refuses the API key (401).",
        "steps": [SourceRefused.next_step],
    }
    assert {**second, "problem": None} == EXAMPLE


@pytest.mark.parametrize("known", [None, b"", b"[]", b"{", b'{"problem": 3}'])
def test_a_problem_can_be_reported_without_an_earlier_context(known: bytes | None) -> None:
    told = json.loads(context.with_problem(known, ValueError("+61400000001"), NOW, 10))
    assert told["slots"] == []
    assert told["problem"]["kind"] == "error"
    assert "+61400000001" not in json.dumps(told)
