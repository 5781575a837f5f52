"""A batch of SQS messages -> items in the table, and the messages that SQS should redeliver.

Each message is processed by itself: one that fails is reported by its id (partial batch response,
docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html) and its neighbours succeed. An event's only write
is conditional, so that a message can be processed any number of times, in any order, and be interrupted at any step.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import DeliveryWatchError, TableUnavailable
from deliverywatch.files.records import items, mail_context, messages
from deliverywatch.files.records.failures import Failure, failure

if TYPE_CHECKING:
    from deliverywatch.files.records.items import Item, Retention
    from deliverywatch.files.records.sqs import Message


class Outcome(StrEnum):
    """What became of a message."""

    STORED = "stored"
    STALE = "stale"
    IGNORED = "ignored"
    FAILED = "failed"


class Table(Protocol):
    """The items."""

    def keep(self, item: Item) -> bool:
        """Write an item if it is newer than the stored one, and return whether it was; may raise TableUnavailable."""


class Failures(Protocol):
    """Why messages failed."""

    def record(self, failures: Sequence[Failure]) -> None:
        """Store failures; one that cannot be stored is logged and stops nothing."""


class Queue(Protocol):
    """The queue that the messages came from."""

    def return_at_once(self, receipts: Sequence[str]) -> None:
        """Let messages be redelivered now, not after the visibility timeout; failing to do so stops nothing."""


class Lake(Protocol):
    """The context document of mails about dead letters."""

    def update(self, change: Callable[[bytes | None], bytes]) -> None:
        """Replace the object by what `change` makes of it; failing to do so stops nothing."""


# Like `map`; the handler's runs several at a time.
Spread = Callable[[Callable[["Message"], "Result"], Iterable["Message"]], Iterable["Result"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a batch touches; without a queue, messages that fail are not redelivered early."""

    table: Table
    failures: Failures
    lake: Lake
    queue: Queue | None = None
    spread: Spread = map


@dataclass(frozen=True, slots=True)
class Settings:
    """The stack's parameters; SQS puts a message aside after `most_receives` deliveries."""

    retention: Retention
    most_receives: int


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one message; `error` is the traceback of an unforeseen failure."""

    message: Message
    outcome: Outcome
    failure: Failure | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a batch."""

    results: tuple[Result, ...]

    @property
    def failures(self) -> list[Failure]:
        """The failures, in the order of the batch."""
        return [result.failure for result in self.results if result.failure]

    @property
    def in_vain(self) -> list[Message]:
        """The messages that can never be processed."""
        return [
            result.message
            for result in self.results
            if result.failure and result.message.receipt and not result.failure.is_retryable
        ]

    @property
    def answer(self) -> dict[str, Any]:
        """The function's answer: the messages to redeliver."""
        return {"batchItemFailures": [{"itemIdentifier": failure.message_id} for failure in self.failures]}

    @property
    def counts(self) -> dict[str, int]:
        """Messages by outcome."""
        counter = Counter(result.outcome for result in self.results)
        return {f"{outcome.value}_count": counter[outcome] for outcome in Outcome}


def process(batch: Sequence[Message], now: datetime, ports: Ports, settings: Settings) -> Report:
    """Process a batch, as `sqs.messages_of` returns it."""
    process_one = partial(_process_one, now=now, table=ports.table, retention=settings.retention)
    report = Report(tuple(ports.spread(process_one, batch)))
    if report.failures:
        ports.failures.record(report.failures)
    if dead := mail_context.final(report.failures, settings.most_receives):
        ports.lake.update(lambda previous: mail_context.document(previous, dead, now))
    if ports.queue and (in_vain := report.in_vain):
        # Waiting fixes nothing: these use up their attempts now, and are reported within a minute.
        ports.queue.return_at_once([message.receipt for message in in_vain])
    return report


def _process_one(message: Message, now: datetime, table: Table, retention: Retention) -> Result:
    try:
        reading = messages.read(message.body)
    except Exception as error:
        return _failed(message, (), [error], now)
    # All are written, not only those before the first that is late or fails: a body may report several objects.
    written = [_written(items.item(event, message.id, now, retention), table) for event in reading.events]
    if errors := [*reading.problems, *(outcome for outcome in written if isinstance(outcome, Exception))]:
        return _failed(message, reading.objects, errors, now)
    if not written:
        return Result(message, Outcome.IGNORED)
    return Result(message, Outcome.STORED if any(written) else Outcome.STALE)


def _written(item: Item, table: Table) -> bool | Exception:
    """Write an item, and return whether it was newer than the stored one, or why it could not be written."""
    try:
        return table.keep(item)
    except Exception as error:
        return error


def _failed(message: Message, objects: tuple[str, ...], errors: Sequence[Exception], now: datetime) -> Result:
    """Return the result of a message of which something failed; what another attempt may mend comes first."""
    failures = [failure(message, objects, error, now) for error in errors]
    main = max(range(len(errors)), key=lambda number: failures[number].is_retryable)
    details = "" if isinstance(errors[main], DeliveryWatchError) else "".join(traceback.format_exception(errors[main]))
    return Result(message, Outcome.FAILED, failures[main], details)


def raise_if_nothing_works(report: Report) -> None:
    """Raise TableUnavailable if all messages failed and may succeed later: only after an error Lambda polls slower."""
    failures = report.failures
    if len(failures) > 1 and len(failures) == len(report.results) and all(failure.is_retryable for failure in failures):
        first = failures[0]
        raise TableUnavailable(
            f"All {len(failures)} messages failed. {first.problem}", kind=first.kind, next_step=first.next_step
        )
