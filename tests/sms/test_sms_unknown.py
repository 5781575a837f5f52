"""A share of statuses that no rule covers is a watch of its own, with the words listed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_world import NOW, World, at, row

from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Verdict
from deliverywatch.sms.assessments import unknown
from deliverywatch.sms.assessments.unknown import UnknownLimits

LIMITS = UnknownLimits()
Rows = list[tuple[int, str, str | None, str | None, str | None]]


def rows(good: int, odd: int, minutes_ago: int = 10, status: str = "Completed", text: str | None = None) -> Rows:
    time = int((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1000)
    return [(time, "delivered", "Sent", "201", None)] * good + [(time, "unknown", status, None, text)] * odd


@pytest.mark.parametrize(
    ("good", "odd", "verdict", "opens", "holds"),
    [
        (97, 3, Verdict.FAILING, "ok", "warning"),
        (96, 4, Verdict.FAILING, "warning", "warning"),
        (98, 2, Verdict.FAILING, "ok", "warning"),
        (99, 1, Verdict.HEALTHY, "ok", "ok"),
        (0, 3, Verdict.FAILING, "warning", "warning"),
        (18, 2, Verdict.FAILING, "ok", "warning"),
        (17, 2, Verdict.TOO_LITTLE, "ok", "ok"),
        (20, 0, Verdict.HEALTHY, "ok", "ok"),
        (19, 0, Verdict.TOO_LITTLE, "ok", "ok"),
        (0, 0, Verdict.TOO_LITTLE, "ok", "ok"),
    ],
)
def test_a_share_opens_and_half_of_it_holds_where_enough_was_seen(
    good: int, odd: int, verdict: Verdict, opens: str, holds: str
) -> None:
    seen = unknown.assess(unknown.collect([rows(good, odd)]), NOW, LIMITS)
    assert (seen.verdict, seen.opens, seen.holds) == (verdict, Level(opens), Level(holds))


def test_more_hours_are_read_only_where_few_were_sent() -> None:
    hours = iter([rows(30, 0), [], rows(0, 1), rows(0, 9)])
    assert unknown.collect(hours).unknown == 1
    assert len(list(hours)) == 0
    thin = iter([rows(5, 0), [], [], rows(5, 1), rows(20, 0), rows(0, 9)])
    assert unknown.collect(thin).total == 31


def test_silence_ends_no_incident() -> None:
    seen = unknown.assess(unknown.collect([rows(99, 0, minutes_ago=70)]), NOW, LIMITS)
    assert seen.verdict is Verdict.TOO_LITTLE


def test_the_words_are_listed_without_what_names_a_person() -> None:
    named = rows(0, 2, status="Held for +61491570156", text="ask jo@example.com\x00 now")
    seen = unknown.assess(unknown.collect([rows(90, 10) + named]), NOW, LIMITS)
    assert seen.sentence == (
        "12 of the last 102 SMS (11.8 %) have a status that no rule covers: Completed / no code (10), "
        "Held for ••••• / no code / ask ••••• now (2)."
    )


@given(st.lists(st.tuples(st.text(max_size=400), st.text(max_size=400)), min_size=1, max_size=60))
def test_any_words_make_one_short_printable_line(words: list[tuple[str, str]]) -> None:
    odd: Rows = [(int(NOW.timestamp() * 1000), "unknown", status, None, text) for status, text in words]
    sentence = unknown.assess(unknown.collect([odd]), NOW, LIMITS).sentence
    assert sentence.isprintable()
    assert len(sentence) < 600


def test_a_run_leaves_the_assessment_and_notifies_of_it() -> None:
    world = World()
    world.history.rows = [row(f"M{number}", at("12:05"), "unknown") for number in range(5)]
    world.run()
    left = world.context()["assessments"]["sms-unknown"]
    assert (left["opens"], left["value"]) == ("warning", 100.0)
    assert "Completed / no code / words (5)" in left["sentence"]
    assert "sms-unknown" in [notice.watch for notice in world.notices]
