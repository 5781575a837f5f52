"""A document -> the events of SES in it, out of the envelopes of the services that they may have come through.

SNS (docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html) holds the event as text, EventBridge
(docs.aws.amazon.com/eventbridge/latest/ref/events-ref-ses.html) as an object; SQS and Lambda wrap either again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from deliverywatch.email.events.originals import LARGEST_BYTES, Original, decoded, members
from deliverywatch.email.events.refusals import Reason, RefusedError

# EventBridge in SNS in SQS in an export: nobody wraps deeper.
_DEEPEST = 8
_TYPES = ("eventType", "notificationType")

# What each envelope calls its content, the outermost first.
_CONTENTS = {
    "Records": "Lambda",
    "Messages": "SQS",
    "Sns": "SNS",
    "body": "SQS",
    "Body": "SQS",
    "Message": "SNS",
    "detail": "EventBridge",
}
# EventBridge's words for the types, for an event that does not name its own.
_EVENTBRIDGE_TYPES = {
    "Email Sent": "Send",
    "Email Delivered": "Delivery",
    "Email Bounced": "Bounce",
    "Email Complaint Received": "Complaint",
    "Email Rejected": "Reject",
    "Email Opened": "Open",
    "Email Clicked": "Click",
    "Email Rendering Failed": "Rendering Failure",
    "Email Delivery Delayed": "DeliveryDelay",
    "Email Subscribed": "Subscription",
}


class Document(NamedTuple):
    """The text of a document, and the envelopes that were around it, the outermost first."""

    text: str
    envelopes: tuple[str, ...]


def event_in(data: bytes) -> Original:
    """Return the one event in a record, or raise RefusedError."""
    if len(data) > LARGEST_BYTES:
        raise RefusedError(Reason.TOO_LARGE, f"The record has {len(data):,} bytes; an event of SES has about 2,000.")
    content, text = decoded(data)
    if is_event(content):
        return Original(content, text)
    documents = [*_inside(content, text, ())]
    if len(documents) != 1:
        count = f"{len(documents):,} documents" if documents else "nothing"
        sentence = f"The record holds {count} where one event belongs; 'deliverywatch email replay' takes them apart."
        raise RefusedError(Reason.NO_EVENT, sentence)
    return _only(documents[0])


def is_event(content: Any) -> bool:
    """Whether a document is an event of SES, as far as it names a type."""
    return type(content) is dict and any(name in content for name in _TYPES)


def documents_in(data: bytes) -> list[Document]:
    """Return the documents in a record that may be an array or an envelope; RefusedError if it is not JSON."""
    return [*_inside(*decoded(data), ())]


def _only(document: Document) -> Original:
    around = " in ".join(reversed(document.envelopes))
    sentence = f"The record is an envelope of {around} without an event of SES in it."
    try:
        content, text = decoded(document.text.encode("utf-8", "replace"))
    except RefusedError as error:
        raise RefusedError(Reason.NO_EVENT, sentence) if document.envelopes else error from error
    if type(content) is not dict:
        raise RefusedError(Reason.WRONG_TYPE, "The record is not an object of JSON.")
    if document.envelopes and not is_event(content):
        raise RefusedError(Reason.NO_EVENT, sentence)
    return Original(content, text)


def _inside(content: Any, text: str, envelopes: tuple[str, ...], depth: int = 0) -> Iterator[Document]:
    if type(content) is list and depth < _DEEPEST:
        for _, start, end in members(text):
            yield from _inside(_quietly(text[start:end]), text[start:end], envelopes, depth + 1)
        return
    is_object = type(content) is dict and not is_event(content) and depth < _DEEPEST
    name = next((name for name in _CONTENTS if name in content), None) if is_object else None
    if name is None:
        yield Document(text, envelopes)
        return
    inner = content[name] if type(content[name]) is str else _with_type(_member(text, name), content)
    yield from _inside(_quietly(inner), inner, (*envelopes, _CONTENTS[name]), depth + 1)


def _quietly(text: str) -> Any:
    try:
        return decoded(text.encode("utf-8", "replace"))[0]
    except RefusedError:
        return None


def _member(text: str, name: str) -> str:
    # The last member of a name is the one that parsers believe.
    *_, (start, end) = ((start, end) for key, start, end in members(text) if key == name)
    return text[start:end]


def _with_type(inner: str, envelope: dict[str, Any]) -> str:
    """Return an event with the type that only EventBridge's envelope names."""
    word = envelope.get("detail-type")
    event_type = _EVENTBRIDGE_TYPES.get(word) if type(word) is str else None
    content = _quietly(inner) if event_type else None
    if type(content) is not dict or not content or is_event(content):
        return inner
    return f'{{"eventType":"{event_type}",{inner[1:]}'
