"""The review of an incident: from records only, what was affected, how fast it was known, and what nobody knows."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from deliverywatch.alerting.incidents.incident import Ack, Change, Event, Incident
from deliverywatch.alerting.incidents.outbox import Record
from deliverywatch.alerting.incidents.severity import Watch
from deliverywatch.alerting.mail import formatting
from deliverywatch.backtest.faster import other_settings
from deliverywatch.messages.context import Context, to_json
from deliverywatch.messages.level import Level
from deliverywatch.operate.incidents.explain import Facts
from deliverywatch.operate.incidents.mutes import Mute
from deliverywatch.operate.incidents.recipients import Period
from deliverywatch.operate.incidents.records import context_of
from deliverywatch.operate.review.alternative import Alternative, Replayed
from deliverywatch.operate.review.chart import Mark, bars, svg
from deliverywatch.operate.review.document import Material, review
from deliverywatch.operate.review.impact import Impact, SlotSeen, impact
from deliverywatch.operate.review.markdown import escaped, table
from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.lake.merge import merge
from deliverywatch.sms.lake.slots import key_of
from deliverywatch.sms.ports import Settings
from deliverywatch.storage.memory import Memory

GOLDEN = Path(__file__).parent / "golden" / "review.md"
NOW = datetime(2026, 11, 21, 15, 0, tzinfo=UTC)
FAILED = {"status": "Failed", "status_code": "301", "error_code": "14"}
DELIVERED = {"status": "Sent", "status_code": "201", "error_code": "4"}
PENDING = {"status": "Sent", "status_code": "200"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-21T{text}").replace(tzinfo=UTC)


def sent(
    start: str, count: int, fate: dict[str, str], carrier: str = "Telstra", person: int = 0
) -> list[dict[str, Any]]:
    """Return SMS that were sent from a time on, one every two seconds, each to somebody else."""
    begin = int(at(start).timestamp())
    return [
        {"message_id": f"{start}-{carrier}-{number}", "date": begin + 2 * number, "to": f"+614{person + number:08}"}
        | {"direction": "out", "from": "Shop", "country": "AU", "carrier": carrier, "list_id": 4711, **fate}
        for number in range(count)
    ]


def lake(*rows: Sequence[dict[str, Any]]) -> Memory:
    store, recorder = Memory(), Recorder(NOW, Recipients(b"k" * 32))
    for hour in (at(f"{hour:02}:00") for hour in range(15)):
        records = {record.message_id: record for record in recorder.records(rows, hour, hour + timedelta(hours=1))}
        if records:
            store.write(key_of(hour), merge(None, records, token="t").body or b"")
    return store


# Well until 12:00, an outage of Telstra until 12:30, then well again; who failed first gets an SMS at 13:00.
OUTAGE = (
    *(sent(f"{hour:02}:00", 100, DELIVERED) for hour in (9, 10, 11)),
    *(sent(f"12:{minute}0", 40, FAILED, person=40 * minute) for minute in range(3)),
    *(sent(f"12:{minute}5", 60, DELIVERED, "Optus", person=900) for minute in range(3)),
    sent("12:45", 100, DELIVERED, person=2000),
    sent("13:00", 10, DELIVERED),
    sent("12:25", 3, PENDING, "Vodafone", person=3000),
)


def seen(store: Memory, opened: str = "12:14", ended: str = "13:02") -> Impact:
    return impact(store, Settings(), at(opened), at(ended), NOW, 3.0)


def test_the_lake_says_when_it_began_whom_it_touched_and_when_it_was_over() -> None:
    found = seen(lake(*OUTAGE))
    assert (found.first_bad, found.well_from) == (at("12:00"), at("12:30"))
    assert (found.period, found.people_count, found.unreached_count) == (Period(at("12:00"), at("13:02")), 120, 110)
    assert [(slot.failed, slot.total) for slot in found.during[:3]] == [(40, 100), (40, 100), (40, 103)]


@pytest.mark.parametrize(
    ("rows", "first_bad", "because"),
    [
        ([sent("11:00", 5, FAILED), sent("12:10", 5, FAILED)], "11:00", "slots without messages prove nothing"),
        (
            [sent("11:00", 5, FAILED), sent("11:30", 5, DELIVERED), sent("12:10", 5, FAILED)],
            "12:10",
            "it was well between",
        ),
        ([sent("12:00", 50, DELIVERED)], None, "nothing was bad before the alarm"),
        ([sent("12:20", 5, FAILED)], None, "what came after the alarm did not open it"),
        ([], None, "there is nothing"),
    ],
)
def test_the_first_bad_message_is_of_the_row_of_bad_slots_before_the_alarm(
    rows: list[list[dict[str, Any]]], first_bad: str | None, because: str
) -> None:
    assert seen(lake(*rows)).first_bad == (at(first_bad) if first_bad else None), because


@pytest.mark.parametrize(
    ("rows", "well_from", "because"),
    [
        ([sent("12:10", 5, FAILED), sent("12:25", 12, DELIVERED)], "12:20", "a dozen arrived"),
        ([sent("12:10", 5, FAILED), sent("12:25", 9, DELIVERED)], None, "nine are too few"),
        ([sent("12:10", 5, FAILED), sent("12:25", 50, PENDING)], None, "nobody saw them arrive"),
        ([sent("12:10", 5, FAILED)], None, "no traffic is no good news"),
        ([sent("12:10", 50, DELIVERED)], None, "nothing was bad"),
    ],
)
def test_it_is_well_again_only_by_what_is_known_to_have_arrived(
    rows: list[list[dict[str, Any]]], well_from: str | None, because: str
) -> None:
    assert seen(lake(*rows)).well_from == (at(well_from) if well_from else None), because


def change(seq: int, event: Event, level: Level, clock: str, **more: Any) -> Change:
    return Change(seq, event, level, Level.OK, at(clock), alarm="deliverywatch-prod-sms-warning", **more)


def mail(seq: int, event: Event, clock: str, **more: Any) -> Record:
    chosen = {"subject": f"[{event}] SMS failures", "recipients": 2, "channel": "ses", "sent_at": at(clock)} | more
    return Record("INC-1121-1214", "sms-failures", seq, event, "warning", at(clock), "request", at(clock), **chosen)


def incident(**more: Any) -> Incident:
    changes = (
        change(1, Event.OPENED, Level.WARNING, "12:14", failed=40, total=100, value=40.0),
        change(2, Event.RESOLVED, Level.OK, "13:02"),
    )
    chosen: dict[str, Any] = {"title": "SMS failures", "seq": 2, "timeline": changes} | more
    chosen.setdefault("acks", (Ack("Kim", at("12:20"), "calling the carrier"),))
    return Incident("sms-failures", "INC-1121-1214", Level.OK, at("12:14"), at("13:02"), **chosen)


def material(record: Incident | None = None, found: Impact | None = None, **more: Any) -> Material:
    facts = Facts(
        incident=record or incident(),
        mails=more.pop("mails", [mail(1, Event.OPENED, "12:14:20"), mail(2, Event.RESOLVED, "13:02:10")]),
        alarms={},
        context=more.pop("context", Context()),
        mutes=more.pop("mutes", []),
        clock=formatting.clock("UTC"),
        now=NOW,
    )
    others = [
        Alternative("", at("12:14"), 4),
        Alternative("WarningThresholdPercent=1", at("12:04"), 9),
        Alternative("WindowMinutes=20", None, 4),
    ]
    chosen: dict[str, Any] = {"replayed": Replayed(others, 7.2)} | more
    return Material(facts, found, warning_percent=3.0, critical_percent=25.0, **chosen)


def test_the_review_reads_as_it_always_did() -> None:
    mute = Mute(
        "m", "moving the sender", "EXPIRED", ("deliverywatch-prod-sms-warning",), at("12:30"), "PT20M", is_ours=True
    )
    written = review(material(found=seen(lake(*OUTAGE)), mutes=[mute]), "review.svg")
    if os.environ.get("DELIVERYWATCH_UPDATE_GOLDEN"):
        GOLDEN.write_text(written.replace("\u00a0", " "))
    assert written.replace("\u00a0", " ") == GOLDEN.read_text()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"mails": [mail(1, Event.OPENED, "12:14", sent_at=None)]}, "Whether mail 1 reached anybody: it is not sent."),
        ({"record": incident(is_presumed=True)}, "When it began: only its end was seen."),
        ({"record": incident(seq=50)}, "48 changes in the middle"),
        ({"record": incident(seq=3)}, "1 change in the middle"),
        ({"found": seen(lake())}, "When it began: no time before the alarm"),
        ({"found": seen(lake())}, "Whether it is well again: too few SMS"),
        ({"found": seen(lake(*OUTAGE))}, "What became of 3 SMS: they have no known outcome."),
        (
            {"replayed": Replayed(problem="the lake is too short.")},
            "What would have been faster: the lake is too short.",
        ),
    ],
)
def test_what_no_record_says_is_listed(more: dict[str, Any], sentence: str) -> None:
    written = review(material(**more))
    assert sentence in written.partition("## What is not known")[2]


def test_messages_to_channels_are_in_the_timeline_and_what_was_given_up_is_not_known() -> None:
    sent = mail(1, Event.OPENED, "12:15", channel="slack", attempts=2)
    lost = mail(1, Event.OPENED, "12:14", channel="teams", sent_at=None, given_up_at=NOW, problem="Teams answered 410.")
    written = review(material(messages=[sent, lost]))
    assert re.search(r"12:15 \| Slack 1 +\| Sent at attempt 2\.", written)
    assert "- Whether teams 1 reached anybody: it is given up: Teams answered 410." in written


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (
            [("", "12:14", 4), ("A=1", "12:04", 9)],
            "`A=1` would have been 10 min faster, for 5 more mails in that time.",
        ),
        ([("", "12:14", 4), ("A=1", "12:04", 4)], "for no more mails"),
        ([("", "12:14", 4), ("A=1", "12:04", 5)], "for 1 more mail in that time."),
        ([("", "12:14", 4), ("A=1", None, 1)], "The other settings would not have been faster."),
        ([("", "12:14", 4)], "No other settings are offered that could be faster"),
        (
            [("", "12:14", 4), ("A=1", "12:14", 9), ("B=1", None, 1)],
            "Neither of the other settings would have been faster.",
        ),
        ([("", None, 4), ("A=1", "12:04", 9)], "does not see this incident"),
    ],
)
def test_faster_is_said_with_its_price(others: list[tuple[str, str | None, int]], sentence: str) -> None:
    replayed = Replayed([Alternative(name, at(time) if time else None, count) for name, time, count in others], 7.0)
    assert sentence in review(material(replayed=replayed)).replace("\u00a0", " ")


def test_of_a_watch_without_messages_what_its_system_said_is_there() -> None:
    said = change(
        1, Event.OPENED, Level.WARNING, "12:14", reason="The pipeline orders failed.", facts=(("Cause", "a lock"),)
    )
    written = review(material(incident(timeline=(said,), seq=1)))
    assert "The pipeline orders failed." in written
    assert "- Cause: a lock" in written


VALUES = {"WarningThresholdPercent": "3", "WarningRecoveryPercent": "2", "WindowMinutes": "30", "MinimumTotal": "10"}
DECLARED = {
    "WarningThresholdPercent": {"AllowedValues": ["1", "2", "3", "4"]},
    "WarningRecoveryPercent": {"AllowedValues": ["0.5", "1", "2"]},
    "WindowMinutes": {"AllowedValues": ["20", "30", "60"]},
}


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        (
            {},
            [
                {"WarningThresholdPercent": "1", "WarningRecoveryPercent": "0.5"},
                {"WindowMinutes": "20"},
                {"MinimumTotal": "5"},
            ],
        ),
        ({"WarningThresholdPercent": "1"}, [{"WindowMinutes": "20"}, {"MinimumTotal": "5"}]),
        ({"WarningThresholdPercent": "1", "WindowMinutes": "20", "MinimumTotal": "1"}, []),
    ],
)
def test_other_settings_are_offered_ones_that_could_be_sooner(
    values: dict[str, str], settings: list[dict[str, str]]
) -> None:
    assert list(other_settings(VALUES | values, DECLARED)) == settings


def plain(markdown: str) -> str:
    """Return what a page shows of Markdown that is one paragraph of text and nothing else."""
    blocks = MarkdownIt("gfm-like", {"linkify": False}).parse(markdown)
    assert [block.type for block in blocks] == ["paragraph_open", "inline", "paragraph_close"]
    parts = blocks[1].children or []
    assert {part.type for part in parts} <= {"text", "text_special"}
    return "".join(part.content for part in parts)


HOSTILE = st.one_of(
    st.text(min_size=1, max_size=60),
    st.text("*_`[]()<>#|~!-+=1.@:/\\&;wx \n", min_size=1, max_size=60),
    st.text("_*~x ", min_size=3, max_size=12),
)


@given(HOSTILE)
@pytest.mark.filterwarnings("ignore")
def test_a_text_of_others_is_shown_as_it_is_and_makes_nothing(text: str) -> None:
    shown = escaped(text)
    if not shown:
        return
    assert "\n" not in shown
    assert "|" not in shown.replace("\\|", "")
    assert not re.search(r"(?i)@[a-z]|://[^\u200b]|www\.|\bgh-\d|(?<!\\)\$", shown)
    plain(shown)


@pytest.mark.parametrize(
    "text",
    [
        "# x",
        "- x",
        "1. x",
        "> x",
        "a | b",
        "<b>x</b>",
        "[x](https://example.com)",
        "&amp; x",
        "    x",
        "__x__",
        "x__",
        "$x$",
        "WWW.x.example",
        "GH-12",
    ],
)
def test_a_page_shows_the_very_letters(text: str) -> None:
    assert plain(escaped(text)).replace("\u200b", "") == text.strip()


def test_a_table_holds_what_its_cells_hold() -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(table(("Name", "Count"), [(escaped("a|b\\"), "1")]))
    assert re.findall(r"<td[^>]*>(.*)</td>", html) == ["a|b\\", "1"]


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=300),
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30),
)
def test_the_chart_is_well_formed_whatever_it_shows(counts: list[tuple[int, int]], title: str) -> None:
    slots = [
        SlotSeen(at("09:00") + timedelta(minutes=10 * number), max(pair), min(pair))
        for number, pair in enumerate(counts)
    ]
    marks = [Mark(at("09:05"), title, "critical")]
    limits = [(Level.CRITICAL, 25.0), (Level.WARNING, 3.0)]
    drawn = svg(title, bars(slots, 10), Period(at("09:00"), at("10:00")), limits, marks, formatting.clock("UTC"))
    root = ET.fromstring(drawn)
    heights = [float(part.get("height", 0)) for part in root.iter("{http://www.w3.org/2000/svg}rect")]
    assert all(0 <= height <= 260 for height in heights)
    assert len(drawn) < 60_000


@pytest.mark.parametrize(
    ("watch", "noun"), [("email-newsletter-bounces", "newsletters"), ("sms-failures", "SMS"), ("orders.late", "orders")]
)
def test_what_a_system_left_is_read_where_the_stack_declares_it_else_by_its_name(watch: str, noun: str) -> None:
    store = Memory()
    for name, left in (("email-newsletter", "newsletters"), ("sms", "SMS"), ("orders", "orders")):
        store.write(f"state/{name}.json", to_json(Context(noun=left)))
    declared = [Watch("email-newsletter-bounces", "Bounces", context="state/email-newsletter.json")]
    assert context_of(store, watch, declared).noun == noun
