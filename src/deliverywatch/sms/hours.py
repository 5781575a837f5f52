"""One hour's range -> its messages in the lake and its slots emitted: the part of a run that repeats.

The write is the commit, so that a run that is repeated, or two at once, count nothing twice; all that the hour changes
is emitted at once after it. A run that is killed between the two loses these differences in CloudWatch and no others;
the lake has them, and `deliverywatch reconcile` emits them.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deliverywatch.errors import DeliveryWatchError, SourceMalformed
from deliverywatch.sms import counts
from deliverywatch.sms.clicksend.pages import Gap
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.counts import SlotCounts
from deliverywatch.sms.lake import day_objects, marks, slots

if TYPE_CHECKING:
    from datetime import datetime

    from deliverywatch.sms.clicksend.records import Record, Row
    from deliverywatch.sms.expect import ExpectedVolumes
    from deliverywatch.sms.lake.incomplete import IncompleteStore
    from deliverywatch.sms.lake.merge import Merged, MessageChange
    from deliverywatch.sms.plan import Plan, Range
    from deliverywatch.sms.ports import History, Ports, Settings, Source, Summary

log = logging.getLogger(__name__)

# A stray row or two is left out and noted; a larger share means that ClickSend's format is another one now. The rest is
# counted and later hours are read, but the run fails in the end: it must not pass for one that saw everything.
_MOST_UNREADABLE_PERCENT = 5
_LEAST_UNREADABLE_COUNT = 3


@dataclass(slots=True)
class Hours:
    """Reads and keeps ranges, as one run does, whose numbers are added up in `summary`.

    Attributes:
        incomplete: Which ranges lack rows, as far as this run and those before it know.
        malformed: Why a range counts as unread though the run went on; the first such range of the run.
    """

    plan: Plan
    settings: Settings
    ports: Ports
    source: Source
    token: str
    summary: Summary
    incomplete: IncompleteStore
    malformed: SourceMalformed | None = None
    volumes: ExpectedVolumes | None = None

    def cover(self, part: Range, *, is_sweep: bool = False) -> None:
        """Read a range, keep its messages, and emit what they change; note what of it could not be read.

        Args:
            part: The range.
            is_sweep: Whether it was covered by an earlier run, long enough ago that this is one of its last readings.

        Raises:
            DeliveryWatchError: The range could not be read to its end, or not be kept; what was read is kept if it can.
        """
        recorder = Recorder(
            self.plan.now, self.source.recipients, slots.floor(self.plan.now, self.settings.slot_minutes)
        )
        reading = _Reading(recorder, part)
        reading.read(self.source.history)
        scheduled = {key: record for key, record in reading.records.items() if not _belongs(record, part.hour)}
        self._keep_scheduled(part, scheduled)
        changes = self._keep(part, part.hour, reading.records, scheduled) if reading.records else Counter()
        malformed = _is_malformed(recorder.unreadable_count, recorder.read_count, reading.strange_count)
        self._emit(changes, () if malformed or reading.failure else self._quiet_slots(part))
        self.summary.read_count += recorder.read_count
        self.summary.unreadable_count += recorder.unreadable_count
        if reading.failure:
            raise reading.failure
        gap = reading.gap_with_unreadable()
        self.summary.missing_count += gap.missing_count if gap else 0
        self.incomplete.note(part.start, part.end, gap, self.plan.now, is_sweep=is_sweep)
        if malformed and not is_sweep and self.malformed is None:
            self.malformed = _malformed(recorder, part)

    def _keep_scheduled(self, part: Range, records: dict[str, Record]) -> None:
        """Keep and emit what was listed with the range and was, or is to be, sent in other hours; before it leaves."""
        hours: dict[datetime, dict[str, Record]] = {}
        for key, record in records.items():
            hours.setdefault(slots.hour_of(slots.from_milliseconds(record.sent_at)), {})[key] = record
        for hour, members in hours.items():
            self._emit(self._keep(part, hour, members, {}))

    def _keep(
        self, part: Range, hour: datetime, records: dict[str, Record], moved: dict[str, Record]
    ) -> Counter[MessageChange]:
        """Keep in an hour those of a range's records that were not moved to another one."""
        from deliverywatch.sms.lake import merge  # brings pyarrow, which a run without messages does not pay

        inserts_only = self.plan.insert_from is not None and hour >= self.plan.insert_from
        staying = {key: record for key, record in records.items() if key not in moved} if moved else records

        def change(stored: bytes | None) -> Merged:
            is_backfill = stored is None and self.plan.emit_from is None
            added = marks.UNCOUNTED if is_backfill else self.plan.marks(part)
            return merge.merge(stored, staying, token=self.token, inserts_only=inserts_only, added=added, moved=moved)

        merged = day_objects.keep(
            self.ports.store,
            hour,
            change,
            token=self.token,
            now=self.plan.now,
            counted_until=self.plan.covered_from,
        )
        self.summary.written_count += merged.body is not None
        for difference, number in merged.changes.items():
            self.summary.new_count += number * (difference.before is None)
            self.summary.changed_count += number * (difference.before is not None)
        for label in counts.newly_unknown(merged.changes):
            log.warning("ClickSend sent a status that no rule covers, counted as unknown: %r", label)
        return merged.changes

    def _quiet_slots(self, part: Range) -> list[datetime]:
        return [slot for slot in self.plan.new_slots if part.start <= slot < part.end]

    def _emit(self, changes: Counter[MessageChange], quiet_slots: Collection[datetime] = ()) -> None:
        if self.plan.emit_from is None:
            return
        minutes = self.settings.slot_minutes
        changed = counts.per_slot(changes, minutes, count_recipient_faults=self.settings.count_recipient_faults)
        due = {slot for slot, slot_counts in changed.items() if not slot_counts.is_empty()}
        due.update(quiet_slots)
        expected = self._expected(changed, quiet_slots)
        points = [
            counts.slot_datapoint(slot, minutes, changed.get(slot, SlotCounts()), expected.get(slot))
            for slot in sorted(due)
            if slot >= self.plan.emit_from
        ]
        if points:
            self.ports.emit(points)
        self.summary.emitted_count += len(points)

    def _expected(self, changed: dict[datetime, SlotCounts], new_slots: Collection[datetime]) -> dict[datetime, float]:
        """Return what was to be expected of slots that are emitted for the first time, as far as that is known."""
        if self.volumes is None:
            return {}
        self.volumes.count(changed, new_slots)
        values = {slot: self.volumes.expected(slot) for slot in new_slots}
        return {slot: value for slot, value in values.items() if value is not None}


def _belongs(record: Record, hour: datetime) -> bool:
    return record.created_at is None or slots.hour_of(slots.from_milliseconds(record.sent_at)) == hour


@dataclass(slots=True)
class _Reading:
    """What of a range could be read: of a message that was read twice the last record counts."""

    recorder: Recorder
    part: Range
    records: dict[str, Record] = field(default_factory=dict)
    gap: Gap | None = None
    strange_count: int = 0
    failure: DeliveryWatchError | None = None

    def read(self, history: History) -> None:
        """Read until the end, or until ClickSend fails: what came before that is worth keeping."""
        try:
            for record in self.recorder.records(self._pages(history), self.part.start, self.part.end):
                self.records[record.message_id] = record
        except DeliveryWatchError as failure:
            self.failure = failure

    def gap_with_unreadable(self) -> Gap | None:
        """Return what is missing: rows that did not come, and those that cannot be used."""
        unreadable = self.recorder.unreadable_count
        if not unreadable:
            return self.gap
        missing = unreadable + (self.gap.missing_count if self.gap else 0)
        announced = max(self.gap.announced_count if self.gap else 0, missing + len(self.records))
        return Gap(self.part.start, self.part.end, missing, announced)

    def _pages(self, history: History) -> Iterator[Iterable[Row]]:
        for page in history.pages(self.part.start, self.part.end):
            self.recorder.unreadable_count += page.strange_count
            self.strange_count += page.strange_count
            self.gap = page.gap or self.gap
            yield page.rows


def _malformed(recorder: Recorder, part: Range) -> SourceMalformed:
    return SourceMalformed(
        f"ClickSend sent {recorder.unreadable_count} rows without a usable message_id or date, beside "
        f"{recorder.read_count} good ones, from {slots.as_text(part.start)} on."
    )


def _is_malformed(unreadable_count: int, read_count: int, strange_count: int) -> bool:
    """Whether too much cannot be used; of what is not even an object, one or two are stray wherever they stand."""
    if not read_count and unreadable_count > strange_count:
        return True
    is_large_share = 100 * unreadable_count > _MOST_UNREADABLE_PERCENT * (unreadable_count + read_count)
    return unreadable_count >= _LEAST_UNREADABLE_COUNT and is_large_share
