"""One run: what it reads, keeps, emits and leaves behind."""

import json
from datetime import timedelta

from sms_world import NOW, World, at, row


def test_a_run_keeps_each_message_once_and_emits_its_slots() -> None:
    world = World()
    world.history.rows = [row("A", at("11:55")), row("B", at("12:05"), "failed"), row("C", at("12:09"), "pending")]
    summary = world.run()
    assert [kept["message_id"] for kept in world.rows_of(at("12:00"))] == ["B", "C"]
    assert world.emitted()[at("12:00")] == (2, 1)
    assert world.emitted()[at("11:50")] == (1, 0)
    assert (summary.new_count, summary.written_count) == (3, 2)


def test_a_second_run_writes_no_object_and_emits_no_slot() -> None:
    world = World()
    world.history.rows = [row("A", at("11:55")), row("B", at("12:05"), "failed")]
    world.run()
    world.store.writes.clear()
    world.points.clear()
    world.run()
    assert world.store.writes == ["state/sms.json"]
    assert [set(point.metrics) for point in world.points] == [{"Runs"}]


def test_a_late_failure_corrects_its_slot() -> None:
    world = World()
    world.history.rows = [row("A", at("12:05"), "pending")]
    world.run()
    world.history.rows = [row("A", at("12:05"), "failed")]
    world.run(NOW + timedelta(minutes=10))
    assert world.emitted()[at("12:00")] == (1, 1)
    assert [kept["outcome"] for kept in world.rows_of(at("12:00"))] == ["failed"]


def test_the_context_counts_the_slots() -> None:
    world = World()
    world.history.rows = [row("A", at("11:55"), "failed"), row("B", at("12:05"))]
    world.run()
    context = json.loads(world.store.objects["state/sms.json"])
    assert [(slot["start"], slot["total"]) for slot in context["slots"] if slot["total"]] == [
        ("2026-11-21T11:50:00Z", 1),
        ("2026-11-21T12:00:00Z", 1),
    ]
