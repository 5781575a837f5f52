"""What came of a play -> a folder: mails in three forms, the timeline as JSON, and one page that links it all."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deliverywatch.local.cloud.mail.outbox import Mail
    from deliverywatch.local.demo.timeline import Happening, Letter

FOOTER = (
    "Played on one machine, in simulated time: the unmodified CloudFormation template in a local emulator, the "
    "functions' own code, and our evaluator in place of CloudWatch's. What it cannot show: throttling, quotas, and how "
    "mail is delivered."
)


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
    """What the page tells.

    Attributes:
        title: Its heading.
        lead: The sentence below.
        numbers: Up to four values with what each counts.
        letters: The mails.
        happenings: The timeline, in order of time.
        tables: Shown below the timeline.
        files: What lies beside the page, but for the mails and the timeline.
        footer: How far it can be believed.
    """

    title: str
    lead: str
    numbers: tuple[tuple[str, str], ...]
    letters: tuple[Letter, ...]
    happenings: tuple[Happening, ...]
    tables: tuple[Table, ...] = ()
    files: tuple[File, ...] = ()
    footer: str = FOOTER


def write(result: Result, out: Path, template: str = "page.html.j2", more: Mapping[str, Any] | None = None) -> Path:
    """Write the mails, the timeline and the page, and return the path of the page.

    Args:
        result: What there is to tell.
        out: The folder; what an earlier play left there must be gone.
        template: A template of this room that extends `page.html.j2`.
        more: What that template needs beside `result`.
    """
    _write_mails(result.letters, out / "mails")
    (out / "timeline.json").write_text(as_json(result.happenings))
    page = out / "index.html"
    page.write_text(_environment().get_template(template).render(result=result, **(more or {})), encoding="utf-8")
    return page


def _environment() -> Any:
    # Imported here: only the result needs templates.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("deliverywatch.local.demo", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )


def _write_mails(letters: Iterable[Letter], folder: Path) -> None:
    folder.mkdir(parents=True)
    for letter in letters:
        path = folder / letter.stem
        path.with_suffix(".eml").write_bytes(letter.mail.source)
        path.with_suffix(".txt").write_text(letter.mail.text("plain"), encoding="utf-8")
        path.with_suffix(".html").write_text(readable(letter.mail), encoding="utf-8")


def readable(mail: Mail) -> str:
    """Return a mail's HTML with its pictures inside it, so that a browser shows what a mail client would."""
    html = mail.text("html") or f"<pre>{escape(mail.text())}</pre>"
    for part in mail.message.walk():
        content_id = str(part.get("Content-ID", "")).strip("<>")
        if content_id:
            picture = base64.b64encode(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]
            html = html.replace(f"cid:{content_id}", f"data:{part.get_content_type()};base64,{picture}")
    return html


def as_json(rows: Sequence[Any]) -> str:
    """Return dataclasses as a JSON list, times as `2026-08-29T12:04:00Z`."""
    return json.dumps([asdict(each) for each in rows], indent=1, default=_iso) + "\n"


def _iso(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
