"""A mail -> SES, or its text -> the fallback topic if SES refuses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from deliverywatch.errors import MailUnavailable

if TYPE_CHECKING:
    from deliverywatch.alerting.mail.message import Mail


class Mailer(Protocol):
    """SES."""

    def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> str:
        """Send a message and return its id, or raise MailUnavailable."""


class Fallback(Protocol):
    """The topic that works when SES does not."""

    def publish(self, subject: str, text: str) -> str:
        """Publish a text and return its id, or raise MailUnavailable."""


@dataclass(frozen=True, slots=True)
class Sent:
    """How a mail went out; the problem says why SES did not confirm it, or why it is less than it should be."""

    channel: str
    message_id: str
    problem: str | None = None


def send(mail: Mail, sender: str, recipients: Sequence[str], mailer: Mailer, fallback: Fallback) -> Sent:
    """Send a mail and return how it went out; MailUnavailable if neither SES nor the fallback topic took it."""
    problem = mail.problem
    try:
        if mail.message:
            return Sent("ses", mailer.send(mail.message, sender, recipients), problem or None)
    except MailUnavailable as error:
        problem = str(error)
    text = f"SES did not confirm this mail, so it comes this way: {problem}\n\n{mail.text}"
    return Sent("fallback", fallback.publish(mail.subject, text), problem)
