"""A stream's state document, with a batch added or only with the time that went by -> judged anew, and its shares.

The document is read, changed and written conditionally, so that two functions at once lose nothing. It is judged by a
batch as it arrives, and by a schedule: complaints come when nothing is sent, and time alone ends what was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.email.events import mail_context
from deliverywatch.email.rates.record import Record, from_document
from deliverywatch.email.rates.slots import SLOT_MINUTES
from deliverywatch.errors import Retryable
from deliverywatch.messages.untrusted import count, iso, moment, objects
from deliverywatch.storage.records import document_of, readable, set_aside
from deliverywatch.storage.store import Change, update

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deliverywatch.email.events.streams import Stream
    from deliverywatch.email.events.tally import Tally
    from deliverywatch.email.rates.cohorts import Cohort
    from deliverywatch.email.rates.record import Judged
    from deliverywatch.email.rates.rules import Limits
    from deliverywatch.storage.store import Store


# A batch may be so much older than the last one, as several are handed over at once.
_BEHIND = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """A batch that is to be counted; the digest of its bytes tells it from others."""

    tally: Tally
    digest: str


@dataclass(frozen=True, slots=True)
class Share:
    """A share for CloudWatch, with what it is the share of.

    Attributes:
        details: For the log: counts and the times of sending.
        unit: `Count` of what is a number of mails.
        at: Its time, if it is not that of the judgement.
    """

    stream: Stream
    metric: str
    percent: float
    details: Mapping[str, Any] = field(default_factory=dict)
    unit: str = "Percent"
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """The flow with what it needs."""

    store: Store
    limits: Limits
    environment: str

    def run(self, streams: Iterable[Stream], now: datetime) -> tuple[list[Share], list[Retryable]]:
        """Return the shares of streams at `now`, and why some could not be judged: one must not stop another."""
        shares: list[Share] = []
        failures: list[Retryable] = []
        for stream in streams:
            try:
                shares += self.judge(stream, now)
            except Retryable as error:
                failures.append(error)
        return shares, failures

    def judge(self, stream: Stream, now: datetime, batch: Addition | None = None) -> list[Share]:
        """Return the shares of a stream at `now`, after a batch is counted and the document is written.

        Raises:
            StoreUnavailable: The store cannot be reached.
            StoreConflict: Other writers were faster every time.
        """
        key = mail_context.key_of(stream)

        def judged(body: bytes | None) -> Change[list[Share]]:
            document = None if body is None else readable(document_of, body)
            if body is not None and document is None:
                set_aside(self.store, key, body)
            ours = document if document is not None and document.get("system") == "email" else {}
            at = _time(ours, now)
            # The mails of a first batch were sent before it came; where there is none, those before are not counted.
            record = Record() if body is None and batch else from_document(ours, at)
            is_new = batch is not None and record.add(batch.tally.minutes, batch.tally.once, batch.digest, at)
            bounces = batch.tally.bounces if batch and is_new else ()
            proven = record.judge(stream, at, self.limits)
            before = body if ours else None
            written = mail_context.document(record, proven, stream, at, self.environment, before, *bounces)
            return Change(written, [*_sends_before(stream, ours, at), *_shares(stream, proven)])

        return update(self.store, key, judged)


def _time(document: Mapping[str, Any], now: datetime) -> datetime:
    """Return when a document is judged: never before it was last, unless by a clock that was wrong."""
    written = moment(document.get("updated_at"))
    return written if written and now < written < now + _BEHIND else now


def _sends_before(stream: Stream, document: Mapping[str, Any], now: datetime) -> list[Share]:
    """Return what release 0.4.0 counted in its document alone: without, all that it saw would look like silence."""
    if "assessments" in document:
        return []
    slots = [(moment(slot.get("start")), count(slot.get("total"))) for slot in objects(document.get("slots"))]
    # At both ends of a slot: no mail is before its event, and a window that slides over a slot loses no event first.
    return [
        Share(stream, "Sends", total, unit="Count", at=min(start + timedelta(minutes=minutes), now))
        for start, total in slots
        if start and total
        for minutes in (0, SLOT_MINUTES)
    ]


def _shares(stream: Stream, judged: Judged) -> list[Share]:
    return [
        Share(stream, one.metric, one.percent, _details(one.cohort))
        for one in judged.shares.values()
        if one.percent is not None and one.cohort
    ]


def _details(cohort: Cohort) -> dict[str, Any]:
    return {"sent_from": iso(cohort.start), "sent_until": iso(cohort.end), **cohort.counts._asdict()}
