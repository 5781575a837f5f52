"""A message that is ours to send -> rendered, sent, kept, and marked as sent.

If SES will not take it, the same facts go as text to the fallback topic; if that fails too the invocation fails, Lambda
tries again, and at last an alarm that does not pass this code says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents import outbox

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.message import Message
    from deliverywatch.alerting.ports import Ports


def deliver(message: Message, record: Record, ports: Ports, settings: Settings) -> str:
    """Send a message by mail, the only channel today; return its subject.

    Args:
        message: All that a channel needs.
        record: The claim of this invocation.
        ports: What the notifier talks to.
        settings: The stack.

    Raises:
        MailUnavailable: Neither SES nor the fallback topic took it.
        StoreUnavailable: It was sent, and S3 did not take the note of it.
    """
    # Imported here: only an invocation that has something to send pays for templates and MIME.
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
    ports.store.write(outbox.body_key(record), mail.message)
    outbox.mark_sent(ports.store, record, record.claimed_at)
    return mail.subject
