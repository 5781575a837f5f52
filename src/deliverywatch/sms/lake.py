"""An hour's stored object and the records that a run read -> the new object, and what changed between them.

The lake is the only state: one Parquet object per UTC hour of sending, one row per `message_id`. A row that was seen
again replaces the stored one only if it differs, so that a second reading of the same history changes nothing.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from deliverywatch.sms.outcomes import UNSETTLED, is_unsettled
from deliverywatch.sms.parquet import BATCH_ROWS, NAMES, Writer, batch_of, batches_of, columns_of, records_of
from deliverywatch.sms.records import INDEX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from deliverywatch.sms.counts import Change
    from deliverywatch.sms.records import Record

# All but the time of observation: equal content is no news.
_CONTENT = [name for name in NAMES if name != "observed_at"]
_OUTCOME, _FAULT, _OBSERVED_AT = (INDEX[name] for name in ("outcome", "fault", "observed_at"))
_CHANGE = ["sent_at", "outcome", "fault", "error_code", "carrier", "country", "status", "status_code"]


class Reading:
    """The records of one hour as one run read them, compact; of records with the same id the last one counts."""

    def __init__(self) -> None:
        self.observed_at = 0
        self.positions: dict[str, int] = {}
        self.wanted = bytearray()
        self._batches: list[pa.RecordBatch] = []
        self._pending: list[Record] = []

    def add(self, records: Sequence[Record]) -> None:
        """Take in the records of a page."""
        positions, position = self.positions, len(self.wanted)
        self.wanted.extend(b"\x01" * len(records))
        for record in records:
            earlier = positions.get(record[0])
            if earlier is not None:
                self.wanted[earlier] = 0
            positions[record[0]] = position
            position += 1
        self._pending.extend(records)
        self.observed_at = max(self.observed_at, *(record[_OBSERVED_AT] for record in records[-1:]))
        if len(self._pending) >= BATCH_ROWS:
            self._compact()

    def batches(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yield all records as batches, each with the position of its first record."""
        self._compact()
        first = 0
        for batch in self._batches:
            yield first, batch
            first += batch.num_rows

    def _compact(self) -> None:
        if self._pending:
            self._batches.append(batch_of(self._pending))
        self._pending = []


@dataclass(frozen=True, slots=True)
class Merged:
    """An hour after a reading.

    Attributes:
        body: The new object; none if nothing changed.
        unsettled_count: Rows of the new object that a later reading may find changed.
        changes: What became of how many messages that were new or changed.
    """

    body: bytes | None
    unsettled_count: int
    changes: Counter[Change]

    @property
    def metadata(self) -> Mapping[str, str]:
        """What is stored beside the object, so that it need not be read to know whether it has to be read again."""
        return {UNSETTLED: str(self.unsettled_count)}


@dataclass(slots=True)
class _Difference:
    """Which stored rows stay, which read ones are taken, and the earlier verdicts of those that are replaced."""

    stays: bytearray
    taken: bytearray
    before: dict[int, tuple[str, str]]


def merge(stored: bytes | None, reading: Reading, *, token: str, inserts_only: bool = False) -> Merged:
    """Return the hour's new object and what changed.

    Args:
        stored: The hour's object, if there is one.
        reading: What the run read of this hour.
        token: Different for each run, kept in the object: two runs never write the same bytes, so that a run which
            finds its own bytes in the store knows that it was the writer.
        inserts_only: Leave rows alone that are stored already.
    """
    difference = _compare(stored, reading, inserts_only=inserts_only)
    if not any(difference.taken):
        return Merged(None, 0, Counter())
    writer, unsettled_count = Writer(), 0
    for batch in _rows_after(stored, reading, difference):
        writer.add(batch)
        unsettled_count += sum(map(is_unsettled, *columns_of(batch, ("outcome", "status"))))
    body = writer.close({UNSETTLED: str(unsettled_count), "token": token})
    return Merged(body, unsettled_count, _changes(reading, difference))


def rows(stored: bytes, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield some columns of an object row by row: times in milliseconds, prices in millionths."""
    for batch in batches_of(stored, names):
        yield from zip(*columns_of(batch, names), strict=True)


def _compare(stored: bytes | None, reading: Reading, *, inserts_only: bool) -> _Difference:
    difference = _Difference(bytearray(), bytearray(reading.wanted), {})
    if stored is None:
        return difference
    # A fingerprint is enough to see that a row differs, and 8 bytes each are all that is held of 100,000 rows.
    fingerprints = array("q")
    for _, batch in reading.batches():
        fingerprints.extend(map(hash, _contents(batch)))
    for batch in batches_of(stored):
        newest = -1 if inserts_only else reading.observed_at
        difference.stays += _stays(batch, reading.positions, fingerprints, newest, difference)
    return difference


def _stays(
    batch: pa.RecordBatch, positions: dict[str, int], fingerprints: array[int], newest: int, difference: _Difference
) -> bytearray:
    """Which rows of a stored batch stay; notes in the difference what becomes of the read ones."""
    stays = bytearray(b"\x01" * batch.num_rows)
    (observed,) = columns_of(batch, ("observed_at",))
    for row, (content, observed_at) in enumerate(zip(_contents(batch), observed, strict=True)):
        position = positions.get(content[0])
        if position is None:
            continue
        if observed_at <= newest and fingerprints[position] != hash(content):
            stays[row] = 0
            difference.before[position] = content[_OUTCOME], content[_FAULT]
        else:
            difference.taken[position] = 0
    return stays


def _contents(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*columns_of(batch, _CONTENT), strict=True)


def _rows_after(stored: bytes | None, reading: Reading, difference: _Difference) -> Iterator[pa.RecordBatch]:
    """The stored rows that stay, then those that were taken; a batch passes as it is if all of its rows do."""
    first = 0
    for batch in batches_of(stored) if stored else ():
        yield from _selected(batch, difference.stays[first : first + batch.num_rows])
        first += batch.num_rows
    for first, batch in reading.batches():
        yield from _selected(batch, difference.taken[first : first + batch.num_rows])


def _selected(batch: pa.RecordBatch, choice: bytearray) -> Iterator[pa.RecordBatch]:
    if all(choice):
        yield batch
    elif any(choice):
        yield batch_of(list(compress(records_of(batch), choice)))


def _changes(reading: Reading, difference: _Difference) -> Counter[Change]:
    changes: Counter[Change] = Counter()
    for first, batch in reading.batches():
        sent_at, *words = columns_of(batch, _CHANGE)
        minutes = [milliseconds // 60_000 for milliseconds in sent_at]
        before = map(difference.before.get, range(first, first + batch.num_rows))
        changes.update(compress(zip(minutes, before, *words, strict=True), difference.taken[first:]))
    return changes
