"""The result of a play -> a folder: mails in three forms, the timeline as JSON, and one page that links it all."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Any

from deliverywatch.local.cloud.mail.outbox import Mail
from deliverywatch.local.demo.timeline import Entry, NumberedMail, Timeline
from deliverywatch.messages.palette import TONES

_PLAIN = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{}</title>
<pre style="white-space:pre-wrap;overflow-wrap:anywhere">{}</pre>
</html>
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that the page shows below the timeline."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file or folder beside the page; `command` shows it in a terminal."""

    path: str
    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What the terminal (`summary`, one sentence) and the page show, whose `lead` is the sentence below its title.

    `numbers` are up to four values with what each counts; `files` is what lies beside the page, mails and timeline.
    """

    summary: str
    title: str
    lead: str
    numbers: tuple[tuple[object, str], ...]
    timeline: Timeline
    tables: tuple[Table, ...] = ()
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the terminal shows at the end: one sentence, the timeline, and where the page lies."""

    page: Path
    summary: str
    entries: tuple[Entry, ...]


def write(result: Result, out: Path, template: str = "page.html.j2", more: Mapping[str, Any] | None = None) -> Outcome:
    """Write the mails, the timeline and the page into a folder without those of an earlier play.

    The template is one of this room and extends `page.html.j2`; `more` is what it needs beside `result`.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only the result needs templates

    _write_mails(result.timeline.mails, out / "mails")
    (out / "timeline.json").write_text(as_json(result.timeline.entries), encoding="utf-8")
    page = out / "index.html"
    loader = PackageLoader("deliverywatch.local.demo", ".")
    pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    html = pages.get_template(template).render(result=result, tones=TONES, **(more or {}))
    page.write_text(html, encoding="utf-8")
    return Outcome(page, result.summary, result.timeline.entries)


def _write_mails(mails: Iterable[NumberedMail], folder: Path) -> None:
    folder.mkdir(parents=True)
    for mail in mails:
        path = folder / mail.stem
        path.with_suffix(".eml").write_bytes(mail.mail.source)
        path.with_suffix(".txt").write_text(mail.mail.text("plain"), encoding="utf-8")
        path.with_suffix(".html").write_text(readable(mail.mail), encoding="utf-8")


def readable(mail: Mail) -> str:
    """Return a mail's HTML with its pictures inside it, so that a browser shows what a mail client would."""
    html = mail.text("html") or _PLAIN.format(escape(mail.subject), escape(mail.text()))
    for part in mail.message.walk():
        content_id = str(part.get("Content-ID", "")).strip("<>")
        if content_id:
            picture = base64.b64encode(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]
            html = html.replace(f"cid:{content_id}", f"data:{part.get_content_type()};base64,{picture}")
    return html


def as_json(rows: Sequence[Any]) -> str:
    """Return dataclasses as a JSON list, times as `2026-08-29T12:04:00Z`."""
    return json.dumps([asdict(row) for row in rows], indent=1, default=_iso) + "\n"


def _iso(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
