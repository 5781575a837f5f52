"""What CloudFormation knows: stacks, their events, change sets and resources."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Following:
    """How a stack is followed: what gets every event, in order, and what returns after a few seconds."""

    report: Callable[[Event], None]
    pause: Callable[[], None]
