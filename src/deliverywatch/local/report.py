"""The story of a day -> a folder: mails in three forms, the Parquet lake, JSON, and one page that links it all."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch import thresholds
from deliverywatch.local.plot import plot
from deliverywatch.local.story import bucket_of

if TYPE_CHECKING:
    from pathlib import Path

    from deliverywatch.local.cloud import LocalCloud
    from deliverywatch.local.outbox import Mail
    from deliverywatch.local.story import Story

LEVELS = ((float(thresholds.CRITICAL_PERCENT), "critical"), (float(thresholds.WARNING_PERCENT), "warning"))

_FOOTER = (
    "Played on one machine, in simulated time: the unmodified CloudFormation template in a local emulator, the "
    "functions' own code, and our evaluator in place of CloudWatch's. What it cannot show: throttling, quotas, and how "
    "mail is delivered."
)


@dataclass(frozen=True, slots=True)
class Lake:
    """What was copied out of the bucket."""

    folder: str
    count: int
    bytes: int


def write(story: Story, cloud: LocalCloud, stack: str, out: Path, lead: str) -> Path:
    """Write everything and return the path of the page.

    Args:
        story: What happened.
        cloud: Where it happened: the lake is copied from its bucket.
        stack: The name of the deployed stack.
        out: The folder; what an earlier run left there must be gone.
        lead: The sentence under the page's title.
    """
    _write_mails(story, out / "mails")
    lake = _copy_lake(cloud, stack, out)
    (out / "metrics.json").write_text(_json([asdict(each) for each in story.samples]))
    (out / "timeline.json").write_text(_json([asdict(each) for each in story.happenings]))
    page = out / "index.html"
    page.write_text(_page(story, lake, lead), encoding="utf-8")
    return page


def _write_mails(story: Story, folder: Path) -> None:
    folder.mkdir(parents=True)
    for letter in story.letters:
        path = folder / letter.stem
        path.with_suffix(".eml").write_bytes(letter.mail.source)
        path.with_suffix(".txt").write_text(letter.mail.text("plain"), encoding="utf-8")
        path.with_suffix(".html").write_text(readable(letter.mail), encoding="utf-8")


def readable(mail: Mail) -> str:
    """Return a mail's HTML with its pictures inside it, so that a browser shows what a mail client would."""
    html = mail.text("html") or f"<pre>{mail.text('plain')}</pre>"
    for part in mail.message.walk():
        content_id = str(part.get("Content-ID", "")).strip("<>")
        if content_id:
            picture = base64.b64encode(part.get_payload(decode=True)).decode()  # type: ignore[arg-type]
            html = html.replace(f"cid:{content_id}", f"data:{part.get_content_type()};base64,{picture}")
    return html


def _copy_lake(cloud: LocalCloud, stack: str, out: Path) -> Lake:
    bucket, s3 = bucket_of(cloud, stack), cloud.client("s3")
    sizes = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="sms/"):
        for each in page.get("Contents", []):
            path = out / "lake" / each["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
            sizes.append(path.stat().st_size)
    return Lake(f"{out.name}/lake", len(sizes), sum(sizes))


def _page(story: Story, lake: Lake, lead: str) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("deliverywatch.local", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    plots = [plot(story, "wide", 940, 300, LEVELS), plot(story, "narrow", 360, 260, LEVELS)]
    template = environment.get_template("page.html.j2")
    guard = {"total": thresholds.MINIMUM_TOTAL_COUNT, "failed": thresholds.MINIMUM_FAILED_COUNT}
    return template.render(story=story, plots=plots, lake=lake, lead=lead, guard=guard, footer=_FOOTER)


def _json(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, indent=1, default=_iso) + "\n"


def _iso(value: object) -> str:
    return f"{value:%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, datetime) else str(value)
