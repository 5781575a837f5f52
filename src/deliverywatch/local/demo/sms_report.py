"""The story of a day of SMS -> a folder: mails, Parquet lake, counts, and one page with the failure rate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deliverywatch import thresholds
from deliverywatch.local.demo import report
from deliverywatch.local.demo.report import File, Result
from deliverywatch.local.demo.sms_plot import plot
from deliverywatch.local.demo.timeline import bucket_of

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud
    from deliverywatch.local.demo.sms_story import Story

LEVELS = ((float(thresholds.CRITICAL_PERCENT), "critical"), (float(thresholds.WARNING_PERCENT), "warning"))


def write(story: Story, cloud: LocalCloud, stack: str, out: Path, lead: str) -> Path:
    """Write everything and return the path of the page.

    Args:
        story: What happened.
        cloud: Where it happened: the lake is copied from its bucket.
        stack: The name of the deployed stack.
        out: The folder; what an earlier run left there must be gone.
        lead: The sentence under the page's title.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "metrics.json").write_text(report.as_json(story.samples))
    result = _result(story, lead, _copy_lake(cloud, stack, out))
    plots = [plot(story, "wide", 940, 300, LEVELS), plot(story, "narrow", 360, 260, LEVELS)]
    guard = {"total": thresholds.MINIMUM_TOTAL_COUNT, "failed": thresholds.MINIMUM_FAILED_COUNT}
    more = {"plots": plots, "guard": guard, "peak_percent": story.peak_percent}
    return report.write(result, out, "sms_page.html.j2", more)


def _result(story: Story, lead: str, lake: File) -> Result:
    count = len(story.letters)
    return Result(
        title=f"{count} mail{'' if count == 1 else 's'} from one day of {story.total:,} messages",
        lead=lead,
        numbers=(
            (f"{story.total:,}", "messages"),
            (f"{story.failed:,}", "failed"),
            (f"{story.peak_percent:.1f} %", "worst half hour"),
            (str(count), "mails"),
        ),
        letters=story.letters,
        happenings=story.happenings,
        files=(lake, File("metrics.json", "the counts of every slot, as CloudWatch has them")),
    )


def _copy_lake(cloud: LocalCloud, stack: str, out: Path) -> File:
    bucket, s3 = bucket_of(cloud, stack), cloud.client("s3")
    sizes = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="sms/"):
        for each in page.get("Contents", []):
            path = out / "lake" / each["Key"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
            sizes.append(path.stat().st_size)
    text = f"{len(sizes)} Parquet objects, {sum(sizes) / 1024:.1f} KB, one per hour of sending"
    return File("lake/", text, f"deliverywatch lake show {out.name}/lake")
