"""What the page says -> an answer: HTML without scripts, which neither browsers nor search engines keep or pass on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.palette import TONES

if TYPE_CHECKING:
    from jinja2 import Environment

_TEMPLATES = Path(__file__).with_name("templates")


@dataclass(frozen=True, slots=True)
class Form:
    """The one thing that the page offers to do.

    Attributes:
        button: What the click does.
        name: What was typed, if it has to be typed again.
        problem: What was wrong with it.
    """

    button: str
    hint: str
    name: str = ""
    note: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """The contents of the page; texts are plain, and the template escapes them.

    Attributes:
        status: Of HTTP.
        tone: A level or `resolved`, which the colours follow.
        entries: Times with what happened then.
        headers: Of the answer, beside those that every page has.
    """

    status: HTTPStatus
    title: str
    sentence: str
    tone: str = "notice"
    notes: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    entries: tuple[tuple[str, str], ...] = ()
    form: Form | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def answer(page: Page, *, has_body: bool = True) -> dict[str, Any]:
    """Return a page as a function URL takes it; HEAD gets all of it but the body."""
    body = _environment().get_template("page.html.j2").render(page=page, tone=TONES[page.tone], style=_style(page.tone))
    headers = {"content-type": "text/html; charset=utf-8", **_private(_style(page.tone)), **page.headers}
    return {"statusCode": int(page.status), "headers": headers, "body": body if has_body else ""}


def redirect(path: str) -> dict[str, Any]:
    """Return the answer to a form that was taken: the browser opens the page again, and a reload sends nothing."""
    # Relative, so that it stays right where something stands before the path.
    location = path.rpartition("/")[2]
    return {"statusCode": int(HTTPStatus.SEE_OTHER), "headers": {"location": location, **_private("")}, "body": ""}


def _private(style: str) -> dict[str, str]:
    """Return the headers that keep the link, which is a secret, and the page where they are, and run nothing."""
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "cache-control": "no-store",
        "content-security-policy": (
            f"default-src 'none'; style-src 'sha256-{allowed}'; form-action 'self'; base-uri 'none'; "
            "frame-ancestors 'none'"
        ),
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=31536000",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "x-robots-tag": "noindex, nofollow, noarchive",
    }


@cache
def _style(tone: str) -> str:
    # Attributes with styles would need a policy that lets in those of others, too.
    look = TONES[tone]
    bar = f"header{{background:{look.ground};color:{look.ink}}}button{{background:{look.ground};color:{look.ink}}}"
    return "".join(line.strip() for line in (_TEMPLATES / "page.css").read_text(encoding="utf-8").splitlines()) + bar


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )


def with_problem(page: Page, problem: str, name: str, note: str) -> Page:
    """Return the page with its form as it was filled in, and what was wrong with it."""
    form = replace(page.form, problem=problem, name=name, note=note) if page.form else None
    return replace(page, status=HTTPStatus.UNPROCESSABLE_ENTITY, form=form)
