"""The body of an SQS message -> the events on objects that it reports.

It may be what S3 sends to a queue, the same inside a message of SNS (as a queue or a function gets it), an event of
EventBridge, what Lambda puts aside when the pusher failed, or one of our own two shapes:

    {"deliverywatch": 1, "objects": [{"record": {...as S3 sends it...}, "head": {"content_type": "text/csv"}}]}
    {"deliverywatch": 1, "listing": {"bucket": "in", "listed_at": "...", "objects": [{"key": "a.csv", ...}]}}

Formats: docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and ev-events.html.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from deliverywatch.errors import MessageMalformed
from deliverywatch.files.records.events import (
    NO_VERSION,
    Details,
    ObjectEvent,
    State,
    as_time,
    checked_bucket,
    checked_key,
    checked_word,
    object_of,
    padded,
)
from deliverywatch.messages.untrusted import mapping

# SNS in a destination of Lambda in a queue: nobody wraps deeper than that.
_DEEPEST = 4
_MAJOR_VERSION = "2"
# Far more than one object of S3 can have, and within the 38 digits of a number in DynamoDB.
_MOST_BYTES = 10**18

# A document without any of these is no notification.
FIELDS = frozenset({"Records", "Event", "Type", "source", "requestPayload", "deliverywatch"})

_S3_STATES = {"ObjectCreated": State.PRESENT, "ObjectRemoved": State.REMOVED, "LifecycleExpiration": State.REMOVED}
_BRIDGE_STATES = {"Object Created": State.PRESENT, "Object Deleted": State.REMOVED}


@dataclass(frozen=True, slots=True)
class Reading:
    """What a body says.

    Attributes:
        events: In the order of the body.
        ignored: Sentences about what else it reports, none of which changes an object.
        problems: What is wrong with those of its records that cannot be read; the others are among the events.
    """

    events: tuple[ObjectEvent, ...] = ()
    ignored: tuple[str, ...] = ()
    problems: tuple[MessageMalformed, ...] = ()

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects of the events, each once, as bucket/key."""
        return tuple(dict.fromkeys(object_of(event.bucket, event.key) for event in self.events))


def read(body: object, depth: int = 0) -> Reading:
    """Return what a body says: the text of a message, or its decoded JSON.

    Raises:
        MessageMalformed: It has none of the shapes above, or nothing of it can be read.
    """
    document = _decoded(body)
    if depth > _DEEPEST:
        raise MessageMalformed("The body is wrapped in more envelopes than anybody sends.")
    if "Records" in document:
        return _entries(partial(_record, depth=depth), document, "Records")
    if document.get("Event") == "s3:TestEvent":
        return Reading(ignored=("S3 tests that it may send to the queue.",))
    if document.get("Type") == "Notification":
        return read(document.get("Message"), depth + 1)
    if document.get("source") == "aws.s3":
        return _bridged(document)
    if "requestPayload" in document:
        return read(document["requestPayload"], depth + 1)
    if document.get("deliverywatch") == 1:
        return _own(document)
    raise MessageMalformed(_unknown(document))


def _decoded(body: object) -> Mapping[str, Any]:
    if isinstance(body, str):
        if not body.strip():
            raise MessageMalformed("The body is empty.")
        try:
            body = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise MessageMalformed(
                f"The body is not JSON: {getattr(error, 'msg', 'it is nested too deep, or a number is too long')}."
            ) from error
    if not isinstance(body, Mapping):
        raise MessageMalformed("The body is JSON, but no object.")
    return body


def _unknown(document: Mapping[str, Any]) -> str:
    if document.get("Type") == "SubscriptionConfirmation":
        return "SNS asks to confirm a subscription: open the address under SubscribeURL in the body."
    return "The body is not a notification of S3, SNS, EventBridge or the pusher."


def _entries(reader: Callable[[Mapping[str, Any]], Reading], parent: Mapping[str, Any], name: str) -> Reading:
    """Read each entry of a list by itself, so that one that is wrong does not keep its neighbours from being read.

    Raises MessageMalformed if all of them are wrong, or there is no list.
    """
    entries = parent.get(name)
    if not isinstance(entries, list):
        raise MessageMalformed(f"The field {name!r} is not a list of objects.")
    readings = [_entry(reader, entry, name) for entry in entries]
    events, ignored, problems = (
        tuple(part for reading in readings for part in getattr(reading, field))
        for field in ("events", "ignored", "problems")
    )
    if problems and len(problems) == len(entries):
        raise problems[0]
    return Reading(events, ignored, problems)


def _entry(reader: Callable[[Mapping[str, Any]], Reading], entry: object, name: str) -> Reading:
    if not isinstance(entry, Mapping):
        return Reading(problems=(MessageMalformed(f"The field {name!r} is not a list of objects."),))
    try:
        return reader(entry)
    except MessageMalformed as error:
        return Reading(problems=(error,))


def _record(record: Mapping[str, Any], depth: int = 0) -> Reading:
    if record.get("EventSource") == "aws:sns":
        return read(_object(record, "Sns").get("Message"), depth + 1)
    if record.get("eventSource") != "aws:s3":
        raise MessageMalformed(f"A record is not of S3: its eventSource is {str(record.get('eventSource'))[:40]!r}.")
    version = str(record.get("eventVersion", ""))
    if version.partition(".")[0] != _MAJOR_VERSION:
        raise MessageMalformed(f"A record has version {version[:10]!r}, which is not one of 2.x.")
    name = str(record.get("eventName", "")).removeprefix("s3:")
    family, _, action = name.partition(":")
    if family not in _S3_STATES:
        return Reading(ignored=(f"{_shown(name)} does not change an object.",))
    state = State.DELETE_MARKER if action == "DeleteMarkerCreated" else _S3_STATES[family]
    s3 = _object(record, "s3")
    entry = _object(s3, "object")
    # Encoded like a form: a space is +, a plus is %2B (in EventBridge's events the key is plain).
    key = _unquoted(entry.get("key"))
    return Reading((_event(_bucket(s3), key, state, _shown(name), record.get("eventTime"), entry, _S3_NAMES),))


def _shown(name: str) -> str:
    """Return untrusted text in a form that is safe for a terminal and a log."""
    return "".join(character if character.isprintable() else "?" for character in name[:60])


def _unquoted(key: object) -> object:
    try:
        return unquote_plus(key, errors="strict") if isinstance(key, str) else key
    except UnicodeDecodeError as error:
        raise MessageMalformed("The event's key is not UTF-8 once it is decoded.") from error


def _bridged(document: Mapping[str, Any]) -> Reading:
    kind = str(document.get("detail-type"))
    if kind not in _BRIDGE_STATES:
        return Reading(ignored=(f"{_shown(kind)!r} does not change an object.",))
    detail = _object(document, "detail")
    is_marker = detail.get("deletion-type") == "Delete Marker Created"
    state = State.DELETE_MARKER if is_marker else _BRIDGE_STATES[kind]
    entry = _object(detail, "object")
    name = _shown(f"{kind}: {detail.get('reason', '')}").rstrip(": ")
    key, time = entry.get("key"), document.get("time")
    return Reading((_event(_bucket(detail), key, state, name, time, entry, _BRIDGE_NAMES),))


_S3_NAMES = ("versionId", "eTag")
_BRIDGE_NAMES = ("version-id", "etag")


def _event(
    bucket: str, key: object, state: State, name: str, time: object, entry: Mapping[str, Any], names: tuple[str, str]
) -> ObjectEvent:
    version, etag = (checked_word(entry.get(field), field) for field in names)
    is_present, at, sequencer = state is State.PRESENT, as_time(time), padded(entry.get("sequencer"))
    return ObjectEvent(
        bucket=bucket,
        key=checked_key(key),
        version=version or NO_VERSION,
        state=state,
        name=name,
        time=at,
        sequencer=sequencer,
        size_bytes=_size(entry) if is_present else None,
        etag=etag.strip('"') if is_present and etag else None,
        # Then only its time gives its place, as for an object of a listing.
        listed_at=None if sequencer else at,
    )


def _size(entry: Mapping[str, Any]) -> int | None:
    size = entry.get("size")
    if size is None:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < _MOST_BYTES:
        raise MessageMalformed("The event's size is not a number of bytes.")
    return size


def _own(document: Mapping[str, Any]) -> Reading:
    if "listing" not in document:
        return _entries(_enriched, document, "objects")
    listing = _object(document, "listing")
    return _entries(partial(_listed, listing), listing, "objects")


def _enriched(sent: Mapping[str, Any]) -> Reading:
    """Read a record as S3 sent it, through EventBridge or not, with what the pusher added."""
    record, head = _object(sent, "record"), sent.get("head")
    reading = _bridged(record) if record.get("source") == "aws.s3" else _record(record)
    if not isinstance(head, Mapping):
        return reading
    details = Details(str(head.get("content_type", "")), _texts(head, "metadata"), _texts(head, "checksums"))
    return replace(reading, events=tuple(replace(event, details=details) for event in reading.events))


def _listed(listing: Mapping[str, Any], entry: Mapping[str, Any]) -> Reading:
    event = ObjectEvent(
        bucket=checked_bucket(listing.get("bucket")),
        key=checked_key(entry.get("key")),
        version=checked_word(entry.get("version"), "version") or NO_VERSION,
        state=_state(entry.get("state", State.PRESENT)),
        name="Listed",
        time=as_time(entry.get("last_modified")),
        sequencer="",
        size_bytes=_size(entry),
        etag=checked_word(entry.get("etag"), "etag"),
        listed_at=as_time(listing.get("listed_at")),
        is_latest=is_latest if isinstance(is_latest := entry.get("is_latest"), bool) else None,
    )
    return Reading((event,))


def _state(word: object) -> State:
    if not isinstance(word, str) or word not in set(State):
        raise MessageMalformed(f"The listing has a state that is not known: {_shown(str(word))}.")
    return State(word)


def _bucket(parent: Mapping[str, Any]) -> str:
    return checked_bucket(_object(parent, "bucket").get("name"))


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if not isinstance(value, Mapping):
        raise MessageMalformed(f"The field {name!r} is missing or no object.")
    return value


def _texts(parent: Mapping[str, Any], name: str) -> dict[str, str]:
    return {str(key): str(value) for key, value in mapping(parent.get(name)).items()}
