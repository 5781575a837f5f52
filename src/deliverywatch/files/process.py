"""A batch of SQS messages -> items in the table, and the messages that SQS shall deliver again: `process` is the road.

Each message is read and kept by itself: one that fails is reported by its id (partial batch response,
docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html), its neighbours are done. An event's only write
is conditional, so that a message may be processed any number of times, in any order, and be killed at any step.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
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
        """Write an item if it is newer than the stored one (the rule is in `items`); whether it was.

        Raises:
            TableUnavailable: The table could not be reached, or refuses.
        """


class Failures(Protocol):
    """Why messages failed."""

    def record(self, failures: Sequence[Failure]) -> None:
        """Write down failures; one that cannot be written down is logged and stops nothing."""


class Queue(Protocol):
    """The queue that the messages came from."""

    def return_at_once(self, receipts: Sequence[str]) -> None:
        """Let messages be delivered again now, not after the visibility timeout; failing to stops nothing."""


class Lake(Protocol):
    """The object with what a mail says about dead letters."""

    def update(self, change: Callable[[bytes | None], bytes]) -> None:
        """Put what `change` makes of the present object in its place; failing to stops nothing."""


# Applies a function to each of many, in order; the handler's does several at a time.
Spread = Callable[[Callable[["Message"], "Result"], Iterable["Message"]], Iterable["Result"]]


@dataclass(frozen=True, slots=True)
class Ports:
    """What a batch touches; without a queue, messages that fail are not hurried."""

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
    """What became of one message; `error` is the traceback of a failure that nobody foresaw."""

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
        """The failed attempts."""
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
        """Return what the function answers: the messages to deliver again."""
        return {"batchItemFailures": [{"itemIdentifier": each.message_id} for each in self.failures]}

    @property
    def counts(self) -> dict[str, int]:
        """Messages by outcome."""
        counter = Counter(result.outcome for result in self.results)
        return {f"{outcome.value}_count": counter[outcome] for outcome in Outcome}


def process(batch: Sequence[Message], now: datetime, ports: Ports, settings: Settings) -> Report:
    """Process a batch, as `sqs.messages_of` returns it."""

    def one(message: Message) -> Result:
        return _process_one(message, now, ports.table, settings.retention)

    report = Report(tuple(ports.spread(one, batch)))
    if report.failures:
        ports.failures.record(report.failures)
    if dead := mail_context.final(report.failures, settings.most_receives):
        ports.lake.update(lambda previous: mail_context.document(previous, dead, now))
    if ports.queue and (in_vain := report.in_vain):
        # Waiting fixes nothing: these use up their attempts now, and are reported within a minute.
        ports.queue.return_at_once([each.receipt for each in in_vain])
    return report


def _process_one(message: Message, now: datetime, table: Table, retention: Retention) -> Result:
    objects: tuple[str, ...] = ()
    try:
        reading = messages.read(message.body)
        objects = reading.objects
        # All are written, not only up to the first that was late: a body may report several objects.
        kept = [table.keep(items.item(event, message.id, now, retention)) for event in reading.events]
    except Exception as error:
        foreseen = isinstance(error, DeliveryWatchError)
        reason = failure(message, objects, error, now)
        return Result(message, Outcome.FAILED, reason, "" if foreseen else traceback.format_exc())
    if not kept:
        return Result(message, Outcome.IGNORED)
    return Result(message, Outcome.STORED if any(kept) else Outcome.STALE)


def raise_if_nothing_works(report: Report) -> None:
    """Raise if all messages failed and all may succeed later: Lambda polls more slowly after an error only.

    Raises:
        TableUnavailable: The first failure's sentence.
    """
    failures = report.failures
    if len(failures) > 1 and len(failures) == len(report.results) and all(failure.is_retryable for failure in failures):
        first = failures[0]
        raise TableUnavailable(
            f"All {len(failures)} messages failed. {first.problem}", kind=first.kind, next_step=first.next_step
        )
