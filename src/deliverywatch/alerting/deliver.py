"""A claimed message -> rendered, sent by mail, stored, and marked as sent; `dispatch` hands it to other channels.

If SES refuses it, the same facts go as text to the fallback topic; if that fails too, the invocation fails, Lambda
retries, and finally an alarm that does not depend on this code reports it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents import outbox
from deliverywatch.alerting.incidents.outbox import Claim
from deliverywatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.message import Message
    from deliverywatch.alerting.ports import Ports


def claimed(record: Record, ports: Ports) -> Claim:
    """Claim a mail, and return its state; one that this process sent without being able to record it is sent."""
    sent = ports.unrecorded.mails.get(outbox.record_key(record))
    if sent is None:
        return outbox.claim(ports.store, record)
    with suppress(StoreUnavailable):
        recorded(*sent, ports)
    return Claim.SENT


def deliver(message: Message, record: Record, ports: Ports, settings: Settings) -> str:
    """Send a message by mail under the claim of a record, and return its subject.

    It raises MailUnavailable if nothing took it, StoreUnavailable if it was sent but could not be recorded.
    """
    # Imported here: only an invocation with something to send pays for templates and MIME.
    from deliverywatch.alerting.mail.message import render
    from deliverywatch.alerting.mail.send import send

    recipients = message.envelope.recipients
    mail = render(message, settings)
    sent = send(mail, settings.sender, recipients, ports.mailer, ports.fallback)
    record = replace(
        record,
        subject=mail.subject,
        recipients=len(recipients),
        channel=sent.channel,
        message_id=sent.message_id,
        problem=sent.problem,
    )
    recorded(record, mail.message, ports)
    return mail.subject


def recorded(record: Record, message: bytes, ports: Ports) -> None:
    """Write down that a message is sent, first of all: until it is, this process remembers it."""
    key = outbox.record_key(record)
    ports.unrecorded.mails[key] = (record, message)
    outbox.mark_sent(ports.store, record, record.claimed_at)
    ports.unrecorded.mails.pop(key, None)
    with suppress(StoreUnavailable):  # the copy for the audit is no reason to send the mail again
        ports.store.write(outbox.body_key(record), message)
