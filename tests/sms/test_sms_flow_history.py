"""Runs one after the other over a history that changes: the lake is the truth, and the sums of what was emitted fit."""

import json
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sms_world import NOW, Killed, World, at, row

from deliverywatch.sms import plan
from deliverywatch.sms.ports import Settings

SLOT = timedelta(minutes=10)
BEGIN = at("08:00")
EXAMPLE = Path(__file__).parents[1] / "events" / "sms_context.json"

fates = st.lists(
    st.sampled_from(["pending", "delivered", "failed", "temporary", "unknown", "excluded", "scheduled"]),
    min_size=1,
    max_size=4,
)
messages = st.tuples(st.integers(0, 119), st.integers(0, 50), fates)


def seen_at(now: datetime, histories: list[tuple[int, int, list[str]]]) -> list[dict[str, Any]]:
    """What history shows: a message appears some minutes after it was sent, and its outcome changes every quarter."""
    rows = []
    for number, (minute, late, outcomes) in enumerate(histories):
        sent_at = BEGIN + timedelta(minutes=minute)
        age = (now - sent_at).total_seconds() // 60
        if age >= late:
            rows.append(row(f"M{number}", sent_at, outcomes[min(len(outcomes) - 1, int(age // 15))]))
    return rows


def run_or_die(world: World, now: datetime, dies_after: int | None) -> None:
    """A run that may be killed after so many steps, but not between the write of an hour and its emission."""
    left = [dies_after]

    def kill(port: str, key: str) -> None:
        if left[0] is not None:
            left[0] -= 1
            if left[0] < 0 and port not in {"put", "emit"}:
                raise Killed

    world.step_by(kill)
    with suppress(Killed):
        world.run(now)
    world.step_by(lambda _port, _key: None)


kills = st.one_of(st.none(), st.just("skipped"), st.integers(0, 25))


@settings(max_examples=40)
@given(st.lists(messages, max_size=8), st.lists(kills, min_size=18, max_size=18))
def test_whatever_happens_the_lake_is_the_truth_and_the_sums_fit(
    histories: list[tuple[int, int, list[str]]], runs: list[int | str | None]
) -> None:
    world, end = World(), at("14:00")
    world.run(BEGIN)
    for index, fate in enumerate(runs, 1):
        now = BEGIN + index * SLOT
        world.history.rows = seen_at(now, histories)
        if fate != "skipped":
            run_or_die(world, now, fate)
    world.history.rows = seen_at(end, histories)
    world.run(end)
    assert world.outcomes().keys() == {each["message_id"] for each in world.history.rows}
    assert nonzero(world.emitted()) == nonzero(world.counted())
    # What changed after its hour had settled is found by hand only.
    world.run(end, by_hand=plan.window(end, BEGIN, at("11:00"), 10))
    truth = World(history=world.history)
    truth.run(end, by_hand=plan.window(end, BEGIN, at("11:00"), 10))
    assert world.outcomes() == truth.outcomes()
    assert nonzero(world.emitted()) == nonzero(truth.emitted())


def nonzero(sums: dict[datetime, Any]) -> dict[datetime, Any]:
    return {slot: each for slot, each in sums.items() if each != (0, 0)}


def test_quiet_slots_are_emitted_once_as_zeros() -> None:
    world = World()
    for index in range(3):
        world.run(NOW + index * SLOT)
    slots = world.emitted_slots()
    assert sorted(set(slots)) == slots
    assert set(world.emitted().values()) == {(0, 0)}


@pytest.mark.parametrize("minutes", [1, 2, 5, 10])
def test_a_slot_is_stamped_two_minutes_after_its_end(minutes: int) -> None:
    world = World(settings=Settings(slot_minutes=minutes))
    world.history.rows = [row("A", at("12:03:30"))]
    world.run()
    (stamp,) = [point.stamp for point in world.points if point.metrics.get("Total", (0,))[0]]
    ends = {1: at("12:04"), 2: at("12:04"), 5: at("12:05"), 10: at("12:10")}
    assert stamp == ends[minutes] + timedelta(minutes=2)


def test_missed_runs_are_caught_up_but_nothing_older_than_a_day_is_emitted() -> None:
    world = World()
    world.run(NOW - timedelta(hours=30))
    old, new = NOW - timedelta(hours=26), NOW - timedelta(hours=20)
    world.history.rows = [row("old", old, "failed"), row("new", new, "failed")]
    world.points.clear()
    world.run()
    assert world.outcomes() == {"old": "failed", "new": "failed"}
    assert {slot for slot, sums in world.emitted().items() if sums == (1, 1)} == {new}
    assert min(world.emitted_slots()) == NOW - timedelta(hours=24)


def test_a_temporary_failure_is_one_for_good_after_72_hours() -> None:
    world = World()
    world.history.rows = [row("A", at("12:05"), "temporary")]
    world.run()
    world.run(at("2026-11-24T11:10"))
    assert world.outcomes() == {"A": "pending"}
    world.run(at("2026-11-24T13:10"))
    assert world.outcomes() == {"A": "failed"}


def test_the_last_hour_is_read_again() -> None:
    world = World()
    world.run()
    world.history.asked.clear()
    world.run(NOW + SLOT)
    assert (world.history.asked[0][0], world.history.asked[-1][1]) == (NOW - timedelta(hours=1), NOW + SLOT)


def test_two_runs_at_once_lose_nothing_and_count_nothing_twice() -> None:
    world, other = World(), World()
    other.store, other.runs = world.store, 100
    world.history.rows = [row("A", at("12:05"), "failed"), row("B", at("12:06"))]
    other.history.rows = [row("B", at("12:06")), row("C", at("12:07"), "failed")]

    def interfere(operation: str, key: str) -> None:
        if operation == "replace" and key.startswith("sms/"):
            world.store.before = None
            other.run()

    world.store.before = interfere
    world.run()
    assert world.outcomes() == {"A": "failed", "B": "delivered", "C": "failed"}
    total = [world.emitted()[at("12:00")], other.emitted()[at("12:00")]]
    assert [sum(parts) for parts in zip(*total, strict=True)] == [3, 2]


def test_dead_numbers_can_be_left_out_of_failed() -> None:
    for is_counted in (True, False):
        world = World(settings=Settings(count_recipient_faults=is_counted))
        world.history.rows = [row("A", at("12:05"), "dead"), row("B", at("12:06"), "failed")]
        world.run()
        assert world.emitted()[at("12:00")] == (2, 1 + is_counted)


def shape(value: Any) -> Any:
    """The keys of a document, recursively."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else type(value).__name__


def test_the_context_has_the_shape_that_mails_are_made_of() -> None:
    world = World()
    world.history.rows = [row("A", at("11:55"), "failed"), row("B", at("12:05"))]
    world.run()
    own = ("assessments", "published", "facts", "delay", "watch_steps", "counted_from")
    mail = {name: member for name, member in world.context().items() if name not in own}
    assert shape(mail) == shape(json.loads(EXAMPLE.read_text()))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(10, 69), st.integers(0, 3)), max_size=12))
def test_recipients_who_failed_since_a_slot_are_a_sum_over_the_slots_from_it(failures: list[tuple[int, int]]) -> None:
    world = World()
    world.history.rows = [
        row(f"M{index}", at("11:00") + timedelta(minutes=minute), "failed", to=f"+6140000000{person}")
        for index, (minute, person) in enumerate(failures)
    ]
    world.run()
    last = [(slot["start"], slot["recipients_last_failed"]) for slot in world.context()["slots"]]
    for start, _ in last:
        since = (at(start[11:16]) - at("11:00")).total_seconds() // 60
        people = {person for minute, person in failures if minute >= since}
        assert sum(count for slot, count in last if slot >= start) == len(people)
