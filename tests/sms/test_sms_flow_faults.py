"""What a run does when something fails: it is loud, keeps what it has, and what is new never waits for what is old."""

import json
import logging
from datetime import datetime, timedelta

import pytest
from sms_world import NOW, Killed, World, at, row

from deliverywatch.errors import (
    DeliveryWatchError,
    SourceMalformed,
    SourceRefused,
    SourceThrottled,
    SourceUnavailable,
)
from deliverywatch.sms import ingest, plan
from deliverywatch.sms.lake.watermark import WATERMARK

SLOT = timedelta(minutes=10)
TEXT_DATE = "five past twelve"
ERRORS = [
    SourceRefused("401"),
    SourceRefused("403", kind="forbidden"),
    SourceThrottled("429"),
    SourceUnavailable("5xx"),
    SourceMalformed("no page"),
]


def unreadable(number: int) -> list[dict[str, object]]:
    return [row(f"bad {index}", at("12:05")) | {"date": TEXT_DATE} for index in range(number)]


@pytest.mark.parametrize(("bad", "good"), [(1, 0), (50, 0), (3, 50), (10, 100)])
def test_many_unreadable_rows_fail_the_run_that_has_gone_on_past_them(bad: int, good: int) -> None:
    world = World()
    world.run(NOW - SLOT)
    known = [row(f"good {index}", at("12:05")) for index in range(good)]
    world.history.rows, world.history.strays = known, unreadable(bad)
    with pytest.raises(SourceMalformed, match=f"{bad} rows without a usable message_id or date"):
        world.run()
    assert (world.watermark(), world.run_count()) == (NOW, 1)
    assert world.context()["problem"]["kind"] == "malformed"
    assert len(world.rows_of(at("12:00"))) == good
    assert world.emitted().get(at("12:00")) == ((good, 0) if good else None)
    world.history.strays = []
    world.run(NOW + SLOT)
    assert (world.context()["problem"], world.run_count()) == (None, 2)


def test_what_was_read_before_clicksend_failed_is_kept_and_counted() -> None:
    world = World()
    world.run(NOW - SLOT)
    world.history.rows = [row(f"M{index}", at("12:05"), "failed") for index in range(3)]
    world.history.page_size = 1
    world.history.breaks_after_pages = 2
    with pytest.raises(SourceUnavailable):
        world.run()
    assert (world.watermark(), world.emitted()[at("12:00")]) == (NOW - SLOT, (2, 2))
    world.history.breaks_after_pages = None
    world.run()
    assert (world.watermark(), world.emitted()[at("12:00")]) == (NOW, (3, 3))


@pytest.mark.parametrize(("bad", "good"), [(2, 1), (3, 57)])
def test_a_few_unreadable_rows_are_only_warned_of(bad: int, good: int, caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.history.rows = [row(f"good {index}", at("12:05")) for index in range(good)]
    world.history.strays = unreadable(bad)
    assert world.run().unreadable_count == bad
    assert f"{bad} rows have no usable message_id or date" in caplog.text


def unsettled_world(*hours: str) -> World:
    """A world with a pending message in each hour, which the next run's sweep reads again."""
    world = World()
    for hour in hours:
        world.history.rows.append(row(f"of {hour}", at(hour), "pending"))
        world.run(at(hour) + timedelta(minutes=30))
    world.run(NOW - timedelta(minutes=20))
    world.history.rows = [{**each, "status_code": "301", "status": "Failed"} for each in world.history.rows]
    return world


def test_an_old_hour_that_cannot_be_read_holds_up_neither_what_is_new_nor_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = unsettled_world("2026-11-20T20:05", "2026-11-21T05:05")
    world.history.broken_hours = {at("2026-11-20T20:00")}
    summary = world.run()
    assert (world.watermark(), world.context()["problem"]) == (NOW, None)
    assert (summary.settling_count, summary.unsettled_count) == (1, 1)
    assert world.outcomes() == {"of 2026-11-20T20:05": "pending", "of 2026-11-21T05:05": "failed"}
    (said,) = [json.loads(each.message) for each in caplog.records if each.message.startswith("{")]
    assert (said["event"], [*said["hours"]]) == ("sms_settle_failed", ["2026-11-20T20:00:00Z"])


def test_a_run_that_can_settle_no_hour_at_all_fails_after_what_is_new_is_done() -> None:
    world = unsettled_world("2026-11-20T20:05")
    world.history.broken_hours = {at("2026-11-20T20:00")}
    runs = world.run_count()
    with pytest.raises(SourceUnavailable):
        world.run()
    assert (world.watermark(), world.run_count()) == (NOW, runs + 1)
    assert world.context()["problem"]["kind"] == "incomplete"


def test_the_oldest_hours_settle_first() -> None:
    world = unsettled_world("2026-11-20T20:05", "2026-11-21T05:05")
    world.history.asked.clear()
    world.run()
    old = [start for start, _ in world.history.asked if start < at("10:00")]
    assert old == [at("2026-11-20T20:00"), at("05:00")]


def test_the_sweep_is_done_once_an_hour_and_only_of_hours_that_have_not_settled() -> None:
    world = unsettled_world("05:05")
    assert [world.run(NOW + index * SLOT).settling_count for index in range(3)] == [1, 0, 0]


@pytest.mark.parametrize("error", ERRORS, ids=str)
def test_a_refusal_is_loud_marks_nothing_as_read_and_passes_with_the_next_success(error: DeliveryWatchError) -> None:
    world = World()
    world.history.rows = [row("A", at("11:55"), "failed")]
    world.run(NOW - SLOT)
    before = world.context()
    world.history.error = error
    with pytest.raises(type(error)):
        world.run()
    assert world.watermark() == NOW - SLOT
    assert world.context()["problem"]["kind"] == error.kind
    assert world.context()["problem"]["steps"] == [error.next_step]
    assert {**world.context(), "problem": None} == before
    world.history.error = None
    world.run(NOW + SLOT)
    assert (world.context()["problem"], world.watermark()) == (None, NOW + SLOT)


def test_a_watermark_in_the_future_is_set_back_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.store.objects[WATERMARK] = b'{"covered_until": "2027-11-21T12:00:00Z"}'
    world.run()
    assert world.watermark() == NOW
    assert "2027-11-21T12:00:00Z lies in the future" in caplog.text


def test_a_late_event_is_no_future_watermark(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.run()
    with caplog.at_level(logging.WARNING):
        world.run(NOW - 3 * SLOT)
    assert (world.watermark(), caplog.text) == (NOW, "")


def test_a_message_that_was_stored_before_the_first_run_is_never_counted() -> None:
    world = World()
    world.history.rows = [row("A", at("05:05"), "pending")]
    world.run(by_hand=ingest.backfill_plan(NOW, world.settings, world.store, 1))
    world.run()
    world.history.rows = [row("A", at("05:05"), "failed"), row("B", at("12:15"), "failed")]
    world.run(at("13:10"))
    assert world.outcomes() == {"A": "failed", "B": "failed"}
    assert at("05:00") not in world.emitted()
    assert world.emitted()[at("12:10")] == (1, 1)


def test_a_range_is_not_begun_without_the_time_to_report_a_failure() -> None:
    world = World(seconds_left=ingest.RESERVE_SECONDS + 5)
    with pytest.raises(SourceUnavailable) as caught:
        world.run()
    assert (caught.value.kind, world.context()["problem"]["kind"]) == ("behind", "behind")
    assert world.history.asked == []


@pytest.mark.parametrize("moment", [None, "", NOW.isoformat(), (NOW - SLOT).isoformat()])
def test_a_run_is_due_when_its_event_says(moment: str | None) -> None:
    expected: datetime = NOW - SLOT if moment == (NOW - SLOT).isoformat() else NOW
    assert plan.due(moment, NOW, 10) == expected


@pytest.mark.parametrize("moment", ["soon", 5, "2026-11-21T12:10:00", "2026-11-21T12:21:00Z"])
def test_a_time_that_is_none_or_has_not_come_is_refused(moment: object) -> None:
    with pytest.raises(DeliveryWatchError, match="scheduled_time"):
        plan.due(moment, NOW, 10)


def steps_of(world: World) -> list[str]:
    seen: list[str] = []
    world.step_by(lambda port, key: seen.append(f"{port} {key}"))
    world.run()
    return seen


def history_world() -> World:
    world = World()
    world.run(at("10:10"))
    world.history.rows = [row("A", at("10:05"), "pending")]
    world.run(at("10:20"))
    world.history.rows = [row("A", at("10:05"), "failed"), row("B", at("11:15")), row("C", at("12:05"), "failed")]
    return world


STEPS = steps_of(history_world())


@pytest.mark.parametrize("place", range(len(STEPS)), ids=STEPS)
def test_a_run_that_is_killed_anywhere_and_started_again_ends_in_the_same_lake(place: int) -> None:
    undisturbed, world = history_world(), history_world()
    undisturbed.run()
    left = [place]

    def kill(_port: str, _key: str) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    world.step_by(kill)
    with pytest.raises(Killed):
        world.run()
    world.step_by(lambda _port, _key: None)
    world.run()
    assert (world.outcomes(), world.watermark()) == (undisturbed.outcomes(), undisturbed.watermark())
    assert world.context() == undisturbed.context()
    lost = {slot for slot, counted in undisturbed.emitted().items() if world.emitted().get(slot, (0, 0)) != counted}
    committed = STEPS[place - 1] if STEPS[place].startswith("emit ") else STEPS[place]
    is_named_loss = committed.startswith("put sms/dt=")
    hour = int(committed[-len("10.parquet") : -len(".parquet")]) if is_named_loss else None
    assert {slot.hour for slot in lost} <= {hour}
    assert bool(lost) == is_named_loss


def test_an_hour_is_emitted_at_once_so_that_a_kill_loses_no_part_of_it() -> None:
    world = World()
    world.run(NOW - SLOT)
    world.history.rows = [row("A", at("11:25"), "failed"), row("B", at("11:35")), row("C", at("12:05"))]
    world.emissions.clear()
    world.run()
    totals = [[point.metrics.get("Total", ("run",))[0] for point in emission] for emission in world.emissions]
    assert totals == [[1, 1], [1], ["run"]]
