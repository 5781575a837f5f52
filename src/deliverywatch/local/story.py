"""A played day in the local cloud -> what there is to tell about it: numbers, mails, and what happened when."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.thresholds import WINDOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from deliverywatch.local.alarms import Transition
    from deliverywatch.local.cloud import LocalCloud
    from deliverywatch.local.outbox import Mail

NAMESPACE = "DeliveryWatch/Sms"
WINDOW = timedelta(seconds=WINDOW_SECONDS)

# The last slot's counts carry a stamp after its end.
STAMP_MARGIN = timedelta(minutes=10)

_MARK = re.compile(r"^\[([A-Z]+)[^\]]*\]\s*")


@dataclass(frozen=True, slots=True)
class Sample:
    """One slot's counts as CloudWatch has them, and the failed share of the alarms' whole window that ends with it."""

    at: datetime
    total: int
    failed: int
    percent: float | None


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail that arrived; `mark` is the word in brackets that begins its subject, `stem` the name of its files."""

    number: int
    mail: Mail
    mark: str
    event: str
    stem: str

    @property
    def headline(self) -> str:
        """The subject without its mark."""
        return _MARK.sub("", self.mail.subject)


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the timeline; `kind` is `alarm`, `mail` or `sending`."""

    at: datetime
    kind: str
    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that the page, the files and the terminal tell."""

    start: datetime
    end: datetime
    samples: tuple[Sample, ...]
    letters: tuple[Letter, ...]
    happenings: tuple[Happening, ...]
    run_count: int

    @property
    def total(self) -> int:
        """Messages sent."""
        return sum(each.total for each in self.samples)

    @property
    def failed(self) -> int:
        """Messages that failed."""
        return sum(each.failed for each in self.samples)

    @property
    def peak_percent(self) -> float:
        """The highest failed share of a window."""
        return max((each.percent for each in self.samples if each.percent is not None), default=0.0)


def tell(
    cloud: LocalCloud, start: datetime, end: datetime, prefix: str, phases: Iterable[tuple[datetime, str]]
) -> Story:
    """Return the story of a day.

    Args:
        cloud: The cloud in which it was played.
        start: Aware, UTC.
        end: Not included.
        prefix: The stack's prefix, `deliverywatch-prod`.
        phases: What was done to the messages, and since when.
    """
    letters = _letters(cloud.outbox(), audit_trail(cloud, prefix))
    happenings = [
        *(Happening(at, "sending", text) for at, text in phases),
        *_alarm_lines(cloud.transitions, f"{prefix}-"),
        *(
            Happening(each.mail.sent_at, "mail", f"Mail {each.number}: {each.mail.subject}", each.mark)
            for each in letters
        ),
    ]
    samples, run_count = _numbers(cloud, start, end, prefix)
    ordered = sorted(happenings, key=lambda each: each.at)
    return Story(start, end, tuple(samples), tuple(letters), tuple(ordered), run_count)


def _letters(mails: Sequence[Mail], trail: dict[str, Any]) -> list[Letter]:
    letters = []
    for number, mail in enumerate(mails, start=1):
        found = _MARK.match(mail.subject)
        mark = found.group(1) if found else "NOTICE"
        event = str(trail.get(mail.subject, {}).get("event", mark))
        letters.append(Letter(number, mail, mark, event, f"{number:02}-{event.lower()}-{mail.sent_at:%H%M}"))
    return letters


def audit_trail(cloud: LocalCloud, prefix: str) -> dict[str, Any]:
    """Return the notifier's own record of each mail, by its subject."""
    bucket = bucket_of(cloud, prefix)
    s3 = cloud.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="mails/").get("Contents", [])]
    records = [json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys]
    return {str(record.get("subject")): record for record in records}


def bucket_of(cloud: LocalCloud, name: str) -> str:
    """Return the bucket of the deployed stack of this name."""
    (stack,) = cloud.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return next(str(each["OutputValue"]) for each in stack["Outputs"] if each["OutputKey"] == "LakeBucket")


def _alarm_lines(transitions: Iterable[Transition], prefix: str) -> list[Happening]:
    """Tell each change, but the many alarms that find their first data in one line."""
    settled = [each for each in transitions if each.old == "INSUFFICIENT_DATA" and each.new == "OK"]
    changed = [each for each in transitions if each not in settled]
    lines = [
        Happening(each.at, "alarm", f"Alarm {each.alarm.removeprefix(prefix)}: {each.old} -> {each.new}", each.new)
        for each in changed
    ]
    if settled:
        lines.append(
            Happening(settled[-1].at, "alarm", f"{len(settled)} alarms have their first data and are OK", "OK")
        )
    return lines


def _numbers(cloud: LocalCloud, start: datetime, end: datetime, prefix: str) -> tuple[list[Sample], int]:
    environment = prefix.rpartition("-")[2]
    total, failed, runs = (_sums(cloud, name, environment, start, end) for name in ("Total", "Failed", "Runs"))
    samples = []
    for stamp, count in total.items():
        window = [each for each in total if stamp - WINDOW < each <= stamp]
        whole = sum(total[each] for each in window)
        percent = 100 * sum(failed.get(each, 0.0) for each in window) / whole if whole else None
        samples.append(Sample(stamp, round(count), round(failed.get(stamp, 0.0)), percent))
    return samples, round(sum(runs.values()))


def _sums(cloud: LocalCloud, metric: str, environment: str, start: datetime, end: datetime) -> dict[datetime, float]:
    """Return a metric's sum for each minute that has one, in order of time."""
    answer = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=metric,
        Dimensions=[{"Name": "Environment", "Value": environment}],
        StartTime=start,
        EndTime=end + STAMP_MARGIN,
        Period=60,
        Statistics=["Sum"],
    )
    points = sorted(answer["Datapoints"], key=lambda each: each["Timestamp"])
    return {each["Timestamp"].astimezone(UTC): float(each["Sum"]) for each in points}
