"""A back-test -> two charts as HTML: the share of failures with alarm bands and mails, and the curve of the threshold.

Drawn by Plotly; the first brings plotly.js along, so that the page asks no network for anything.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from deliverywatch.backtest.measure import incidents
from deliverywatch.engine.numeric import numpy
from deliverywatch.engine.replay import Replay
from deliverywatch.errors import ConfigurationError

if TYPE_CHECKING:
    from deliverywatch.backtest.curve import Curve
    from deliverywatch.backtest.run import Result, Variant
    from deliverywatch.engine.alarm import Alarm

# More points than these show nothing more on a screen, and make the page slow.
_POINT_LIMIT = 6000

_INK, _RATE, _OPEN, _QUIET = "#1d2733", "#1f5fa8", "#c43d2f", "#5b6b7b"
_LEVELS = {"warning": "#b06f00", "critical": "#c43d2f", "alarm": "#c43d2f", "blind": "#5b6b7b", "ok": "#2f7d4f"}
_CONFIG = {
    "responsive": True,
    "displaylogo": False,
    "modeBarButtons": [["zoomIn2d", "zoomOut2d", "pan2d", "zoom2d", "resetScale2d"]],
}


def history_chart(result: Result, variant: Variant, alarm: Alarm) -> str:
    """Return the chart of the alarm's value over time, with plotly.js."""
    figure = _figure()
    times, values = _values(result, variant, alarm)
    figure.add_scatter(
        x=times, y=values, mode="lines", name="failed %", line={"color": _RATE, "width": 1.5}, connectgaps=False
    )
    for number, (limit, names) in enumerate(sorted(_limits(variant, alarm).items())):
        # Left and right by turns, so that neighbours do not overlap.
        figure.add_hline(
            y=limit,
            line={"color": _QUIET, "width": 1, "dash": "dot"},
            annotation_text=f"{', '.join(names)}: {limit:g} %",
            annotation_position="top left" if number % 2 else "top right",
        )
    for watch, span in incidents(variant.mails, result.span.end):
        figure.add_vrect(x0=span.start, x1=span.end, fillcolor=_OPEN, opacity=0.12, line_width=0, name=watch)
    _add_mails(figure, variant, times, values)
    figure.update_xaxes(rangeslider={"visible": True, "thickness": 0.08})
    figure.update_yaxes(title="failed %", rangemode="tozero")
    return _html(figure, 460, with_library=True)


def curve_chart(found: Curve) -> str:
    """Return the chart of mails a month by threshold, without plotly.js."""
    figure = _figure()
    thresholds, raised = zip(*found.raised, strict=True)
    figure.add_scatter(
        x=thresholds, y=raised, mode="lines", name="raised a month", line={"color": _QUIET, "width": 1, "dash": "dot"}
    )
    figure.add_scatter(
        x=[each.threshold for each in found.points],
        y=[each.mails_a_month for each in found.points],
        mode="lines+markers",
        name="mails a month",
        line={"color": _RATE},
    )
    now = found.alarm.threshold
    figure.add_vline(x=now, line={"color": _QUIET, "dash": "dot"}, annotation_text=f"now {now:g}")
    if found.knee is not None:
        figure.add_vline(
            x=found.knee, line={"color": _OPEN}, annotation_text=f"knee {found.knee:.3g}", annotation_y=0.85
        )
    figure.update_xaxes(title="threshold, %")
    figure.update_yaxes(title="a month", rangemode="tozero")
    return _html(figure, 340, with_library=False)


def _values(result: Result, variant: Variant, alarm: Alarm) -> tuple[list[datetime], list[float | None]]:
    """Return the alarm's value as it saw it; of too many minutes the highest of each step."""
    np = numpy()
    first, last = (int(each.timestamp()) // 60 for each in (result.span.start, result.span.end))
    column = Replay(variant.history, first, last).columns(alarm)[0]
    values = np.where(column.missing, np.nan, column.values) if column.missing is not None else column.values
    step = -(-len(values) // _POINT_LIMIT)
    cut = np.append(values, np.full(-len(values) % step, np.nan)).reshape(-1, step)
    empty = np.isnan(cut).all(axis=1)
    highest = np.where(np.isnan(cut), -np.inf, cut).max(axis=1).round(3).tolist()
    times = [datetime.fromtimestamp((first + index * step) * 60, UTC) for index in range(len(highest))]
    return times, [None if gap else value for value, gap in zip(highest, empty.tolist(), strict=True)]


def _limits(variant: Variant, alarm: Alarm) -> dict[float, list[str]]:
    """Return the thresholds of the alarms that judge the same value, with their names without the prefix."""
    prefix = f"deliverywatch-{variant.definitions.environment}-"
    found: dict[float, list[str]] = {}
    for each in variant.definitions.alarms:
        if each.queries == alarm.queries:
            found.setdefault(each.threshold, []).append(each.name.removeprefix(prefix))
    return found


def _add_mails(figure: Any, variant: Variant, times: list[datetime], values: list[float | None]) -> None:
    for level in dict.fromkeys(mail.level for mail in variant.mails):
        mails = [mail for mail in variant.mails if mail.level == level]
        figure.add_scatter(
            x=[mail.time for mail in mails],
            y=[values[bisect_right(times, mail.time) - 1] or 0 for mail in mails],
            text=[mail.subject for mail in mails],
            mode="markers",
            name=f"mail: {'resolved' if level == 'ok' else level}",
            marker={"color": _LEVELS[level], "size": 11, "symbol": "diamond", "line": {"color": "#fff", "width": 1}},
            hovertemplate="%{x|%d %b %H:%M} UTC<br>%{text}<extra></extra>",
        )


def _figure() -> Any:
    try:
        figure = import_module("plotly.graph_objects").Figure()
    except ImportError as error:
        raise ConfigurationError(
            "The report needs Plotly, which is not installed.",
            next_step="Run `pip install 'deliverywatch[backtest]'`.",
        ) from error
    figure.update_layout(
        template="plotly_white",
        margin={"l": 48, "r": 12, "t": 28, "b": 40},
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        hovermode="closest",
        # A finger on the chart scrolls the page; zooming and panning have buttons.
        dragmode=False,
    )
    return figure


def _html(figure: Any, height: int, *, with_library: bool) -> str:
    drawn: str = figure.to_html(
        full_html=False, include_plotlyjs=with_library, config=_CONFIG, default_height=height, default_width="100%"
    )
    return drawn
