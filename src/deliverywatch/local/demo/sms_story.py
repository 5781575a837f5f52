"""A played day in the local cloud -> what there is to tell about it: numbers, mails, and what happened when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.local.demo.timeline import happenings, letters
from deliverywatch.thresholds import WINDOW_SECONDS

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud
    from deliverywatch.local.demo.timeline import Happening, Letter

NAMESPACE = "DeliveryWatch/Sms"
WINDOW = timedelta(seconds=WINDOW_SECONDS)

# The last slot's counts carry a stamp after its end.
STAMP_MARGIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Sample:
    """One slot's counts as CloudWatch has them, and the failed share of the alarms' whole window that ends with it."""

    at: datetime
    total: int
    failed: int
    percent: float | None


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
    mails = letters(cloud, prefix)
    samples, run_count = _numbers(cloud, start, end, prefix)
    return Story(start, end, tuple(samples), mails, happenings(cloud, prefix, mails, phases), run_count)


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
