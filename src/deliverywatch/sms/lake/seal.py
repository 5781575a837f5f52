"""Hour objects -> the same rows, sealed; sealed hours -> one object of the day; rows that a day lacks -> added to it.

A sealed object has other bytes than the one before, so that whoever read that one can no longer replace it. Batches go
from one file to the next: no row becomes a Python object, and one hour at a time is in memory.
"""

from collections.abc import Iterable, Iterator, Mapping

import pyarrow as pa

from deliverywatch.messages.untrusted import count
from deliverywatch.sms.clicksend.outcomes import UNSETTLED
from deliverywatch.sms.lake import marks
from deliverywatch.sms.lake.parquet import (
    NAMES,
    Others,
    Writer,
    batches_of,
    columns_of,
    footer_of,
    others_of,
    selected,
    united,
)
from deliverywatch.storage.store import Change

_SEALED = "sealed"


def is_whole(body: bytes) -> bool:
    """Whether an object can be read to its end, with all columns."""
    try:
        return all(columns_of(batch, NAMES) for batch in batches_of(body))
    except (ValueError, OSError, KeyError, TypeError):  # pyarrow's own errors are among them
        return False


def is_sealed(body: bytes) -> bool:
    """Whether nothing may be added to an hour's object any more, because its day is being made of it."""
    return _SEALED in footer_of(body)


def beside(body: bytes) -> dict[str, str]:
    """Return what is stored beside an object, which whoever rewrites it has to keep."""
    return marks.kept(footer_of(body))


def empty(metadata: Mapping[str, str], token: str) -> Change[None]:
    """Return an object without rows."""
    return rewritten((), metadata, token)


def sealed(body: bytes | None, token: str) -> Change[list[pa.Field]]:
    """Return an hour's object with the same rows, or without any if it has none, sealed; None if it is sealed already.

    The result are its other columns. The token is different for each run: two runs never write the same bytes.
    """
    footer, others = (footer_of(body), others_of(body)) if body is not None else ({}, [])
    if _SEALED in footer:
        return Change(None, others)
    metadata = {UNSETTLED: "0", **marks.kept(footer), _SEALED: "1"}
    batches = batches_of(body, NAMES, others) if body is not None else ()
    made = rewritten(batches, metadata, token, others)
    return Change(made.body, others, made.metadata)


def joined(hours: Iterable[bytes], token: str, others: Others = ()) -> Change[None]:
    """Return the day's object with the rows of all its hours, in their order; each is read when it is its turn."""
    metadata = {UNSETTLED: "0"}

    def batches() -> Iterator[pa.RecordBatch]:
        for body in hours:
            unsettled_count = count(metadata[UNSETTLED]) + _unsettled_count(body)
            metadata.update(marks.combined(metadata, beside(body)) | {UNSETTLED: str(unsettled_count)})
            metadata.pop(_SEALED, None)
            yield from batches_of(body, NAMES, others)

    return rewritten(batches(), metadata, token, others)


def absorbed(day: bytes | None, *, stray: bytes, token: str) -> Change[None]:
    """Return the day's object with those rows of a stray hour that it lacks or has older; none if there are none."""
    day = day or b""
    observed = {message_id: at for batch in batches_of(stray, _IDENTITY) for message_id, at in _identities(batch)}
    in_day: set[str] = set()
    stays = bytearray()
    for batch in batches_of(day, _IDENTITY):
        for message_id, observed_at in _identities(batch):
            is_older = observed.get(message_id, observed_at) > observed_at
            stays.append(not is_older)
            if message_id in observed and not is_older:
                in_day.add(message_id)
    if len(in_day) == len(observed):
        return Change(None, None)
    # Whether the added rows are settled is not counted: one reading more of them is cheaper.
    unsettled_count = _unsettled_count(day) + _unsettled_count(stray)
    metadata = marks.combined(beside(stray), beside(day)) | {UNSETTLED: str(unsettled_count)}
    others = united([others_of(day), others_of(stray)])
    return rewritten(_both(day, stays, stray, in_day, others), metadata, token, others)


_IDENTITY = ("message_id", "observed_at")


def _identities(batch: pa.RecordBatch) -> Iterator[tuple[str, int]]:
    yield from zip(*columns_of(batch, _IDENTITY), strict=True)


def _both(day: bytes, stays: bytearray, stray: bytes, in_day: set[str], others: Others) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in batches_of(day, NAMES, others):
        yield from selected(batch, stays[first : first + batch.num_rows])
        first += batch.num_rows
    for batch in batches_of(stray, NAMES, others):
        yield from selected(batch, [identity not in in_day for identity, _ in _identities(batch)])


def rewritten(
    batches: Iterable[pa.RecordBatch], metadata: Mapping[str, str], token: str, others: Others = ()
) -> Change[None]:
    """Return an object of these batches, which have these other columns too, with the metadata also in its footer."""
    writer = Writer(others)
    for batch in batches:
        writer.add(batch)
    return Change(writer.close({**metadata, marks.TOKEN: token}), None, metadata)


def _unsettled_count(body: bytes) -> int:
    return count(footer_of(body).get(UNSETTLED, "0"), default=1)
