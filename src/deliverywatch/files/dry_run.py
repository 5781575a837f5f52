"""A batch of SQS messages -> what the processor would do with it, message by message, without touching anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import MessageMalformed
from deliverywatch.files.records import items, messages
from deliverywatch.files.records.failures import failure

if TYPE_CHECKING:
    from deliverywatch.files.process import Message
    from deliverywatch.files.records.items import Retention


def trial(batch: Sequence[Message], now: datetime, retention: Retention) -> list[dict[str, Any]]:
    """Return for each message its id and what would be done.

    Returns:
        Per message `message_id` and `would`: `store` with the `items` that are written unless the table knows newer
        ones, `ignore` with the reasons, or `fail` with `kind`, `problem` and `next_step`.
    """
    return [_one(message, now, retention) for message in batch]


def _one(message: Message, now: datetime, retention: Retention) -> dict[str, Any]:
    try:
        reading = messages.read(message.body)
    except MessageMalformed as error:
        told = failure(message, (), error, now)
        return {
            "message_id": message.id,
            "would": "fail",
            "kind": told.kind,
            "problem": told.problem,
            "next_step": told.next_step,
        }
    written = [items.item(event, message.id, now, retention) for event in reading.events]
    ignored = list(reading.ignored)
    would = "store" if written else "ignore"
    return {"message_id": message.id, "would": would, "items": written, "ignored": ignored}
