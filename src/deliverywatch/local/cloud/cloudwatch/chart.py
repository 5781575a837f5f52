"""A line chart -> an opaque PNG: lines, dashed thresholds, axes and a legend, legible in a mail on a phone."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Drawn this much larger and shrunk: Pillow has no smooth lines of its own.
SCALE = 3

PALETTE = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b")
_BACKGROUND = "#ffffff"
_INK = "#3b4754"
_FAINT_INK = "#6b7785"
_GRID = "#e7eaee"
_AXIS = "#9aa5b1"

_TICK_MINUTES = (5, 10, 15, 30, 60, 120, 180, 240, 360, 720, 1440)
_LABEL_WIDTH = 84
_MAXIMUM_Y_TICKS = 6


@dataclass(frozen=True, slots=True)
class Line:
    """One series; points are in order of time, and more than `gap` apart they are not joined."""

    label: str
    points: tuple[tuple[datetime, float], ...]
    color: str
    gap: timedelta


@dataclass(frozen=True, slots=True)
class Mark:
    """A horizontal line at a value, such as an alarm's threshold."""

    value: float
    label: str
    color: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw, in pixels of the finished picture; `zone` is an IANA name for the labels of the time axis."""

    title: str
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    start: datetime
    end: datetime
    width: int = 600
    height: int = 400
    zone: str = "UTC"
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps times and values to positions."""

    left: float
    top: float
    right: float
    bottom: float
    start: datetime
    end: datetime
    low: float
    high: float

    def x(self, at: datetime) -> float:
        return self.left + (self.right - self.left) * ((at - self.start) / (self.end - self.start))

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * (value - self.low) / (self.high - self.low)


def png(chart: Chart) -> bytes:
    """Return the chart as a PNG without transparency."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (chart.width * SCALE, chart.height * SCALE), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    small, bold = ImageFont.load_default(size=12 * SCALE), ImageFont.load_default(size=15 * SCALE)
    frame = _frame(chart)
    draw.text((12 * SCALE, 10 * SCALE), chart.title, fill=_INK, font=bold)
    _draw_values(draw, frame, small)
    _draw_times(draw, frame, chart.zone, small)
    marks = [mark for mark in chart.marks if frame.low <= mark.value <= frame.high]
    for mark in marks:
        _draw_mark(draw, frame, mark)
    for line in chart.lines:
        _draw_line(draw, frame, line)
    for mark in marks:
        _label_mark(draw, frame, mark, small)
    _draw_legend(draw, chart, frame, small)
    shrunk = image.resize((chart.width, chart.height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    shrunk.quantize(128).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _frame(chart: Chart) -> _Frame:
    values = [value for line in chart.lines for _, value in line.points]
    top = max([*values, *(mark.value for mark in chart.marks), 0.0])
    low = chart.minimum if chart.minimum is not None else min([*values, 0.0])
    high = chart.maximum if chart.maximum is not None else low + _nice((top - low) * 1.15 or 1.0)
    edges = (52, 40 if chart.title else 16, chart.width - 18, chart.height - 62)
    left, upper, right, bottom = (edge * SCALE for edge in edges)
    return _Frame(left, upper, right, bottom, chart.start, chart.end, low, high)


def _nice(value: float) -> float:
    """Round up to 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten, so that the axis ends at a round number."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * 0.999)


def _step(length: float) -> float:
    power = 10.0 ** math.floor(math.log10(length))
    steps = [factor * power for factor in (0.1, 0.2, 0.25, 0.5, 1, 2)]
    return next(step for step in steps if length / step <= _MAXIMUM_Y_TICKS)


def _draw_values(draw: ImageDraw.ImageDraw, frame: _Frame, font: Font) -> None:
    step = _step(frame.high - frame.low)
    for number in range(int((frame.high - frame.low) / step + 1e-9) + 1):
        value = frame.low + number * step
        y = frame.y(value)
        draw.line([(frame.left, y), (frame.right, y)], fill=_GRID if number else _AXIS, width=SCALE)
        draw.text((frame.left - 8 * SCALE, y), f"{value:,.4g}", fill=_FAINT_INK, font=font, anchor="rm")


def _draw_times(draw: ImageDraw.ImageDraw, frame: _Frame, zone: str, font: Font) -> None:
    room = max(2, int((frame.right - frame.left) / SCALE / _LABEL_WIDTH))
    minutes = (frame.end - frame.start) / timedelta(minutes=1)
    step = timedelta(minutes=next((tick for tick in _TICK_MINUTES if minutes / tick <= room), _TICK_MINUTES[-1]))
    tick = datetime.fromtimestamp(math.ceil(frame.start.timestamp() / step.total_seconds()) * step.total_seconds(), UTC)
    while tick <= frame.end:
        x = frame.x(tick)
        draw.line([(x, frame.bottom), (x, frame.bottom + 5 * SCALE)], fill=_AXIS, width=SCALE)
        label = f"{tick.astimezone(ZoneInfo(zone)):%H:%M}"
        draw.text((x, frame.bottom + 8 * SCALE), label, fill=_FAINT_INK, font=font, anchor="ma")
        tick += step


def _draw_mark(draw: ImageDraw.ImageDraw, frame: _Frame, mark: Mark) -> None:
    y, dash, x = frame.y(mark.value), 6 * SCALE, frame.left
    while x < frame.right:
        draw.line([(x, y), (min(x + dash, frame.right), y)], fill=mark.color, width=round(1.5 * SCALE))
        x += dash * 1.7


def _label_mark(draw: ImageDraw.ImageDraw, frame: _Frame, mark: Mark, font: Font) -> None:
    corner = (frame.left + 6 * SCALE, frame.y(mark.value) - 3 * SCALE)
    box = draw.textbbox(corner, mark.label, font=font, anchor="lb")
    draw.rectangle([box[0] - 2 * SCALE, box[1] - SCALE, box[2] + 2 * SCALE, box[3] + SCALE], fill=_BACKGROUND)
    draw.text(corner, mark.label, fill=mark.color, font=font, anchor="lb")


def _draw_line(draw: ImageDraw.ImageDraw, frame: _Frame, line: Line) -> None:
    for stretch in _stretches(line):
        positions = [(frame.x(at), frame.y(min(max(value, frame.low), frame.high))) for at, value in stretch]
        if len(positions) > 1:
            draw.line(positions, fill=line.color, width=round(2.2 * SCALE), joint="curve")
        else:
            (x, y), radius = positions[0], 2.2 * SCALE
            draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=line.color)


def _stretches(line: Line) -> list[list[tuple[datetime, float]]]:
    stretches: list[list[tuple[datetime, float]]] = []
    for point in line.points:
        if not stretches or point[0] - stretches[-1][-1][0] > line.gap:
            stretches.append([])
        stretches[-1].append(point)
    return stretches


def _draw_legend(draw: ImageDraw.ImageDraw, chart: Chart, frame: _Frame, font: Font) -> None:
    x, y = frame.left, (chart.height - 18) * SCALE
    for line in chart.lines:
        draw.rectangle([x, y - 5 * SCALE, x + 11 * SCALE, y + 5 * SCALE], fill=line.color)
        draw.text((x + 16 * SCALE, y), line.label, fill=_INK, font=font, anchor="lm")
        x += 34 * SCALE + draw.textlength(line.label, font=font)
    draw.text((frame.right, y), chart.zone, fill=_FAINT_INK, font=font, anchor="rm")
