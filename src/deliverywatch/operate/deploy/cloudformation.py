"""What CloudFormation knows: stacks, their events, change sets and resources."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deliverywatch.errors import CloudRefused
from deliverywatch.operate.account.stack_status import Phase, phase

# What the names of our change sets begin with.
NAME = "deliverywatch"


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it is now; it has a new id each time it is made anew under the same name."""

    name: str
    id: str
    status: str

    @property
    def phase(self) -> Phase:
        """What can be done with it."""
        return phase(self.status)


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
class Refusal:
    """What CloudFormation's validation says of one resource; `path` leads to the property, a warning stops nothing."""

    resource: str
    kind: str
    path: str
    reason: str
    is_warning: bool = False

    def words(self) -> str:
        """Return one sentence: resource, property and reason."""
        inside = self.path.partition("/Properties/")[2]
        where = f"{self.resource} ({self.kind.removeprefix('AWS::').replace('::', ' ')})"
        return f"{where}{f', property {inside}' if inside else ''}: {self.reason.rstrip('.')}."


@dataclass(frozen=True, slots=True)
class Following:
    """How a stack is followed: what gets every event, in order, what returns after a few seconds, and what says why."""

    report: Callable[[Event], None]
    pause: Callable[[], None]
    explain: Callable[[str], None]
    now: Callable[[], datetime]


def overtaken(name: str) -> CloudRefused:
    """Return the error that says that somebody else changed a stack first."""
    return CloudRefused(
        f"Another change of {name} was faster, and nothing of this one was done.",
        kind="overtaken",
        next_step="Run the same command again: it waits for the other, and compares with what that has made.",
    )
