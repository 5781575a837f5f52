"""What there is -> the plan -> applied, one schedule at a time, each until it is as it should be.

A change that meets a conflict, a throttle or a schedule that is gone meanwhile is planned anew from what is there then;
so a run that is killed after any call, repeated, or done twice at once ends in the same state. One schedule that cannot
be mended does not stop the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import DeliveryWatchError, Retryable, ServiceBusy
from deliverywatch.queries.schedule.plan import Action, Plan, Rules, change_of, plan

if TYPE_CHECKING:
    from deliverywatch.queries.schedule.plan import Change
    from deliverywatch.queries.schedule.specification import Schedule

log = logging.getLogger(__name__)

# A conflict is over within a second or two; what is refused eight times in a row is left to the next run.
_ATTEMPTS = 8
_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
# GetSchedule takes about 20 ms: eight at a time read 10,000 in less than a minute.
_READERS = 8
# A change that is begun with less left may be cut off; the next run does it.
_LEAST_SECONDS = 15.0

_DONE = {Action.CREATE: "created", Action.UPDATE: "updated", Action.DELETE: "deleted"}


class Schedules(Protocol):
    """The schedules of our group. Every method raises ServiceBusy where trying again helps, else ServiceRefused."""

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names in the group that begin so."""
        ...

    def get(self, name: str) -> Schedule | None:
        """Return a schedule, or None if there is none."""
        ...

    def create(self, schedule: Schedule) -> None:
        """Make a schedule; one that is there already is a ServiceBusy."""
        ...

    def update(self, schedule: Schedule) -> None:
        """Replace a schedule; one that is not there is a ServiceBusy."""
        ...

    def delete(self, name: str) -> None:
        """Delete a schedule; one that is not there is as it should be."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What a reconciliation touches.

    Attributes:
        tell: Takes the lines of the log.
        pause: Sleeps so many seconds.
        seconds_left: How long the run may still take.
    """

    schedules: Schedules
    tell: Callable[[str], None]
    pause: Callable[[float], None]
    seconds_left: Callable[[], float]


@dataclass(slots=True)
class Result:
    """What a reconciliation did: names by what became of them, and why those failed that did."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    by_hand: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    guard: str = ""

    def counts(self) -> dict[str, int]:
        """Return the summary that is logged, returned and counted."""
        names = ("created", "updated", "deleted", "unchanged", "failed", "by_hand", "withheld")
        return {name: len(getattr(self, name)) for name in names}

    def document(self) -> dict[str, Any]:
        """Return the summary with all names but those of unchanged schedules."""
        listed = ("created", "updated", "deleted", "failed", "by_hand", "withheld")
        return {"counts": self.counts(), **{name: getattr(self, name) for name in listed}, "guard": self.guard}


def observe(schedules: Schedules, prefix: str) -> dict[str, Schedule]:
    """Return by name every schedule of ours, as it is.

    Args:
        schedules: The group.
        prefix: What our names begin with; nothing else is even read.

    Raises:
        DeliveryWatchError: One of them could not be read: a plan without it would be wrong.
    """
    names = [name for name in schedules.names(prefix) if name.startswith(prefix)]
    with ThreadPoolExecutor(_READERS) as readers:
        found = list(readers.map(schedules.get, names))
    # One that was deleted between the two calls is simply not there.
    return {each.name: each for each in found if each is not None}


def reconcile(desired: Mapping[str, Schedule], prefix: str, rules: Rules, ports: Ports) -> Result:
    """Bring our schedules to what is desired, and return what was done.

    Args:
        desired: By name.
        prefix: What our names begin with.
        rules: What may be done.
        ports: What it touches.

    Raises:
        DeliveryWatchError: What there is could not be read; nothing was changed.
    """
    found = plan(desired, observe(ports.schedules, prefix), rules)
    return apply(found, desired, rules, ports)


def apply(found: Plan, desired: Mapping[str, Schedule], rules: Rules, ports: Ports) -> Result:
    """Do what a plan says, and return what was done; what fails is in the result.

    Args:
        found: The plan.
        desired: What it was computed from: what meets a conflict is compared with it again.
        rules: What may be done.
        ports: What it touches.
    """
    result = Result(unchanged=list(found.unchanged), by_hand=list(found.by_hand), withheld=list(found.withheld))
    result.guard = found.guard
    for change in found.changes:
        _note(change, _Settling(change, desired.get(change.name), rules, ports).run, result)
    for line in _summary(result):
        ports.tell(line)
    return result


@dataclass(frozen=True, slots=True)
class _Settling:
    """One schedule on its way to what it should be."""

    first: Change
    wanted: Schedule | None
    rules: Rules
    ports: Ports

    def run(self) -> None:
        change: Change | None = self.first
        for attempt in range(_ATTEMPTS):
            if self.ports.seconds_left() < _LEAST_SECONDS:
                raise ServiceBusy("There was no time left for it in this run.", kind="behind")
            try:
                change = change if attempt == 0 else self._again()
                if change is not None:
                    self._do(change)
            except Retryable as error:
                if attempt == _ATTEMPTS - 1:
                    raise
                log.debug("%s: %s", self.first.name, error)
                self.ports.pause(min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2**attempt))
            else:
                return

    def _again(self) -> Change | None:
        found = self.ports.schedules.get(self.first.name)
        return change_of(self.first.name, self.wanted, found, self.rules.by_hand)

    def _do(self, change: Change) -> None:
        self.ports.tell(change.line())
        if change.after is None:
            self.ports.schedules.delete(change.name)
        elif change.before is None:
            self.ports.schedules.create(change.after)
        else:
            self.ports.schedules.update(change.after)


def _note(change: Change, run: Callable[[], None], result: Result) -> None:
    try:
        run()
    except DeliveryWatchError as error:
        result.failed[change.name] = f"{error}"
        return
    getattr(result, _DONE[change.action]).append(change.name)


def _summary(result: Result) -> Iterable[str]:
    for name, reason in result.failed.items():
        yield f"ERROR {name} {reason}"
    if result.guard:
        yield f"WITHHELD {result.guard} Look at them with 'deliverywatch queries plan --config FILE'."
    for name in result.by_hand:
        yield f"DISABLED BY HAND {name}"
    yield "SUMMARY " + ", ".join(f"{name} {count}" for name, count in result.counts().items())
