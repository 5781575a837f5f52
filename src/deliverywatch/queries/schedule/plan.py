"""Desired schedules and actual ones -> what to create, to update and to delete, each with its differences.

A plan is a value: computed first, shown or applied by others. Applied to what it was computed from, the next plan is
empty, whatever defaults the service fills in (`schedule`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from deliverywatch.queries.schedule.guard import State
from deliverywatch.queries.schedule.specification import COMPARED
from deliverywatch.thresholds import QUERIES_DELETE_COUNT, QUERIES_DELETE_PERCENT

if TYPE_CHECKING:
    from deliverywatch.queries.schedule.specification import Schedule


class Action(StrEnum):
    """What a change does."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class ByHand(StrEnum):
    """What becomes of a schedule that somebody switched off by hand."""

    RESPECT = "respect"
    ENABLE = "enable"


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not as it should be."""

    field: str
    old: Any
    new: Any

    def __str__(self) -> str:
        return f"{self.field}: {self.old!r} -> {self.new!r}"

    def line(self) -> str:
        """Return it as the log has it, on one line: `cron: rate(1 hour) → rate(2 hours)`."""
        if self.field == "expression":
            return f"cron: {self.old} → {self.new}"
        return f"{self.field}: {self.old!r} → {self.new!r}"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do: without `before` it creates, without `after` it deletes."""

    name: str
    before: Schedule | None
    after: Schedule | None

    @property
    def action(self) -> Action:
        """What it does."""
        if self.before is None:
            return Action.CREATE
        return Action.DELETE if self.after is None else Action.UPDATE

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The fields that an update changes."""
        if self.before is None or self.after is None:
            return ()
        return tuple(
            Difference(name, getattr(self.before, name), getattr(self.after, name))
            for name in COMPARED
            if getattr(self.before, name) != getattr(self.after, name)
        )

    def line(self) -> str:
        """Return the line of the log, in the words of the pagopa/pn-infra scheduler."""
        if self.after is None:
            return f"DELETE: {self.name} (removed from config)"
        if self.before is None:
            zone = "" if self.after.timezone == "UTC" else f", {self.after.timezone}"
            return f"CREATE: {self.name} (cron: {self.after.expression}{zone})"
        return f"UPDATE: {self.name} ({'; '.join(difference.line() for difference in self.differences)})"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a plan may do; more deletions at once than this need somebody to look, one alone may always go."""

    by_hand: ByHand = ByHand.RESPECT
    delete_count: int = QUERIES_DELETE_COUNT
    delete_percent: float = QUERIES_DELETE_PERCENT
    allow_deletes: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What has to be done: changes, of which deletions come last, and names of schedules that are left as they are.

    `by_hand` were switched off by somebody; `withheld` are not deleted, for the reason in `guard`, which else is empty.
    """

    changes: tuple[Change, ...] = ()
    unchanged: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    guard: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do and nothing withheld."""
        return not self.changes and not self.withheld

    def counts(self) -> dict[str, int]:
        """Return the number of changes and schedules of each kind."""
        actions = Counter(change.action for change in self.changes)
        return {str(action): actions[action] for action in Action} | {
            "unchanged": len(self.unchanged),
            "by_hand": len(self.by_hand),
            "withheld": len(self.withheld),
        }


def plan(
    desired: Mapping[str, Schedule], actual: Mapping[str, Schedule], rules: Rules, remembered: State | None = None
) -> Plan:
    """Return what brings our actual schedules to the desired ones, both by name; no others are ever touched.

    `remembered` is what the guard knows of the rounds before; by default, that the actual schedules are not new.
    """
    pairs = {name: _wanted(schedule, actual.get(name), rules.by_hand) for name, schedule in sorted(desired.items())}
    written = [Change(name, actual.get(name), after) for name, after in pairs.items() if actual.get(name) != after]
    gone = sorted(actual.keys() - desired.keys())
    withheld, guard = _guarded(gone, desired, rules, remembered or State(settled=frozenset(actual)))
    written.sort(key=lambda change: change.action is not Action.CREATE)
    return Plan(
        changes=(*written, *(Change(name, actual[name], None) for name in gone if name not in withheld)),
        unchanged=tuple(name for name, after in pairs.items() if actual.get(name) == after),
        by_hand=tuple(name for name, after in pairs.items() if after.is_enabled != desired[name].is_enabled),
        withheld=tuple(withheld),
        guard=guard,
    )


def change_of(name: str, wanted: Schedule | None, actual: Schedule | None, by_hand: ByHand) -> Change | None:
    """Return what brings one schedule to the wanted one, None for nothing to do; one that does not exist is None."""
    after = _wanted(wanted, actual, by_hand) if wanted else None
    return None if actual == after else Change(name, actual, after)


def _wanted(wanted: Schedule, actual: Schedule | None, by_hand: ByHand) -> Schedule:
    is_by_hand = actual is not None and wanted.is_enabled and not actual.is_enabled and actual.was_written_enabled
    return replace(wanted, is_enabled=False) if is_by_hand and by_hand is ByHand.RESPECT else wanted


def _guarded(
    gone: Sequence[str], desired: Collection[str], rules: Rules, remembered: State
) -> tuple[Sequence[str], str]:
    """Return which of these are not deleted, and why."""
    if not gone or rules.allow_deletes:
        return (), ""
    if reason := _too_many(gone, desired, rules, remembered.settled):
        return gone, reason
    waiting = [name for name in gone if name in remembered.withheld]
    return waiting, f"{len(waiting)} of the deletions that were withheld are still waiting." if waiting else ""


def _too_many(gone: Sequence[str], desired: Collection[str], rules: Rules, settled: Collection[str] | None) -> str:
    if not desired:
        return f"The file holds no query, and an empty file never deletes: {len(gone)} would go."
    # Counted together are all that left since the schedules were last as a file said, in however many rounds.
    count = len({*gone, *(settled or ())} - set(desired))
    if count > rules.delete_count:
        return f"{count} schedules would be deleted; at most {rules.delete_count} are at once."
    if settled is None:
        return f"{count} schedule{'s' * (count > 1)} would be deleted, and which there were before is not known."
    if count > 1 and 100 * count > rules.delete_percent * len(settled):
        return f"{count} of {len(settled)} schedules would be deleted; at most {rules.delete_percent:g} % are at once."
    return ""
