"""An event of SQS, as Lambda delivers it (docs.aws.amazon.com/lambda/latest/dg/with-sqs.html) -> its messages.

By hand any notification may be given, in the envelope of SQS or bare.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.files.records.messages import FIELDS
from deliverywatch.messages.untrusted import mapping

# More digits will not come for thousands of years.
_MILLISECONDS = re.compile(r"[0-9]{1,14}")
_COUNT = re.compile(r"[0-9]{1,9}")
# The id of a message that never was in a queue; its items name it.
_BY_HAND = "by-hand"


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


def given_by_hand(document: object) -> list[Message]:
    """Return the messages of an event of SQS, of what `aws sqs receive-message` printed, or of a bare notification."""
    fields = mapping(document)
    received = fields.get("Messages")
    if isinstance(received, list):
        return messages_of({"Records": [_as_delivered(mapping(message)) for message in received]})
    records = fields.get("Records")
    if isinstance(records, list) and any("messageId" in mapping(record) for record in records):
        return messages_of(document)
    if FIELDS.isdisjoint(fields):
        raise InputError(
            "This is neither an event of S3 or EventBridge nor an SQS event.",
            next_step="Give a notification as S3, EventBridge or SNS sends it, or an event as Lambda gets it from SQS.",
        )
    return [Message(_BY_HAND, document, 1)] if records != [] else []


def _as_delivered(message: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message that was received in the words of an event."""
    words = {"MessageId": "messageId", "Body": "body", "Attributes": "attributes"}
    return {word: message[name] for name, word in words.items() if name in message}


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
