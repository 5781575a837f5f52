"""A back-test -> two charts as HTML: an alarm's value with its bands and mails, and the curve of its threshold.

Drawn by Plotly; the first brings plotly.js along, so that the page asks no network for anything.
"""

from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from cwalarm.definitions.alarm import Alarm
from cwalarm.replay.numeric import numpy
from cwalarm.replay.replay import Replay
from deliverywatch.backtest.results.result import Curve, Result, Variant
from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.palette import TONES

# More points than these show nothing more on a screen, and make the page slow.
_POINT_LIMIT = 6000

_INK, _RATE, _OPEN, _QUIET = "#1d2733", "#1f5fa8", "#c43d2f", "#5b6b7b"
_LEVELS = {level: tone.line for level, tone in TONES.items() if level not in ("resolved", "notice")}
_DASHES = ("solid", "dash", "dot", "dashdot")

# The slider below the chart zooms and pans, by mouse and by finger; buttons would lie on the legend.
_CONFIG = {"responsive": True, "displayModeBar": False}


def history_chart(result: Result, variant: Variant, alarm: Alarm) -> str:
    """Return the chart of the alarm's value over time, with plotly.js: mails in a lane of their own above it."""
    figure = _figure()
    unit = " %" if alarm == result.ratio else ""
    times, values = _values(result, variant, alarm)
    figure.add_scatter(
        x=times, y=values, mode="lines", name=f"value{unit}", line={"color": _RATE, "width": 1.5}, connectgaps=False
    )
    _add_limits(figure, variant, alarm, (times[0], times[-1]), unit)
    for watch, span in variant.incidents:
        figure.add_vrect(x0=span.start, x1=span.end, fillcolor=_OPEN, opacity=0.12, line_width=0, name=watch)
    _add_mails(figure, variant)
    figure.update_layout(
        xaxis={"rangeslider": {"visible": True, "thickness": 0.08}},
        yaxis={"title": f"value{unit}", "rangemode": "tozero", "domain": [0, 0.84]},
        yaxis2={"domain": [0.86, 1], "visible": False, "range": [-1, len(_LEVELS)], "fixedrange": True},
    )
    # Below the slider: on a phone it has a line for each entry.
    figure.update_layout(legend={"orientation": "h", "y": -0.32, "yanchor": "top"})
    return _html(figure, 580, with_library=True)


def curve_chart(curve: Curve) -> str:
    """Return the chart of mails a month by threshold, without plotly.js."""
    figure = _figure()
    thresholds, raised = zip(*curve.raised, strict=True)
    figure.add_scatter(
        x=thresholds, y=raised, mode="lines", name="raised a month", line={"color": _QUIET, "width": 1, "dash": "dot"}
    )
    figure.add_scatter(
        x=[point.threshold for point in curve.points],
        y=[point.mails_a_month for point in curve.points],
        mode="lines+markers",
        name="mails a month",
        line={"color": _RATE},
    )
    now = curve.alarm.threshold
    figure.add_vline(x=now, line={"color": _QUIET, "dash": "dot"}, annotation_text=f"now {now:g}")
    if curve.knee is not None:
        figure.add_vline(
            x=curve.knee, line={"color": _OPEN}, annotation_text=f"knee {curve.knee:.3g}", annotation_y=0.85
        )
    figure.update_xaxes(title="threshold")
    figure.update_yaxes(title="a month", rangemode="tozero")
    return _html(figure, 340, with_library=False)


def _values(result: Result, variant: Variant, alarm: Alarm) -> tuple[list[datetime], list[float | None]]:
    """Return the alarm's value as it saw it; of too many minutes the highest of each step."""
    np = numpy()
    first, last = (int(moment.timestamp()) // 60 for moment in (result.span.start, result.span.end))
    column = Replay(variant.minutes, first, last).columns(alarm)[0]
    values = np.where(column.missing, np.nan, column.values) if column.missing is not None else column.values
    step = -(-len(values) // _POINT_LIMIT)
    cut = np.append(values, np.full(-len(values) % step, np.nan)).reshape(-1, step)
    empty = np.isnan(cut).all(axis=1)
    highest = np.where(np.isnan(cut), -np.inf, cut).max(axis=1).round(3).tolist()
    times = [datetime.fromtimestamp((first + index * step) * 60, UTC) for index in range(len(highest))]
    return times, [None if gap else value for value, gap in zip(highest, empty.tolist(), strict=True)]


def _add_limits(figure: Any, variant: Variant, alarm: Alarm, ends: tuple[datetime, datetime], unit: str) -> None:
    """Draw the thresholds of the alarms that judge the same value; the legend names them, as labels would overlap."""
    prefix = f"deliverywatch-{variant.definitions.environment}-"
    judges = [judge for judge in variant.definitions.alarms if judge.queries == alarm.queries]
    for number, judge in enumerate(sorted(judges, key=lambda judge: -judge.threshold)):
        figure.add_scatter(
            x=ends,
            y=[judge.threshold] * 2,
            mode="lines",
            name=f"{judge.name.removeprefix(prefix)}: {judge.threshold:g}{unit}",
            line={"color": _QUIET, "width": 1, "dash": _DASHES[number % len(_DASHES)]},
        )


def _add_mails(figure: Any, variant: Variant) -> None:
    for height, level in enumerate(_LEVELS):
        mails = [mail for mail in variant.mails if mail.level == level]
        if mails:
            figure.add_scatter(
                x=[mail.time for mail in mails],
                y=[len(_LEVELS) - 1 - height] * len(mails),
                yaxis="y2",
                text=[mail.subject for mail in mails],
                mode="markers",
                name=f"mail: {'resolved' if level == 'ok' else level}",
                marker={"color": _LEVELS[level], "size": 9, "symbol": "diamond", "line": {"color": "#fff", "width": 1}},
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
        margin={"l": 48, "r": 12, "t": 12, "b": 40},
        font={"family": "system-ui, sans-serif", "size": 13, "color": _INK},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"},
        hovermode="closest",
        # A finger on the chart scrolls the page.
        dragmode=False,
    )
    return figure


def _html(figure: Any, height: int, *, with_library: bool) -> str:
    drawn: str = figure.to_html(
        full_html=False, include_plotlyjs=with_library, config=_CONFIG, default_height=height, default_width="100%"
    )
    return drawn
