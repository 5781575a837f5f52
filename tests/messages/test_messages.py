"""What one side writes the other reads: nothing is lost between a system and the notifier."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deliverywatch.errors import InputError
from deliverywatch.messages import context as documents
from deliverywatch.messages import notice as notices
from deliverywatch.messages.context import Context, Overdue, Problem, Reason, Sample, Slot
from deliverywatch.messages.group import Group
from deliverywatch.messages.level import Level
from deliverywatch.messages.notice import SystemNotice
from deliverywatch.messages.palette import TONES
from deliverywatch.messages.untrusted import name

NOW = datetime(2026, 11, 21, 12, 4, tzinfo=UTC)
SAMPLE = (Path(__file__).parents[1] / "events" / "sms_context.json").read_bytes()
WHOLE = Context(
    system="sms",
    noun="SMS",
    updated_at=NOW,
    read_at=NOW,
    slot_minutes=10,
    slots=(Slot(NOW, 402, 25, 20),),
    window_minutes=30,
    reasons=(Reason("14", "Congestion", "carrier", 331, 94.8),),
    groups=(("carrier", (Group("Telstra", 401, 335),)),),
    samples=(Sample("id-1", NOW, "+61•••••111", "AU", "Telstra", "14", "Congestion"),),
    overdue=Overdue(9, 1180, 0.8),
    problem=Problem("unauthorized", "ClickSend refuses our key.", ("Put in the valid key.",), NOW),
    facts=(("Run", "daily"),),
    table=(("Column",), ("cell",)),
    table_title="Columns",
    recipients=("kim@example.com",),
    steps=("Look.",),
    blind_steps=("Look there.",),
    links=(("Status", "https://status.example.com"),),
    blind_end="It is counted now.",
    workgroup="analytics",
)


@pytest.mark.parametrize("context", [WHOLE, Context()])
def test_a_context_is_read_as_it_was_written(context: Context) -> None:
    assert documents.from_json(documents.to_json(context)) == context


def test_the_sample_of_a_document_is_written_as_it_was_read() -> None:
    written = json.loads(documents.to_json(documents.from_json(SAMPLE)))
    sample = json.loads(SAMPLE)
    assert written | {"slots": []} == sample | {"slots": []}


def test_what_a_system_keeps_for_itself_stays_in_the_document() -> None:
    slot = Slot(NOW, 2, 1, 1, {"domains": {"example.com": [2, 1]}})
    document = json.loads(documents.to_json(Context(slots=(slot,)), dead=[1]))
    assert document["dead"] == [1]
    assert document["slots"][0]["domains"] == {"example.com": [2, 1]}


def test_a_problem_leaves_the_rest_of_a_document_as_it_is() -> None:
    body = documents.with_problem(SAMPLE, Problem("error", "It failed.", (), NOW), Context())
    assert {**json.loads(body), "problem": None} == json.loads(SAMPLE)


@pytest.mark.parametrize(
    "notice",
    [
        SystemNotice(watch="queries.daily.rows", level=Level.WARNING, time=NOW, title="Daily", sentence="No rows."),
        SystemNotice(watch="w", level=Level.OK, time=NOW.replace(microsecond=5), title="w", facts=(("Rows", "0"),)),
        SystemNotice(watch="test", level=Level.CRITICAL, time=NOW, title="test", is_test=True, by="kim", to=("a@b.c",)),
    ],
)
def test_a_notice_is_read_as_it_was_written(notice: SystemNotice) -> None:
    document = json.loads(json.dumps(notices.to_document(notice)))
    assert notices.is_notice(document)
    assert notices.from_document(document) == notice


def test_a_notice_needs_a_watch_and_a_level() -> None:
    with pytest.raises(InputError):
        notices.from_document({"deliverywatch": 1, "watch": "x", "level": "purple"})


@pytest.mark.parametrize(
    "unseen",
    ["", " \n", "\u200b", "\u200e\u2060", "\u3164", "\u115f\u1160\uffa0", "\u2800", "\u00ad", "\ufeff", "\u034f",
     "\ufe0f", "\u180e", "\U000e0041", "\U0001d159", "\ue000", "\u200b" * 500],
)  # fmt: skip
def test_what_nobody_can_see_is_no_name(unseen: str) -> None:
    assert name(unseen, 60) == ""
    assert notices.from_document({"watch": "w", "level": "ok", "title": unseen}).title == "w"


@pytest.mark.parametrize(
    "seen", ["Kim", "\u674e", "\u0e01\u0e34", "\u0645\u06cc\u200c\u062e", "O'Neill", "7", "\U0001f642", "K" * 60]
)
def test_a_name_of_any_script_is_kept_as_it_is(seen: str) -> None:
    assert name(seen, 60) == seen


def test_every_level_has_a_look() -> None:
    assert {level.value for level in Level} | {"resolved", "notice"} == set(TONES)
