"""A played day of SMS -> the failed share as CloudWatch has it, and the positions of its SVG chart.

The mark-up of the chart is in `sms_page.html.j2`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from deliverywatch import thresholds
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo.timeline import NumberedMail

WINDOW = timedelta(seconds=thresholds.WINDOW_SECONDS)
# The last slot's counts carry a stamp after its end.
STAMP_MARGIN = timedelta(minutes=10)
LEVELS = ((float(thresholds.CRITICAL_PERCENT), "critical"), (float(thresholds.WARNING_PERCENT), "warning"))

_TICK_HOURS = (1, 2, 3, 4, 6, 8, 12)
_TICK_WIDTH = 62
_CIRCLE_WIDTH = 23


@dataclass(frozen=True, slots=True)
class Sample:
    """One slot's counts as CloudWatch has them, and the failed share of the alarms' whole window that ends with it."""

    at: datetime
    total: int
    failed: int
    percent: float | None


@dataclass(frozen=True, slots=True)
class Rates:
    """The samples of a time; its end is not included."""

    start: datetime
    end: datetime
    samples: tuple[Sample, ...]

    @property
    def total(self) -> int:
        """Messages sent."""
        return sum(sample.total for sample in self.samples)

    @property
    def failed(self) -> int:
        """Messages that failed."""
        return sum(sample.failed for sample in self.samples)

    @property
    def peak_percent(self) -> float:
        """The highest failed share of a window."""
        return max((sample.percent for sample in self.samples if sample.percent is not None), default=0.0)


def read(cloud: LocalCloud, start: datetime, end: datetime) -> Rates:
    """Return the failed shares of the deployed stack."""
    total, failed = (sums(cloud, name, start, end) for name in ("Total", "Failed"))
    samples = []
    for stamp, count in total.items():
        window = [minute for minute in total if stamp - WINDOW < minute <= stamp]
        whole = sum(total[minute] for minute in window)
        percent = 100 * sum(failed.get(minute, 0.0) for minute in window) / whole if whole else None
        samples.append(Sample(stamp, round(count), round(failed.get(stamp, 0.0)), percent))
    return Rates(start, end, tuple(samples))


def sums(cloud: LocalCloud, metric: str, start: datetime, end: datetime) -> dict[datetime, float]:
    """Return a metric's sum for each minute that has one, in order of time."""
    answer = cloud.client("cloudwatch").get_metric_statistics(
        Namespace="DeliveryWatch/Sms",
        MetricName=metric,
        Dimensions=[{"Name": "Environment", "Value": "prod"}],
        StartTime=start,
        EndTime=end + STAMP_MARGIN,
        Period=60,
        Statistics=["Sum"],
    )
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    return {point["Timestamp"].astimezone(UTC): float(point["Sum"]) for point in points}


def plot(rates: Rates, mails: Sequence[NumberedMail], name: str, width: int, height: int) -> dict[str, Any]:
    """Return a chart of the failed share and the mails, in pixels, as the template takes it."""
    left, right, top, bottom = 40.0, width - 14.0, 36.0, height - 28.0
    ceiling = max(10.0, math.ceil(max(rates.peak_percent, *(value for value, _ in LEVELS)) * 1.12 / 10) * 10)

    def x(at: datetime) -> float:
        return round(left + (right - left) * ((at - rates.start) / (rates.end - rates.start)), 1)

    def y(percent: float) -> float:
        return round(bottom - (bottom - top) * percent / ceiling, 1)

    points = [(x(sample.at), y(sample.percent)) for sample in rates.samples if sample.percent is not None]
    line = " ".join(f"{'L' if number else 'M'}{px},{py}" for number, (px, py) in enumerate(points))
    circles = _apart([x(mail.mail.sent_at) for mail in mails])
    return {
        "name": name,
        "width": width,
        "height": height,
        "left": left,
        "right": right,
        "top": top,
        "bottom": bottom,
        "line": line,
        "area": f"{line} L{points[-1][0]},{bottom} L{points[0][0]},{bottom} Z" if points else "",
        "shares": [(y(value), f"{value} %") for value in range(0, int(ceiling) + 1, 10 if ceiling <= 60 else 20)],
        "hours": [(x(hour), f"{hour:%H:%M}") for hour in _hours(rates, (right - left) / _TICK_WIDTH)],
        "levels": [(y(value), f"{level} {value:g} %", level) for value, level in LEVELS],
        "pins": [
            {"x": x(mail.mail.sent_at), "circle": circle, "y": top - 16, "mail": mail}
            for mail, circle in zip(mails, circles, strict=True)
        ],
    }


def _apart(positions: list[float]) -> list[float]:
    """Push circles that would overlap away from each other, to both sides alike."""
    moved = list(positions)
    for _ in range(50):
        for left in range(len(moved) - 1):
            overlap = max(0.0, _CIRCLE_WIDTH - (moved[left + 1] - moved[left]))
            moved[left] -= overlap / 2
            moved[left + 1] += overlap / 2
    return [round(position, 1) for position in moved]


def _hours(rates: Rates, most: float) -> list[datetime]:
    hours = (rates.end - rates.start) / timedelta(hours=1)
    step = next((step for step in _TICK_HOURS if hours / step <= most), 24)
    first = rates.start.replace(minute=0, second=0, microsecond=0)
    times = [first + timedelta(hours=number) for number in range(0, int(hours) + 2, step)]
    return [time for time in times if rates.start <= time <= rates.end]
