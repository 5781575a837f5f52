"""A watermark that is lost, damaged or in the future loses no failure: the lake proves what was counted."""

import json
from datetime import timedelta

import pytest
from sms_world import NOW, World, at, row

from deliverywatch.sms import ingest, plan
from deliverywatch.sms.lake import marks, seal
from deliverywatch.sms.lake.rebuild import rebuilt
from deliverywatch.sms.lake.slots import HOUR, key_of
from deliverywatch.sms.lake.watermark import WATERMARK

SLOT = timedelta(minutes=10)
DAMAGED = [b"", b"[]", b"{}", b"\xff", b'{"covered_until": "soon"}', b'{"covered_until": "2026-11-21"}']


def watched(*times: str, until: str = "12:10") -> World:
    """A world that has been watched since 05:00, with a pending message at each of these times."""
    world = World()
    world.run(at("05:00"))
    for time in times:
        world.history.rows.append(row(f"of {time}", at(time), "pending"))
        world.run(at(time) + 2 * SLOT)
    world.run(at(until))
    return world


def fail_all(world: World) -> None:
    world.history.rows = [each | {"status": "Failed", "status_code": "301"} for each in world.history.rows]


# Times with which nobody can calculate, and one that would leave out what was counted.
ODD = [
    b'{"covered_until": "0001-01-01T00:00:00Z"}',
    b'{"covered_until": "0001-01-01T00:00:00+14:00"}',
    b'{"covered_until": "9999-12-31T23:59:59-14:00"}',
    b'{"covered_until": "2026-11-21T12:00:00Z", "counted_from": "2099-01-01T00:00:00Z"}',
]


@pytest.mark.parametrize("body", [None, *DAMAGED, *ODD, b'{"covered_until": "2027-11-21T12:00:00Z"}'])
def test_late_failures_count_after_the_watermark_is_lost(body: bytes | None) -> None:
    world = watched("06:05", "09:15", "11:55")
    world.store.objects[WATERMARK] = body or b""
    if body is None:
        del world.store.objects[WATERMARK]
    fail_all(world)
    assert not world.run(at("13:00")).first_run
    assert world.emitted() | world.counted() == world.emitted()
    assert (world.watermark(), len(world.outcomes())) == (at("13:00"), 3)


@pytest.mark.parametrize("body", [None, b"{", b'{"covered_until": "2027-11-21T12:00:00Z"}'])
def test_the_rebuilt_watermark_knows_since_when_messages_count_though_no_object_says_so(body: bytes | None) -> None:
    world = watched(until="06:00")
    counted_from = json.loads(world.store.objects[WATERMARK])["counted_from"]
    world.store.objects[WATERMARK] = body or b""
    world.run(NOW)
    assert json.loads(world.store.objects[WATERMARK])["counted_from"] == counted_from


def test_what_was_sent_in_an_outage_is_read_although_the_watermark_was_lost_in_it() -> None:
    world = watched("05:35", until="06:00")
    world.history.rows.append(row("in the outage", at("08:05"), "failed"))
    del world.store.objects[WATERMARK]
    world.run(NOW)
    assert world.outcomes() == {"of 05:35": "pending", "in the outage": "failed"}
    assert world.emitted()[at("08:00")] == (1, 1)


def test_a_watermark_of_another_age_goes_back_as_far_as_the_history() -> None:
    world = watched("11:55")
    world.store.objects[WATERMARK] = b'{"covered_until": "1971-01-01T00:00:00Z"}'
    world.run(at("13:00"))
    assert len(world.history.asked) < 150 * 24
    assert (world.watermark(), world.counted()) == (at("13:00"), {at("11:50"): (1, 0)})


def test_an_outage_of_days_is_caught_up_from_the_newest_object() -> None:
    world = watched("06:05", until="06:30")
    days = timedelta(days=5)
    world.history.rows.append(row("late", NOW + timedelta(days=3), "failed"))
    del world.store.objects[WATERMARK]
    world.run(NOW + days)
    assert "late" in world.outcomes()


@pytest.mark.parametrize("body", [*DAMAGED, *ODD])
def test_a_damaged_watermark_is_set_aside(body: bytes, caplog: pytest.LogCaptureFixture) -> None:
    world = watched("09:15")
    world.store.objects[WATERMARK] = body
    world.run(NOW + SLOT)
    assert world.store.objects[f"damaged/{WATERMARK}"] == body
    assert "sms_watermark_rebuilt" in caplog.text
    assert "deliverywatch reconcile --dry-run" in caplog.text


def test_the_mails_of_a_day_say_that_it_was_rebuilt() -> None:
    world = watched("09:15")
    del world.store.objects[WATERMARK]
    world.run(NOW + SLOT)
    world.run(NOW + 2 * SLOT)
    facts = {fact["name"]: fact["value"] for fact in world.context()["facts"]}
    assert "made anew of the lake at 2026-11-21 12:20 UTC" in facts["Counting"]
    world.run(NOW + timedelta(days=2))
    assert "Counting" not in {fact["name"] for fact in world.context().get("facts", ())}


def test_a_back_fill_before_the_first_run_is_no_proof_of_one() -> None:
    world = World()
    world.history.rows = [row("A", at("05:05"), "pending")]
    world.run(by_hand=ingest.backfill_plan(NOW, world.settings, world.store, 1))
    assert rebuilt(world.store, NOW) is None
    assert world.run().first_run
    assert world.watermark() == NOW


def test_a_lake_of_the_release_before_proves_its_hours() -> None:
    world = watched("06:05", "09:15")
    unmarked = {name: {"unsettled": "1"} for name in world.store.stored_metadata}
    world.store.stored_metadata |= unmarked
    del world.store.objects["state/sms.json"]
    proof = rebuilt(world.store, NOW)
    assert proof is not None
    assert (proof.covered_until, proof.counted_from) == (at("09:00"), at("06:00"))


def test_the_proof_is_as_far_as_the_runs_had_got() -> None:
    world = watched("06:05", "11:55")
    del world.store.objects["state/sms.json"]
    proof = rebuilt(world.store, NOW)
    assert proof is not None
    assert (proof.covered_until, proof.counted_from) == (at("11:00"), at("04:00"))


def test_what_was_summed_up_for_the_mails_was_covered_though_no_message_was_sent() -> None:
    world = World()
    world.run(at("06:00"))
    del world.store.objects[WATERMARK]
    world.history.rows = [row("in the outage", at("08:05"), "failed")]
    assert not world.run(NOW).first_run
    assert world.emitted()[at("08:00")] == (1, 1)


def test_a_run_by_hand_proves_that_its_messages_count_and_not_that_those_before_were_read() -> None:
    world = watched("05:35", until="06:00")
    world.history.rows += [row("not read", at("07:05"), "failed"), row("by hand", at("10:05"), "pending")]
    world.run(NOW - HOUR, by_hand=plan.window(NOW - HOUR, at("10:00"), at("11:00"), 10))
    del world.store.objects[WATERMARK], world.store.objects["state/sms.json"]
    fail_all(world)
    world.run(NOW)
    assert world.emitted()[at("07:00")] == world.emitted()[at("10:00")] == (1, 1)


def test_a_mark_in_the_future_proves_nothing_but_its_hour() -> None:
    world = watched("06:05")
    key = key_of(at("06:00"))
    world.store.stored_metadata[key] = {marks.COVERED_UNTIL: "2030-01-01T00:00:00Z", marks.COUNTED_FROM: "never"}
    del world.store.objects["state/sms.json"]
    proof = rebuilt(world.store, NOW)
    assert proof is not None
    assert (proof.covered_until, proof.counted_from) == (at("06:00"), at("06:00"))


@pytest.mark.parametrize("mark", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon"])
def test_marks_with_which_nobody_can_calculate_prove_nothing_but_their_hours(mark: str) -> None:
    world = watched("11:55")
    for key in world.lake():
        world.store.stored_metadata[key] = dict.fromkeys((marks.COUNTED_FROM, marks.COVERED_UNTIL), mark)
    del world.store.objects[WATERMARK]
    fail_all(world)
    world.run(at("13:00"))
    assert world.emitted()[at("11:50")] == (1, 1)


def test_a_watermark_keeps_what_a_later_version_wrote() -> None:
    world = watched("06:05")
    stored = json.loads(world.store.objects[WATERMARK])
    world.store.objects[WATERMARK] = json.dumps(stored | {"incomplete": ["x"]}).encode()
    world.run(NOW + SLOT)
    after = json.loads(world.store.objects[WATERMARK])
    assert after == stored | {"incomplete": ["x"], "covered_until": "2026-11-21T12:20:00Z"}


def test_an_object_keeps_what_a_later_version_stored_beside_it() -> None:
    world = watched("06:05")
    key = key_of(at("06:00"))
    body = seal.rewritten(seal.batches_of(world.store.objects[key]), {"unsettled": "1", "later": "kept"}, "t").body
    assert body is not None
    world.store.objects[key] = body
    fail_all(world)
    world.run(NOW + HOUR)
    assert dict(world.store.metadata(key) or {})["later"] == "kept"
    sealed = seal.sealed(world.store.objects[key], "t")
    assert sealed.metadata["later"] == "kept"
    assert seal.joined([sealed.body or b""], "t").metadata["later"] == "kept"
