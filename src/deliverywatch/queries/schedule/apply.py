"""The actual schedules -> the plan -> applied, one schedule at a time, each until it is as it should be.

A change that meets a conflict, a throttle or a schedule that is gone meanwhile is planned anew from what it is then; so
a run that is killed after any call, repeated, or done twice at once ends in the same state. One schedule that fails
does not stop the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import DeliveryWatchError, Retryable, ServiceBusy
from deliverywatch.queries.schedule.guard import State
from deliverywatch.queries.schedule.plan import Action, Plan, Rules, change_of, plan

if TYPE_CHECKING:
    from deliverywatch.queries.schedule.guard import Guard
    from deliverywatch.queries.schedule.plan import Change
    from deliverywatch.queries.schedule.specification import Schedule

_logger = logging.getLogger(__name__)

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

    def get(self, name: str) -> Schedule | None:
        """Return a schedule, or None if there is none."""

    def create(self, schedule: Schedule) -> None:
        """Make a schedule; one that exists already is a ServiceBusy."""

    def update(self, schedule: Schedule) -> None:
        """Replace a schedule; one that does not exist is a ServiceBusy."""

    def delete(self, name: str) -> None:
        """Delete a schedule, if it exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a reconciliation touches; `log` takes its lines, `seconds_left` is what the run may still take."""

    schedules: Schedules
    log: Callable[[str], None]
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
    not_created: set[str] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """Return the summary that is logged, returned and counted."""
        names = ("created", "updated", "deleted", "unchanged", "failed", "by_hand", "withheld")
        return {name: len(getattr(self, name)) for name in names}

    def document(self) -> dict[str, Any]:
        """Return the summary with all names but those of unchanged schedules."""
        listed = ("created", "updated", "deleted", "failed", "by_hand", "withheld")
        counts = self.counts()
        # As the scheduler of pagopa/pn-infra answers.
        results = {name: counts[name] for name in ("created", "updated", "deleted", "failed")}
        answer = {"statusCode": 200, "message": "Reconciliation completed", "results": results}
        return {**answer, "counts": counts, **{name: getattr(self, name) for name in listed}, "guard": self.guard}


def observe(schedules: Schedules, prefix: str) -> dict[str, Schedule]:
    """Return by name every schedule whose name begins so, as it is; nothing else is even read.

    Raises if one of them could not be read: a plan without it would be wrong.
    """
    names = [name for name in schedules.names(prefix) if name.startswith(prefix)]
    with ThreadPoolExecutor(_READERS) as readers:
        # One that was deleted between the two calls is left out.
        return {schedule.name: schedule for schedule in readers.map(schedules.get, names) if schedule is not None}


def reconcile(
    desired: Mapping[str, Schedule], prefix: str, rules: Rules, ports: Ports, guard: Guard | None = None
) -> Result:
    """Bring the schedules whose names begin so to the desired ones, and return what was done.

    Raises if the schedules, or what the guard remembers, could not be read or written; nothing was changed then.
    """
    remembered = guard.read() if guard else State()
    actual = observe(ports.schedules, prefix)
    ports.log(f"Found {len(actual)} existing schedules")
    planned = plan(desired, actual, rules, remembered)
    return apply(planned, desired, rules, ports, guard)


def apply(
    planned: Plan, desired: Mapping[str, Schedule], rules: Rules, ports: Ports, guard: Guard | None = None
) -> Result:
    """Do what a plan says, and return what was done, failures included.

    `desired` and `rules` are those of the plan: what meets a conflict is compared with them again. `guard` remembers
    what the plan withholds before anything is done, and what there is once it is as the file says.
    """
    result = Result(unchanged=list(planned.unchanged), by_hand=list(planned.by_hand), withheld=list(planned.withheld))
    remembered = guard.withhold(guard.read(), planned.withheld) if guard else State()
    result.guard = planned.guard
    if remembered.withheld:
        result.guard += f" The first that asked for it was {remembered.origin()}."
    actions = {change.name: change.action for change in planned.changes}
    for change in planned.changes:
        _attempt(change, desired, rules, ports, result)
    if guard and _is_settled(planned, result):
        _settle(guard, remembered, desired)
    for name, reason in result.failed.items():
        ports.log(f"ERROR Failed to {actions[name]} schedule {name}: {reason}")
    for line in _summary(result):
        ports.log(line)
    return result


def _attempt(change: Change, desired: Mapping[str, Schedule], rules: Rules, ports: Ports, result: Result) -> None:
    # A query that got another name is created before the old one is deleted, or it would run under neither.
    if change.after is None and result.not_created:
        result.failed[change.name] = "It is not deleted in a round in which a schedule could not be created."
        return
    try:
        _Settling(change, desired.get(change.name), rules, ports, result.not_created).run()
    except DeliveryWatchError as error:
        result.failed[change.name] = f"{error}"
    else:
        result.not_created.discard(change.name)
        getattr(result, _DONE[change.action]).append(change.name)


def _settle(guard: Guard, remembered: State, desired: Mapping[str, Schedule]) -> None:
    try:
        guard.settle(remembered, desired)
    except DeliveryWatchError as error:  # the guard goes by what there was before, which withholds more, not less
        _logger.warning("What schedules there are now could not be remembered: %s", error)


def _is_settled(planned: Plan, result: Result) -> bool:
    """Whether there are just the schedules that the file names."""
    moved = [change.name for change in planned.changes if change.action is not Action.UPDATE]
    return not planned.withheld and not result.failed.keys() & set(moved)


@dataclass(frozen=True, slots=True)
class _Settling:
    """One schedule on its way to what it should be."""

    first: Change
    wanted: Schedule | None
    rules: Rules
    ports: Ports
    not_created: set[str]

    def run(self) -> None:
        change: Change | None = self.first
        if self.first.before is None:
            self.not_created.add(self.first.name)
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
                _logger.debug("%s: %s", self.first.name, error)
                self.ports.pause(min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2**attempt))
            else:
                return

    def _again(self) -> Change | None:
        actual = self.ports.schedules.get(self.first.name)
        return change_of(self.first.name, self.wanted, actual, self.rules.by_hand)

    def _do(self, change: Change) -> None:
        self.ports.log(change.line())
        if change.after is None:
            self.ports.schedules.delete(change.name)
        elif change.before is None:
            self.not_created.add(change.name)
            self.ports.schedules.create(change.after)
        else:
            self.ports.schedules.update(change.after)


def _summary(result: Result) -> Iterable[str]:
    if result.guard:
        yield f"WITHHELD {result.guard} Look at them with 'deliverywatch queries plan --config FILE'."
    for name in result.by_hand:
        yield f"DISABLED BY HAND {name}"
    yield f"Reconciliation complete: {result.counts()}"
