"""One account watched through everything that may happen to it, as a state machine of hypothesis.

Rows are sent, scheduled and change; runs fail, are repeated, late, by skewed clocks, inside each other, or killed
between any two things that they do outside of themselves; the store answers 412, or keeps a write and answers with an
error; ClickSend lists rows twice, in another order, of other times, without ids, or not all of them; the watermark is
lost.

After each run, whatever became of it:

- the lake holds each message once, and as it was at some time;
- what was emitted is what the lake counts, but for the changes of an hour whose run was killed between its write and
  its lines (the one named exception).

In the end, after undisturbed runs, the lake is what was sent, and `reconcile` puts exactly what the exception left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sms_world import NOW, STATUS, History, Killed, World, row

from deliverywatch.errors import DeliveryWatchError, SourceRefused, SourceUnavailable, StoreConflict, StoreUnavailable
from deliverywatch.operate.lake import reconcile
from deliverywatch.sms import plan
from deliverywatch.sms.clicksend.pages import Gap, Page
from deliverywatch.sms.lake import merge
from deliverywatch.sms.lake.slots import floor, hour_of
from deliverywatch.sms.lake.watermark import WATERMARK, read_watermark

if TYPE_CHECKING:
    from deliverywatch.operate.lake.reconcile import Difference
    from deliverywatch.sms.plan import Plan

SLOT = timedelta(minutes=10)
# Longer, and outcomes come that no run emits any more.
_LONGEST = timedelta(hours=18)
# As long as a settled message is read again anyway, it may be corrected.
_CORRECTABLE = timedelta(minutes=30)
_LATER = {"pending": ("failed", "delivered"), "temporary": ("failed", "delivered"), "failed": ("delivered",)}
_OUTCOMES = ("delivered", "failed", "pending", "temporary", "dead", "excluded", "unknown")
# What the lake calls it; 300 is failed after three days, as long as no play lasts.
_KEPT_AS = {"temporary": "pending", "dead": "failed", "scheduled": "excluded"}

FAULTS = ("kill", "conflict", "unavailable", "lost answer", "error answer", "nested run")
PLACES = (("lake", 6), ("emission", 8), ("elsewhere", 60))
POISONS = ("", "twice", "shuffled", "others", "no ids", "gap", "gone", "refused")
LOSSES = (None, b"", b"{}", b"\xff", b'{"covered_until": "2031-01-01T00:00:00Z"}')


# Kind of place and how often a run comes there -> what happens there.
Faults = dict[tuple[str, int], str]


def _faults(most: int) -> st.SearchStrategy[Faults]:
    places = st.one_of([st.tuples(st.just(place), st.integers(1, last)) for place, last in PLACES])
    return st.dictionaries(places, st.sampled_from(FAULTS), max_size=most)


@dataclass
class OddHistory(History):
    """An account whose pages are odd in one way at a time."""

    poison: str = ""

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        if self.poison == "refused":
            raise SourceRefused("401")
        if self.poison == "gone":
            raise SourceUnavailable("503")
        for page in super().pages(start, end):
            yield self._odd(page, start, end)

    def _odd(self, page: Page, start: datetime, end: datetime) -> Page:
        rows = list(page.rows)
        match self.poison:
            case "twice":
                rows = [*rows, *rows[:2]]
            case "shuffled":
                rows = rows[::-1]
            case "others":
                rows += [row("before", start - SLOT), row("after", end + SLOT)]
            case "no ids":
                rows = [*rows, {"date": int(start.timestamp())}, {"message_id": "x", "date": "soon"}]
            case "gap" if rows:
                gap = Gap(start, end, 1, len(rows))
                return Page(page.number, page.total, page.last_page, rows[:-1], gap=gap)
        return Page(page.number, page.total, page.last_page, rows)


@dataclass
class Metrics:
    """CloudWatch's sums, as far as reconciling asks for them."""

    world: World
    differences: list[Difference] = field(default_factory=list)

    def sums(self, _start: datetime, _end: datetime) -> Mapping[str, Mapping[datetime, float]]:
        found: dict[str, Counter[datetime]] = {"Total": Counter(), "Failed": Counter()}
        for point in self.world.points:
            for name in found.keys() & point.metrics.keys():
                found[name][point.stamp] += int(point.metrics[name][0])
        return found

    def put(self, differences: Sequence[Difference]) -> None:
        self.differences += differences


class Account(RuleBasedStateMachine):
    """The account, its runs and what may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.history = OddHistory(page_size=4)
        self.world = World(history=self.history)
        self.now = self.start = NOW
        self.sent: dict[str, tuple[datetime, list[str]]] = {}
        self.scheduled: dict[str, tuple[datetime, str]] = {}
        self.lost: Counter[tuple[datetime, str]] = Counter()
        self.runs = 0

    @initialize()
    def first_run(self) -> None:
        """From here on messages are counted."""
        self._attempt(self.now, self.now)

    @rule(minutes=st.sampled_from([3, 10, 10, 20, 60, 190]), outcomes=st.lists(st.sampled_from(_OUTCOMES), max_size=4))
    @precondition(lambda self: self.now < self.start + _LONGEST)
    def time_passes(self, minutes: int, outcomes: list[str]) -> None:
        """Messages are sent on the way, the last of them just now."""
        step = timedelta(minutes=minutes) / (len(outcomes) or 1)
        for number, outcome in enumerate(outcomes, 1):
            sent_at = (self.now + step * number - timedelta(seconds=1)).replace(microsecond=0)
            name = f"M{len(self.sent):04}"
            self.sent[name] = (sent_at, [outcome])
            self.history.rows.append(row(name, sent_at, outcome))
        self.now += timedelta(minutes=minutes)
        self._send_what_is_due()

    @rule(ahead=st.sampled_from([5, 25, 70, 200]), outcome=st.sampled_from(["delivered", "failed", "pending"]))
    @precondition(lambda self: self.now < self.start + _LONGEST)
    def schedule(self, ahead: int, outcome: str) -> None:
        """A message that is sent later; ClickSend lists it by when it was created."""
        created_at = (self.now - timedelta(seconds=1)).replace(microsecond=0)
        due_at, name = created_at + timedelta(minutes=ahead), f"S{len(self.sent):04}"
        self.sent[name] = (due_at, ["scheduled"])
        self.scheduled[name] = (due_at, outcome)
        fields = {"schedule": str(int(due_at.timestamp()))}
        self.history.rows.append(row(name, created_at, "scheduled", **fields))

    @rule(index=st.integers(0, 99), choice=st.integers(0, 1))
    @precondition(lambda self: self.sent)
    def outcome_comes(self, index: int, choice: int) -> None:
        """Receipts may come days later; a failure is corrected soon or never."""
        name = sorted(self.sent)[index % len(self.sent)]
        sent_at, known = self.sent[name]
        later = _LATER.get(known[-1], ())
        if name.startswith("S") or not later or (known[-1] == "failed" and self.now - sent_at > _CORRECTABLE):
            return
        known.append(later[choice % len(later)])
        self.history.rows = [
            row(name, sent_at, known[-1]) if each["message_id"] == name else each for each in self.history.rows
        ]

    @rule(
        late=st.sampled_from([0, 0, 0, 1, 6]),
        skew=st.sampled_from([0, 0, 0, -7, -2, 2, 7]),
        poison=st.sampled_from(POISONS),
        faults=_faults(2),
    )
    def run(self, late: int, skew: int, poison: str, faults: Faults) -> None:
        """A run on schedule; what is late has an older event, a skewed clock has none."""
        clock = self.now + timedelta(minutes=skew)
        due = clock if skew else self.now - late * SLOT
        self.history.poison = poison
        self._attempt(due, clock, faults)
        self.history.poison = ""

    @rule(hours=st.integers(1, 3), faults=_faults(1))
    def run_by_hand(self, hours: int, faults: Faults) -> None:
        """Somebody reads the last hours again."""
        start = max(self.start, self.now - timedelta(hours=hours))
        self._attempt(self.now, self.now, faults, by_hand=plan.window(self.now, start, self.now, 10))

    @rule(body=st.sampled_from(LOSSES))
    def lose_the_watermark(self, body: bytes | None) -> None:
        """Somebody deletes it, or writes something else there."""
        self.world.store.objects.pop(WATERMARK, None)
        if body is not None:
            self.world.store.objects[WATERMARK] = body

    @invariant()
    def each_message_is_kept_once_and_as_it_was(self) -> None:
        seen: Counter[str] = Counter()
        for body in self.world.lake().values():
            for name, outcome in merge.rows(body, ("message_id", "outcome")):
                seen[name] += 1
                possible = {_KEPT_AS.get(known, known) for known in self.sent[name][1]}
                # By a clock that is fast, what is scheduled is due and waits for an outcome.
                assert outcome in possible | ({"pending"} if name.startswith("S") else set()), name
        assert set(seen.values()) <= {1}

    @invariant()
    def what_was_emitted_is_what_the_lake_counts(self) -> None:
        assert self._difference() == self.lost

    def teardown(self) -> None:
        """Undisturbed runs, until each hour was read again; then nothing is missing but what was lost by name."""
        self.history.poison = ""
        for _ in range(8):
            self.now = floor(self.now, 10) + SLOT
            self._send_what_is_due()
            self.world.step_by(lambda _port, _key: None)
            self._attempt(self.now, self.now)
        self.each_message_is_kept_once_and_as_it_was()
        self.what_was_emitted_is_what_the_lake_counts()
        truth = {name: _KEPT_AS.get(known[-1], known[-1]) for name, (_, known) in self.sent.items()}
        assert self.world.outcomes() == truth
        assert self.world.watermark() == self.now
        self._reconcile()

    def _reconcile(self) -> None:
        watermark, metrics = read_watermark(self.world.store), Metrics(self.world)
        assert watermark is not None
        then = self.now + timedelta(days=3)
        start, end = reconcile.span(then, None, watermark, 10)
        found = reconcile.compare(self.world.store, metrics, self.world.settings, then, start, end)
        reconcile.emit(self.world.store, metrics, found.differences, then)
        put = Counter({(one.slot, "Total"): one.total for one in metrics.differences})
        put.update({(one.slot, "Failed"): one.failed for one in metrics.differences})
        assert (found.waiting, found.unread) == ({}, [])
        assert _nonzero(put) == self.lost

    def _send_what_is_due(self) -> None:
        for name, (due_at, outcome) in [*self.scheduled.items()]:
            if due_at <= self.now:
                del self.scheduled[name]
                self.sent[name][1].append(outcome)
                self.history.rows = [
                    {**each, **STATUS[outcome]} if each["message_id"] == name else each for each in self.history.rows
                ]

    def _attempt(
        self, due: datetime, clock: datetime, faults: Faults | None = None, by_hand: Plan | None = None
    ) -> None:
        self.runs += 1
        disturbance = _Disturbance(dict(faults or {}), lambda: self._nested(due, clock))
        self.world.step_by(disturbance)
        # A clock that was wrong once is right the next time.
        self.world.clock = clock
        try:
            self.world.run(due, by_hand=by_hand)
        except (DeliveryWatchError, Killed):
            pass
        finally:
            self.world.step_by(lambda _port, _key: None)
        if disturbance.unprinted:
            self._note_loss(disturbance.unprinted)

    def _nested(self, due: datetime, clock: datetime) -> None:
        """Another run at once: it goes through while the first one stands still."""
        self.runs += 1
        self.world.run(due + SLOT if due + SLOT <= clock else due)

    def _note_loss(self, hours: set[datetime]) -> None:
        """What a kill kept from being printed is lost, and it is of the hours that had been written."""
        difference = self._difference()
        changed = {key for key in difference.keys() | self.lost.keys() if difference[key] != self.lost[key]}
        assert {hour_of(slot) for slot, _ in changed} <= hours
        self.lost = difference

    def _difference(self) -> Counter[tuple[datetime, str]]:
        emitted, counted = self.world.emitted(), self.world.counted()
        found: Counter[tuple[datetime, str]] = Counter()
        for slot in emitted.keys() | counted.keys():
            for index, name in enumerate(("Total", "Failed")):
                found[slot, name] = counted.get(slot, (0, 0))[index] - int(emitted.get(slot, (0, 0))[index])
        return _nonzero(found)


@dataclass
class _Disturbance:
    """Called before and after each thing that a run does outside of itself; disturbs it at the given places.

    Attributes:
        unprinted: Hours that were written by a run that was killed before it printed their changes.
    """

    faults: Faults
    nested: Callable[[], None]
    places: Counter[str] = field(default_factory=Counter)
    depth: int = 0
    written: set[datetime] = field(default_factory=set)
    unprinted: set[datetime] = field(default_factory=set)

    def __call__(self, port: str, key: str) -> None:
        if self.depth:
            return
        place = _place(port, key)
        self.places[place] += 1
        if port == "put" and key.startswith("sms/"):
            self.written.add(_hour_of_key(key))
        if port == "emitted":
            self.written.clear()
        fault = self.faults.get((place, self.places[place]))
        if fault:
            self._disturb(fault, port, key)

    def _disturb(self, fault: str, port: str, key: str) -> None:
        if fault == "kill":
            self.unprinted |= self.written
            raise Killed
        if fault == "nested run":
            self.depth += 1
            try:
                self.nested()
            except DeliveryWatchError:
                pass
            finally:
                self.depth -= 1
        elif fault == "conflict" and port in ("replace", "delete"):
            raise StoreConflict(key)
        elif fault == "unavailable" and port in ("read", "metadata", "replace", "write", "keys"):
            # Between a write and its lines there is no question to the store that could fail.
            self.unprinted |= self.written
            raise StoreUnavailable("S3 answers 503.")
        elif fault in ("lost answer", "error answer") and port == "put":
            raise StoreConflict(key) if fault == "lost answer" else StoreUnavailable("S3 answers 503.")


def _place(port: str, key: str) -> str:
    """The kind of place, so that those that matter are not hit by chance only."""
    if port in ("emit", "emitted"):
        return "emission"
    return "lake" if port in ("replace", "put") and key.startswith("sms/") else "elsewhere"


def _hour_of_key(key: str) -> datetime:
    day, hour = key.removeprefix("sms/dt=").split("/")
    return datetime.fromisoformat(f"{day}T{hour[:2]}:00:00+00:00")


def _nonzero(counter: Counter[tuple[datetime, str]]) -> Counter[tuple[datetime, str]]:
    return Counter({key: number for key, number in counter.items() if number})
