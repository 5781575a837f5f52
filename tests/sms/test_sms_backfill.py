"""A back-fill that is killed anywhere and started again ends in the lake of one that was not, and emits nothing."""

from datetime import datetime, timedelta

import pytest
from sms_world import NOW, Killed, World, at, row

from deliverywatch.sms import backfill, compact, ingest
from deliverywatch.sms.lake import day_objects, merge

SINCE = (NOW - timedelta(days=6)).replace(hour=22, minute=0)
UNTIL = SINCE + timedelta(hours=4)  # over midnight: two days, one of which may be compacted


def account() -> World:
    world = World()
    world.history.rows = [
        row(f"M{minute}", SINCE + timedelta(minutes=minute), "failed" if minute % 7 == 0 else "delivered")
        for minute in range(0, 240, 20)
    ]
    return world


def fill(world: World, since: datetime = SINCE) -> int:
    start = backfill.resumed(world.store, since)
    plan = backfill.within(ingest.backfill_plan(NOW, world.settings, world.store, 7), start, UNTIL)
    world.runs += 1
    return backfill.fill(plan, world.settings, world.ports(), since, lambda: f"run {world.runs}")


def rows_of(world: World) -> list[tuple[str, str]]:
    found = [
        each
        for _, body in day_objects.bodies(world.store, "sms/")
        for each in merge.rows(body, ("message_id", "outcome"))
    ]
    return sorted(found)


def steps_of_one() -> list[str]:
    world, steps = account(), []
    world.step_by(lambda operation, key: steps.append(f"{operation} {key}"))
    fill(world)
    return steps


STEPS = steps_of_one()


def test_a_backfill_takes_all_hours_and_emits_nothing() -> None:
    world = account()
    assert fill(world) == 12
    assert len(rows_of(world)) == 12
    assert world.points == []


@pytest.mark.parametrize("place", range(len(STEPS)), ids=lambda place: f"{place} {STEPS[place]}")
def test_killed_at_any_step_and_started_again_it_ends_as_if_done_once(place: int) -> None:
    undisturbed, world = account(), account()
    fill(undisturbed)
    left = place

    def kill(_operation: str, _key: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    world.step_by(kill)
    with pytest.raises(Killed):
        fill(world)
    world.step_by(lambda _operation, _key: None)
    fill(world)
    assert rows_of(world) == rows_of(undisturbed)
    assert [*world.lake()] == [*undisturbed.lake()]
    assert backfill.resumed(world.store, SINCE) == SINCE
    assert world.points == []


def test_started_again_it_goes_on_where_it_was() -> None:
    world = account()
    world.history.broken_hours = {SINCE + timedelta(hours=2)}
    with pytest.raises(ingest.SourceUnavailable):
        fill(world)
    assert backfill.resumed(world.store, SINCE) == SINCE + timedelta(hours=2)
    assert backfill.resumed(world.store, SINCE - timedelta(days=1)) == SINCE - timedelta(days=1), "another command"


def test_a_day_that_is_one_object_takes_what_clicksend_has_changed_since() -> None:
    world = account()
    fill(world)
    done = compact.compact(compact.due(world.store.sizes("sms/"), NOW), world.store, token="c")
    assert (done.day_count, done.failures) == (2, {})
    assert {key.rpartition("/")[2] for key in world.lake()} == {"day.parquet"}
    world.history.rows[0]["status_text"] = "other words"
    late = row("LATE", SINCE + timedelta(minutes=5), "failed")
    world.history.rows.append(late)
    assert fill(world) == 1
    assert {key.rpartition("/")[2] for key in world.lake()} == {"day.parquet"}
    assert ("LATE", "failed") in rows_of(world)
    assert len(rows_of(world)) == 13


def test_the_sweep_settles_a_late_outcome_in_the_object_of_its_day() -> None:
    world = World()
    midnight = NOW.replace(hour=0, minute=0)
    sent_at = midnight - timedelta(hours=72, minutes=30)
    world.history.rows = [row("P", sent_at, "pending")]
    world.run(sent_at + timedelta(minutes=10))
    world.run(midnight - timedelta(minutes=10))
    done = compact.compact(compact.due(world.store.sizes("sms/"), midnight), world.store, token="c")
    assert done.day_count == 1
    world.history.rows = [row("P", sent_at, "failed")]
    world.run(midnight)
    assert world.run(midnight + timedelta(minutes=10)).settling_count > 0
    assert world.outcomes() == {"P": "failed"}
    assert [*world.lake()] == [day_objects.day_key_of(day_objects.day_of(sent_at))]


def test_rows_without_a_date_stop_no_back_fill(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.history.rows = [row("A", at("08:05")), row("B", at("10:05"))]
    world.history.strays_at, world.history.strays = at("09:05"), [row("bad", at("09:05")) | {"date": "soon"}] * 5
    since = at("08:00")
    plan = backfill.within(ingest.backfill_plan(NOW, world.settings, world.store, 1), since, at("11:00"))
    tokens = iter(str(number) for number in range(99))
    assert backfill.fill(plan, world.settings, world.ports(), since, lambda: next(tokens)) == 2
    assert "5 rows have no usable message_id or date" in caplog.text
