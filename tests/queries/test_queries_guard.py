"""The deletion guard over sequences of rounds: what it withholds waits for somebody, or for the file to ask no more."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queries_world import GROUP, Crash, FakeService, MemoryLake, error, ports, query, wanted

from deliverywatch.queries.schedule import guard as records
from deliverywatch.queries.schedule.apply import Result, apply, observe, reconcile
from deliverywatch.queries.schedule.guard import Guard, request_of, scope_of
from deliverywatch.queries.schedule.plan import Rules, plan

PREFIX = "pn-"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Rounds:
    """A scheduler and a lake, and the rounds that were done with them."""

    service: FakeService = field(default_factory=FakeService)
    lake: MemoryLake = field(default_factory=MemoryLake)
    rules: Rules = field(default_factory=Rules)

    def do(self, ids: Collection[str], revision: str = "r", *, allow: bool = False) -> Result:
        rules = Rules(delete_count=self.rules.delete_count, allow_deletes=allow)
        return reconcile(wanted(*map(query, ids)), PREFIX, rules, ports(self.service), self.guard(revision))

    def planned(self, ids: Collection[str], revision: str) -> Callable[[], Result]:
        """Return what applies the plan of a round as it is now, whenever that is done."""
        desired, guard, made = wanted(*map(query, ids)), self.guard(revision), ports(self.service)
        planned = plan(desired, observe(made.schedules, PREFIX), self.rules, guard.read())
        return lambda: apply(planned, desired, self.rules, made, guard)

    def guard(self, revision: str = "r") -> Guard:
        return Guard(self.lake, scope_of(GROUP, PREFIX), request_of(revision, NOON))

    @property
    def ids(self) -> set[str]:
        return {name.removeprefix(PREFIX) for _, name in self.service.stored}


def ids(count: int, word: str = "mine") -> list[str]:
    return [f"{word}{number}" for number in range(count)]


MINE, THEIRS = ids(15), ids(50, "theirs")


@pytest.fixture
def rounds() -> Rounds:
    """Fifteen schedules as the file says."""
    made = Rounds()
    made.do(MINE, "good")
    return made


def test_what_a_wrong_file_creates_does_not_count_for_what_it_deletes(rounds: Rounds) -> None:
    for revision in ("wrong", "wrong", "wrong too"):
        result = rounds.do(THEIRS, revision)
        assert (result.deleted, len(result.withheld)) == ([], 15)
    assert rounds.ids == {*MINE, *THEIRS}
    assert {request.revision for request in rounds.guard().read().withheld.values()} == {"wrong"}
    assert "15 of 15 schedules would be deleted" in result.guard
    assert "revision wrong (2026-11-21 12:00 UTC)" in result.guard


def test_a_file_that_asks_no_more_ends_what_was_withheld(rounds: Rounds) -> None:
    rounds.do(THEIRS)
    assert rounds.do([*MINE, *THEIRS]).withheld == []
    assert rounds.guard().read().withheld == {}


def test_going_back_waits_for_somebody_too(rounds: Rounds) -> None:
    rounds.do(THEIRS)
    assert len(rounds.do(MINE).withheld) == 50
    assert len(rounds.do(MINE, allow=True).deleted) == 50
    assert (rounds.ids, rounds.guard().read().withheld) == (set(MINE), {})


def test_what_was_withheld_waits_although_few_are_left_of_it(rounds: Rounds) -> None:
    rounds.do(MINE[:5], "wrong")
    result = rounds.do(MINE[:14], "half right")
    assert (result.deleted, result.withheld) == ([], ["pn-mine14"])
    assert "1 of the deletions that were withheld are still waiting" in result.guard
    assert "revision wrong" in result.guard


def test_another_deletion_goes_its_way_meanwhile(rounds: Rounds) -> None:
    rounds.do(MINE[:5])
    rounds.do(MINE[:14])
    assert rounds.do(MINE[:13]).deleted == ["pn-mine13"]


def test_small_deletions_add_up_while_the_schedules_are_not_as_the_file_says(rounds: Rounds) -> None:
    rounds.do(MINE[:5])
    assert [len(rounds.do(MINE[:count]).deleted) for count in (14, 12, 10, 8)] == [0, 2, 0, 0]


@pytest.mark.parametrize("body", [None, b"", b"[]", b'{"settled": 3}', b'{"withheld": {"pn-mine1": 3}}'])
def test_a_guard_that_remembers_nothing_lets_nothing_go(rounds: Rounds, body: bytes | None) -> None:
    rounds.lake.objects.pop(records.KEY)
    rounds.lake.objects.update({records.KEY: body} if body is not None else {})
    for revision in ("first", "second"):
        result = rounds.do(MINE[:14], revision)
        assert (result.deleted, result.withheld) == ([], ["pn-mine14"])
    assert "which there were before is not known" in result.guard
    assert rounds.do(MINE).withheld == []
    assert len(rounds.do(MINE[:13]).deleted) == 2


def test_what_is_remembered_of_other_schedules_says_nothing_of_these(rounds: Rounds) -> None:
    other = Guard(rounds.lake, scope_of("another", PREFIX), request_of("r", NOON))
    assert (rounds.guard().read().settled, other.read().settled) == ({f"pn-{name}" for name in MINE}, None)


def test_what_a_later_version_remembers_is_kept(rounds: Rounds) -> None:
    document = json.loads(rounds.lake.objects[records.KEY]) | {"later": 1}
    rounds.lake.objects[records.KEY] = json.dumps(document).encode()
    rounds.do(THEIRS)
    assert json.loads(rounds.lake.objects[records.KEY])["later"] == 1


def test_a_round_that_changes_nothing_writes_nothing(rounds: Rounds) -> None:
    rounds.lake.fault = lambda *_: Crash()
    assert len(rounds.do(MINE).unchanged) == 15


def test_a_lake_that_takes_no_record_of_what_is_withheld_stops_the_round_before_it(rounds: Rounds) -> None:
    rounds.lake.fault = lambda *_: Crash()
    with pytest.raises(Crash):
        rounds.do(THEIRS)
    assert rounds.ids == set(MINE)


def refusing(service: FakeService, refused: str, operation: str = "create_schedule") -> Callable[..., Exception | None]:
    def fault(called: str, _: str) -> Exception | None:
        is_refused = called == operation and service.calls[-1][1] == refused
        return error("ValidationException", operation) if is_refused else None

    return fault


def test_nothing_is_deleted_in_a_round_in_which_a_creation_failed(rounds: Rounds) -> None:
    rounds.service.fault = refusing(rounds.service, "pn-renamed")
    for allow in (False, True):
        result = rounds.do([*MINE[1:], "renamed", "other"], allow=allow)
        assert (result.deleted, list(result.failed)) == ([], ["pn-renamed", "pn-mine0"])
        assert "could not be created" in result.failed["pn-mine0"]
    rounds.service.fault = lambda *_: None
    assert rounds.do([*MINE[1:], "renamed", "other"]).deleted == ["pn-mine0"]


def test_an_update_that_vanished_and_cannot_be_created_is_a_creation(rounds: Rounds) -> None:
    def fault(called: str, when: str) -> Exception | None:
        if called == "update_schedule" and when == "before":
            rounds.service.stored.pop((GROUP, "pn-mine1"), None)
        return error("ValidationException", called) if called == "create_schedule" else None

    rounds.service.stored[GROUP, "pn-mine1"]["Description"] = "by hand"
    rounds.service.fault = fault
    assert rounds.do(MINE[1:]).deleted == []


def test_an_update_that_fails_holds_up_no_deletion(rounds: Rounds) -> None:
    rounds.service.stored[GROUP, "pn-mine1"]["Description"] = "by hand"
    rounds.service.fault = refusing(rounds.service, "pn-mine1", "update_schedule")
    assert rounds.do(MINE[1:]).deleted == ["pn-mine0"]


# Any sequence of rounds.

POOL = [*"abcdefghijklmnop"]
FAULTS = st.lists(st.sampled_from(["", "", "", "throttle", "refuse", "lost", "crash"]), max_size=15)
# What a revision adds or takes out: mostly little, sometimes all of it.
EDITS = st.one_of(*(st.sets(st.sampled_from(POOL), max_size=size) for size in (0, 2, 3, 5, 16)))
ROUNDS = st.lists(st.tuples(EDITS, FAULTS, st.integers(0, 7).map(lambda number: number == 0)), max_size=10)


def faults(words: list[str]) -> Callable[[str, str], Exception | None]:
    """The faults of the calls in turn: `lost` and `crash` come after a call had its effect."""
    left = iter(words)

    def fault(operation: str, when: str) -> Exception | None:
        word = next(left, "")
        if when == "after":
            return {"lost": error("InternalServerException", operation), "crash": Crash()}.get(word)
        codes = {"throttle": "ThrottlingException", "refuse": "ValidationException"}
        is_write = operation.partition("_")[0] in ("create", "update", "delete")
        return error(codes[word], operation) if word in codes and is_write else None

    return fault


@dataclass
class Model:
    """What the guard promises: names last settled, deleted since then, and withheld since which revision."""

    settled: set[str]
    deleted: set[str] = field(default_factory=set)
    withheld: dict[str, str] = field(default_factory=dict)

    def check(self, rounds: Rounds, file: set[str], words: list[str], revision: str, *, allow: bool) -> None:
        before = rounds.ids
        rounds.service.fault = faults(words)
        try:
            result = rounds.do(file, revision, allow=allow)
        except Crash:
            result = None
        finally:
            rounds.service.fault = lambda *_: None
        gone = before - rounds.ids
        assert not gone & file
        self.withheld = {} if allow else {name: by for name, by in self.withheld.items() if name not in file}
        assert not gone & self.withheld.keys()
        self._check_limit(gone, rounds, file, allow=allow)
        if result is not None:
            self._check_result(result, before, gone, rounds, file, revision)

    def _check_limit(self, gone: set[str], rounds: Rounds, file: set[str], *, allow: bool) -> None:
        if allow:
            self.deleted = set()
            return
        assert file or not gone
        self.deleted = (self.deleted | gone) - rounds.ids
        limit = max(1, min(rounds.rules.delete_count, 30 * len(self.settled) // 100))
        assert len(self.deleted) <= limit or not gone

    def _check_result(
        self, result: Result, before: set[str], gone: set[str], rounds: Rounds, file: set[str], revision: str
    ) -> None:
        failed = {name.removeprefix(PREFIX) for name in result.failed}
        assert not (gone and failed & (file - before))
        for name in result.withheld:
            self.withheld.setdefault(name.removeprefix(PREFIX), revision)
        remembered = rounds.guard().read().withheld
        assert {name.removeprefix(PREFIX): by.revision for name, by in remembered.items()} == self.withheld
        if not result.withheld and failed <= file & before:
            self.settled, self.deleted = set(file), set()


@settings(max_examples=250, deadline=None)
@given(st.sets(st.sampled_from(POOL), min_size=1), ROUNDS)
def test_no_sequence_of_rounds_makes_the_guard_let_go(
    first: set[str], sequence: list[tuple[set[str], list[str], bool]]
) -> None:
    rounds, model, file = Rounds(rules=Rules(delete_count=4)), Model(first), first
    rounds.do(first, "first")
    for number, (edit, words, allow) in enumerate(sequence):
        file = file ^ edit
        model.check(rounds, file, words, f"r{number}", allow=allow)
    rounds.do(file, "last", allow=True)
    assert rounds.ids == file


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=8))
def test_rounds_that_overlap_delete_no_more_than_one_may(steps: list[tuple[bool, int]]) -> None:
    rounds = Rounds()
    rounds.do(MINE, "good")
    waiting: list[Callable[[], Result]] = []
    for is_wrong, number in steps:
        waiting.append(rounds.planned(THEIRS[:8] if is_wrong else MINE, "wrong" if is_wrong else "good"))
        # The plans of some rounds are old when they are applied, in whatever order.
        for _ in range(min(number, len(waiting))):
            waiting.pop(number % len(waiting))()
    for apply_plan in waiting:
        apply_plan()
    assert len(set(MINE) - rounds.ids) <= 4
