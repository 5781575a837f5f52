"""The last three hours as a picture: a widget for CloudWatch to draw, or bars and a sparkline of the context's slots.

Widget format: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Metric-Widget-Structure.html. It can
draw no alarm, so the thresholds of the watch are drawn as lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.incidents.watch_state import Sight
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.messages.context import Context, Slot

HOURS = 3
BAR_HEIGHT = 72
_BLOCKS = "▁▂▃▄▅▆▇█"
_LINE_COLOURS = {Level.CRITICAL: "#b3261e", Level.WARNING: "#b26a00", Level.ALARM: "#b3261e", Level.BLIND: "#5b5675"}
_POINT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Bar:
    """One slot of the chart; `level` is the rung that its rate is over."""

    height: int
    level: Level
    rate_percent: float
    slot: Slot


_SHARE = "100 * failed / total"


def widget(
    incident: Incident, change: Change, sight: Sight, alarm: Alarm | None, context: Context, zone: tzinfo
) -> str | None:
    """Return the definition of the chart as JSON, or None for an alarm without metrics (a composite one).

    Args:
        incident: Its beginning is drawn as a line.
        change: The chart ends at its time.
        sight: The thresholds of all its rungs are drawn.
        alarm: The alarm whose metrics are drawn.
        context: Its slots are the grain: points between them would be gaps.
        zone: The reader's.
    """
    if alarm is None or not alarm.queries:
        return None
    period_seconds = context.slot_minutes * 60 or min(alarm.period_seconds or _POINT_SECONDS, _POINT_SECONDS)
    start = change.time - timedelta(hours=HOURS)
    definition = {
        "metrics": [_drawn(query, alarm) for query in alarm.queries],
        "annotations": {
            "horizontal": _thresholds(sight),
            "vertical": [{"value": _stamp(incident.opened_at), "label": "incident"}]
            if incident.opened_at >= start
            else [],
        },
        "start": _stamp(start),
        "end": _stamp(change.time),
        "period": period_seconds,
        # As wide as it is shown: CloudWatch's letters have a fixed size, and a larger picture would shrink them.
        "width": 560,
        "height": 220,
        "theme": "light",
        "yAxis": {"left": {"min": 0, "showUnits": False}},
        "legend": {"position": "hidden"},
        "timezone": f"{change.time.astimezone(zone):%z}",
    }
    return json.dumps(definition)


def bars(slots: Sequence[Slot], rungs: Sequence[tuple[Level, float]]) -> tuple[Bar, ...]:
    """Return the slots' failure rates as bars of at most BAR_HEIGHT, the highest as high as that.

    Args:
        slots: Oldest first.
        rungs: The levels with their thresholds in percent.
    """
    shown = slots[-18:]
    top = max([slot.rate_percent for slot in shown] + [max([limit for _, limit in rungs], default=0.0), 1.0])
    return tuple(
        Bar(max(2, round(BAR_HEIGHT * slot.rate_percent / top)), _level(slot, rungs), slot.rate_percent, slot)
        for slot in shown
    )


def sparkline(drawn: Sequence[Bar]) -> str:
    """Return the bars as block characters."""
    return "".join(_BLOCKS[min(7, bar.height * 8 // (BAR_HEIGHT + 1))] for bar in drawn)


def thresholds(sight: Sight) -> list[tuple[Level, float]]:
    """Return the rungs' levels with their alarms' thresholds, the worst first."""
    alarms = [(rung.level, sight.alarms.get(rung.alarm)) for rung in sight.watch.by_severity]
    return [(level, alarm.threshold) for level, alarm in alarms if alarm and alarm.threshold is not None]


def _level(slot: Slot, rungs: Sequence[tuple[Level, float]]) -> Level:
    return next((level for level, limit in rungs if slot.rate_percent > limit), Level.OK)


def _thresholds(sight: Sight) -> list[Mapping[str, Any]]:
    return [
        {"value": limit, "label": level.value, "color": _LINE_COLOURS.get(level, "#5b5675")}
        for level, limit in thresholds(sight)
    ]


def _drawn(query: Mapping[str, Any], alarm: Alarm) -> list[Any]:
    look = {"id": query["Id"], "visible": query["ReturnData"]}
    if "Expression" in query:
        # The alarm's guard says 0 where too few failed to raise it; the picture shows what there was.
        expression = _SHARE if alarm.is_ratio else query["Expression"]
        return [look | {"expression": expression, "label": query.get("Label", query["Id"])}]
    stat = query["MetricStat"]
    metric = stat["Metric"]
    pairs = [part for pair in metric["Dimensions"] for part in (pair["Name"], pair["Value"])]
    return [metric["Namespace"], metric["MetricName"], *pairs, look | {"stat": stat["Stat"]}]


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
