"""A message -> the mail: text and HTML from one view, the picture inline; whatever the view holds, there is a mail.

What cannot be rendered costs the mail its looks, and what is too large its details, but never the news.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from deliverywatch.alerting.mail.headers import Envelope, headed, safe
from deliverywatch.alerting.mail.size import MAIL_LIMIT_BYTES, lighter
from deliverywatch.messages.palette import TONES

if TYPE_CHECKING:
    from email.message import EmailMessage

    from jinja2 import Environment

    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.mail.view import View

TEXT_COLUMNS = 78
_CHART_ID = "chart@deliverywatch"
# Of a plain text.
_SENTENCE_LIMIT, _FACT_LIMIT, _FACT_COUNT = 1000, 300, 20


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail in all its forms.

    Attributes:
        message: What is sent and stored; empty if no mail could be made of it, so that only the text can be published.
        problem: Why it is less than it should be; empty if it is not.
    """

    subject: str
    text: str
    html: str
    message: bytes
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel renders and sends.

    Attributes:
        png: The picture of the chart; without it the view's bars are drawn.
        spare: Returns a simpler view, given what went wrong with this one; None if there is none.
    """

    view: View
    envelope: Envelope
    png: bytes | None = None
    spare: Callable[[str], View] | None = None


def render(message: Message, settings: Settings) -> Mail:
    """Return the mail of a message: as it is, with less in it if it is too large, as plain text if it cannot be drawn.

    It never raises: what arrives from elsewhere can be anything, and must not keep the news back.
    """
    try:
        return _fitting(message, settings)
    except Exception as error:  # whatever it is, the news goes out
        problem = type(error).__name__
    try:
        if message.spare:
            return _fitting(replace(message, view=message.spare(problem), png=None), settings)
    except Exception as error:  # as above
        problem = type(error).__name__
    return _plain(message, settings, f"The mail could not be drawn: {problem}.")


def _fitting(message: Message, settings: Settings) -> Mail:
    """Return the mail, or the first smaller one that is not too large."""
    for view, png in lighter(message.view, message.png):
        mail = _rendered(replace(message, view=view, png=png), settings)
        if len(mail.message) <= MAIL_LIMIT_BYTES:
            return mail
    return _plain(message, settings, "The mail was too large.")


def _rendered(message: Message, settings: Settings) -> Mail:
    view, envelope, png = message.view, message.envelope, message.png
    text = _text(view)
    html = _html(view, has_picture=png is not None)
    mail = headed(envelope, view.subject, view.title, settings)
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(html, subtype="html", cte="quoted-printable")
    if png is not None:
        html_part = mail.get_payload()[1]  # type: ignore[index]
        html_part.add_related(png, "image", "png", cid=f"<{_CHART_ID}>", filename="chart.png", disposition="inline")  # type: ignore[union-attr]
    _fix_boundaries(mail, f"{safe(envelope.id).upper()}-{envelope.number}")
    return Mail(view.subject, text, html, mail.as_bytes())


def _plain(message: Message, settings: Settings, problem: str) -> Mail:
    """Return the news as text without templates; without a mail if not even its headers can be written."""
    view, envelope = message.view, message.envelope
    facts = (f"{name}: {value}"[:_FACT_LIMIT] for name, value in (*view.facts[:_FACT_COUNT], *view.footer))
    lines = [
        view.subject,
        "",
        view.sentence[:_SENTENCE_LIMIT],
        "",
        *facts,
        "",
        f"{problem} This is what is left of it.",
    ]
    text = "\n".join(lines).encode("utf-8", "replace").decode() + "\n"
    try:
        mail = headed(envelope, view.subject, view.title, settings)
        mail.set_content(text, cte="quoted-printable")
        return Mail(view.subject, text, "", mail.as_bytes(), problem)
    except Exception as error:  # as above; the text goes to the fallback topic
        return Mail(view.subject, text, "", b"", f"{problem} Its headers cannot be written: {type(error).__name__}.")


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
