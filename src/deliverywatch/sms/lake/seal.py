"""Hour objects -> the same rows, sealed; sealed hours -> one object of the day; rows that a day lacks -> added to it.

A sealed object has other bytes than the one before, so that whoever read that one can no longer replace it. Batches go
from one file to the next: no row becomes a Python object, and one hour at a time is in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from deliverywatch.sms.clicksend.outcomes import UNSETTLED
from deliverywatch.sms.lake.parquet import NAMES, Writer, batch_of_rows, batches_of, columns_of, rows_of

_SEALED = "sealed"


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An object after a rewriting.

    Attributes:
        body: The new object; none to leave it as it is.
        metadata: What is stored beside it.
        row_count: Rows of the new object.
    """

    body: bytes | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    row_count: int = 0


def is_whole(body: bytes) -> bool:
    """Whether an object can be read to its end, with all columns."""
    try:
        return all(columns_of(batch, NAMES) for batch in batches_of(body))
    except (ValueError, OSError, KeyError, TypeError):  # pyarrow's own errors are among them
        return False


def is_sealed(body: bytes) -> bool:
    """Whether nothing may be added to an hour's object any more, because its day is being made of it."""
    return _SEALED in _footer(body)


def beside(body: bytes) -> dict[str, str]:
    """Return what is stored beside an object, which whoever rewrites it has to keep."""
    return {name: value for name, value in _footer(body).items() if name in (UNSETTLED, _SEALED)}


def sealed(body: bytes | None, token: str) -> Rewritten:
    """Return an hour's object with the same rows, sealed; none if it is sealed already.

    Args:
        body: The object; none if nothing was sent in the hour, which gives an object without rows.
        token: Different for each run: two runs never write the same bytes.
    """
    footer = _footer(body) if body is not None else {}
    if _SEALED in footer:
        return Rewritten(None)
    return _written(batches_of(body) if body is not None else (), footer.get(UNSETTLED, "0"), token, {_SEALED: "1"})


def joined(hours: Iterable[bytes], token: str) -> Rewritten:
    """Return the day's object with the rows of all its hours, in their order; each is read when it is its turn."""
    unsettled_count, writer, row_count = 0, Writer(), 0
    for body in hours:
        unsettled_count += int(_footer(body).get(UNSETTLED, "0"))
        for batch in batches_of(body):
            writer.add(batch)
            row_count += batch.num_rows
    beside = {UNSETTLED: str(unsettled_count)}
    return Rewritten(writer.close({**beside, "token": token}), beside, row_count)


def absorbed(day: bytes, stray: bytes, token: str) -> Rewritten:
    """Return the day's object with those rows of a stray hour that it lacks or has older; none if there are none."""
    observed = {message_id: at for batch in batches_of(stray, _IDENTITY) for message_id, at in _identities(batch)}
    known: set[str] = set()
    stays = bytearray()
    for batch in batches_of(day, _IDENTITY):
        for message_id, observed_at in _identities(batch):
            is_older = observed.get(message_id, observed_at) > observed_at
            stays.append(not is_older)
            if message_id in observed and not is_older:
                known.add(message_id)
    if len(known) == len(observed):
        return Rewritten(None)
    # Whether the added rows are settled is not counted: one reading more of them is cheaper.
    unsettled = int(_footer(day).get(UNSETTLED, "0")) + int(_footer(stray).get(UNSETTLED, "0"))
    return _written(_both(day, stays, stray, known), str(unsettled), token)


_IDENTITY = ("message_id", "observed_at")


def _identities(batch: pa.RecordBatch) -> Iterator[tuple[str, int]]:
    yield from zip(*columns_of(batch, _IDENTITY), strict=True)


def _both(day: bytes, stays: bytearray, stray: bytes, known: set[str]) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in batches_of(day):
        yield from chosen(batch, stays[first : first + batch.num_rows])
        first += batch.num_rows
    for batch in batches_of(stray):
        yield from chosen(batch, bytearray(each not in known for each, _ in _identities(batch)))


def chosen(batch: pa.RecordBatch, choice: bytearray) -> Iterator[pa.RecordBatch]:
    """Yield the chosen rows: the batch itself if all are, a new one if some are."""
    if all(choice):
        yield batch
    elif any(choice):
        yield batch_of_rows([row for row, is_chosen in zip(rows_of(batch), choice, strict=True) if is_chosen])


def _written(
    batches: Iterable[pa.RecordBatch], unsettled: str, token: str, more: Mapping[str, str] | None = None
) -> Rewritten:
    writer, row_count, beside = Writer(), 0, {UNSETTLED: unsettled, **(more or {})}
    for batch in batches:
        writer.add(batch)
        row_count += batch.num_rows
    return Rewritten(writer.close({**beside, "token": token}), beside, row_count)


def _footer(body: bytes) -> dict[str, str]:
    found = pq.read_metadata(pa.BufferReader(body)).metadata or {}
    return {name.decode(): value.decode() for name, value in found.items()}
