"""An object of the lake -> the same without one recipient: number and hash are blanked, the message stays a count.

What is left of such a row says when a message was sent, by which carrier and with which outcome, and ClickSend's id of
it; nothing that equal numbers share.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from deliverywatch.sms.lake.parquet import NAMES, batches_of, columns_of, others_of, replaced
from deliverywatch.sms.lake.seal import beside, rewritten
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    import pyarrow as pa

    from deliverywatch.sms.clicksend.recipients import Recipients

_PERSONAL = ("recipient_hash", "recipient")


def traces(number: str, recipients: Recipients) -> frozenset[str]:
    """Return what the lake may hold of a number in any spelling: itself and its hash, with and without a plus."""
    digits = "".join(letter for letter in number if letter.isdigit())
    forms = (f"+{digits}", digits)
    return frozenset([*forms, *map(recipients.hashed, forms)])


def count(body: bytes, traces: Collection[str]) -> int:
    """Return how many rows of an object are of the recipient with these traces."""
    return sum(sum(_matches(batch, traces)) for batch in batches_of(body, _PERSONAL))


def without(body: bytes | None, traces: Collection[str], token: str) -> Change[None]:
    """Return an object with the recipient blanked in every row; without a body if there is nothing to blank.

    The token is different for each run.
    """
    if body is None or not count(body, traces):
        return Change(None, None)
    others = others_of(body)
    batches = (_blanked(batch, _matches(batch, traces)) for batch in batches_of(body, NAMES, others))
    return rewritten(batches, beside(body), token, others)


def _matches(batch: pa.RecordBatch, traces: Collection[str]) -> list[bool]:
    hashes, shown = columns_of(batch, _PERSONAL)
    return [one in traces or other in traces for one, other in zip(hashes, shown, strict=True)]


def _blanked(batch: pa.RecordBatch, matches: Sequence[bool]) -> pa.RecordBatch:
    for name, values in zip(_PERSONAL, columns_of(batch, _PERSONAL), strict=True):
        left = [None if is_theirs else value for value, is_theirs in zip(values, matches, strict=True)]
        batch = replaced(batch, name, left)
    return batch
