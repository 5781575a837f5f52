"""An hour's stored object and the records that a run read -> the new object, and what changed between them.

The lake is the only state: one Parquet object per UTC hour of sending, one row per `message_id`. A row that was seen
again replaces the stored one only if it differs, so that a second reading of the same history changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from deliverywatch.sms.clicksend.outcomes import FINAL, UNSETTLED, Fault, Outcome, is_unsettled
from deliverywatch.sms.lake import marks
from deliverywatch.sms.lake.parquet import (
    GROUP_ROWS,
    NAMES,
    Others,
    Writer,
    batch_of,
    batches_of,
    columns_of,
    footer_of,
    others_of,
    records_of,
    selected,
)
from deliverywatch.thresholds import FIRST_READ_MINUTES

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.records import Record


class MessageChange(NamedTuple):
    """What became of a message.

    Attributes:
        minute: Of sending, since 1970.
        before: Earlier outcome and fault; none for a new message. What follows is as it is now.
    """

    minute: int
    before: tuple[str, str] | None
    outcome: str
    fault: str
    error_code: str | None
    carrier: str | None
    country: str | None
    status: str | None
    status_code: str | None


@dataclass(frozen=True, slots=True)
class Merged:
    """An hour after a reading.

    Attributes:
        body: The new object; none if nothing changed.
        unsettled_count: Rows of the new object that a later reading may find changed.
        changes: What became of how many messages that were new or changed.
        marks: What is stored beside the object, and in its footer (`marks`).
    """

    body: bytes | None
    unsettled_count: int
    changes: Counter[MessageChange]
    marks: Mapping[str, str] = field(default_factory=dict)

    @property
    def metadata(self) -> Mapping[str, str]:
        """What is stored beside the object: without reading it, it says whether the hour has to be read again."""
        return {**self.marks, UNSETTLED: str(self.unsettled_count)}


def merge(
    stored: bytes | None,
    records: Mapping[str, Record],
    *,
    token: str,
    inserts_only: bool = False,
    added: Mapping[str, str] = MappingProxyType({}),
    moved: Mapping[str, Record] | None = None,
) -> Merged:
    """Return the hour's new object and what changed.

    Args:
        stored: The hour's object, if there is one.
        records: What one run read of this hour, by `message_id`.
        token: Different for each run, kept in the object: two runs never write the same bytes.
        inserts_only: Leave rows alone that are stored already.
        added: Marks that the run leaves.
        moved: What the run read and keeps in other hours: rows of it leave this one.
    """
    others = others_of(stored) if stored else []
    before = _compare(stored, others, records, {} if inserts_only else moved or {}, inserts_only=inserts_only)
    taken = [_timed(record, before.verdicts.get(key)) for key, record in records.items() if key not in before.unchanged]
    if not taken and not before.gone:
        return Merged(None, 0, Counter())
    changes = Counter(_change(record, before.verdicts.get(record.message_id)) for record in taken)
    outcomes: Counter[tuple[str, str | None]] = Counter()
    for change, number in changes.items():
        outcomes[change.outcome, change.status] += number
    writer = Writer(others)
    for batch in batches_of(stored, NAMES, others) if stored else ():
        (message_ids,) = columns_of(batch, ("message_id",))
        stays = [key in before.unchanged or not (key in records or key in before.gone) for key in message_ids]
        for staying in selected(batch, stays):
            writer.add(staying)
            outcomes.update(zip(*columns_of(staying, ("outcome", "status")), strict=True))
    none = (None,) * len(others)
    for first in range(0, len(taken), GROUP_ROWS):
        group = taken[first : first + GROUP_ROWS]
        rows_of = [(*record, *before.others.get(record.message_id, none)) for record in group] if others else group
        writer.add(batch_of(rows_of, others))
    changes.update(map(_departure, before.gone.values()))
    unsettled_count = sum(number for outcome, number in outcomes.items() if is_unsettled(*outcome))
    kept = marks.combined(footer_of(stored) if stored else {}, added)
    merged = Merged(None, unsettled_count, _uncounted(changes, kept), kept)
    return replace(merged, body=writer.close({**merged.metadata, marks.TOKEN: token}))


def rows(stored: bytes, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield some columns of an object row by row, times in milliseconds."""
    for batch in batches_of(stored, names):
        yield from zip(*columns_of(batch, names), strict=True)


@dataclass(frozen=True, slots=True)
class _Before:
    """What the stored rows say of what was read.

    Attributes:
        unchanged: Ids of records that are no news.
        verdicts: Outcome, fault and `outcome_at` of the rows that the others replace.
        gone: Rows that leave for another hour.
        others: What the rows that the others replace have in columns of a later version.
    """

    unchanged: set[str] = field(default_factory=set)
    verdicts: dict[str, tuple[str, str, int | None]] = field(default_factory=dict)
    gone: dict[str, Record] = field(default_factory=dict)
    others: dict[str, tuple[Any, ...]] = field(default_factory=dict)


def _compare(
    stored: bytes | None,
    others: Others,
    records: Mapping[str, Record],
    moved: Mapping[str, Record],
    *,
    inserts_only: bool,
) -> _Before:
    before, names = _Before(), [column.name for column in others]
    for batch in batches_of(stored, NAMES, others) if stored else ():
        for row, *rest in zip(records_of(batch), *columns_of(batch, names), strict=True):
            if row.message_id in moved and row.observed_at <= moved[row.message_id].observed_at:
                before.gone[row.message_id] = row
            elif (record := records.get(row.message_id)) is not None:
                if not inserts_only and _is_news(record, row):
                    before.verdicts[row.message_id] = (row.outcome, row.fault, row.outcome_at)
                    before.others[row.message_id] = tuple(rest)
                else:
                    before.unchanged.add(row.message_id)
    return before


def _is_news(record: Record, row: Record) -> bool:
    """A later reading that finds the same is no news, and an earlier one never is."""
    same = record._replace(observed_at=row.observed_at, outcome_at=row.outcome_at)
    return row.observed_at <= record.observed_at and row != same


def _timed(record: Record, before: tuple[str, str, int | None] | None) -> Record:
    """Return the record with the time at which its outcome was first seen, as far as a run was there to see it."""
    if record.outcome not in FINAL:
        return record
    if before is not None and before[0] in FINAL:
        return record._replace(outcome_at=before[2])
    was_awaited = before is not None or record.observed_at - record.sent_at <= FIRST_READ_MINUTES * 60_000
    return record._replace(outcome_at=record.observed_at) if was_awaited else record


def _uncounted(changes: Counter[MessageChange], kept: Mapping[str, str]) -> Counter[MessageChange]:
    """Leave out messages that are new only because the object that had them was damaged: `reconcile` compares them."""
    until = marks.counted_before(kept)
    if until is None:
        return changes
    first = until.timestamp() // 60
    return Counter({one: number for one, number in changes.items() if one.before is not None or one.minute >= first})


def _departure(row: Record) -> MessageChange:
    """Where it leaves, it counts no more: like a message that turned out not to have been sent."""
    return _change(row._replace(outcome=Outcome.EXCLUDED.value, fault=Fault.NONE.value), (row.outcome, row.fault))


def _change(record: Record, before: tuple[Any, ...] | None) -> MessageChange:
    return MessageChange(
        record.sent_at // 60_000,
        before[:2] if before else None,
        record.outcome,
        record.fault,
        record.error_code,
        record.carrier,
        record.country,
        record.status,
        record.status_code,
    )
