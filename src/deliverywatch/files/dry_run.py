"""A batch of SQS messages -> what the processor would do with each, without touching anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import MessageMalformed
from deliverywatch.files.records import items, messages

if TYPE_CHECKING:
    from deliverywatch.files.records.items import Retention
    from deliverywatch.files.records.sqs import Message


def dry_run(batch: Sequence[Message], now: datetime, retention: Retention) -> list[dict[str, Any]]:
    """Return for each message its `message_id` and what the processor `would` do.

    That is `store` with the `items` that are written unless the table has newer ones, `ignore` with the reasons, or
    `fail` with `kind`, `problem` and `next_step`; the records of its body that are right are among its `items` then.
    """
    return [{"message_id": message.id, **_outcome(message, now, retention)} for message in batch]


def _outcome(message: Message, now: datetime, retention: Retention) -> dict[str, Any]:
    try:
        reading = messages.read(message.body)
    except MessageMalformed as error:
        return _failed(error)
    written = [items.item(event, message.id, now, retention) for event in reading.events]
    outcome = _failed(reading.problems[0]) if reading.problems else {"would": "store" if written else "ignore"}
    return {**outcome, "items": written, "ignored": list(reading.ignored)}


def _failed(error: MessageMalformed) -> dict[str, Any]:
    return {"would": "fail", "kind": error.kind, "problem": str(error), "next_step": error.next_step}
