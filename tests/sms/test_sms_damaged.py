"""A damaged object is named in one sentence with what to do, nothing of it is lost, and nothing else waits for it."""

from datetime import timedelta

import pytest
from sms_world import NOW, World, at, row

from deliverywatch.errors import ObjectDamaged
from deliverywatch.sms import compact, ingest
from deliverywatch.sms.lake import day_objects, merge
from deliverywatch.sms.lake.slots import HOUR, day_key_of, day_of, key_of

DAMAGED = [b"", b"PAR1 and no more", b"x" * 1000]


def damage(world: World, key: str, body: bytes) -> None:
    world.store.objects[key] = body


@pytest.mark.parametrize("body", DAMAGED)
def test_a_run_names_it_and_leaves_it(body: bytes) -> None:
    world = World()
    world.history.rows = [row("A", at("12:05"))]
    damage(world, key_of(at("12:00")), body)
    with pytest.raises(
        ObjectDamaged, match=r"sms/dt=2026-11-21/12\.parquet is not an object of a DeliveryWatch lake"
    ) as told:
        world.run()
    assert "Nothing was changed. Restore an older version" in told.value.next_step
    assert world.store.objects[key_of(at("12:00"))] == body
    assert world.context()["problem"]["kind"] == "damaged"


def test_a_backfill_names_it_and_goes_on_there_once_it_is_fixed() -> None:
    from deliverywatch.sms import backfill

    world, since = World(), NOW.replace(hour=4, minute=0) - timedelta(days=2)
    world.history.rows = [row(f"M{hour}", since + hour * HOUR) for hour in range(3)]
    damage(world, key_of(since + HOUR), b"no Parquet")
    plan = backfill.within(ingest.backfill_plan(NOW, world.settings, world.store, 3), since, since + 3 * HOUR)
    with pytest.raises(ObjectDamaged):
        backfill.fill(plan, world.settings, world.ports(), since, lambda: "t")
    assert backfill.resumed(world.store, since) == since + HOUR
    del world.store.objects[key_of(since + HOUR)]
    backfill.fill(plan, world.settings, world.ports(), since, lambda: "t")
    assert set(world.outcomes()) == {"M0", "M1", "M2"}


@pytest.mark.parametrize("body", DAMAGED)
def test_a_compaction_leaves_its_day_as_it_is_and_does_the_others(body: bytes) -> None:
    world, oldest = World(), day_of(NOW) - timedelta(days=6)
    world.history.rows = [row(f"M{day}", oldest + timedelta(days=day, hours=3)) for day in range(2)]
    world.run(NOW, by_hand=ingest.backfill_plan(NOW, world.settings, world.store, 7))
    broken = key_of(oldest + 5 * HOUR)
    damage(world, broken, body)
    done = compact.compact(compact.due(world.store.sizes("sms/"), NOW), world.store, token="c")
    assert (done.day_count, [*done.failures]) == (1, [f"{oldest:%Y-%m-%d}"])
    assert broken in done.failures[f"{oldest:%Y-%m-%d}"]
    assert world.store.objects[broken] == body
    assert day_key_of(oldest) not in world.store.objects
    del world.store.objects[broken]
    again = compact.compact(compact.due(world.store.sizes("sms/"), NOW), world.store, token="d")
    assert (again.day_count, again.failures) == (1, {})
    assert world.outcomes() == {"M0": "delivered", "M1": "delivered"}


def test_time_that_is_up_postpones_a_day_and_none_is_begun_that_may_not_end() -> None:
    world, oldest = World(), day_of(NOW) - timedelta(days=6)
    world.history.rows = [row(f"M{day}", oldest + timedelta(days=day, hours=3)) for day in range(2)]
    world.run(NOW, by_hand=ingest.backfill_plan(NOW, world.settings, world.store, 7))
    answers = iter([True, False])
    due = compact.due(world.store.sizes("sms/"), NOW)
    done = compact.compact(due, world.store, token="c", has_time=lambda: next(answers))
    assert (done.day_count, done.postponed_count) == (1, 1)


def test_days_are_due_72_hours_after_their_end_and_not_before_what_is_asked() -> None:
    midnight = day_of(NOW)
    keys = [key_of(midnight - timedelta(days=day) + 7 * HOUR) for day in range(7)]
    keys += [day_key_of(midnight - timedelta(days=6)), day_key_of(midnight - timedelta(days=9)), "sms/dt=x.json"]
    sizes = [(key, 1000) for key in keys]
    found = compact.due(sizes, NOW)
    assert [(midnight - each.day).days for each in found] == [6, 5, 4]
    assert [each.is_made for each in found] == [True, False, False]
    early = compact.due(sizes, NOW, before=midnight - timedelta(days=5))
    assert [(midnight - each.day).days for each in early] == [6]


def test_a_day_that_would_not_fit_into_the_function_stays_as_it_is() -> None:
    world, oldest = World(), day_of(NOW) - timedelta(days=6)
    world.history.rows = [row(f"M{day}", oldest + timedelta(days=day, hours=3)) for day in range(2)]
    world.run(NOW, by_hand=ingest.backfill_plan(NOW, world.settings, world.store, 7))
    sizes = [(key, 60_000_000 if f"{oldest:%Y-%m-%d}" in key else size) for key, size in world.store.sizes("sms/")]
    sizes.append((key_of(oldest + 9 * HOUR), 60_000_000))
    done = compact.compact(compact.due(sizes, NOW), world.store, token="c")
    assert (done.day_count, done.too_large_count) == (1, 1)
    assert key_of(oldest + 3 * HOUR) in world.store.objects


def test_an_object_is_not_blamed_for_what_is_wrong_elsewhere() -> None:
    world = World()
    world.history.rows = [row("A", at("12:05"))]
    world.run()
    body = world.store.objects[key_of(at("12:00"))]

    def broken(_body: bytes | None) -> merge.Merged:
        raise ValueError("of the rows that were read")

    for stored in (body, None):
        if stored is None:
            del world.store.objects[key_of(at("12:00"))]
        with pytest.raises(ValueError, match="of the rows that were read"):
            day_objects.keep(world.store, at("12:00"), broken, token="t", now=NOW)
