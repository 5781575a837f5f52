"""What the flows ask of CloudFormation, and how a stack is followed until it stands still."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

# What the names of our change sets begin with.
NAME = "deliverywatch"
# A stack that only has change sets, and nothing else yet.
EMPTY = "REVIEW_IN_PROGRESS"
# A stack whose very first deployment failed: it can only be deleted.
STILLBORN = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it is now; it has a new id each time it is made anew under the same name."""

    name: str
    id: str
    status: str

    @property
    def is_moving(self) -> bool:
        """Whether CloudFormation works on it."""
        return self.status.endswith("_IN_PROGRESS") and self.status != EMPTY


@dataclass(frozen=True, slots=True)
class Event:
    """One step of a stack: of a resource, or of the stack itself."""

    id: str
    at: datetime
    resource: str
    kind: str
    status: str
    reason: str = ""

    @property
    def is_failure(self) -> bool:
        """Whether this is what went wrong, and not what was given up for it."""
        return self.status.endswith("_FAILED") and "cancelled" not in self.reason


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set: `changes` as DescribeChangeSet returns them, of all pages."""

    id: str
    status: str
    reason: str
    changes: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a stack; `name` is what it is called in the account."""

    id: str
    kind: str
    name: str


class Formation(Protocol):
    """CloudFormation of one account and region."""

    def find(self, name_or_id: str) -> Stack | None:
        """Return a stack, or none; a deleted one is found by its id only."""

    def newest_event(self, stack_id: str) -> str | None:
        """Return the id of the newest event: what comes after it is new."""

    def events(self, stack_id: str, after: str | None) -> list[Event]:
        """Return what happened after the event with this id, oldest first; of None, everything."""

    def create(self, request: Mapping[str, Any]) -> str:
        """Create a change set and return its id."""

    def change_set(self, change_set_id: str) -> ChangeSet:
        """Return a change set as it is now."""

    def change_sets(self, name: str) -> list[str]:
        """Return the ids of the change sets of a stack that DeliveryWatch made and that wait."""

    def drop(self, change_set_id: str) -> None:
        """Delete a change set."""

    def execute(self, change_set_id: str) -> None:
        """Let a change set happen."""

    def delete(self, stack_id: str) -> None:
        """Begin to delete a stack."""


@dataclass(frozen=True, slots=True)
class Following:
    """How a stack is followed: who gets its events, and how to wait.

    Attributes:
        report: Gets every event, in order.
        pause: Returns after a few seconds.
    """

    report: Callable[[Event], None]
    pause: Callable[[], None]


def follow(formation: Formation, stack_id: str, following: Following, after: str | None) -> tuple[Stack, list[Event]]:
    """Follow a stack until it stands still.

    Args:
        formation: CloudFormation.
        stack_id: The stack.
        following: Gets the events.
        after: The newest event from before the stack was set in motion: it has not begun before there is another. None
            if it moves already.

    Returns:
        The stack as it is at the end, and what failed, oldest first.
    """
    failures: list[Event] = []
    seen = after or formation.newest_event(stack_id)
    has_begun = after is None
    while True:
        # The stack first: once it stands still, all its events are there.
        stack = formation.find(stack_id)
        if stack is None:
            return Stack(stack_id, stack_id, "DELETE_COMPLETE"), failures
        for event in formation.events(stack_id, seen):
            following.report(event)
            seen, has_begun = event.id, True
            failures += [event] if event.is_failure else []
        if has_begun and not stack.is_moving:
            return stack, failures
        following.pause()
