"""A back-test -> two charts: an alarm's value with its bands and mails, and the curve of its threshold.

A chart is lines, bands, marks and labels in percent of its area. The page draws them as SVG that stretches and as text
that does not, so that it reads on a phone, needs no script, and a year takes some kilobytes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

from cwalarm.definitions.alarm import Alarm
from cwalarm.replay.numeric import numpy
from cwalarm.replay.replay import Replay
from deliverywatch.backtest.results.result import Curve, Result, Span, Variant
from deliverywatch.messages.palette import TONES

# More points than these show nothing more on a screen.
_POINT_LIMIT = 1200

# The page's style has a light and a dark colour of each name.
_VALUE, _OPEN, _QUIET = "var(--value)", "var(--open)", "var(--quiet)"
_LEVELS = {level: f"var(--{level})" for level in TONES if level not in ("resolved", "notice")}
_DASHES = ("none", "6 4", "2 3", "8 3 2 3")
_TICKS = 4
# Above the value there is room for the marks of mails.
_TOP_PERCENT = 12.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line as the path of an SVG; `name` is for the legend, empty for none."""

    path: str
    colour: str
    name: str
    dash: str = "none"
    width: float = 1.5


@dataclass(frozen=True, slots=True)
class Mark:
    """A mail: where it stands, and what it says when pointed at."""

    x: float
    y: float
    colour: str
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in percent of its area, from the upper left; ticks are a position and a label."""

    lines: list[Line] = field(default_factory=list)
    bands: list[tuple[float, float]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    legend: list[tuple[str, str]] = field(default_factory=list)
    x_ticks: list[tuple[float, str]] = field(default_factory=list)
    y_ticks: list[tuple[float, str]] = field(default_factory=list)


def history_chart(result: Result, variant: Variant, alarm: Alarm) -> Chart:
    """Return the chart of the alarm's value over time, with the mails above it."""
    unit = " %" if alarm == result.ratio else ""
    values = _values(result, variant, alarm)
    judges = [judge for judge in variant.definitions.alarms if judge.queries == alarm.queries]
    top = _top([*(value for value in values if value is not None), *(judge.threshold for judge in judges)])
    chart = Chart(x_ticks=_times(result.span), y_ticks=_levels(top, unit))
    # One value stands at the begin, and the last at the end.
    last = max(len(values) - 1, 1)
    points = [(100 * index / last, value) for index, value in enumerate(values)]
    chart.lines.append(Line(_path(points, top), _VALUE, f"value{unit}"))
    chart.lines.extend(_limits(variant, judges, top, unit))
    chart.bands.extend((_x(open_.start, result.span), _x(open_.end, result.span)) for _, open_ in variant.incidents)
    _add_mails(chart, result, variant)
    return chart


def curve_chart(curve: Curve) -> Chart:
    """Return the chart of mails by threshold."""
    rates = [curve.rate(point.mails_count) for point in curve.points]
    raised = [curve.rate(count) for _, count in curve.raised]
    top, low = _top([*rates, *raised]), min(curve.points[0].threshold, 0.0)
    width = curve.points[-1].threshold - low or 1.0

    def x(threshold: float) -> float:
        return min(max(100 * (threshold - low) / width, 0.0), 100.0)

    chart = Chart(
        x_ticks=[(25.0 * step, f"{low + width * step / 4:.3g}") for step in range(5)], y_ticks=_levels(top, "")
    )
    dotted = [(x(threshold), rate) for (threshold, _), rate in zip(curve.raised, raised, strict=True)]
    chart.lines.append(Line(_path(dotted, top), _QUIET, f"raised {curve.unit}", "2 3", 1))
    solid = [(x(point.threshold), rate) for point, rate in zip(curve.points, rates, strict=True)]
    chart.lines.append(Line(_path(solid, top), _VALUE, f"mails {curve.unit}"))
    chart.lines.append(_upright(x(curve.alarm.threshold), f"today, {curve.alarm.threshold:g}", _QUIET, "6 4"))
    if curve.knee is not None:
        chart.lines.append(_upright(x(curve.knee), f"knee, {curve.knee:.3g}", _OPEN))
    return chart


def _values(result: Result, variant: Variant, alarm: Alarm) -> list[float | None]:
    """Return the alarm's value as it saw it; of too many minutes the highest of each step."""
    np = numpy()
    first, last = (int(moment.timestamp()) // 60 for moment in (result.span.start, result.span.end))
    column = Replay(variant.minutes, first, last).columns(alarm)[0]
    values = np.where(column.missing, np.nan, column.values) if column.missing is not None else column.values
    step = -(-len(values) // _POINT_LIMIT)
    cut = np.append(values, np.full(-len(values) % step, np.nan)).reshape(-1, step)
    empty = np.isnan(cut).all(axis=1)
    highest = np.where(np.isnan(cut), -np.inf, cut).max(axis=1).round(3).tolist()
    return [None if gap else value for value, gap in zip(highest, empty.tolist(), strict=True)]


def _path(points: Sequence[tuple[float, float | None]], top: float) -> str:
    """Return the path through points; where one has no value the line is broken."""
    parts = []
    for is_gap, run in groupby(points, key=lambda point: point[1] is None):
        if not is_gap:
            corners = [f"{x:.2f} {_y(value or 0.0, top):.2f}" for x, value in run]
            # A path of one point would not be seen.
            parts.append("M" + "L".join(corners if len(corners) > 1 else corners * 2))
    return "".join(parts)


def _limits(variant: Variant, judges: Sequence[Alarm], top: float, unit: str) -> list[Line]:
    """Return the thresholds of the alarms that judge the same value; the legend names them, as labels would overlap."""
    prefix = f"deliverywatch-{variant.definitions.environment}-"
    return [
        Line(
            _path([(0, judge.threshold), (100, judge.threshold)], top),
            _QUIET,
            f"{judge.name.removeprefix(prefix)}: {judge.threshold:g}{unit}",
            _DASHES[number % len(_DASHES)],
            1,
        )
        for number, judge in enumerate(sorted(judges, key=lambda judge: -judge.threshold))
    ]


def _add_mails(chart: Chart, result: Result, variant: Variant) -> None:
    for height, (level, colour) in enumerate(_LEVELS.items()):
        mails = [mail for mail in variant.mails if mail.level == level]
        if mails:
            chart.legend.append((f"mail: {'resolved' if level == 'ok' else level}", colour))
        y = _TOP_PERCENT * (height + 0.5) / (len(_LEVELS) + 1)
        chart.marks.extend(
            Mark(_x(mail.time, result.span), y, colour, f"{mail.time:%d %b %H:%M} UTC {mail.subject}") for mail in mails
        )


def _upright(x: float, name: str, colour: str, dash: str = "none") -> Line:
    return Line(f"M{x:.2f} 0L{x:.2f} 100", colour, name, dash)


def _x(moment: datetime, span: Span) -> float:
    return min(max(100 * (moment - span.start) / (span.end - span.start), 0.0), 100.0)


def _y(value: float, top: float) -> float:
    return 100 - (100 - _TOP_PERCENT) * min(max(value / top, 0.0), 1.0)


def _top(values: Sequence[float]) -> float:
    """Return the highest value, rounded up so that a quarter of it is a short number."""
    highest = max([*values, 0.0]) or 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(step * power for step in (1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8, 10) if step * power >= highest)


def _levels(top: float, unit: str) -> list[tuple[float, str]]:
    return [(_y(top * step / _TICKS, top), f"{top * step / _TICKS:g}{unit}") for step in range(_TICKS + 1)]


def _times(span: Span) -> list[tuple[float, str]]:
    wanted = "%H:%M" if span.end - span.start <= timedelta(days=2) else "%d %b"
    times = [span.start + (span.end - span.start) * step / _TICKS for step in range(_TICKS + 1)]
    return [(100.0 * step / _TICKS, f"{time.astimezone(UTC):{wanted}}") for step, time in enumerate(times)]
