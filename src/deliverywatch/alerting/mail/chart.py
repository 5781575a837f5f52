"""The last three hours as a picture: a widget for CloudWatch to draw, or bars and a sparkline of the context's slots.

Widget format: docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Metric-Widget-Structure.html. It
cannot show alarms, so the watch's thresholds are drawn as lines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.level import Level
from deliverywatch.messages.palette import TONES

if TYPE_CHECKING:
    from deliverywatch.alerting.inputs.alarm import Alarm
    from deliverywatch.alerting.mail.story import Story
    from deliverywatch.messages.context import Slot

HOURS = 3
BAR_HEIGHT = 72
_BLOCKS = "▁▂▃▄▅▆▇█"
_POINT_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Bar:
    """One slot of the chart; `level` is the worst one whose threshold its rate exceeds."""

    height: int
    level: Level
    rate_percent: float
    slot: Slot


_SHARE = "100 * failed / total"


def widget(story: Story) -> str | None:
    """Return the definition of the chart as JSON, or None for an alarm without metrics (a composite one)."""
    alarm, opened_at, end = story.alarm, story.incident.opened_at, story.change.time
    if alarm is None or not alarm.queries:
        return None
    start = end - timedelta(hours=HOURS)
    definition = {
        "metrics": [_drawn(query, alarm) for query in alarm.queries],
        "annotations": {
            "horizontal": [
                {"value": limit, "label": level.value, "color": TONES[level].line} for level, limit in story.thresholds
            ],
            "vertical": [{"value": _stamp(opened_at), "label": "incident"}] if opened_at >= start else [],
        },
        "start": _stamp(start),
        "end": _stamp(end),
        # One point per slot of the context: there are no points in between.
        "period": story.context.slot_minutes * 60 or min(alarm.period_seconds or _POINT_SECONDS, _POINT_SECONDS),
        # As wide as it is shown: CloudWatch's letters have a fixed size and would shrink in a larger picture.
        "width": 560,
        "height": 220,
        "theme": "light",
        "yAxis": {"left": {"min": 0, "showUnits": False}},
        "legend": {"position": "hidden"},
        "timezone": f"{end.astimezone(story.clock.zone):%z}",
    }
    return json.dumps(definition)


def bars(slots: Sequence[Slot], thresholds: Sequence[tuple[Level, float]]) -> tuple[Bar, ...]:
    """Return the slots' failure rates as bars, oldest first, on a scale on which BAR_HEIGHT is the highest value.

    The thresholds are in percent and belong to the scale.
    """
    shown = slots[-18:]
    top = max([slot.rate_percent for slot in shown] + [max([limit for _, limit in thresholds], default=0.0), 1.0])
    return tuple(
        Bar(max(2, round(BAR_HEIGHT * slot.rate_percent / top)), _level(slot, thresholds), slot.rate_percent, slot)
        for slot in shown
    )


def sparkline(drawn: Sequence[Bar]) -> str:
    """Return the bars as block characters."""
    return "".join(_BLOCKS[min(7, bar.height * 8 // (BAR_HEIGHT + 1))] for bar in drawn)


def _level(slot: Slot, thresholds: Sequence[tuple[Level, float]]) -> Level:
    return next((level for level, limit in thresholds if slot.rate_percent > limit), Level.OK)


def _drawn(query: Mapping[str, Any], alarm: Alarm) -> list[Any]:
    look = {"id": query["Id"], "visible": query["ReturnData"]}
    if query.get("AccountId"):  # of a metric of another account
        look["accountId"] = query["AccountId"]
    if "Expression" in query:
        # The alarm's guard returns 0 if too few failed; the picture shows the true share.
        expression = _SHARE if alarm.is_ratio else query["Expression"]
        return [look | {"expression": expression, "label": query.get("Label", query["Id"])}]
    stat = query["MetricStat"]
    metric = stat["Metric"]
    pairs = [part for pair in metric["Dimensions"] for part in (pair["Name"], pair["Value"])]
    return [metric["Namespace"], metric["MetricName"], *pairs, look | {"stat": stat["Stat"]}]


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
