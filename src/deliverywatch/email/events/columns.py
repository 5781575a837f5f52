"""The columns of the e-mail tables: one list for the Glue tables, the transform, the conversion and the tests.

One row per event that SES publishes. What people query has a typed column; the whole event is kept beside it in `raw`,
so that a field which SES adds tomorrow can be read for the days before it had a column. Fields of the events:
docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-firehose-contents.html
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: In lower case, as Athena wants it.
        fields: The fields of SES it is made of, as paths: `[]` stands for each element, `*` for each key. A field
            without either is read as it is, by the column's type.
    """

    name: str
    athena_type: str
    comment: str
    fields: tuple[str, ...] = ()


_TIMES = tuple(
    f"{block}.timestamp"
    for block in ("bounce", "complaint", "delivery", "open", "click", "deliveryDelay", "subscription")
)
_RECIPIENTS = (
    "mail.destination[]",
    "delivery.recipients[]",
    "bounce.bouncedRecipients[].emailAddress",
    "complaint.complainedRecipients[].emailAddress",
    "deliveryDelay.delayedRecipients[].emailAddress",
)
_DIAGNOSES = ("bounce.bouncedRecipients[]", "deliveryDelay.delayedRecipients[]")
LABELS = "map<string,array<string>>"

COLUMNS = (
    Column("event_type", "string", "SES's word: Send, Delivery, Bounce, ...", ("eventType", "notificationType")),
    Column("event_time", "timestamp", "when it happened, UTC; of Send, Reject and Rendering Failure: sent_at", _TIMES),
    Column("sent_at", "timestamp", "when the message was handed to SES, UTC", ("mail.timestamp",)),
    Column("arrived_at", "timestamp", "when Firehose got the event, UTC"),
    Column("event_id", "string", "the same for every copy of the same event: Firehose may deliver one twice"),
    Column("message_id", "string", "SES's id of the message", ("mail.messageId",)),
    Column("configuration_set", "string", "the configuration set it was sent with"),
    Column("campaign", "string", "the message tag that names the newsletter or campaign"),
    Column("sender", "string", "From, as sent", ("mail.source",)),
    Column("sender_domain", "string", "domain of the sender's address"),
    Column("subject", "string", "subject; SES leaves it out of some events", ("mail.commonHeaders.subject",)),
    Column("recipients", "array<string>", "addresses that the event is about, else all of the message", _RECIPIENTS),
    Column("recipient_domain", "string", "domain of the first of them, in lower case"),
    Column("tags", LABELS, "message tags, SES's own (ses:...) and yours; names keep their case", ("mail.tags.*[]",)),
    Column("processing_millis", "bigint", "from acceptance to delivery", ("delivery.processingTimeMillis",)),
    Column("smtp_response", "string", "what the receiving server said", ("delivery.smtpResponse",)),
    Column(
        "reporting_mta",
        "string",
        "server that reported",
        ("delivery.reportingMTA", "bounce.reportingMTA", "deliveryDelay.reportingMTA"),
    ),
    Column("remote_mta_ip", "string", "server spoken to", ("delivery.remoteMtaIp", "bounce.remoteMtaIp")),
    Column("bounce_type", "string", "Permanent, Transient or Undetermined", ("bounce.bounceType",)),
    Column("bounce_subtype", "string", "General, NoEmail, MailboxFull, ...", ("bounce.bounceSubType",)),
    Column("status_code", "string", "SMTP status, such as 5.1.1", tuple(f"{one}.status" for one in _DIAGNOSES)),
    Column("diagnostic", "string", "the server's words", tuple(f"{one}.diagnosticCode" for one in _DIAGNOSES)),
    Column("feedback_id", "string", "SES's id of a bounce or complaint", ("bounce.feedbackId", "complaint.feedbackId")),
    Column("complaint_type", "string", "abuse, not-spam, ...", ("complaint.complaintFeedbackType",)),
    Column("complaint_subtype", "string", "OnAccountSuppressionList or none", ("complaint.complaintSubType",)),
    Column("complaint_arrival", "string", "time in the report, as it stands there", ("complaint.arrivalDate",)),
    Column("delay_type", "string", "why it is delayed: MailboxFull, SpamDetected, ...", ("deliveryDelay.delayType",)),
    Column("expires_at", "timestamp", "when SES stops trying, UTC", ("deliveryDelay.expirationTime",)),
    Column("reject_reason", "string", "why SES refused it", ("reject.reason",)),
    Column("template_name", "string", "template that could not be rendered", ("failure.templateName",)),
    Column("error_message", "string", "why it could not be rendered", ("failure.errorMessage",)),
    Column("ip_address", "string", "where it was opened or clicked from", ("open.ipAddress", "click.ipAddress")),
    Column("user_agent", "string", "program", ("open.userAgent", "click.userAgent", "complaint.userAgent")),
    Column("bot_verdict", "string", "Likely or Unlikely; none before 2026-08", ("open.isBotEvent", "click.isBotEvent")),
    Column("link", "string", "the link that was clicked", ("click.link",)),
    Column("link_tags", LABELS, "tags of the link (ses:tags)", ("click.linkTags.*[]",)),
    Column("contact_list", "string", "contact list of a subscription", ("subscription.contactList",)),
    Column("subscription_source", "string", "UnsubscribeHeader, ...", ("subscription.source",)),
    Column(
        "unsubscribed_all",
        "boolean",
        "whether it left all topics",
        ("subscription.newTopicPreferences.unsubscribeAll",),
    ),
    Column("raw", "string", "the whole event as it came, with the values of mail.headers taken out"),
    # Columns that came later stand behind it: Glue takes them at the end only.
    Column("misfits", "array<string>", "fields whose value did not fit its column and is in raw only"),
)

# Name and type, as Glue and Parquet take them.
TABLE_COLUMNS = [(column.name, column.athena_type) for column in COLUMNS]

# Documented fields that only `raw` holds: nobody groups by them.
RAW_ONLY = (
    "mail.sourceArn",
    "mail.sendingAccountId",
    "mail.headersTruncated",
    "mail.headers[].name",
    "mail.headers[].value",
    *(f"mail.commonHeaders.{name}[]" for name in ("from", "to", "cc", "bcc", "replyTo", "sender")),
    *(f"mail.commonHeaders.{name}" for name in ("date", "messageId", "returnPath")),
    "bounce.bouncedRecipients[].action",
    *(
        f"subscription.{when}TopicPreferences.{name}"
        for when in ("new", "old")
        for name in (
            "unsubscribeAll",
            "topicSubscriptionStatus[].topicName",
            "topicSubscriptionStatus[].subscriptionStatus",
        )
    ),
)

KNOWN_FIELDS = frozenset(RAW_ONLY) | {field for column in COLUMNS for field in column.fields}
