"""A statement -> Athena's answer to it: started once, waited for with growing pauses, stopped when it takes too long.

Athena takes a token with a statement: the same token again gives the same execution, so that a run that is started
twice asks, and pays, once (docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from deliverywatch.errors import ServiceBusy, ServiceRefused

if TYPE_CHECKING:
    from deliverywatch.queries.config.statement import Statement

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_GROWTH = 1.5
# What Athena itself calls worth another try; and how often a start is tried that it is too busy for.
_TRIES = 3


class Status(StrEnum):
    """Athena's words, and one of ours: STOPPED is what we stopped because it took too long."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution as Athena tells of it.

    Attributes:
        location: Where its CSV is: `s3://bucket/key`.
        reason: Why it failed; empty if it did not.
        is_retryable: Whether Athena says that another try may succeed.
    """

    id: str
    status: Status
    location: str = ""
    scanned_bytes: int = 0
    reason: str = ""
    is_retryable: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it goes on no more."""
        return self.status not in (Status.QUEUED, Status.RUNNING)


class Athena(Protocol):
    """Athena. Every method raises ServiceBusy where trying again helps, else ServiceRefused."""

    def start(self, statement: Statement, token: str) -> str:
        """Start a statement and return the execution's id; the same one for the same token."""
        ...

    def look(self, execution_id: str) -> Execution:
        """Return an execution as it is now."""
        ...

    def stop(self, execution_id: str) -> None:
        """Stop an execution, so that it is not billed on."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an answer is waited for.

    Attributes:
        pause: Sleeps so many seconds.
        seconds_left: How long is left for it.
    """

    pause: Callable[[float], None]
    seconds_left: Callable[[], float]


def ask(statement: Statement, name: str, athena: Athena, patience: Patience) -> Execution:
    """Return the end of a statement's execution: whatever Athena calls worth another try has had it.

    Args:
        statement: What is asked.
        name: What the run is called; the same for each start of the same run.
        athena: Athena.
        patience: How long to wait.

    Raises:
        ServiceBusy: Athena took no new statement for all that time.
    """
    try:
        return _asked(statement, name, athena, patience)
    except ServiceRefused as error:
        # What Athena does not even begin: the statement is wrong for it, or our role may not ask it.
        return Execution("", Status.FAILED, reason=str(error))


def _asked(statement: Statement, name: str, athena: Athena, patience: Patience) -> Execution:
    for number in range(_TRIES):
        execution = _waited(_started(statement, token_of(name, statement, number), athena, patience), athena, patience)
        if not execution.is_retryable or number == _TRIES - 1:
            break
    return execution


def token_of(name: str, statement: Statement, number: int = 0) -> str:
    """Return the token of one try; another statement under the same name is another question."""
    text = "\n".join([name, str(number), statement.sql, *statement.parameters])
    return hashlib.sha256(text.encode()).hexdigest()


def _started(statement: Statement, token: str, athena: Athena, patience: Patience) -> str:
    seconds = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return athena.start(statement, token)
        except ServiceBusy:
            if patience.seconds_left() <= seconds:
                raise
        patience.pause(seconds)
        seconds = min(_LONGEST_PAUSE_SECONDS, seconds * _GROWTH)


def _waited(execution_id: str, athena: Athena, patience: Patience) -> Execution:
    seconds = _FIRST_PAUSE_SECONDS
    execution = Execution(execution_id, Status.QUEUED)
    while True:
        with suppress(ServiceBusy):  # it goes on whether we can see it or not: the next look tells
            execution = athena.look(execution_id)
        if execution.is_over:
            return execution
        if patience.seconds_left() <= seconds:
            return _stopped(execution, athena)
        patience.pause(seconds)
        seconds = min(_LONGEST_PAUSE_SECONDS, seconds * _GROWTH)


def _stopped(execution: Execution, athena: Athena) -> Execution:
    athena.stop(execution.id)
    reason = "it took too long and was stopped"
    return Execution(execution.id, Status.STOPPED, scanned_bytes=execution.scanned_bytes, reason=reason)
