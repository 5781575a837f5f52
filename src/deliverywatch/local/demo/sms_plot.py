"""Samples and mails -> the positions of an SVG chart; the mark-up is in `sms_page.html.j2`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.local.demo.sms_story import Story

_TICK_HOURS = (1, 2, 3, 4, 6, 8, 12)
_TICK_WIDTH = 62
_CIRCLE_WIDTH = 23


@dataclass(frozen=True, slots=True)
class Pin:
    """One mail in the chart: when (x), where its numbered circle stands, and what the pointer is told."""

    x: float
    circle: float
    y: float
    number: int
    mark: str
    title: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A chart in pixels; ticks are (position, label), levels (position, label, class)."""

    name: str
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    line: str
    area: str
    values: tuple[tuple[float, str], ...]
    hours: tuple[tuple[float, str], ...]
    levels: tuple[tuple[float, str, str], ...]
    pins: tuple[Pin, ...]


def plot(story: Story, name: str, width: int, height: int, levels: tuple[tuple[float, str], ...]) -> Plot:
    """Return the chart of the failed share over a story's day.

    Args:
        story: What to show.
        name: Tells charts on one page apart.
        width: Of the whole picture, in pixels; fewer hours are labelled in a narrow one.
        height: Of the whole picture, in pixels.
        levels: Thresholds in percent, with the name of the alarm level.
    """
    left, right, top, bottom = 40.0, width - 14.0, 36.0, height - 28.0
    ceiling = max(10.0, math.ceil(max(story.peak_percent, *(value for value, _ in levels)) * 1.12 / 10) * 10)

    def x(moment: datetime) -> float:
        return round(left + (right - left) * ((moment - story.start) / (story.end - story.start)), 1)

    def y(percent: float) -> float:
        return round(bottom - (bottom - top) * percent / ceiling, 1)

    points = [(x(each.at), y(each.percent)) for each in story.samples if each.percent is not None]
    line = " ".join(f"{'L' if number else 'M'}{px},{py}" for number, (px, py) in enumerate(points))
    step = 10 if ceiling <= 60 else 20
    return Plot(
        name=name,
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        line=line,
        area=f"{line} L{points[-1][0]},{bottom} L{points[0][0]},{bottom} Z" if points else "",
        values=tuple((y(value), f"{value} %") for value in range(0, int(ceiling) + 1, step)),
        hours=tuple((x(moment), f"{moment:%H:%M}") for moment in _hours(story, (right - left) / _TICK_WIDTH)),
        levels=tuple((y(value), f"{name} {value:g} %", name) for value, name in levels),
        pins=tuple(_pins(story, [x(each.mail.sent_at) for each in story.letters], top - 16)),
    )


def _pins(story: Story, places: list[float], y: float) -> list[Pin]:
    circles = _apart(places)
    return [
        Pin(x, circle, y, each.number, each.mark, each.mail.subject)
        for each, x, circle in zip(story.letters, places, circles, strict=True)
    ]


def _apart(places: list[float]) -> list[float]:
    """Push circles that would overlap away from each other, to both sides alike."""
    moved = list(places)
    for _ in range(50):
        for left in range(len(moved) - 1):
            overlap = _CIRCLE_WIDTH - (moved[left + 1] - moved[left])
            if overlap > 0:
                moved[left] -= overlap / 2
                moved[left + 1] += overlap / 2
    return [round(each, 1) for each in moved]


def _hours(story: Story, room: float) -> list[datetime]:
    hours = (story.end - story.start) / timedelta(hours=1)
    step = next((each for each in _TICK_HOURS if hours / each <= room), 24)
    first = story.start.replace(minute=0, second=0, microsecond=0)
    moments = [first + timedelta(hours=number) for number in range(0, int(hours) + 2, step)]
    return [each for each in moments if story.start <= each <= story.end]
