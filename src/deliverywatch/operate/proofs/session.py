"""One try on a real account: what it works with, what it makes and takes away again, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from deliverywatch.errors import DeliveryWatchError, error_code
from deliverywatch.operate.account.aws import translated

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment

# Of everything that a run makes, so that whoever finds it knows what it was.
NAME = "deliverywatch-smoke"
_LOOK_SECONDS = 5.0

_Answer = TypeVar("_Answer")


class Verdict(StrEnum):
    """What a try says about a behaviour."""

    PROVEN = "proven"
    WRONG = "wrong"
    # The stack has no such part, or a right is missing: nothing is known.
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one behaviour: its name in `behaviours`, and one sentence of what was seen."""

    behaviour: str
    verdict: Verdict
    finding: str


def judged(behaviour: str, finding: str, *, is_so: bool) -> Outcome:
    """Return a behaviour as proven or wrong, by what was seen."""
    return Outcome(behaviour, Verdict.PROVEN if is_so else Verdict.WRONG, finding)


@dataclass(frozen=True, slots=True)
class Session:
    """One run of all proofs on one stack.

    Attributes:
        id: What the names of everything it makes end with.
        mail_to: Who gets two mails of one conversation, to look at; empty for nobody.
        leftovers: What could not be taken away again.
        queues: The names of the queues that it made so far.
    """

    cloud: Cloud
    stack: Deployment
    id: str
    now: Callable[[], datetime]
    pause: Callable[[float], None]
    mail_to: str = ""
    leftovers: list[str] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What whatever it makes is called."""
        return f"{NAME}-{self.id}"

    @contextmanager
    def tidied(self) -> Iterator[ExitStack]:
        """Give what takes everything away again, in reverse order, also after Ctrl-C."""
        with ExitStack() as undo:
            yield undo

    @contextmanager
    def making(self, undo: ExitStack, what: str, remove: Callable[..., Any], **request: Any) -> Iterator[None]:
        """Note how to take away what the block makes, also if no answer comes; what AWS denies to make is not made."""
        denials: list[DeliveryWatchError] = []
        undo.callback(lambda: None if denials else self._take_away(what, partial(remove, **request)))
        try:
            with translated(what):
                yield
        except DeliveryWatchError as error:
            denials += [error] if error.kind == "denied" else []
            raise

    def _take_away(self, what: str, remove: Callable[[], Any]) -> None:
        """Remove it; a failure is noted, and so is Ctrl-C meanwhile, and neither keeps the rest from being removed."""
        try:
            with translated(what):
                remove()
        except DeliveryWatchError as error:
            if not _is_gone(error):
                self.leftovers.append(f"{what}: {error}")
        except KeyboardInterrupt:
            self.leftovers.append(f"{what}: stopped before AWS had answered.")
            raise

    def awaited(self, look: Callable[[], _Answer | None], seconds: float) -> _Answer | None:
        """Return what a look finds, or None after so many seconds."""
        end = self.now() + timedelta(seconds=seconds)
        while (seen := look()) is None and self.seconds_until(end) > 0:
            self.pause(_LOOK_SECONDS)
        return seen

    def seconds_until(self, end: datetime) -> float:
        """Return how long it is until then."""
        return (end - self.now()).total_seconds()


def _is_gone(error: DeliveryWatchError) -> bool:
    code = error_code(error.__cause__) if isinstance(error.__cause__, Exception) else ""
    return any(word in code for word in ("NotFound", "NoSuch", "NonExistent"))
