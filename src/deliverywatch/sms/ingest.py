"""One run: reads what was sent, keeps it in the lake, and says what is new: `run` is the whole road.

A range at a time: fetch, judge, merge into the hour's object, write, and emit its slots at once. Then the watermark
moves, then the context for the mails is written, and only then does the run count as a success. The write is the
commit: a run that is repeated, or two at once, count nothing twice. A run that is killed between a write and its
emission loses that one difference for the metrics; the lake has it.
"""

from __future__ import annotations

import logging
import math
import random
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import SourceUnavailable
from deliverywatch.sms import context, counts, plan, slots
from deliverywatch.sms.counts import SlotCounts
from deliverywatch.sms.outcomes import UNSETTLED
from deliverywatch.sms.records import Recorder
from deliverywatch.sms.store import advance_watermark, read_watermark, update
from deliverywatch.sms.survey import NAMES, Survey
from deliverywatch.thresholds import SLOT_MINUTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from deliverywatch.sms.counts import Change, Datapoint
    from deliverywatch.sms.lake import Reading
    from deliverywatch.sms.pages import Page
    from deliverywatch.sms.plan import Plan, Range
    from deliverywatch.sms.recipients import Recipients
    from deliverywatch.sms.store import Store

log = logging.getLogger(__name__)

# What a run keeps for itself to write and to end: a range that is begun with less left would be lost.
_RESERVE_SECONDS = 20.0


class History(Protocol):
    """ClickSend's message history."""

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Yield the pages of what was sent in [start, end); rows outside and rows twice are possible."""


@dataclass(frozen=True, slots=True)
class Source:
    """An account whose history is read, and what may be kept of its recipients."""

    history: History
    recipients: Recipients


@dataclass(frozen=True, slots=True)
class Settings:
    """What an operator may choose."""

    slot_minutes: int = SLOT_MINUTES
    count_recipient_faults: bool = True


def _sleep_up_to(seconds: float) -> None:
    time.sleep(random.uniform(0, seconds))  # noqa: S311 (it only spreads retries)


@dataclass(frozen=True, slots=True)
class Ports:
    """What a run touches.

    Attributes:
        connect: Returns the source; called once, so that missing credentials are a failure of the run like any other.
        store: Holds the lake, the watermark and the context.
        emit: Publishes a datapoint at once.
        seconds_left: How long the run may still take.
        pause: Sleeps up to so many seconds, for another writer to finish.
    """

    connect: Callable[[], Source]
    store: Store
    emit: Callable[[Datapoint], None]
    seconds_left: Callable[[], float] = lambda: math.inf
    pause: Callable[[float], None] = _sleep_up_to


@dataclass(slots=True)
class Summary:
    """What a run did, in numbers only.

    Attributes:
        first_run: Whether there was no watermark, so that only the last hour was covered.
        read_count: Records read, those that were read twice counted twice.
        unreadable_count: Rows without a usable id or time of sending.
        new_count: Messages that were not in the lake.
        changed_count: Messages of the lake that have news.
        written_count: Objects of the lake that were written.
        emitted_count: Datapoints of slots.
        settling_count: Hours read again because they had messages without a final outcome.
        postponed_count: Such hours for which there was no time.
    """

    first_run: bool = False
    read_count: int = 0
    unreadable_count: int = 0
    new_count: int = 0
    changed_count: int = 0
    written_count: int = 0
    emitted_count: int = 0
    settling_count: int = 0
    postponed_count: int = 0

    def as_fields(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return asdict(self)


def run(now: datetime, settings: Settings, ports: Ports, *, token: str, by_hand: Plan | None = None) -> Summary:
    """Do a run on schedule, or another plan.

    Args:
        now: When the run was due; aware.
        settings: What the operator chose.
        ports: What the run touches.
        token: Different for each run.
        by_hand: A plan of `plan.window` or `plan.backfill` instead; it leaves watermark and context alone.

    Raises:
        DeliveryWatchError: The run failed; what it had finished stays, the rest is still to be read by the next one.
    """
    try:
        chosen = by_hand or plan.scheduled(now, read_watermark(ports.store), settings.slot_minutes)
        return _Run(chosen, settings, ports, token).go()
    except Exception as error:
        if by_hand is None:
            _leave_problem(error, now, settings, ports.store)
        raise


def backfill_plan(now: datetime, settings: Settings, store: Store, days: int) -> Plan:
    """Return the plan that fills the lake with so many days of history, as far as no run on schedule is responsible."""
    return plan.backfill(now, read_watermark(store), settings.slot_minutes, days)


@dataclass(slots=True)
class _Run:
    plan: Plan
    settings: Settings
    ports: Ports
    token: str
    summary: Summary = field(default_factory=Summary)

    def go(self) -> Summary:
        self.summary.first_run = self.plan.is_first
        source = self.ports.connect()
        recorder = Recorder(self.plan.now, source.recipients)
        for part in self.plan.ranges:
            self._check_time_left(part)
            self._cover(part, source.history, recorder)
            self._advance(part.end)
        self._settle(source.history, recorder)
        self._warn_of_unreadable(recorder)
        if self.plan.covered_until is not None:
            self._conclude(self.plan.covered_until)
        return self.summary

    def _settle(self, history: History, recorder: Recorder) -> None:
        """Newest hours first: they change most, and only those of the last day are emitted."""
        for part in reversed(self.plan.settling):
            if self.ports.store.metadata(slots.key_of(part.hour)).get(UNSETTLED, "0") == "0":
                continue
            if self.ports.seconds_left() < _RESERVE_SECONDS:
                self.summary.postponed_count += 1
                continue
            self._cover(part, history, recorder)
            self.summary.settling_count += 1

    def _cover(self, part: Range, history: History, recorder: Recorder) -> None:
        reading: Reading | None = None
        pages = (page.rows for page in history.pages(part.start, part.end))
        for records in recorder.batches(pages, part.start, part.end):
            self.summary.read_count += len(records.kind)
            reading = reading or _new_reading()
            reading.add(records)
        changes = self._keep(part, reading) if reading else Counter()
        self._emit(part, changes)

    def _keep(self, part: Range, reading: Reading) -> Counter[Change]:
        from deliverywatch.sms import lake  # brings pyarrow, which a run without messages does not pay

        inserts_only = self.plan.insert_from is not None and part.start >= self.plan.insert_from

        def change(stored: bytes | None) -> lake.Merged:
            return lake.merge(stored, reading, token=self.token, inserts_only=inserts_only)

        merged = update(self.ports.store, slots.key_of(part.hour), change, self.ports.pause)
        self.summary.written_count += merged.body is not None
        for key, number in merged.changes.items():
            self.summary.new_count += number * (key[1] is None)
            self.summary.changed_count += number * (key[1] is not None)
        for label in counts.newly_unknown(merged.changes):
            log.warning("ClickSend sent a status that no rule covers, counted as unknown: %r", label)
        return merged.changes

    def _emit(self, part: Range, changes: Counter[Change]) -> None:
        if self.plan.emit_from is None:
            return
        minutes = self.settings.slot_minutes
        changed = counts.per_slot(changes, minutes, count_recipient_faults=self.settings.count_recipient_faults)
        new = {slot for slot in self.plan.new_slots if part.start <= slot < part.end}
        for slot in sorted(new | changed.keys()):
            slot_counts = changed.get(slot, SlotCounts())
            if slot >= self.plan.emit_from and (slot in new or not slot_counts.is_empty()):
                self.ports.emit(counts.slot_datapoint(slot, minutes, slot_counts))
                self.summary.emitted_count += 1

    def _advance(self, moment: datetime) -> None:
        """Keep what is done of a long way: after an outage the next run need not begin anew."""
        covered_from = self.plan.covered_from
        if covered_from is not None and covered_from < moment < self.plan.end:
            advance_watermark(self.ports.store, moment, self.ports.pause)

    def _conclude(self, covered_until: datetime) -> None:
        advance_watermark(self.ports.store, covered_until, self.ports.pause)
        survey = self._survey()
        # An event that comes late, or twice, must not set back what the mails know.
        if covered_until == self.plan.end:
            body = context.document(survey, self.plan.now, self.plan.end, self.settings.slot_minutes)
            self.ports.store.write(context.KEY, body)
        self.ports.emit(counts.run_datapoint(self.plan.now, *survey.overdue))

    def _survey(self) -> Survey:
        settings, end = self.settings, self.plan.end
        survey = Survey(
            self.plan.now, end, settings.slot_minutes, count_recipient_faults=settings.count_recipient_faults
        )
        for hour in slots.steps(slots.hour_of(end - timedelta(hours=context.HOURS)), end, 60):
            stored = self.ports.store.read(slots.key_of(hour))
            if stored is not None:
                from deliverywatch.sms import lake  # brings pyarrow

                survey.add(lake.rows(stored.body, NAMES))
        return survey

    def _check_time_left(self, part: Range) -> None:
        if self.ports.seconds_left() < _RESERVE_SECONDS:
            raise SourceUnavailable(
                f"There was more to read than one run has time for: it got up to {slots.as_text(part.start)}.",
                kind="behind",
                next_step="Nothing to do now: each run goes on where the one before stopped, until all is read.",
            )

    def _warn_of_unreadable(self, recorder: Recorder) -> None:
        self.summary.unreadable_count = recorder.unreadable_count
        if recorder.unreadable_count:
            log.warning("%d rows have no usable message_id or date and are not kept", recorder.unreadable_count)


def _new_reading() -> Reading:
    from deliverywatch.sms import lake  # brings pyarrow

    return lake.Reading()


def _leave_problem(error: Exception, now: datetime, settings: Settings, store: Store) -> None:
    try:
        stored = store.read(context.KEY)
        previous = stored.body if stored else None
        store.write(context.KEY, context.with_problem(previous, error, now, settings.slot_minutes))
    except Exception as second:  # it must not hide the first error, which is raised on
        log.warning("the problem could not be noted in %s: %s", context.KEY, type(second).__name__)
