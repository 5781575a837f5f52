"""Slots -> the failed share over time as an SVG: a file of its own that every page of Markdown can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING

from deliverywatch.messages.level import Level
from deliverywatch.messages.palette import TONES

if TYPE_CHECKING:
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.operate.incidents.recipients import Period
    from deliverywatch.operate.review.impact import SlotSeen

# More bars than these are too thin to see; slots are joined until they are fewer.
_BAR_LIMIT = 120
_WIDTH, _HEIGHT = 800, 260
_LEFT, _TOP, _RIGHT, _BOTTOM = 46, 30, 12, 34
_INK, _GRID, _PERIOD = "#5a6472", "#d9dee4", "#fdeeee"
_TIMES = 5
_TOPS = (1, 2, 4, 8, 12, 20, 40, 60, 80, 100)
_LEGEND = (("first bad message", "critical"), ("mail", "notice"), ("taken on", "blind"), ("well again, recovery", "ok"))


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of the timeline: its colour, and what it says when pointed at."""

    time: datetime
    title: str
    tone: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what share of the messages of a time failed."""

    start: datetime
    end: datetime
    rate_percent: float


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    end: datetime
    top_percent: float

    def x(self, time: datetime) -> float:
        part = (time - self.start) / (self.end - self.start)
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * min(max(part, 0.0), 1.0), 1)

    def y(self, percent: float) -> float:
        height = _HEIGHT - _TOP - _BOTTOM
        return round(_TOP + height * (1 - min(max(percent / self.top_percent, 0.0), 1.0)), 1)


def bars(slots: Sequence[SlotSeen], slot_minutes: int) -> list[Bar]:
    """Return the slots as bars, several joined where they are many."""
    joined = -(-len(slots) // _BAR_LIMIT) or 1
    groups = [slots[first : first + joined] for first in range(0, len(slots), joined)]
    length = timedelta(minutes=slot_minutes)
    return [Bar(group[0].start, group[-1].start + length, _rate(group)) for group in groups]


def svg(
    title: str,
    drawn: Sequence[Bar],
    period: Period,
    limits: Sequence[tuple[Level, float]],
    marks: Iterable[Mark],
    clock: Clock,
) -> str:
    """Return the chart; the limits are thresholds in percent."""
    highest = max([bar.rate_percent for bar in drawn] + [limit for _, limit in limits], default=0.0)
    scale = _Scale(drawn[0].start, drawn[-1].end, next(top for top in _TOPS if top >= highest))
    parts = [
        *_frame(title),
        _legend(),
        _period(scale, period),
        *(_grid(scale, step) for step in range(_TIMES)),
        *(_bar(scale, bar, limits) for bar in drawn if bar.rate_percent),
        *(_limit(scale, level, limit) for level, limit in limits),
        *(_mark(scale, mark) for mark in marks if drawn[0].start <= mark.time <= drawn[-1].end),
        *(_time(scale, clock, step) for step in range(_TIMES)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rate(slots: Sequence[SlotSeen]) -> float:
    total = sum(slot.total for slot in slots)
    return 100 * sum(slot.failed for slot in slots) / total if total else 0.0


def _frame(title: str) -> list[str]:
    size = f'width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="Helvetica,Arial,sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18" font-size="13" fill="{_INK}">{escape(title)}</text>',
    ]


def _legend() -> str:
    words = "".join(f'<tspan fill="{TONES[tone].line}" dx="10">\u25cf {name}</tspan>' for name, tone in _LEGEND)
    return f'<text x="{_WIDTH - _RIGHT}" y="18" font-size="11" text-anchor="end">{words}</text>'


def _period(scale: _Scale, period: Period) -> str:
    x, width = scale.x(period.start), scale.x(period.end) - scale.x(period.start)
    height = _HEIGHT - _TOP - _BOTTOM
    return f'<rect x="{x}" y="{_TOP}" width="{round(width, 1)}" height="{height}" fill="{_PERIOD}"/>'


def _grid(scale: _Scale, step: int) -> str:
    percent = scale.top_percent * step / (_TIMES - 1)
    y = scale.y(percent)
    label = f'<text x="{_LEFT - 6}" y="{y + 4}" font-size="11" text-anchor="end" fill="{_INK}">{percent:.3g} %</text>'
    return f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="{_GRID}"/>{label}'


def _bar(scale: _Scale, bar: Bar, limits: Sequence[tuple[Level, float]]) -> str:
    level = next((level for level, limit in limits if bar.rate_percent > limit), Level.OK)
    x, y = scale.x(bar.start), scale.y(bar.rate_percent)
    width, height = max(scale.x(bar.end) - x - 1, 0.5), scale.y(0) - y
    fill = TONES[level].fill
    return f'<rect x="{x}" y="{y}" width="{round(width, 1)}" height="{round(height, 1)}" fill="{fill}"/>'


def _limit(scale: _Scale, level: Level, limit: float) -> str:
    colour, y = TONES[level].line, scale.y(limit)
    line = f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="{colour}" stroke-dasharray="5 4"/>'
    words = f"{level.value} {limit:g} %"
    return (
        f'{line}<text x="{_WIDTH - _RIGHT}" y="{y - 4}" font-size="11" text-anchor="end" fill="{colour}">{words}</text>'
    )


def _mark(scale: _Scale, mark: Mark) -> str:
    x, colour = scale.x(mark.time), TONES[mark.tone].line
    line = f'<path d="M{x} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="{colour}" stroke-width="1.5"/>'
    return f'<g><title>{escape(mark.title)}</title>{line}<circle cx="{x}" cy="{_TOP}" r="4" fill="{colour}"/></g>'


def _time(scale: _Scale, clock: Clock, step: int) -> str:
    time = scale.start + (scale.end - scale.start) * step / (_TIMES - 1)
    x = min(max(scale.x(time), _LEFT + 10), _WIDTH - _RIGHT - 24)
    words = clock.day_time(time, scale.end)
    return f'<text x="{x}" y="{_HEIGHT - 14}" font-size="11" text-anchor="middle" fill="{_INK}">{words}</text>'
