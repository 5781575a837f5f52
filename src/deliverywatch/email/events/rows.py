"""An event of SES -> one row: the typed columns, and the whole event as text with its headers taken out.

An event is what names its type and its message; nothing else that it holds or lacks can refuse it. A value that does
not fit its column is null there, and its field is named in `misfits`.

Each of the ten event types has its block, whose name is not always the type's. A column that holds one field of a block
as it is needs nothing here: it is read as `columns` says. Formats and examples:
docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-firehose-contents.html
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from deliverywatch.email.events import values
from deliverywatch.email.events.columns import COLUMNS, LABELS
from deliverywatch.email.events.originals import Original, raw
from deliverywatch.email.events.refusals import Reason, RefusedError

if TYPE_CHECKING:
    from deliverywatch.email.events.values import Misfits, Object

Row = dict[str, Any]

# Nobody names a type with a text that is longer.
_LONGEST_TYPE = 60
# SES documents that `send` is empty; it leaves nothing out.
_MAY_BE_LEFT_OUT = "send"

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

# What makes two reports of one message, people and millisecond different events.
_OF_REPORT = (
    *("feedback_id", "bounce_type", "bounce_subtype", "complaint_type", "complaint_subtype", "delay_type"),
    *("contact_list", "subscription_source", "unsubscribed_all"),
)

# Most events are of these, and have none of it.
_WITHOUT_REPORT = ("Send", "Delivery", "Open", "Click")

Read = Callable[[Any, str, str, "Misfits"], Any]

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


def row(original: Original, arrived_at: str, campaign_tag: str) -> Row:
    """Return the row of an event; columns without a value are left out.

    Args:
        original: The event and its text.
        arrived_at: When Firehose got it, as `values.iso` writes it.
        campaign_tag: Name of the message tag that names the newsletter or campaign.

    Raises:
        RefusedError: The event names no type, or no message.
    """
    event, misfits = original.event, list[str]()
    event_type = _type(event)
    block = BLOCKS.get(event_type, "")
    made: Row = {"event_type": event_type, "arrived_at": arrived_at}
    _read_message(made, values.child(event, "", "mail", misfits), campaign_tag, misfits)
    content = _content(event, event_type, block, misfits)
    for name, read, path in _PLAIN_FIELDS.get(block, ()):
        made[name] = _read_at(content, block, path, read, misfits)
    _read_people(made, content, block, misfits)
    made["event_time"] = values.time(content, block or "*", "timestamp", misfits) or made["sent_at"] or arrived_at
    made["recipient_domain"] = values.domain(made["recipients"][0]) if made["recipients"] else None
    made["raw"] = raw(original)
    made["misfits"] = sorted({*misfits}) if misfits else None
    made["event_id"] = _event_id(made)
    return {name: value for name, value in made.items() if value is not None}


def _type(event: Object) -> str:
    event_type = event.get("eventType") or event.get("notificationType")
    if type(event_type) is not str:
        raise RefusedError(Reason.UNKNOWN_EVENT_TYPE, "The record names no event type.")
    if len(event_type) > _LONGEST_TYPE:
        sentence = f"The event type {event_type[:_LONGEST_TYPE]!r}... is too long for one."
        raise RefusedError(Reason.UNKNOWN_EVENT_TYPE, sentence)
    return event_type


def _content(event: Object, event_type: str, block: str, misfits: Misfits) -> Object:
    """Return what an event says beside its mail; of a type that is not known, only its time is read."""
    if not block:
        misfits.append("eventType")
        content = event.get(event_type[:1].lower() + event_type[1:])
        return content if type(content) is dict else {}
    if block not in event and block != _MAY_BE_LEFT_OUT:
        misfits.append(block)
    return values.child(event, "", block, misfits)


def _read_message(made: Row, mail: Object, campaign_tag: str, misfits: Misfits) -> None:
    made["message_id"] = values.text(mail, "mail", "messageId", misfits)
    if not made["message_id"]:
        raise RefusedError(Reason.MISSING_FIELD, "The event has no mail.messageId, or one that is not text.")
    made["sent_at"] = values.time(mail, "mail", "timestamp", misfits)
    if made["sent_at"] is None:
        misfits.append("mail.timestamp")
    made["tags"] = tags = values.labels(mail, "mail", "tags", misfits)
    made["sender"] = values.header(mail, "mail", "source", misfits)
    made["sender_domain"] = values.domain(made["sender"])
    headers = values.child(mail, "mail", "commonHeaders", misfits)
    made["subject"] = values.header(headers, "mail.commonHeaders", "subject", misfits)
    made["recipients"] = values.texts(mail, "mail", "destination", misfits)
    if tags:
        made["configuration_set"] = next(iter(tags.get("ses:configuration-set", ())), None)
        made["campaign"] = next(iter(tags.get(campaign_tag, ())), None)


def _read_at(owner: Object, block: str, path: list[str], read: Read, misfits: Misfits) -> Any:
    for parent in path[:-1]:
        owner = values.child(owner, block, parent, misfits)
        block = f"{block}.{parent}"
    return read(owner, block, path[-1], misfits)


def _read_people(made: Row, content: Object, block: str, misfits: Misfits) -> None:
    """Put those whom the event is about in the place of all whom the message went to."""
    if block == "delivery":
        made["recipients"] = values.texts(content, block, "recipients", misfits) or made["recipients"]
    if block not in _PEOPLE:
        return
    people, path = values.children(content, block, _PEOPLE[block], misfits), f"{block}.{_PEOPLE[block]}[]"
    addresses = [values.text(person, path, "emailAddress", misfits) for person in people]
    made["recipients"] = [address for address in addresses if address is not None] or made["recipients"]
    if people and block != "complaint":
        made["status_code"] = values.text(people[0], path, "status", misfits)
        made["diagnostic"] = values.text(people[0], path, "diagnosticCode", misfits)


def _event_id(made: Row) -> str:
    # SES gives events no id. These fields distinguish events, and are the same in a copy. A scanner and a person can
    # open a mail in the same millisecond, and SES can report two bounces of it: what is taken for a copy is merged away
    # for good. Of an event that could not be read in full, only the whole text is sure to distinguish it.
    of_visit = (made.get(name) or "" for name in ("link", "ip_address", "user_agent"))
    parts = (made["event_type"], made["message_id"], made["event_time"], *made["recipients"], *of_visit)
    if made["event_type"] not in _WITHOUT_REPORT:
        parts += tuple(f"{name}={made[name]}" for name in _OF_REPORT if made.get(name) is not None)
    if made["misfits"]:
        parts = (made["raw"],)
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
