"""An hour's stored object and the records that a run read -> the new object, and what changed between them.

The lake is the only state: one Parquet object per UTC hour of sending, one row per `message_id`. A row that was seen
again replaces the stored one only if it differs, so that a second reading of the same history changes nothing.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import TYPE_CHECKING, Any, NamedTuple

from deliverywatch.sms.clicksend import row_kinds as kinds
from deliverywatch.sms.clicksend.outcomes import UNSETTLED, is_unsettled
from deliverywatch.sms.lake.parquet import NAMES, Writer, batch_of, batches_of, columns_of, selected

if TYPE_CHECKING:
    import pyarrow as pa

    from deliverywatch.sms.clicksend.records import Records
    from deliverywatch.sms.clicksend.row_kinds import Kind

# All but the time of observation: equal content is no news.
_CONTENT = [name for name in NAMES if name != "observed_at"]
_OUTCOME, _FAULT = _CONTENT.index("outcome"), _CONTENT.index("fault")


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


_NOW = [kinds.COLUMNS.index(name) for name in MessageChange._fields[2:]]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some of the records: the position of the first one, all as a batch, and the index of each one's kind."""

    first: int
    batch: pa.RecordBatch
    kind: bytearray
    kinds: list[Kind]


class Reading:
    """The records of one hour as one run read them, compact; of records with the same id the last one counts."""

    def __init__(self) -> None:
        self.read_at = 0  # in milliseconds
        self.parts: list[_Part] = []
        # A number for each id: the ids themselves lie in the batches, and take ten times as much as Python objects.
        self._fingerprints = array("q")

    def add(self, records: Records) -> None:
        """Take in records, at least one."""
        self.read_at = records.read_at
        self.parts.append(_Part(len(self._fingerprints), batch_of(records), records.kind, records.kinds))
        self._fingerprints.extend(map(hash, records.message_id))

    def positions(self) -> dict[str, int]:
        """Return where the record that counts of each id is."""
        message_ids = chain.from_iterable(columns_of(part.batch, ("message_id",))[0] for part in self.parts)
        return {message_id: position for position, message_id in enumerate(message_ids)}

    def counting(self) -> bytearray:
        """Return for each position whether its record counts."""
        count = len(self._fingerprints)
        if len(set(self._fingerprints)) == count:
            return bytearray(b"\x01" * count)
        counting = bytearray(count)
        for position in self.positions().values():
            counting[position] = 1
        return counting


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
    changes: Counter[MessageChange]

    @property
    def metadata(self) -> Mapping[str, str]:
        """What is stored beside the object: without reading it, it says whether the hour has to be read again."""
        return {UNSETTLED: str(self.unsettled_count)}


@dataclass(slots=True)
class _Difference:
    """What becomes of each row, a byte a row.

    Attributes:
        stays: Whether a stored row stays.
        taken: Whether a read one is taken.
        before: The index in `verdicts` of the stored verdict of a read one; 0 where it is new.
        verdicts: Outcome and fault of stored rows that are replaced.
    """

    stays: bytearray
    taken: bytearray
    before: bytearray
    verdicts: list[tuple[str, str] | None]

    def index_of(self, verdict: tuple[str, str]) -> int:
        """Return the index of a verdict, which is added where it is missing."""
        if verdict not in self.verdicts:
            self.verdicts.append(verdict)
        return self.verdicts.index(verdict)


def merge(stored: bytes | None, reading: Reading, *, token: str, inserts_only: bool = False) -> Merged:
    """Return the hour's new object and what changed.

    Args:
        stored: The hour's object, if there is one.
        reading: Of this hour.
        token: Different for each run, kept in the object: two runs never write the same bytes, so that a run which
            finds its own bytes in the store knows that it was the writer.
        inserts_only: Leave rows alone that are stored already.
    """
    difference = _compare(stored, reading, inserts_only=inserts_only)
    if not any(difference.taken):
        return Merged(None, 0, Counter())
    writer, changes = Writer(), _changes(reading, difference)
    outcomes: Counter[tuple[str, str | None]] = Counter()
    for change, number in changes.items():
        outcomes[change.outcome, change.status] += number
    for batch in _staying(stored, difference):
        writer.add(batch)
        outcomes.update(zip(*columns_of(batch, ("outcome", "status")), strict=True))
    for part in reading.parts:
        for batch in selected(part.batch, difference.taken[part.first : part.first + len(part.kind)]):
            writer.add(batch)
    unsettled_count = sum(number for outcome, number in outcomes.items() if is_unsettled(*outcome))
    body = writer.close({UNSETTLED: str(unsettled_count), "token": token})
    return Merged(body, unsettled_count, changes)


def rows(stored: bytes, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield some columns of an object row by row: times in milliseconds, prices in millionths."""
    for batch in batches_of(stored, names):
        yield from zip(*columns_of(batch, names), strict=True)


def _compare(stored: bytes | None, reading: Reading, *, inserts_only: bool) -> _Difference:
    taken = reading.counting()
    difference = _Difference(bytearray(), taken, bytearray(len(taken)), [None])
    if stored is None:
        return difference
    # A fingerprint is enough to see that a row differs, and 8 bytes each are all that is held of 100,000 rows.
    fingerprints = array("q")
    for part in reading.parts:
        fingerprints.extend(map(hash, _contents(part.batch)))
    positions, newest = reading.positions(), -1 if inserts_only else reading.read_at
    for batch in batches_of(stored):
        difference.stays += _stays(batch, positions, fingerprints, newest, difference)
    return difference


def _stays(
    batch: pa.RecordBatch, positions: dict[str, int], fingerprints: array[int], newest: int, difference: _Difference
) -> bytearray:
    """Return which rows of a stored batch stay; note in the difference what becomes of the read ones."""
    stays = bytearray(b"\x01" * batch.num_rows)
    (observed,) = columns_of(batch, ("observed_at",))
    for row, (content, observed_at) in enumerate(zip(_contents(batch), observed, strict=True)):
        position = positions.get(content[0])
        if position is None:
            continue
        if observed_at <= newest and fingerprints[position] != hash(content):
            stays[row] = 0
            difference.before[position] = difference.index_of((content[_OUTCOME], content[_FAULT]))
        else:
            difference.taken[position] = 0
    return stays


def _contents(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*columns_of(batch, _CONTENT), strict=True)


def _staying(stored: bytes | None, difference: _Difference) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in batches_of(stored) if stored else ():
        yield from selected(batch, difference.stays[first : first + batch.num_rows])
        first += batch.num_rows


def _changes(reading: Reading, difference: _Difference) -> Counter[MessageChange]:
    changes: Counter[MessageChange] = Counter()
    for part in reading.parts:
        rows = slice(part.first, part.first + len(part.kind))
        (sent_at,) = columns_of(part.batch, ("sent_at",))
        # Minute, earlier verdict and kind in one number, which is counted twice as fast as a tuple.
        keys = [
            milliseconds // 60_000 << 16 | before << 8 | kind
            for milliseconds, before, kind in zip(sent_at, difference.before[rows], part.kind, strict=True)
        ]
        for key, number in Counter(compress(keys, difference.taken[rows])).items():
            changes[_change(key, difference.verdicts, part.kinds)] += number
    return changes


def _change(key: int, verdicts: list[tuple[str, str] | None], kinds_of_part: list[Kind]) -> MessageChange:
    kind = kinds_of_part[key & 255]
    return MessageChange(key >> 16, verdicts[key >> 8 & 255], *(kind[index] for index in _NOW))
