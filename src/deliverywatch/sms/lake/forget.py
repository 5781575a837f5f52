"""An object of the lake -> the same without one recipient: number and hash are blanked, the message stays a count.

What is left of such a row says when a message was sent, by which carrier and with which outcome, and ClickSend's id of
it; nothing that equal numbers share.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from deliverywatch.sms.lake.parquet import NAMES, Writer, batch_of_rows, batches_of, columns_of, rows_of
from deliverywatch.sms.lake.seal import Rewritten, beside

if TYPE_CHECKING:
    import pyarrow as pa

    from deliverywatch.sms.clicksend.recipients import Recipients

_PERSONAL = ("recipient_hash", "recipient")
_PLACES = [NAMES.index(name) for name in _PERSONAL]


def traces(number: str, recipients: Recipients) -> frozenset[str]:
    """Return what the lake may hold of a number: itself and its hash, each with and without a plus.

    Args:
        number: As a person writes it; blanks, brackets and hyphens do not count.
        recipients: Of the account, with its key.
    """
    digits = "".join(letter for letter in number if letter.isdigit())
    forms = [f"+{digits}", digits]
    hashes = recipients.digests([form.encode() for form in forms])
    return frozenset([*forms, hashes[:16].hex(), hashes[16:].hex()])


def count(body: bytes, known_as: Collection[str]) -> int:
    """Return how many rows of an object are of the recipient."""
    return sum(sum(_found(batch, known_as)) for batch in batches_of(body, _PERSONAL))


def without(body: bytes | None, known_as: Collection[str], token: str) -> Rewritten:
    """Return an object with the recipient blanked in every row; none if there is nothing to blank.

    Args:
        body: The object.
        known_as: As `traces` returns it.
        token: Different for each run.
    """
    if body is None or not count(body, known_as):
        return Rewritten(None)
    writer, row_count = Writer(), 0
    for batch in batches_of(body):
        found = _found(batch, known_as)
        writer.add(_blanked(batch, found) if any(found) else batch)
        row_count += batch.num_rows
    kept = beside(body)
    return Rewritten(writer.close({**kept, "token": token}), kept, row_count)


def _found(batch: pa.RecordBatch, known_as: Collection[str]) -> list[bool]:
    hashes, shown = columns_of(batch, _PERSONAL)
    return [one in known_as or other in known_as for one, other in zip(hashes, shown, strict=True)]


def _blanked(batch: pa.RecordBatch, found: Sequence[bool]) -> pa.RecordBatch:
    rows = [
        tuple(None if place in _PLACES else value for place, value in enumerate(row)) if is_found else row
        for row, is_found in zip(rows_of(batch), found, strict=True)
    ]
    return batch_of_rows(rows)
