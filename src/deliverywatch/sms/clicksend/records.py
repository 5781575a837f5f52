"""Rows of ClickSend's history -> records: judged, with the columns of the lake, and without anything personal.

Rows: developers.clicksend.com, GET /v3/sms/history. Message bodies, names, e-mail addresses, user names and custom
strings are left behind here and get nowhere else.

It is the first of three files through which rows go as columns, never as an object each. Read them in this order:

1. Here, `Recorder` takes up to 100 rows at a time. If all are as documented, as nearly all are, `_columns` turns them
   into columns at once; else each row is cleaned and taken alone, several times as slowly. What rows have of their own
   (id, times, recipient) is appended to `Records`; for all other fields a row keeps one byte, the index of its kind.
2. `row_kinds` judges and converts such a kind once, however many rows are of it.
3. `lake/parquet` spreads the kinds over the rows again, as Arrow columns (`batch_of`), and writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from deliverywatch.sms.clicksend import row_kinds as kinds
from deliverywatch.sms.clicksend.redaction import without_personal
from deliverywatch.sms.clicksend.row_kinds import TEST_NUMBERS, kind_of
from deliverywatch.sms.clicksend.values import as_json, milliseconds, text
from deliverywatch.thresholds import SETTLE_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.recipients import Recipients
    from deliverywatch.sms.clicksend.row_kinds import Circumstances, Fields, Kind

Row = dict[str, Any]

# Documented fields that the lake has no column for: most of them are personal.
_LEFT_BEHIND = ("body", "first_name", "last_name", "from_email", "_api_username", "custom_string", "contact_id")
_OWN_FIELDS = ("message_id", "date", "to", "schedule")
_DOCUMENTED = {*kinds.FIELDS, *_OWN_FIELDS, *_LEFT_BEHIND}
_TEST_NUMBERS = {number.encode() for number in TEST_NUMBERS}

# A batch ends after so many rows: as Python objects they take several times the memory that they take in Arrow.
_BATCH_ROWS = 4_000
# Or after so many kinds: with those of one more page the index of a kind still fits into a byte.
_BATCH_KINDS = 150
_PAGE_ROWS = 100

_kind_fields_of, _rest_of = itemgetter(*kinds.FIELDS), itemgetter(*_OWN_FIELDS, *_LEFT_BEHIND)
_milliseconds = lru_cache(10_000)(milliseconds)


@dataclass(slots=True)
class Records:
    """A batch of records, as columns in one order; times in milliseconds since 1970.

    Attributes:
        read_at: When all of them were read.
        recipient_hash: 16 bytes for each record; of no meaning where there is no recipient.
        recipient: What is shown of the recipients, one after the other in UTF-8.
        recipient_length: The bytes of each of them, 0 where there is none.
        kind: For each record the index of its kind in `kinds`.
        kinds: Values of `kinds.COLUMNS`.
    """

    read_at: int
    message_id: list[str] = field(default_factory=list)
    sent_at: list[int] = field(default_factory=list)
    recipient_hash: bytearray = field(default_factory=bytearray)
    recipient: bytearray = field(default_factory=bytearray)
    recipient_length: list[int] = field(default_factory=list)
    scheduled_at: list[int | None] = field(default_factory=list)
    extra: list[str | None] = field(default_factory=list)
    kind: bytearray = field(default_factory=bytearray)
    kinds: list[Kind] = field(default_factory=list)

    @property
    def observed_at(self) -> list[int]:
        """When each of them was read."""
        return [self.read_at] * len(self.kind)


class _Columns(NamedTuple):
    fields: Sequence[Fields]
    message_id: Sequence[str]
    sent_at: Sequence[int]
    number: Sequence[bytes | None]
    scheduled_at: Sequence[Any]


class Recorder:
    """Turns rows into records, as of one time.

    Attributes:
        unreadable_count: Rows left out because they have no id or no time of sending.
    """

    def __init__(self, now: datetime, recipients: Recipients) -> None:
        """Begin without rows; `now`, when they were read, decides what is due and what is settled."""
        self.unreadable_count = 0
        self._now = int(now.timestamp()) * 1000
        self._settled_until = self._now - SETTLE_HOURS * 3_600_000
        self._recipients = recipients
        self._kinds: list[Kind] = []
        self._indexes: dict[Circumstances, dict[Fields, int]] = {}
        self._records = Records(self._now, kinds=self._kinds)

    def _next_batch(self) -> None:
        """Begin a batch. It goes on with the kinds of the one before, unless they are too many."""
        if len(self._kinds) >= _BATCH_KINDS:
            self._kinds, self._indexes = [], {}
        self._records = Records(self._now, kinds=self._kinds)

    def batches(self, pages: Iterable[Sequence[Row]], start: datetime, end: datetime) -> Iterator[Records]:
        """Yield the records of the rows that were sent in [start, end), in their order, at least one at a time."""
        first, last = int(start.timestamp()) * 1000, int(end.timestamp()) * 1000
        for rows in pages:
            for index in range(0, len(rows), _PAGE_ROWS):
                self._add(rows[index : index + _PAGE_ROWS], first, last)
                if len(self._records.kind) >= _BATCH_ROWS or len(self._kinds) >= _BATCH_KINDS:
                    yield self._records
                    self._next_batch()
        if self._records.kind:
            yield self._records
            self._next_batch()

    def _add(self, rows: Sequence[Row], first: int, last: int) -> None:
        columns = _columns(rows)
        circumstances = self._circumstances(columns, first, last) if columns else None
        indexes = self._kind_indexes(columns.fields, circumstances) if columns and circumstances else None
        if columns and indexes:
            self._take(columns, indexes, [None] * len(rows))
        else:
            for row in rows:
                self._add_alone(row, first, last)

    def _add_alone(self, row: Row, first: int, last: int) -> None:
        cleaned = _cleaned(row)
        message_id, date, number, schedule = map(cleaned.get, _OWN_FIELDS)
        sent_at, scheduled_at = milliseconds(date), milliseconds(schedule)
        if message_id is None or sent_at is None:
            self.unreadable_count += 1
        elif first <= sent_at < last:
            columns = _Columns([_kind_fields_of(cleaned)], [message_id], [sent_at], [number], [scheduled_at])
            is_due = (scheduled_at or sent_at) <= self._now
            circumstances = (number in _TEST_NUMBERS, is_due, sent_at <= self._settled_until)
            self._take(columns, self._kind_indexes(columns.fields, circumstances) or b"", [_extra(row)])

    def _circumstances(self, columns: _Columns, first: int, last: int) -> Circumstances | None:
        """Return the circumstances of all the rows, if they are the same and all rows lie in [first, last)."""
        earliest, latest = min(columns.sent_at), max(columns.sent_at)
        is_settled = latest <= self._settled_until
        are_within = first <= earliest and latest < last
        are_alike = is_settled == (earliest <= self._settled_until) and max(columns.scheduled_at) <= self._now
        if are_within and are_alike and _TEST_NUMBERS.isdisjoint(columns.number):
            return False, True, is_settled
        return None

    def _kind_indexes(self, rows: Sequence[Fields], circumstances: Circumstances) -> bytes | None:
        """Return for each row the index of its kind; None if a value cannot be looked up: a list, an object."""
        indexes = self._indexes.setdefault(circumstances, {})
        try:
            of_rows = [*map(indexes.get, rows)]
        except TypeError:
            return None
        for row in range(len(of_rows)) if None in of_rows else ():
            if of_rows[row] is None:
                of_rows[row] = self._kind_index(rows[row], circumstances)
        return bytes(cast("list[int]", of_rows))

    def _kind_index(self, fields: Fields, circumstances: Circumstances) -> int:
        indexes = self._indexes[circumstances]
        if fields not in indexes:
            indexes[fields] = len(self._kinds)
            self._kinds.append(kind_of(fields, circumstances))
        return indexes[fields]

    def _take(self, columns: _Columns, indexes: bytes, extra: list[str | None]) -> None:
        records = self._records
        records.message_id += columns.message_id
        records.sent_at += columns.sent_at
        records.recipient_hash += self._recipients.digests(columns.number)
        shown, lengths = self._recipients.shown(columns.number)
        records.recipient += shown
        records.recipient_length += lengths
        records.scheduled_at += columns.scheduled_at
        records.extra += extra
        records.kind += indexes


def _columns(rows: Sequence[Row]) -> _Columns | None:
    """Return the rows as columns, if all have just the documented fields, with proper ids, numbers and times."""
    try:
        fields = [*map(_kind_fields_of, rows)]
        message_id, date, number, schedule, *_ = zip(*map(_rest_of, rows), strict=True)
        words = "".join(message_id) + "".join(number)
        sent_at, scheduled_at = [*map(_milliseconds, date)], [*map(_milliseconds, schedule)]
    except (KeyError, TypeError):
        return None
    if set(map(len, rows)) != {len(_DOCUMENTED)} or None in sent_at or None in scheduled_at:
        return None
    # Blanks are taken away row by row, or equal numbers would have different hashes.
    if not words.isascii() or words.split() != [words] or "" in message_id or "" in number:
        return None
    numbers = "\n".join(number).encode().split(b"\n")
    return _Columns(fields, message_id, cast("list[int]", sent_at), numbers, scheduled_at)


def _cleaned(row: Row) -> Row:
    """Return the row's documented fields, with nothing in them that has parts of its own."""
    values = {name: row.get(name) for name in _DOCUMENTED}
    scalars = {name: value if isinstance(value, str | int | float) else None for name, value in values.items()}
    number = text(scalars["to"])
    return {**scalars, "message_id": text(scalars["message_id"]), "to": number.encode() if number else None}


def _extra(row: Row) -> str | None:
    """Return the fields that ClickSend does not document, without what is personal in them."""
    unknown = {name: row[name] for name in row.keys() - _DOCUMENTED}
    return as_json(without_personal(unknown)) if unknown else None
