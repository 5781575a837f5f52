"""An event of SES -> one row: the typed columns, and the whole event as text with its headers taken out.

Each of the ten event types has its block, whose name is not always the type's. A column that holds one field of a block
as it is needs nothing here: it is read as `columns` says. Formats and examples:
docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-firehose-contents.html
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from deliverywatch.email.events import values
from deliverywatch.email.events.columns import COLUMNS, LABELS
from deliverywatch.email.events.refusals import Reason, RefusedError

if TYPE_CHECKING:
    from deliverywatch.email.events.values import Object

Row = dict[str, Any]

# SES writes 1 to 2 KB and cuts headers at 10 KB: what is larger is not from SES.
LARGEST_BYTES = 256 * 1024

# `mail.headers` holds List-Unsubscribe links that work, one per recipient.
REDACTED = "[redacted]"

BLOCKS = {
    "Send": "send",
    "Delivery": "delivery",
    "Bounce": "bounce",
    "Complaint": "complaint",
    "Reject": "reject",
    "Open": "open",
    "Click": "click",
    "Rendering Failure": "failure",
    "DeliveryDelay": "deliveryDelay",
    "Subscription": "subscription",
}

# The lists of the people that a block is about, with an address each.
_PEOPLE = {"bounce": "bouncedRecipients", "complaint": "complainedRecipients", "deliveryDelay": "delayedRecipients"}

Read = Callable[[Any, str, str], Any]

_READ: dict[str, Read] = {
    "string": values.text,
    "bigint": values.whole_number,
    "boolean": values.flag,
    "timestamp": values.time,
    LABELS: values.labels,
}


def _plain_fields(block: str) -> list[tuple[str, Read, list[str]]]:
    """Return the columns that hold one field of a block as it is: name, how it is read, path inside the block."""
    fields = [
        (column, field.removeprefix(f"{block}.").removesuffix(".*[]"))
        for column in COLUMNS
        for field in column.fields
        if field.startswith(f"{block}.") and column.name != "event_time"
    ]
    return [(column.name, _READ[column.athena_type], path.split(".")) for column, path in fields if "[]" not in path]


_PLAIN_FIELDS = {block: _plain_fields(block) for block in BLOCKS.values()}


def parse(data: bytes) -> Object:
    """Return the event in a record, or raise RefusedError: it is too large, not JSON, or not an object."""
    if len(data) > LARGEST_BYTES:
        raise RefusedError(Reason.TOO_LARGE, f"The record has {len(data):,} bytes; an event of SES has about 2,000.")
    try:
        event = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if "depth limit" in str(error):
            raise RefusedError(Reason.TOO_DEEP, "The record is nested deeper than 1,000 levels.") from error
        raise RefusedError(Reason.NOT_JSON, f"The record is not JSON: {error}.") from error
    if type(event) is not dict:
        values.wrong("The record", event, "an object")
    return event


def row(event: Object, arrived_at: str, campaign_tag: str) -> Row:
    """Return the row of an event; columns without a value are left out.

    Args:
        event: As parsed; the values of its headers are redacted in place.
        arrived_at: When Firehose got it, as `values.iso` writes it.
        campaign_tag: Name of the message tag that names the newsletter or campaign.

    Raises:
        RefusedError: The event is not one of SES, or a field has the wrong type.
    """
    event_type = event.get("eventType") or event.get("notificationType")
    block = BLOCKS.get(event_type) if type(event_type) is str else None
    if block is None:
        raise RefusedError(Reason.UNKNOWN_EVENT_TYPE, _unknown(event_type))
    content = {} if block == "send" and block not in event else _part(event, block)
    made: Row = {"event_type": event_type, "arrived_at": arrived_at}
    _read_message(made, _part(event, "mail"), campaign_tag)
    for name, read, path in _PLAIN_FIELDS[block]:
        made[name] = _read_at(content, block, path, read)
    _read_people(made, content, block)
    made["event_time"] = values.time(content, block, "timestamp") or made["sent_at"]
    made["recipient_domain"] = values.domain(made["recipients"][0]) if made["recipients"] else None
    made["event_id"] = _event_id(made)
    made["raw"] = _raw(event)
    return {name: value for name, value in made.items() if value is not None}


def _unknown(event_type: object) -> str:
    if type(event_type) is not str:
        return "The record names no event type."
    return f"The event type {event_type[:60]!r} is none of SES's ten."


def _part(event: Object, name: str) -> Object:
    if name not in event:
        raise RefusedError(Reason.MISSING_FIELD, f"The event has no {name}.")
    return values.child(event, "", name)


def _read_message(made: Row, mail: Object, campaign_tag: str) -> None:
    made["sent_at"] = values.time(mail, "mail", "timestamp")
    if made["sent_at"] is None:
        raise RefusedError(Reason.MISSING_FIELD, "The event has no mail.timestamp.")
    made["tags"] = tags = values.labels(mail, "mail", "tags")
    made["message_id"] = values.required_text(mail, "mail", "messageId")
    made["sender"] = values.header(mail, "mail", "source")
    made["sender_domain"] = values.domain(made["sender"])
    made["subject"] = values.header(values.child(mail, "mail", "commonHeaders"), "mail.commonHeaders", "subject")
    made["recipients"] = values.texts(mail, "mail", "destination")
    if tags:
        made["configuration_set"] = next(iter(tags.get("ses:configuration-set", ())), None)
        made["campaign"] = next(iter(tags.get(campaign_tag, ())), None)
    if headers := values.children(mail, "mail", "headers"):
        mail["headers"] = [{**header, "value": REDACTED} for header in headers]


def _read_at(owner: Object, block: str, path: list[str], read: Read) -> Any:
    for parent in path[:-1]:
        owner = values.child(owner, block, parent)
        block = f"{block}.{parent}"
    return read(owner, block, path[-1])


def _read_people(made: Row, content: Object, block: str) -> None:
    """Put those whom the event is about in the place of all whom the message went to."""
    if block == "delivery":
        made["recipients"] = values.texts(content, block, "recipients") or made["recipients"]
    if block not in _PEOPLE:
        return
    people, path = values.children(content, block, _PEOPLE[block]), f"{block}.{_PEOPLE[block]}[]"
    addresses = [values.text(person, path, "emailAddress") for person in people]
    made["recipients"] = [address for address in addresses if address is not None] or made["recipients"]
    if people and block != "complaint":
        made["status_code"] = values.text(people[0], path, "status")
        made["diagnostic"] = values.text(people[0], path, "diagnosticCode")


def _event_id(made: Row) -> str:
    # SES gives events no id. These fields distinguish events, and are the same in a copy. A scanner and a person can
    # open a mail in the same millisecond: what is taken for a copy is merged away for good.
    of_visit = (made.get(name) or "" for name in ("link", "ip_address", "user_agent"))
    parts = (made["event_type"], made["message_id"], made["event_time"], *made["recipients"], *of_visit)
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _raw(event: Object) -> str:
    try:
        return orjson.dumps(event).decode()
    except (TypeError, orjson.JSONEncodeError) as error:
        raise RefusedError(Reason.TOO_DEEP, "The event is nested deeper than 254 levels.") from error
