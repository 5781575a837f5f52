"""Two compactions and several writers of one day, in any order of their steps, killed anywhere: nothing is lost.

The model knows what each writer has been told is kept. After every single step the lake, read by its rule, holds each
message once, and each as new as the newest that was kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sms_lockstep import Actor, SteppedStore
from sms_world import KEY, NOW, Killed, Memory, row

from deliverywatch.operate.lake import forget
from deliverywatch.sms import compact
from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.lake import day_objects, merge
from deliverywatch.sms.lake import forget as forgetting
from deliverywatch.sms.lake.slots import HOUR, day_key_of, folder_of, key_of

if TYPE_CHECKING:
    from deliverywatch.sms.lake.merge import Merged

DAY = (NOW - timedelta(days=4)).replace(hour=0, minute=0)
HOURS = [DAY, DAY + HOUR, DAY + 2 * HOUR]
_hour_keys = day_objects.hour_keys


@pytest.fixture(autouse=True)
def day_of_three_hours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """24 of them only take longer."""
    monkeypatch.setattr(day_objects, "hour_keys", lambda day: _hour_keys(day)[:3])
    yield


def write(store: Any, number: int, version: int, others: int) -> Merged:
    """Keep a version of a message, and of some that come with it in the same reading."""
    now = NOW + version * timedelta(minutes=10)
    hour = HOURS[number % 3]
    rows = [
        row(f"M{number + 3 * index}", hour + timedelta(minutes=index), "failed", status_text=f"version {version}")
        for index in range(others + 1)
    ]
    records = {
        record.message_id: record for record in Recorder(now, Recipients(KEY)).records([rows], hour, hour + HOUR)
    }
    return day_objects.keep(
        store,
        hour,
        lambda body: merge.merge(body, records, token=f"writer {version}"),
        token=f"writer {version}",
        now=now,
    )


def compacted(store: Any, token: str) -> compact.Summary:
    chosen = compact.due(store.sizes("sms/"), NOW)
    return compact.compact(chosen, store, token=token)


def visible(memory: Memory) -> list[tuple[str, int]]:
    """Every row that counts, by the rule for readers: its message and its version."""
    return [
        (message_id, int(text.removeprefix("version ")))
        for key in day_objects.counting(memory.objects)
        for message_id, text in merge.rows(memory.objects[key], ("message_id", "status_text"))
    ]


class Days(RuleBasedStateMachine):
    """A day, its writers and its compactions."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()
        self.actors: list[Actor] = []
        self.told: dict[int, list[str]] = {}
        self.kept: dict[str, int] = {}
        self.seen: set[str] = set()
        self.count = 0

    @precondition(lambda self: len(self.actors) < 4)
    @rule(number=st.integers(0, 5), others=st.integers(0, 2))
    def begin_to_write(self, number: int, others: int) -> None:
        self.count += 1
        version = self.count
        actor = Actor(self.memory, lambda store: write(store, number, version, others))
        self.told[id(actor)] = [f"{version} M{number + 3 * index}" for index in range(others + 1)]
        self.actors.append(actor)

    @precondition(lambda self: len(self.actors) < 4)
    @rule()
    def begin_to_compact(self) -> None:
        self.count += 1
        token = f"compaction {self.count}"
        self.actors.append(Actor(self.memory, lambda store: compacted(store, token)))

    @precondition(lambda self: self.actors)
    @rule(choice=st.integers(0, 3), steps=st.integers(1, 12))
    def go_on(self, choice: int, steps: int) -> None:
        actor = self.actors[choice % len(self.actors)]
        for _ in range(steps):
            if actor.is_over:
                break
            actor.step()
            self.hold()
        if actor.is_over:
            self.end(actor)

    @precondition(lambda self: self.actors)
    @rule(choice=st.integers(0, 3))
    def kill(self, choice: int) -> None:
        actor = self.actors[choice % len(self.actors)]
        actor.kill()
        self.end(actor)

    def end(self, actor: Actor) -> None:
        self.actors.remove(actor)
        assert actor.error is None or isinstance(actor.error, Killed), actor.error
        if isinstance(actor.result, compact.Summary):
            assert actor.result.failures == {}
        told_to_it = self.told.pop(id(actor), [])
        for told in told_to_it if actor.error is None else []:
            version, message_id = told.split()
            self.kept[message_id] = max(self.kept.get(message_id, 0), int(version))

    @invariant()
    def hold(self) -> None:
        """What is read now is neither less than before nor twice."""
        rows = visible(self.memory)
        found = dict(rows)
        assert len(found) == len(rows), "a message is there twice"
        assert self.seen <= found.keys(), "a message that was there is gone"
        assert {name: found.get(name, 0) for name, version in self.kept.items() if found.get(name, 0) < version} == {}
        self.seen = set(found)

    def teardown(self) -> None:
        for actor in [*self.actors]:
            while not actor.is_over:
                actor.step()
            self.end(actor)
        self.hold()
        compacted(self.memory, "last")
        self.hold()
        left = self.memory.keys(folder_of(DAY))
        assert left in ([], [day_key_of(DAY)]), "the hours are gone in the end"


def test_in_any_order_of_steps_nothing_is_lost_and_nothing_is_seen_twice() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Days,
        settings=settings(
            max_examples=100, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_an_hour_that_is_created_after_its_day_is_written_again_there() -> None:
    memory = Memory()
    write(memory, 0, 1, 0)
    late = Actor(memory, lambda store: write(store, 1, 2, 0))
    for _ in range(2):  # it looks for the hour and for the day, and finds neither
        late.step()
    compacted(memory, "compaction")
    while not late.is_over:
        late.step()
    assert late.error is None
    assert dict(visible(memory)) == {"M0": 1, "M1": 2}
    assert key_of(HOURS[1]) in memory.objects, "the stray hour is hidden, and goes with the next compaction"
    compacted(memory, "next")
    assert [*memory.objects] == [day_key_of(DAY)]
    assert dict(visible(memory)) == {"M0": 1, "M1": 2}


def test_who_writes_into_a_stray_hour_of_another_writes_again_into_the_day() -> None:
    memory = Memory()
    write(memory, 0, 1, 0)
    late = Actor(memory, lambda store: write(store, 1, 2, 0))
    for _ in range(2):
        late.step()
    compacted(memory, "compaction")
    late.step()  # it creates the hour, and is not killed, but slow
    write(memory, 4, 3, 0)
    assert dict(visible(memory)) == {"M0": 1, "M4": 3}
    late.kill()
    compacted(memory, "next")
    assert dict(visible(memory)) == {"M0": 1, "M1": 2, "M4": 3}


def test_a_stray_hour_of_a_killed_writer_is_taken_in_by_the_next_compaction() -> None:
    memory = Memory()
    write(memory, 0, 1, 0)
    late = Actor(memory, lambda store: write(store, 1, 2, 0))
    for _ in range(2):
        late.step()
    compacted(memory, "compaction")
    late.step()  # it creates the hour
    late.kill()
    compacted(memory, "next")
    assert dict(visible(memory)) == {"M0": 1, "M1": 2}


def test_stepping_stops_before_each_operation() -> None:
    memory = Memory()
    actor = Actor(memory, lambda store: [store.write("a", b"1"), store.write("b", b"2")])
    assert memory.objects == {}
    actor.step()
    assert [*memory.objects] == ["a"]
    actor.kill()
    assert [*memory.objects] == ["a"]
    assert isinstance(SteppedStore(memory, actor), SteppedStore)


def three_hours() -> Memory:
    memory = Memory()
    for number in range(3):
        write(memory, number, number + 1, 1)
    return memory


def steps_of_a_compaction() -> int:
    count, actor = 0, Actor(three_hours(), lambda store: compacted(store, "c"))
    while not actor.is_over:
        actor.step()
        count += 1
    return count


def test_killed_at_any_step_and_done_again_it_ends_as_if_done_once() -> None:
    undisturbed = three_hours()
    compacted(undisturbed, "c")
    for place in range(steps_of_a_compaction()):
        memory = three_hours()
        actor = Actor(memory, lambda store: compacted(store, "killed"))
        for _ in range(place):
            actor.step()
        actor.kill()
        assert dict(visible(memory)) == dict(visible(undisturbed)), place
        compacted(memory, "again")
        assert [*memory.objects] == [*undisturbed.objects] == [day_key_of(DAY)], place
        assert visible(memory) == visible(undisturbed), place


def test_a_recipient_who_is_forgotten_while_a_day_is_made_does_not_come_back() -> None:
    known_as = forgetting.traces("+61400000001", Recipients(KEY))
    for place in range(steps_of_a_compaction()):
        memory = three_hours()
        actor = Actor(memory, lambda store: compacted(store, "c"))
        for _ in range(place):
            actor.step()
        forget.forget(memory, known_as, token="f")
        while not actor.is_over:
            actor.step()
        compacted(memory, "next")
        assert not forget.find(memory, known_as).row_counts, place
        assert len(visible(memory)) == 6, place
