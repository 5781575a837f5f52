"""What a run reads, in which order, and what it may emit: decided before anything is read."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_world import NOW, at

from deliverywatch.errors import InputError
from deliverywatch.sms import plan
from deliverywatch.sms.lake.slots import HOUR, floor, hour_of, key_of, steps
from deliverywatch.sms.lake.watermark import Watermark

if TYPE_CHECKING:
    from deliverywatch.sms.plan import Plan, Range


def scheduled(now: datetime, covered_until: datetime | None, slot_minutes: int = 10, **known: Any) -> Plan:
    watermark = None if covered_until is None else Watermark(covered_until, at("2026-11-01T00:00"))
    return plan.scheduled(now, watermark, slot_minutes, **known)


def spans(ranges: tuple[Range, ...]) -> list[str]:
    return [f"{part.start:%H:%M}-{part.end:%H:%M}" for part in ranges]


def test_a_run_reads_the_new_slot_and_the_hour_before_it_again() -> None:
    chosen = scheduled(at("12:40"), at("12:30"))
    assert spans(chosen.ranges) == ["11:30-12:00", "12:00-12:40"]
    assert chosen.new_slots == (at("12:30"),)
    assert chosen.covered_until == at("12:40")


def test_a_run_that_comes_late_covers_what_was_due() -> None:
    assert scheduled(at("12:43") + timedelta(seconds=7), at("12:30")).end == at("12:40")


def test_the_first_run_covers_the_last_hour_and_says_that_it_is_the_first() -> None:
    chosen = scheduled(at("12:40"), None)
    assert spans(chosen.ranges) == ["11:40-12:00", "12:00-12:40"]
    assert len(chosen.new_slots) == 6
    assert chosen.is_first


def test_after_an_outage_everything_since_is_new() -> None:
    chosen = scheduled(at("12:10"), at("03:00"))
    assert spans(chosen.ranges)[:2] == ["02:00-03:00", "03:00-04:00"]
    assert chosen.new_slots[0] == at("03:00")
    assert len(chosen.new_slots) == 55


def test_after_a_very_long_outage_what_clicksend_still_has_is_read() -> None:
    assert scheduled(NOW, NOW - timedelta(days=400)).ranges[0].start == hour_of(NOW - timedelta(days=120))


def test_a_repeated_run_has_nothing_new_but_reads_again() -> None:
    chosen = scheduled(at("12:40"), at("12:40"))
    assert chosen.new_slots == ()
    assert spans(chosen.ranges) == ["11:40-12:00", "12:00-12:40"]


def test_a_late_event_moves_nothing_back() -> None:
    chosen = scheduled(at("12:10"), at("12:40"), clock=at("12:41"))
    assert (chosen.new_slots, chosen.covered_until) == ((), at("12:40"))


def test_a_watermark_in_the_future_is_set_back() -> None:
    assert scheduled(at("12:10"), at("18:00")).covered_until == at("12:10")


def test_the_slots_are_whole_after_their_length_was_changed() -> None:
    assert scheduled(at("12:40"), at("12:25"), 10).new_slots == (at("12:20"), at("12:30"))


def test_the_first_run_of_an_hour_also_reads_what_may_settle_in_73_hours_before() -> None:
    chosen = scheduled(at("12:10"), at("12:00"))
    assert chosen.settling[0].start == at("2026-11-18T10:00")
    assert chosen.settling[-1].end == at("11:00") == chosen.ranges[0].start
    assert scheduled(at("12:20"), at("12:10")).settling == ()


@pytest.mark.parametrize("slot_minutes", [1, 2, 5, 10])
def test_any_outage_is_covered_without_a_gap_by_ranges_within_an_hour(slot_minutes: int) -> None:
    @given(st.integers(0, 5000), st.integers(0, 59))
    def holds(outage_minutes: int, minute: int) -> None:
        now = NOW + timedelta(minutes=minute)
        watermark = floor(now - timedelta(minutes=outage_minutes), slot_minutes)
        chosen = scheduled(now, watermark, slot_minutes)
        parts = [*chosen.settling, *chosen.ranges]
        assert all(first.end == second.start for first, second in itertools.pairwise(parts))
        assert all(part.start < part.end <= part.hour + HOUR for part in parts)
        assert chosen.ranges[0].start <= watermark - HOUR
        assert chosen.ranges[-1].end == chosen.covered_until == floor(now, slot_minutes)
        assert [*chosen.new_slots] == steps(watermark, chosen.end, slot_minutes)

    holds()


def test_only_the_last_day_is_emitted_and_nothing_from_before_the_first_run() -> None:
    assert scheduled(NOW, at("12:00")).emit_from == NOW - timedelta(hours=24)
    assert plan.scheduled(NOW, Watermark(at("12:00"), at("09:00")), 10).emit_from == at("09:00")


def test_a_range_by_hand_leaves_the_watermark_and_waits_for_the_present() -> None:
    chosen = plan.window(NOW, at("11:05"), at("18:00"), 10)
    assert spans(chosen.ranges) == ["11:00-12:00", "12:00-12:10"]
    assert chosen.covered_until is None


def test_a_backfill_ends_where_the_runs_read_and_emits_nothing() -> None:
    chosen = plan.backfill(NOW, at("12:00"), 10, days=2)
    assert chosen.ranges[0].start == at("2026-11-19T12:00")
    assert chosen.ranges[-1].end == at("11:00")
    assert (chosen.emit_from, chosen.covered_until) == (None, None)


def test_a_backfill_only_inserts_where_the_runs_may_still_have_to_emit() -> None:
    assert plan.backfill(NOW, None, 10).insert_from == at("2026-11-20T11:00")


def test_a_backfill_asks_for_no_more_than_clicksend_keeps() -> None:
    assert plan.backfill(NOW, None, 10, days=999).ranges[0].start == hour_of(NOW - timedelta(days=120))


@pytest.mark.parametrize("text", ["soon", "2026-11-21T12:10:00", 7, "<aws.scheduler.scheduled-time>"])
def test_a_time_that_is_none_is_refused(text: Any) -> None:
    with pytest.raises(InputError, match="not a time with a zone"):
        plan.due(text, NOW, 10)


def test_the_clock_counts_where_the_event_has_no_time() -> None:
    assert plan.due(None, NOW, 10) == plan.due("2026-11-21T12:10:00Z", NOW, 10) == NOW


def test_a_time_that_has_not_come_is_refused() -> None:
    assert plan.due("2026-11-21T12:20:00Z", NOW, 10) == at("12:20")
    with pytest.raises(InputError, match="lies in the future"):
        plan.due("2026-11-21T12:20:01Z", NOW, 10)


def test_an_hour_has_one_object() -> None:
    assert key_of(at("12:59")) == "sms/dt=2026-11-21/12.parquet"
