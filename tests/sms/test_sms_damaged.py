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
def test_a_run_sets_it_aside_and_reads_its_hour_again(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.history.rows = [row("A", at("11:05"), "failed"), row("B", at("11:25"), "pending"), row("C", at("11:55"))]
    for minutes in (30, 20, 10):
        world.run(NOW - timedelta(minutes=minutes))
    key = key_of(at("11:00"))
    counted, rows = world.emitted(), world.rows_of(at("11:00"))
    damage(world, key, body)
    world.history.rows.append(row("D", at("12:05"), "failed"))
    world.run()
    assert world.store.objects[f"damaged/{key}"] == body
    assert f'"event": "record_damaged", "key": "{key}"' in caplog.text
    assert world.emitted() == counted | {at("12:00"): (1, 1)}
    world.history.rows[1] = row("B", at("11:25"), "failed")
    world.run(at("13:00"))
    assert world.outcomes() == {"A": "failed", "B": "failed", "C": "delivered", "D": "failed"}
    assert len(world.rows_of(at("11:00"))) == len(rows)
    # What became of a message after its hour was read again counts as ever.
    assert world.emitted()[at("11:20")] == (1, 1)
    assert world.emitted()[at("11:00")] == (1, 1)


@pytest.mark.parametrize("body", DAMAGED)
def test_an_hour_that_no_range_of_the_run_holds_is_read_again_by_its_sweep(body: bytes) -> None:
    world = World()
    world.history.rows = [row("A", at("08:05"), "failed")]
    world.run(at("08:30"))
    world.run()
    damage(world, key_of(at("08:00")), body)
    world.run(at("13:00"))
    assert world.store.objects[f"damaged/{key_of(at('08:00'))}"] == body
    world.run(at("13:10"))
    assert world.outcomes() == {"A": "failed"}
    assert world.emitted()[at("08:00")] == (1, 1)


@pytest.mark.parametrize("name", [b"token", b"unsettled", b"covered-until"])
def test_an_object_whose_footer_names_nothing_is_corrected(name: bytes) -> None:
    world = World()
    world.history.rows = [row("A", at("11:15"), "pending")]
    world.run()
    key = key_of(at("11:00"))
    damage(world, key, world.store.objects[key].replace(name, b"\x8a" + name[1:]))
    world.history.rows = [row("A", at("11:15"), "failed")]
    world.run(at("12:20"))
    assert world.emitted()[at("11:10")] == (1, 1)


@pytest.mark.parametrize("value", ["abc", "-5", "9" * 5_000])
def test_a_count_of_unsettled_rows_that_is_none_is_read_again(value: str) -> None:
    world = World()
    world.history.rows = [row("A", at("08:05"), "pending")]
    world.run(at("08:30"))
    world.store.stored_metadata[key_of(at("08:00"))] = {"unsettled": value}
    world.history.rows = [row("A", at("08:05"), "failed")]
    world.run(at("12:00"))
    assert world.outcomes() == {"A": "failed"}


def test_a_backfill_sets_it_aside_and_goes_on() -> None:
    from deliverywatch.sms import backfill

    world, since = World(), NOW.replace(hour=4, minute=0) - timedelta(days=2)
    world.history.rows = [row(f"M{hour}", since + hour * HOUR) for hour in range(3)]
    damage(world, key_of(since + HOUR), b"no Parquet")
    plan = backfill.within(ingest.backfill_plan(NOW, world.settings, world.store, 3), since, since + 3 * HOUR)
    backfill.fill(plan, world.settings, world.ports(), since, lambda: "t")
    assert set(world.outcomes()) == {"M0", "M1", "M2"}
    assert world.store.objects[f"damaged/{key_of(since + HOUR)}"] == b"no Parquet"


@pytest.mark.parametrize("body", DAMAGED)
def test_the_object_of_a_day_is_named_and_left(body: bytes) -> None:
    world, day = World(), day_of(NOW) - timedelta(days=5)
    world.history.rows = [row("A", day + HOUR)]
    damage(world, day_key_of(day), body)
    with pytest.raises(ObjectDamaged, match=r"dt=2026-11-16/day\.parquet is not an object") as caught:
        world.run(by_hand=ingest.backfill_plan(NOW, world.settings, world.store, 6))
    assert "Nothing was changed. Restore an older version" in caught.value.next_step
    assert world.store.objects[day_key_of(day)] == body


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
