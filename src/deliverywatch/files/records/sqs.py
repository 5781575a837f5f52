"""An event of SQS, as Lambda delivers it (docs.aws.amazon.com/lambda/latest/dg/with-sqs.html) -> its messages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping

# More digits will not come for thousands of years.
_MILLISECONDS = re.compile(r"[0-9]{1,14}")
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of SQS as Lambda delivers it."""

    id: str
    body: object
    receive_count: int
    sent_at: datetime | None = None
    receipt: str = ""


def messages_of(event: object) -> list[Message]:
    """Return the messages of an event of SQS, or raise InputError if it is another event."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list) or not all(map(_has_id, records)):
        raise InputError(
            "This is not an SQS event: it has no list of Records, each with a messageId.",
            next_step="Give an event as Lambda gets it from SQS: Records, each with messageId and body.",
        )
    return [_message(record) for record in records]


def _has_id(record: object) -> bool:
    message_id = record.get("messageId") if isinstance(record, Mapping) else None
    return isinstance(message_id, str) and message_id.isprintable() and bool(message_id)


def _message(record: Mapping[str, Any]) -> Message:
    attributes = mapping(record.get("attributes"))
    count, sent = (str(attributes.get(name, "")) for name in ("ApproximateReceiveCount", "SentTimestamp"))
    sent_at = datetime.fromtimestamp(int(sent) / 1000, UTC) if _MILLISECONDS.fullmatch(sent) else None
    return Message(
        id=str(record["messageId"]),
        body=record.get("body"),
        receive_count=int(count) if _COUNT.fullmatch(count) else 1,
        sent_at=sent_at,
        receipt=str(record.get("receiptHandle", "")),
    )
