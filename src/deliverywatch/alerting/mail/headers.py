"""An envelope -> the headers of its mail, in a form that SES and every mail client keep as it is.

SES replaces Message-ID and Date, so every mail of an incident, even the first, refers to one made-up root: only that
keeps them in one conversation (docs.aws.amazon.com/ses/latest/dg/header-fields.html). Headers: RFC 5322, RFC 3834 for
Auto-Submitted, RFC 2919 for List-Id.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from email.policy import EmailPolicy, Policy

    from deliverywatch.alerting.inputs.settings import Settings

# A domain that nobody can have (RFC 2606), for ids where the sender's cannot stand in a header.
_NO_DOMAIN = "deliverywatch.invalid"
_NAME_LIMIT = 40
_LINE_LIMIT = 78
_UNSAFE = re.compile(r"[^a-z0-9-]+")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a mail's headers say; id, watch and the year of `opened_at` name the thread.

    Attributes:
        id: Of the incident, or of the test.
        number: Of the mail within its thread.
    """

    id: str
    watch: str
    number: int
    opened_at: datetime
    time: datetime
    event: str
    level: Level
    recipients: tuple[str, ...]


class _PlainHeader(BaseHeader):
    """A header that is written as it is: Python encodes or breaks an id that is longer than a line.

    No mail client joins what was taken apart, and with it the conversation. Only before `<` is a long line folded.
    """

    max_count = 1

    @classmethod
    def parse(cls, value: str, parts: dict[str, Any]) -> None:
        """Fill in what the registry's headers consist of."""
        parts["parse_tree"], parts["decoded"] = None, value

    def fold(self, *, policy: Policy[Any]) -> str:
        """Return the header as the mail has it."""
        line = f"{self.name}: {self}"
        folded = line if len(line) <= _LINE_LIMIT else line.replace(" <", f"{policy.linesep} <", 1)
        return folded.replace(f":{policy.linesep} <", ": <") + policy.linesep


def _policy() -> EmailPolicy[EmailMessage]:
    registry = HeaderRegistry()
    for name in ("message-id", "in-reply-to", "references", "list-id"):
        registry.map_to_type(name, _PlainHeader)
    return policy.SMTP.clone(header_factory=registry)


_POLICY = _policy()


def headed(envelope: Envelope, subject: str, title: str, settings: Settings) -> EmailMessage:
    """Return an empty mail with all its headers."""
    name, address = parseaddr(settings.sender)
    domain = domain_of(address)
    thread = thread_of(envelope, settings)
    message = EmailMessage(policy=_POLICY)
    message["From"] = Address(name or f"DeliveryWatch ({settings.environment})", addr_spec=address)
    message["To"] = ", ".join(envelope.recipients)
    message["Subject"] = subject
    message["Date"] = format_datetime(envelope.time)
    message["Message-ID"] = f"<{thread}.{envelope.number}@{domain}>"
    message["In-Reply-To"] = message["References"] = f"<{thread}@{domain}>"
    message["Thread-Topic"] = f"{title} - {settings.environment} - {envelope.id}"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    environment = safe(settings.environment)
    message["List-Id"] = f"DeliveryWatch {environment} <{safe(settings.prefix)}.{domain}>"
    message["X-DeliveryWatch-Incident"] = envelope.id
    message["X-DeliveryWatch-Level"] = envelope.level.value
    message["X-DeliveryWatch-Event"] = envelope.event
    if envelope.level is Level.CRITICAL:
        message["Importance"] = "high"
    return message


def thread_of(envelope: Envelope, settings: Settings) -> str:
    """Return the name of a conversation, the same for all mails of an incident and short for any watch and stack."""
    owner = f"{envelope.watch} {settings.prefix}".encode("utf-8", "replace")
    return f"{safe(envelope.id)}.{envelope.opened_at:%Y}.{hashlib.sha256(owner).hexdigest()[:10]}"


def domain_of(address: str) -> str:
    """Return the domain of an address in ASCII, or one that nobody has if it is none."""
    try:
        domain = address.partition("@")[2].encode("idna").decode().lower()
    except UnicodeError:
        return _NO_DOMAIN
    return domain if _DOMAIN.fullmatch(domain) else _NO_DOMAIN


def safe(name: str) -> str:
    """Return a name as it may stand in an id: lower-case letters, digits and hyphens, and not too many."""
    return _UNSAFE.sub("-", name.lower())[:_NAME_LIMIT].strip("-") or "none"
