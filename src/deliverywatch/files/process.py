"""A batch of SQS messages -> items in the table, and the messages that SQS should redeliver.

Each message is processed by itself: one that fails is reported by its id (partial batch response,
docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html) and its neighbours succeed. An event's only write
is conditional, so that a message can be processed any number of times, in any order, and be interrupted at any step.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import DeliveryWatchError, Retryable, StoreUnavailable, TableUnavailable
from deliverywatch.files import admission, by_key
from deliverywatch.files.admission import Filters
from deliverywatch.files.records import items, mail_context, messages
from deliverywatch.files.records.events import NO_VERSION, State
from deliverywatch.files.records.failures import Failure, failure
from deliverywatch.files.records.layout import Layout

if TYPE_CHECKING:
    from deliverywatch.files.admission import Objects
    from deliverywatch.files.records.events import ObjectEvent
    from deliverywatch.files.records.items import Item, Retention
    from deliverywatch.files.records.sqs import Message

log = logging.getLogger(__name__)

# A run that is killed delivers its whole batch again, with what it has done.
_LATE = Retryable(
    "The run had no time left for this message.",
    kind="timeout",
    next_step="If it persists, give the stack a higher FilesTimeoutSeconds or a lower FilesBatchSize.",
)


class Outcome(StrEnum):
    """What became of a message, or of one event: of several the first of these that applies to any."""

    STORED = "stored"
    STALE = "stale"
    LEFT_OUT = "left_out"
    IGNORED = "ignored"
    FAILED = "failed"


class Table(Protocol):
    """The items."""

    def keep(self, item: Item) -> bool:
        """Write an item if it is newer than the stored one, and return whether it was; may raise TableUnavailable."""

    def replace(self, item: Item) -> bool:
        """Write an item if an older one is stored, and return whether it was; may raise TableUnavailable."""


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


ItemOf = Callable[["ObjectEvent"], "Item"]
# Like `map`; the handler's runs several at a time.
Spread = Callable[[Callable[["Message"], "Result"], Iterable["Message"]], Iterable["Result"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a batch touches.

    Without a queue, messages that fail are not redelivered early; without objects, nothing is asked about the bucket.
    """

    table: Table
    failures: Failures
    lake: Lake
    objects: Objects | None = None
    queue: Queue | None = None
    spread: Spread = map


@dataclass(frozen=True, slots=True)
class Settings:
    """The stack's parameters.

    Attributes:
        most_receives: Deliveries after which SQS puts a message aside.
        has_pusher: Whether items have all details, and not only the content type.
        watched_bucket: The bucket whose objects may be read: what did not pass the pusher gets its details here.
    """

    retention: Retention
    most_receives: int
    filters: Filters = field(default_factory=Filters)
    has_pusher: bool = False
    watched_bucket: str = ""
    layout: Layout = Layout.VERSIONS

    def adds_details(self, event: ObjectEvent) -> bool:
        """Return whether an event without details gets them: of another bucket only if its type decides."""
        return event.bucket == self.watched_bucket or bool(self.filters.content_types)


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


def process(
    batch: Sequence[Message],
    now: datetime,
    ports: Ports,
    settings: Settings,
    has_time: Callable[[], bool] = lambda: True,
) -> Report:
    """Process a batch, as `sqs.messages_of` returns it; what is not begun while it `has_time` fails for now."""

    def process_one(message: Message) -> Result:
        return _process_one(message, now, ports, settings) if has_time() else _failed(message, (), [_LATE], now)

    report = Report(tuple(ports.spread(process_one, batch)))
    if report.failures:
        ports.failures.record(report.failures)
    if dead := mail_context.final(report.failures, settings.most_receives):
        ports.lake.update(lambda previous: mail_context.document(previous, dead, now))
    if ports.queue and (in_vain := report.in_vain):
        # Waiting fixes nothing: these use up their attempts now, and are reported within a minute.
        ports.queue.return_at_once([message.receipt for message in in_vain])
    return report


def _process_one(message: Message, now: datetime, ports: Ports, settings: Settings) -> Result:
    try:
        reading = messages.read(message.body)
    except Exception as error:
        return _failed(message, (), [error], now)
    # All are written, not only those before the first that is late or fails: a body may report several objects.
    done = [_done(event, message.id, now, ports, settings) for event in reading.events]
    if errors := [*reading.problems, *(outcome for outcome in done if isinstance(outcome, Exception))]:
        return _failed(message, reading.objects, errors, now)
    return Result(message, next((outcome for outcome in Outcome if outcome in done), Outcome.IGNORED))


def _done(event: ObjectEvent, message_id: str, now: datetime, ports: Ports, settings: Settings) -> Outcome | Exception:
    """Keep an event, and return what became of it, or why that cannot be said."""
    try:
        if not settings.filters.takes_key(event.key) or not any(settings.layout.shown([event])):
            return Outcome.LEFT_OUT
        if settings.layout is Layout.S3_KEY:
            event = by_key.settled(event, settings.watched_bucket, ports.objects)
        item_of = partial(items.item, message_id=message_id, now=now, retention=settings.retention)
        admitted = _admitted(event, ports.objects, settings)
        if admitted is None:
            return _left_out(event, item_of, ports.table, settings)
        item = item_of(admitted)
        if items.is_over(item, now):
            return Outcome.STALE
        if _is_undone(event, now, ports.objects, settings):
            # A run before may have written the item, and have been killed before its message was done.
            ports.table.replace(item_of(admission.removed(event.just_after())))
            return Outcome.STALE
        outcome = Outcome.STORED if ports.table.keep(item) else Outcome.STALE
        _replace_if_hidden(event, item_of, ports, settings)
    except Exception as error:
        return error
    return outcome


def _left_out(event: ObjectEvent, item_of: ItemOf, table: Table, settings: Settings) -> Outcome:
    """Leave an object out; the one whose place it took in the bucket is there no longer."""
    is_replaced = admission.may_replace(event, settings.layout) and table.replace(item_of(admission.removed(event)))
    return Outcome.STORED if is_replaced else Outcome.LEFT_OUT


def _replace_if_hidden(event: ObjectEvent, item_of: ItemOf, ports: Ports, settings: Settings) -> None:
    """Take an item out again whose place an object had taken that is left out.

    The event of that one may have come before this one, and found no item to replace: only the bucket tells.
    """
    filters, objects = settings.filters, ports.objects
    may_be_hidden = event.state is not State.REMOVED and admission.may_replace(event, settings.layout)
    if not filters.judges_content or not may_be_hidden or objects is None or event.bucket != settings.watched_bucket:
        return
    # In a bucket that got versions later it may be there still, below those.
    version = "" if settings.layout is Layout.S3_KEY else event.version
    now = objects.current(event.bucket, event.key, version)
    is_other = now.state is State.PRESENT and (now.version, now.etag) != (event.version, event.etag)
    if is_other and not filters.takes_content(now.size_bytes, now.details):
        ports.table.replace(item_of(admission.removed(event.just_after())))


def _admitted(event: ObjectEvent, objects: Objects | None, settings: Settings) -> ObjectEvent | None:
    try:
        return admission.admitted(event, settings.filters, objects if settings.adds_details(event) else None)
    except StoreUnavailable as error:
        # An item without its content type is worth more than none, unless the type decides.
        if error.kind != admission.REFUSED or settings.has_pusher:
            raise
        log.warning("%s The item has no content type.", error)
        return admission.admitted(event, settings.filters, None)


def _is_undone(event: ObjectEvent, now: datetime, objects: Objects | None, settings: Settings) -> bool:
    """Return whether an event reports what is there no longer, though the table may have forgotten its removal.

    A redrive gives a message a new life as long as the first, so that no tombstone is old enough for all: of what is
    older than tombstones only the bucket itself is evidence.
    """
    is_young = now < (event.listed_at or event.time) + settings.retention.certain
    if is_young or objects is None or event.bucket != settings.watched_bucket or event.state is State.REMOVED:
        return False
    state, etag = objects.state(event.bucket, event.key, event.version)
    return state is not event.state or (event.version == NO_VERSION and event.etag not in (None, etag))


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
