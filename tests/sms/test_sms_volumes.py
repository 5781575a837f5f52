"""The record of volumes: what a run leaves of its counts, and how a lost one is counted again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_world import NOW, World, at, row

from deliverywatch.errors import StoreUnavailable
from deliverywatch.messages.verdict import Verdict
from deliverywatch.sms import backfill, ingest
from deliverywatch.sms.lake import volumes
from deliverywatch.sms.lake.slots import HOUR, floor
from deliverywatch.sms.lake.volumes import Volumes, read_volumes
from deliverywatch.storage.memory import Memory

if TYPE_CHECKING:
    from datetime import datetime

STEP = timedelta(minutes=10)
DAY = timedelta(days=1)


def counts(world: World) -> dict[datetime, int]:
    """What is recorded of times in which something was sent."""
    return {step: count for step, count in read_volumes(world.store).counts.items() if count}


def sent(world: World) -> dict[datetime, int]:
    """The same of the account's own history, from the first hour that was ever read."""
    totals: dict[datetime, int] = {}
    for one in world.history.rows:
        step = floor(at("1970-01-01T00:00") + timedelta(seconds=one["date"]), 10)
        totals[step] = totals.get(step, 0) + 1
    return totals


def world_with(*times: str) -> World:
    world = World()
    world.history.rows = [row(f"M{number}", at(time)) for number, time in enumerate(times)]
    return world


def assessment(world: World) -> dict[str, Any]:
    return dict(world.context()["assessments"]["sms-silence"])


def test_a_run_records_what_was_sent_and_the_quiet_times() -> None:
    world = world_with("11:15", "11:16", "12:05")
    world.run()
    recorded = read_volumes(world.store)
    assert counts(world) == {at("11:10"): 2, at("12:00"): 1}
    assert recorded.counts[at("11:50")] == 0
    assert recorded.since == at("11:00")


def test_what_comes_late_is_recorded_with_the_next_hour() -> None:
    world = world_with("12:05")
    world.run()
    world.history.rows += [row("late", at("12:06")), row("new", at("12:15"))]
    for minute in range(20, 61, 10):
        world.run(NOW + timedelta(minutes=minute - 10))
    assert counts(world) == sent(world)


def test_a_lost_record_is_counted_again_in_the_lake() -> None:
    world = World()
    for number in range(30):
        world.history.rows.append(row(f"M{number}", NOW - timedelta(hours=number, minutes=5)))
    plan = ingest.backfill_plan(NOW, world.settings, world.store, 2)
    backfill.fill(plan, world.settings, world.ports(), NOW, lambda: "token")
    world.run()
    before = counts(world)
    for body in (b"no JSON", b'{"days": {"2026-11-21": "?"}}', b'{"days": {"2026-11-21": [1]}}', None):
        world.store.delete(volumes.KEY)
        if body:
            world.store.write(volumes.KEY, body)
        world.run(world.clock + STEP)
        assert counts(world) == before == sent(world)


def test_a_lost_record_is_counted_again_some_days_a_run_and_only_with_time_left() -> None:
    world = World()
    world.history.rows = [row(f"M{number}", NOW - number * DAY) for number in range(1, 20)]
    plan = ingest.backfill_plan(NOW, world.settings, world.store, 20)
    backfill.fill(plan, world.settings, world.ports(), NOW, lambda: "token")
    known = []
    for _ in range(4):
        world.run(world.clock + STEP)
        known.append(len(counts(world)))
    assert known == [6, 13, 19, 19]
    world.store.delete(volumes.KEY)
    world.seconds_left = 100
    world.run(world.clock + STEP)
    assert not counts(world)


def test_a_backfill_drops_the_days_that_it_changes() -> None:
    world = world_with("12:05")
    world.run()
    yesterday = NOW - DAY
    world.history.rows.append(row("old", yesterday))
    plan = ingest.backfill_plan(world.clock, world.settings, world.store, 2)
    backfill.fill(plan, world.settings, world.ports(), NOW, lambda: "token")
    assert read_volumes(world.store).since is None
    world.run(NOW + STEP)
    assert counts(world) == sent(world)


def test_what_a_later_version_stores_is_kept() -> None:
    world = world_with("12:05")
    world.store.write(volumes.KEY, json.dumps({"days": {}, "colour": "blue"}).encode())
    world.run()
    assert json.loads(world.store.read(volumes.KEY).body)["colour"] == "blue"  # type: ignore[union-attr]


def test_a_record_out_of_reach_stops_no_run_and_makes_silence_blind() -> None:
    world = world_with("12:05")

    def fail(operation: str, key: str) -> None:
        if key == volumes.KEY:
            raise StoreUnavailable("S3 cannot be reached.")

    world.store.before = fail  # type: ignore[attr-defined]
    assert world.run().new_count == 1
    assert Verdict(assessment(world)["verdict"]) is Verdict.BLIND


def test_switched_off_nothing_is_read_recorded_or_judged() -> None:
    from dataclasses import replace

    world = world_with("12:05")
    world.settings = replace(world.settings, silence=None)
    world.run()
    assert world.store.read(volumes.KEY) is None
    assert "sms-silence" not in world.context()["assessments"]


def test_only_slots_that_are_new_have_a_value_of_what_was_expected() -> None:
    world = World()
    midnight = at("00:00")
    recorded = {midnight - number * STEP: 20 for number in range(-72, 28 * 144)}
    world.store.write(volumes.KEY, Volumes(recorded, midnight - 28 * DAY).as_body())
    world.run()
    world.history.rows = [row(f"M{number}", at("12:15")) for number in range(3)] + [row("late", at("12:05"))]
    world.points.clear()
    world.run(NOW + STEP)
    values = {point.properties["slot"]: point.metrics.get("Expected") for point in world.points if point.properties}
    assert values["2026-11-21T12:10:00Z"] == (20, "Count")
    assert values["2026-11-21T12:00:00Z"] is None


@given(
    st.dictionaries(st.integers(0, 40 * 144), st.integers(0, 10**6)),
    st.one_of(st.none(), st.integers(0, 1000).map(lambda hours: at("2026-10-01T00:00") + hours * HOUR)),
)
def test_a_record_reads_as_it_was_written(numbers: dict[int, int], since: datetime | None) -> None:
    store, start = Memory(), at("2026-10-01T00:00")
    record = Volumes({start + number * STEP: count for number, count in numbers.items()}, since)
    store.write(volumes.KEY, record.as_body())
    assert read_volumes(store) == record


@given(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: f'{{"days": {{"{text}": [1]}}}}'.encode()))
def test_no_body_stops_a_reader(body: bytes) -> None:
    store = Memory()
    store.write(volumes.KEY, body)
    assert read_volumes(store).counts == {}


@pytest.mark.parametrize("minutes", [0, 10, 30, 170])
def test_between_two_writes_of_the_record_nothing_is_missed(minutes: int) -> None:
    world = world_with("11:35", "12:05")
    world.run()
    world.history.rows.append(row("next", at("12:15")))
    world.run(NOW + STEP)
    world.run(NOW + STEP + timedelta(minutes=minutes))
    world.store.writes.clear()  # type: ignore[attr-defined]
    end = floor(NOW + timedelta(minutes=minutes + 70), 60)
    world.run(end)
    assert counts(world) == sent(world)


@pytest.mark.parametrize(
    "record",
    [{"since": "0001-01-01T00:00:00+14:00"}, {"since": "2026-11-21T12:00:00"}, {"days": {"9999-12-31": [1] * 144}}],
)
def test_a_record_with_times_of_nobody_stops_no_run(record: dict[str, Any]) -> None:
    world = world_with("12:05")
    world.store.write(volumes.KEY, json.dumps({"days": {}} | record).encode())
    world.run()
    assert counts(world) == sent(world)
