"""An event of SES -> one row: the typed columns, and the whole event as text with its headers taken out.

Each of the ten event types has its block, whose name is not always the type's. Formats and examples:
docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-firehose-contents.html
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from deliverywatch.email.events import values
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


def parse(data: bytes) -> Object:
    """Return the event in a record.

    Raises:
        RefusedError: The record is too large, no JSON, or no object.
    """
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
        event: As parsed; the values of its headers are taken out in place.
        arrived_at: When Firehose got it, as `values.iso` writes it.
        campaign_tag: Name of the message tag that names the newsletter or campaign.

    Raises:
        RefusedError: The event is not one of SES, or a field has the wrong type.
    """
    event_type = event.get("eventType") or event.get("notificationType")
    block = BLOCKS.get(event_type) if type(event_type) is str else None
    if block is None:
        raise RefusedError(Reason.UNKNOWN_EVENT_TYPE, _unknown(event_type))
    about = _block(event, block)
    made: Row = {"event_type": event_type, "arrived_at": arrived_at}
    _message(made, _mail(event), campaign_tag)
    _BLOCK_COLUMNS[block](made, about)
    made["event_time"] = values.time(about, block, "timestamp") or made["sent_at"]
    made["recipient_domain"] = values.domain(made["recipients"][0]) if made["recipients"] else None
    made["event_id"] = _event_id(made)
    made["raw"] = _raw(event)
    return {name: value for name, value in made.items() if value is not None}


def _unknown(event_type: object) -> str:
    if type(event_type) is not str:
        return "The record names no event type."
    return f"The event type {event_type[:60]!r} is none of SES's ten."


def _block(event: Object, name: str) -> Object:
    if name not in event and name != "send":
        raise RefusedError(Reason.MISSING_FIELD, f"The event has no {name}.")
    return values.child(event, "", name)


def _mail(event: Object) -> Object:
    if "mail" not in event:
        raise RefusedError(Reason.MISSING_FIELD, "The event has no mail.")
    return values.child(event, "", "mail")


def _message(made: Row, mail: Object, campaign_tag: str) -> None:
    sent_at = values.time(mail, "mail", "timestamp")
    if sent_at is None:
        raise RefusedError(Reason.MISSING_FIELD, "The event has no mail.timestamp.")
    tags = values.labels(mail, "mail", "tags")
    made["sent_at"] = sent_at
    made["message_id"] = values.required_text(mail, "mail", "messageId")
    made["sender"] = values.header(mail, "mail", "source")
    made["sender_domain"] = values.domain(made["sender"])
    made["subject"] = values.header(values.child(mail, "mail", "commonHeaders"), "mail.commonHeaders", "subject")
    made["recipients"] = values.texts(mail, "mail", "destination")
    made["tags"] = tags
    if tags:
        made["configuration_set"] = next(iter(tags.get("ses:configuration-set", ())), None)
        made["campaign"] = next(iter(tags.get(campaign_tag, ())), None)
    _redact(mail)


def _redact(mail: Object) -> None:
    headers = values.children(mail, "mail", "headers")
    if headers:
        mail["headers"] = [{**each, "value": REDACTED} for each in headers]


def _event_id(made: Row) -> str:
    # SES gives events no id. These fields tell two events apart; a copy has the same. Two clients can open a mail in
    # the same millisecond, a scanner and a person: what is taken for a copy is merged away for good.
    of_visit = (made.get(name) or "" for name in ("link", "ip_address", "user_agent"))
    parts = (made["event_type"], made["message_id"], made["event_time"], *made["recipients"], *of_visit)
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _raw(event: Object) -> str:
    try:
        return orjson.dumps(event).decode()
    except (TypeError, orjson.JSONEncodeError) as error:
        raise RefusedError(Reason.TOO_DEEP, "The event is nested deeper than 254 levels.") from error


def _send(_made: Row, _about: Object) -> None:
    """Nothing: the block of Send is always empty."""


def _delivery(made: Row, about: Object) -> None:
    made["recipients"] = values.texts(about, "delivery", "recipients") or made["recipients"]
    made["processing_millis"] = values.whole_number(about, "delivery", "processingTimeMillis")
    made["smtp_response"] = values.text(about, "delivery", "smtpResponse")
    made["reporting_mta"] = values.text(about, "delivery", "reportingMTA")
    made["remote_mta_ip"] = values.text(about, "delivery", "remoteMtaIp")


def _bounce(made: Row, about: Object) -> None:
    made["bounce_type"] = values.text(about, "bounce", "bounceType")
    made["bounce_subtype"] = values.text(about, "bounce", "bounceSubType")
    made["feedback_id"] = values.text(about, "bounce", "feedbackId")
    made["reporting_mta"] = values.text(about, "bounce", "reportingMTA")
    made["remote_mta_ip"] = values.text(about, "bounce", "remoteMtaIp")
    _diagnosed(made, about, "bounce", "bouncedRecipients")


def _complaint(made: Row, about: Object) -> None:
    made["complaint_type"] = values.text(about, "complaint", "complaintFeedbackType")
    made["complaint_subtype"] = values.text(about, "complaint", "complaintSubType")
    made["complaint_arrival"] = values.text(about, "complaint", "arrivalDate")
    made["feedback_id"] = values.text(about, "complaint", "feedbackId")
    made["user_agent"] = values.text(about, "complaint", "userAgent")
    _concerned(made, about, "complaint", "complainedRecipients")


def _reject(made: Row, about: Object) -> None:
    made["reject_reason"] = values.text(about, "reject", "reason")


def _open(made: Row, about: Object) -> None:
    _visited(made, about, "open")


def _click(made: Row, about: Object) -> None:
    _visited(made, about, "click")
    made["link"] = values.text(about, "click", "link")
    made["link_tags"] = values.labels(about, "click", "linkTags")


def _failure(made: Row, about: Object) -> None:
    made["template_name"] = values.text(about, "failure", "templateName")
    made["error_message"] = values.text(about, "failure", "errorMessage")


def _delay(made: Row, about: Object) -> None:
    made["delay_type"] = values.text(about, "deliveryDelay", "delayType")
    made["expires_at"] = values.time(about, "deliveryDelay", "expirationTime")
    made["reporting_mta"] = values.text(about, "deliveryDelay", "reportingMTA")
    _diagnosed(made, about, "deliveryDelay", "delayedRecipients")


def _subscription(made: Row, about: Object) -> None:
    made["contact_list"] = values.text(about, "subscription", "contactList")
    made["subscription_source"] = values.text(about, "subscription", "source")
    preferences = values.child(about, "subscription", "newTopicPreferences")
    made["unsubscribed_all"] = values.flag(preferences, "subscription.newTopicPreferences", "unsubscribeAll")


def _visited(made: Row, about: Object, block: str) -> None:
    made["ip_address"] = values.text(about, block, "ipAddress")
    made["user_agent"] = values.text(about, block, "userAgent")
    made["bot_verdict"] = values.text(about, block, "isBotEvent")


def _concerned(made: Row, about: Object, block: str, name: str) -> list[Object]:
    people = values.children(about, block, name)
    addresses = [values.text(each, f"{block}.{name}[]", "emailAddress") for each in people]
    made["recipients"] = [each for each in addresses if each is not None] or made["recipients"]
    return people


def _diagnosed(made: Row, about: Object, block: str, name: str) -> None:
    people = _concerned(made, about, block, name)
    if people:
        made["status_code"] = values.text(people[0], f"{block}.{name}[]", "status")
        made["diagnostic"] = values.text(people[0], f"{block}.{name}[]", "diagnosticCode")


_BLOCK_COLUMNS: dict[str, Callable[[Row, Object], None]] = {
    "send": _send,
    "delivery": _delivery,
    "bounce": _bounce,
    "complaint": _complaint,
    "reject": _reject,
    "open": _open,
    "click": _click,
    "failure": _failure,
    "deliveryDelay": _delay,
    "subscription": _subscription,
}
