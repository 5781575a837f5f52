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

from deliverywatch.sms.clicksend.outcomes import UNSETTLED, is_unsettled
from deliverywatch.sms.lake import marks
from deliverywatch.sms.lake.parquet import (
    GROUP_ROWS,
    Writer,
    batch_of,
    batches_of,
    columns_of,
    footer_of,
    records_of,
    selected,
)

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
) -> Merged:
    """Return the hour's new object and what changed.

    Args:
        stored: The hour's object, if there is one.
        records: What one run read of this hour, by `message_id`.
        token: Different for each run, kept in the object: two runs never write the same bytes.
        inserts_only: Leave rows alone that are stored already.
        added: Marks that the run leaves.
    """
    unchanged, verdicts_before = _compare(stored, records, inserts_only=inserts_only)
    taken = [record for message_id, record in records.items() if message_id not in unchanged]
    if not taken:
        return Merged(None, 0, Counter())
    changes = Counter(_change(record, verdicts_before.get(record.message_id)) for record in taken)
    outcomes: Counter[tuple[str, str | None]] = Counter()
    for change, number in changes.items():
        outcomes[change.outcome, change.status] += number
    writer = Writer()
    for batch in batches_of(stored) if stored else ():
        (message_ids,) = columns_of(batch, ("message_id",))
        stays = [message_id not in records or message_id in unchanged for message_id in message_ids]
        for staying in selected(batch, stays):
            writer.add(staying)
            outcomes.update(zip(*columns_of(staying, ("outcome", "status")), strict=True))
    for first in range(0, len(taken), GROUP_ROWS):
        writer.add(batch_of(taken[first : first + GROUP_ROWS]))
    unsettled_count = sum(number for outcome, number in outcomes.items() if is_unsettled(*outcome))
    kept = marks.combined(footer_of(stored) if stored else {}, added)
    merged = Merged(None, unsettled_count, changes, kept)
    return replace(merged, body=writer.close({**merged.metadata, marks.TOKEN: token}))


def rows(stored: bytes, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield some columns of an object row by row, times in milliseconds."""
    for batch in batches_of(stored, names):
        yield from zip(*columns_of(batch, names), strict=True)


def _compare(
    stored: bytes | None, records: Mapping[str, Record], *, inserts_only: bool
) -> tuple[set[str], dict[str, tuple[str, str]]]:
    """Return the ids of records that are no news, and outcome and fault of the stored rows that the others replace."""
    unchanged, verdicts_before = set[str](), dict[str, tuple[str, str]]()
    for batch in batches_of(stored) if stored else ():
        for row in records_of(batch):
            record = records.get(row.message_id)
            if record is None:
                continue
            # A later reading that finds the same is no news, and an earlier one never is.
            is_news = row.observed_at <= record.observed_at and row != record._replace(observed_at=row.observed_at)
            if is_news and not inserts_only:
                verdicts_before[row.message_id] = (row.outcome, row.fault)
            else:
                unchanged.add(row.message_id)
    return unchanged, verdicts_before


def _change(record: Record, before: tuple[str, str] | None) -> MessageChange:
    return MessageChange(
        record.sent_at // 60_000,
        before,
        record.outcome,
        record.fault,
        record.error_code,
        record.carrier,
        record.country,
        record.status,
        record.status_code,
    )
