"""A message -> the mail: text and HTML from one view, the picture inline, headers that thread.

SES replaces Message-ID and Date, so every mail of an incident, even the first, refers to one made-up root: only that
keeps them in one conversation (docs.aws.amazon.com/ses/latest/dg/header-fields.html). Headers: RFC 3834 for
Auto-Submitted, RFC 2919 for List-Id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import cache
from typing import TYPE_CHECKING

from deliverywatch.messages.level import Level
from deliverywatch.messages.palette import TONES

if TYPE_CHECKING:
    from jinja2 import Environment

    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.view import View

TEXT_COLUMNS = 78
_CHART_ID = "chart@deliverywatch"


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in all its forms; `message` is what is sent and stored."""

    subject: str
    text: str
    html: str
    message: bytes


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


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel renders and sends; without a `png` of the chart the view's bars are drawn."""

    view: View
    envelope: Envelope
    png: bytes | None = None


def render(message: Message, settings: Settings) -> Mail:
    """Return the mail of a message."""
    view, envelope, png = message.view, message.envelope, message.png
    text = _text(view)
    html = _html(view, has_picture=png is not None)
    mail = _headed(view, envelope, settings)
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if png is not None:
        html_part = mail.get_payload()[1]  # type: ignore[index]
        html_part.add_related(png, "image", "png", cid=f"<{_CHART_ID}>", filename="chart.png", disposition="inline")  # type: ignore[union-attr]
    _fix_boundaries(mail, f"{envelope.id}-{envelope.number}")
    return Mail(view.subject, text, html, mail.as_bytes())


def _headed(view: View, envelope: Envelope, settings: Settings) -> EmailMessage:
    name, address = parseaddr(settings.sender)
    domain = address.rpartition("@")[2] or "deliverywatch.invalid"
    thread = f"{envelope.id}.{envelope.opened_at:%Y}.{envelope.watch}.{settings.prefix}".lower()
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Address(name or f"DeliveryWatch ({settings.environment})", addr_spec=address)
    message["To"] = ", ".join(envelope.recipients)
    message["Subject"] = view.subject
    message["Date"] = format_datetime(envelope.time)
    message["Message-ID"] = f"<{thread}.{envelope.number}@{domain}>"
    message["In-Reply-To"] = message["References"] = f"<{thread}@{domain}>"
    message["Thread-Topic"] = f"{view.title} - {settings.environment} - {envelope.id}"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message["List-Id"] = f"DeliveryWatch {settings.environment} <{settings.prefix}.{domain}>"
    message["X-DeliveryWatch-Incident"] = envelope.id
    message["X-DeliveryWatch-Level"] = envelope.level.value
    message["X-DeliveryWatch-Event"] = envelope.event
    if envelope.level is Level.CRITICAL:
        message["Importance"] = "high"
    return message


def _fix_boundaries(message: EmailMessage, name: str) -> None:
    """Name the parts' boundaries, so that the same content gives the same bytes."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"=_{name}-{number}")


def _text(view: View) -> str:
    page = _templates().get_template("mail.txt.j2").render(mail=view, columns=TEXT_COLUMNS)
    return page.replace("\u00a0", " ").strip() + "\n"


def _html(view: View, *, has_picture: bool) -> str:
    page = _templates().get_template("mail.html.j2").render(mail=view, chart_id=_CHART_ID if has_picture else "")
    return "\n".join(line.strip() for line in page.splitlines() if line.strip()) + "\n"


@cache
def _templates() -> Environment:
    import textwrap
    from pathlib import Path

    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    from deliverywatch.alerting.mail import formatting

    def wrap(line: str, indent: int = 0, first: int | None = None) -> str:
        start = " " * (indent if first is None else first)
        return textwrap.fill(
            line, TEXT_COLUMNS, initial_indent=start, subsequent_indent=" " * indent, break_on_hyphens=False
        )

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.globals["tones"] = TONES
    environment.filters |= {name: getattr(formatting, name) for name in ("percent", "amount", "cut")}
    environment.filters["wrap"] = wrap
    return environment
