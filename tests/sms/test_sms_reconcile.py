"""Reconciling: CloudWatch ends with what the lake has, and nothing is ever counted twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sms_world import NOW, Killed, World, at, row

from deliverywatch.errors import CloudRefused
from deliverywatch.operate.lake import reconcile
from deliverywatch.operate.lake.reconcile import EMITTED, seen_after
from deliverywatch.sms import plan
from deliverywatch.sms.lake.watermark import Watermark, read_watermark

if TYPE_CHECKING:
    from deliverywatch.operate.lake.reconcile import Comparison, Difference

SLOT = timedelta(minutes=10)
OUTSIDE = timedelta(hours=5)


@dataclass
class CloudWatch:
    """Sums per stamp; what was put is seen when its time has come."""

    points: list[tuple[datetime, str, datetime, float]] = field(default_factory=list)
    now: datetime = NOW
    error: Exception | None = None

    def take(self, at_: datetime, stamp: datetime, total: float, failed: float) -> None:
        seen = at_ + seen_after(at_ - stamp) - timedelta(minutes=1)
        self.points += [(seen, "Total", stamp, total), (seen, "Failed", stamp, failed)]

    def sums(self, start: datetime, end: datetime) -> Mapping[str, Mapping[datetime, float]]:
        found: dict[str, Counter[datetime]] = {"Total": Counter(), "Failed": Counter()}
        for seen, name, stamp, value in self.points:
            if seen <= self.now and start <= stamp < end:
                found[name][stamp] += value  # type: ignore[assignment]
        return found

    def put(self, differences: Sequence[Difference]) -> None:
        if self.error:
            raise self.error
        for each in differences:
            self.take(self.now, each.stamp, each.total, each.failed)


class Account(World):
    """A world whose points CloudWatch takes, but for those that a killed run did not print."""

    def __init__(self) -> None:
        super().__init__()
        self.metrics = CloudWatch()

    def live(self, now: datetime, *, printed: bool = True) -> None:
        before = len(self.points)
        self.run(now)
        for point in self.points[before:] if printed else []:
            if "Total" in point.metrics:
                self.metrics.take(now, point.stamp, point.metrics["Total"][0], point.metrics["Failed"][0])
        if not printed:
            del self.points[before:]

    def compare(self, now: datetime) -> Comparison:
        self.metrics.now = now
        watermark = read_watermark(self.store)
        assert watermark is not None
        start, end = reconcile.span(now, None, watermark, 10)
        return reconcile.compare(self.store, self.metrics, self.settings, now, start, end)

    def reconcile(self, now: datetime) -> int:
        found = self.compare(now)
        return reconcile.emit(self.store, self.metrics, found.differences, now)

    def seen(self, now: datetime) -> dict[datetime, tuple[float, float]]:
        self.metrics.now = now
        sums = self.metrics.sums(NOW - timedelta(days=20), NOW + timedelta(days=20))
        stamps = {stamp for stamp, value in [*sums["Total"].items(), *sums["Failed"].items()] if value}
        return {
            stamp - SLOT - timedelta(seconds=120): (sums["Total"][stamp], sums["Failed"][stamp]) for stamp in stamps
        }


def account() -> Account:
    """Two slots of which the second one's points were lost."""
    world = Account()
    world.live(at("11:50"))
    world.history.rows = [row("A", at("11:52"), "failed"), row("B", at("11:53"))]
    world.live(at("12:00"))
    world.history.rows += [row("C", at("12:01"), "failed"), row("D", at("12:02"))]
    world.live(at("12:10"), printed=False)
    return world


def test_what_a_killed_run_lost_is_emitted_once() -> None:
    world, later = account(), NOW + OUTSIDE
    assert [(each.slot, each.total, each.failed) for each in world.compare(later).differences] == [(at("12:00"), 2, 1)]
    assert world.reconcile(later) == 1
    assert world.reconcile(later) == 0, "the points are not seen yet"
    much_later = later + timedelta(days=1)
    assert world.reconcile(much_later) == 0
    assert world.seen(much_later) == world.counted() == {at("11:50"): (2, 1), at("12:00"): (2, 1)}


def test_points_of_a_run_that_are_on_their_way_are_not_emitted_again() -> None:
    world = account()
    late = NOW + timedelta(hours=4)
    world.history.rows = [row("B", at("11:53"), "failed")]
    # The failure of B comes out hours later, and its point is seen hours after that.
    before = len(world.points)
    world.run(late, by_hand=plan.window(late, at("11:50"), at("12:00"), 10))
    for point in world.points[before:]:
        world.metrics.take(late, point.stamp, point.metrics["Total"][0], point.metrics["Failed"][0])
    found = world.compare(late + timedelta(minutes=30))
    assert at("11:50") in found.waiting
    assert at("11:50") not in {each.slot for each in found.differences}
    settled = late + timedelta(hours=6)
    assert world.reconcile(settled) == 1, "only the lost points of 12:00"
    assert world.seen(settled + timedelta(days=3)) == world.counted()


def test_killed_between_ledger_and_points_it_is_made_up_for_later() -> None:
    world, later = account(), NOW + OUTSIDE
    world.metrics.error = Killed()  # type: ignore[assignment]
    with pytest.raises(Killed):
        world.reconcile(later)
    world.metrics.error = None
    assert world.reconcile(later + timedelta(hours=1)) == 0, "nobody knows whether the points were put"
    assert world.reconcile(later + timedelta(hours=5)) == 1
    assert world.seen(later + timedelta(days=3)) == world.counted()


def test_what_cloudwatch_refuses_can_be_tried_again_at_once() -> None:
    world, later = account(), NOW + OUTSIDE
    world.metrics.error = CloudRefused("denied")
    with pytest.raises(CloudRefused):
        world.reconcile(later)
    world.metrics.error = None
    assert world.reconcile(later) == 1


def test_two_at_once_emit_it_once() -> None:
    world, later = account(), NOW + OUTSIDE
    first, second = world.compare(later), world.compare(later)
    counts = [reconcile.emit(world.store, world.metrics, each.differences, later) for each in (first, second)]
    assert counts == [1, 0]


def test_a_slot_that_the_lake_does_not_hold_is_not_taken_back() -> None:
    world, later = account(), NOW + OUTSIDE
    del world.store.objects["sms/dt=2026-11-21/11.parquet"]
    found = world.compare(later)
    assert found.unread == [at("11:50")]
    assert {each.slot for each in found.differences} == {at("12:00")}


def test_an_expired_entry_leaves_the_ledger() -> None:
    world, later = account(), NOW + OUTSIDE
    world.reconcile(later)
    assert len(json.loads(world.store.objects[EMITTED])["until"]) == 1
    assert reconcile.emitted_slots(world.store, later + timedelta(days=4)) == {}


def test_what_was_not_counted_or_is_too_old_is_left_out() -> None:
    now = datetime(2026, 11, 21, 12, 3, tzinfo=UTC)
    watermark = Watermark(now - timedelta(minutes=3), now - timedelta(days=30))
    start, end = reconcile.span(now, None, watermark, 10)
    assert timedelta(days=13) < now - start < timedelta(days=14)
    assert end == now - timedelta(minutes=3)
    young = Watermark(now, now - timedelta(days=2))
    assert reconcile.span(now, now - timedelta(days=5), young, 10)[0] >= now - timedelta(days=2, minutes=10)
