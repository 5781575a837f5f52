"""A mail that was sent -> the events that SES would publish of it, in SES's own shape.

Format: docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-firehose-contents.html. Addresses are of example
domains, or of SES's mailbox simulator, whose local part says what becomes of a mail.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deliverywatch.local.cloud.emulator.clock import iso

_ACCOUNT = "123456789012"
_BLOCKS = {"Rendering Failure": "failure", "DeliveryDelay": "deliveryDelay"}
_WITHOUT_HEADERS = ("Rendering Failure", "DeliveryDelay")


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail as SES took it; `headers` are those of a raw message."""

    message_id: str
    sent_at: datetime
    configuration_set: str
    recipients: tuple[str, ...]
    subject: str = "News"
    sender: str = "News <news@example.com>"
    tags: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def event(self, event_type: str, at: datetime, **about: Any) -> dict[str, Any]:
        """Return an event of this mail.

        `Send`, `Reject` and `Rendering Failure` have no time of their own; `about` is what its block holds beside it.
        """
        timed = {} if event_type in ("Send", "Reject", "Rendering Failure") else {"timestamp": iso(at)}
        block = _BLOCKS.get(event_type, event_type[0].lower() + event_type[1:])
        return {"eventType": event_type, "mail": self._mail(event_type), block: {**timed, **about}}

    def delivery(self, at: datetime) -> dict[str, Any]:
        """Return the event of its delivery."""
        return self.event(
            "Delivery",
            at,
            processingTimeMillis=int((at - self.sent_at).total_seconds() * 1000),
            recipients=list(self.recipients),
            smtpResponse="250 2.6.0 Message received",
            reportingMTA="a8-50.smtp-out.amazonses.com",
            remoteMtaIp="192.0.2.25",
        )

    def bounce(self, at: datetime, kind: str = "Permanent", sub_type: str = "General") -> dict[str, Any]:
        """Return the event of its bounce."""
        status, answer = (
            ("5.1.1", "550 5.1.1 user unknown") if kind == "Permanent" else ("4.2.2", "452 4.2.2 mailbox full")
        )
        people = [
            {"emailAddress": recipient, "action": "failed", "status": status, "diagnosticCode": f"smtp; {answer}"}
            for recipient in self.recipients
        ]
        return self.event(
            "Bounce",
            at,
            bounceType=kind,
            bounceSubType=sub_type,
            bouncedRecipients=people,
            feedbackId=f"{self.message_id}-feedback",
            reportingMTA="dsn; a8-50.smtp-out.amazonses.com",
        )

    def complaint(self, at: datetime) -> dict[str, Any]:
        """Return the event of a complaint about it."""
        people = [{"emailAddress": recipient} for recipient in self.recipients]
        return self.event(
            "Complaint",
            at,
            complainedRecipients=people,
            feedbackId=f"{self.message_id}-feedback",
            complaintSubType=None,
            complaintFeedbackType="abuse",
            userAgent="ExampleFeedback/1.0",
            arrivalDate=iso(at),
        )

    def visit(self, event_type: str, at: datetime, verdict: str | None, **about: Any) -> dict[str, Any]:
        """Return the event of an `Open` or a `Click`."""
        judged = {"isBotEvent": verdict} if verdict else {}
        agent = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        return self.event(event_type, at, ipAddress="192.0.2.1", userAgent=agent, **about, **judged)

    def _mail(self, event_type: str) -> dict[str, Any]:
        tags = {"ses:configuration-set": [self.configuration_set], "ses:from-domain": ["example.com"]}
        tags |= {"ses:source-ip": ["192.0.2.2"], "ses:caller-identity": ["app"]}
        mail: dict[str, Any] = {
            "timestamp": iso(self.sent_at),
            "source": self.sender,
            "sendingAccountId": _ACCOUNT,
            "messageId": self.message_id,
            "destination": list(self.recipients),
            "headersTruncated": False,
            "tags": {**tags, **{name: [value] for name, value in self.tags.items()}},
        }
        return mail if event_type in _WITHOUT_HEADERS else mail | self._headers()

    def _headers(self) -> dict[str, Any]:
        token = hashlib.sha256(self.message_id.encode()).hexdigest()[:24]
        # Of a raw message its own, as it was given: github.com/jdavidbakr/mail-tracker/issues/163.
        headers = dict(self.headers) or {
            "From": self.sender,
            "To": ", ".join(self.recipients),
            "Subject": self.subject,
            "MIME-Version": "1.0",
            "Content-Type": 'multipart/alternative; boundary="XBoundary"',
            "List-Unsubscribe": f"<https://example.com/unsubscribe?token={token}>",
        }
        common = {
            "from": [self.sender],
            "to": list(self.recipients),
            "messageId": self.message_id,
            "subject": self.subject,
        }
        return {
            "headers": [{"name": name, "value": value} for name, value in headers.items()],
            "commonHeaders": common,
        }
