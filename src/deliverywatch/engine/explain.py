"""An alarm's definition -> plain words: what it watches, when and how fast it fires, and when it recovers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from deliverywatch.engine import windows
from deliverywatch.engine.alarm import Alarm, Comparison, MetricStat, Treat
from deliverywatch.engine.evaluate import breaches, returned, treatment

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPARED = {
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at or above",
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at or below",
}

# IF(condition, value, number): below the guard's condition the value is that number.
_GUARD = re.compile(r"IF\(([^,()]+),.+,\s*(-?\d+(?:\.\d+)?)\s*\)")

_CADENCES = {10: "every 10 seconds", 60: "every minute", 3600: "once an hour"}


def explain(alarm: Alarm, extra_points: Callable[[int], int] = windows.extra_points) -> str:
    """Return what the alarm means, in sentences.

    Args:
        alarm: The definition.
        extra_points: Periods fetched beyond the evaluation periods, by the length of the period in seconds.

    Raises:
        InputError: Not exactly one query returns data.
    """
    spare = 0 if alarm.wall_clock_zone is not None else extra_points(alarm.period_seconds)
    sentences = (_watches(alarm), _guard(alarm), _looks(alarm), _fires(alarm), _missing(alarm, spare), _recovers(alarm))
    told = (*sentences, _warms_up(alarm), _acts(alarm))
    return f"{alarm.name}: {' '.join(sentence for sentence in told if sentence)}"


def condition(alarm: Alarm) -> str:
    """Return when a value breaches, in words: `above 3`."""
    return f"{_COMPARED[alarm.comparison]} {alarm.threshold:g}"


def duration(seconds: int) -> str:
    """Write a duration in the largest unit that divides it: `90 seconds`, `30 minutes`, `6 hours`, `1 day`."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    raise AssertionError("every whole number of seconds is a number of seconds")


def _watches(alarm: Alarm) -> str:
    watched = next(query for query in alarm.queries if query.id == returned(alarm))
    if watched.metric:
        return f"Watches the {_measured(watched.metric)}."
    parts = [f"{query.id} is the {_measured(query.metric)}" for query in alarm.queries if query.metric]
    others = [f"{q.id} is {q.expression}" for q in alarm.queries if q.expression and q.id != watched.id]
    return f"Watches {watched.expression}, where {_listed([*parts, *others])}."


def _measured(metric: MetricStat) -> str:
    names = {"Sum": "sum", "Average": "average", "Minimum": "minimum", "Maximum": "maximum", "SampleCount": "count"}
    dimensions = ", ".join(f"{name}={value}" for name, value in metric.dimensions)
    return f"{names.get(metric.statistic, metric.statistic)} of {metric.namespace} {metric.name}" + (
        f" ({dimensions})" if dimensions else ""
    )


def _guard(alarm: Alarm) -> str:
    found = _GUARD.fullmatch(_expression(alarm))
    if found is None:
        return ""
    is_bad = "which is bad" if breaches(alarm, float(found[2])) else "which is good"
    return f"Unless {found[1].strip()}, the value is {float(found[2]):g}, {is_bad}."


def _expression(alarm: Alarm) -> str:
    return next(query for query in alarm.queries if query.id == returned(alarm)).expression or ""


def _looks(alarm: Alarm) -> str:
    cadence = _CADENCES[windows.cadence_seconds(alarm)]
    period = duration(alarm.period_seconds)
    if alarm.wall_clock_zone is not None:
        return f"CloudWatch looks {cadence} at the last completed {period} by the clock of {alarm.wall_clock_zone}."
    return f"CloudWatch looks {cadence} at the {period} before, so the window slides and is not tied to the clock."


def _fires(alarm: Alarm) -> str:
    begin = f"It goes into ALARM when the value is {condition(alarm)}"
    if alarm.evaluation_periods == 1:
        return f"{begin}, at the earliest {duration(windows.cadence_seconds(alarm))} after the data shows it."
    which = "all" if alarm.m == alarm.evaluation_periods else f"{alarm.m} of the last"
    least = duration((alarm.m - 1) * alarm.period_seconds) if alarm.m > 1 else duration(windows.cadence_seconds(alarm))
    return (
        f"{begin} in {which} {alarm.evaluation_periods} periods, "
        f"at the earliest {least} after the first bad one is seen."
    )


def _missing(alarm: Alarm, spare: int) -> str:
    span = duration((alarm.evaluation_periods + spare) * alarm.period_seconds)
    meaning = {
        Treat.MISSING: "it goes into INSUFFICIENT_DATA",
        Treat.IGNORE: "it keeps the state it has",
        Treat.BREACHING: "it goes into ALARM",
        Treat.NOT_BREACHING: "it goes to OK",
    }[treatment(alarm)]
    looked = f", because {spare} older periods are looked at too" if spare else ""
    filled = " FILL gives an empty period a value, so it counts at once." if "FILL(" in _expression(alarm) else ""
    return f"Without any data {meaning}, and only once {span} are empty{looked}.{filled}"


def _recovers(alarm: Alarm) -> str:
    good = alarm.evaluation_periods - alarm.m + 1
    if good == 1:
        return f"It recovers as soon as one period is good again; a short burst stays in view for {_view(alarm)}."
    return f"It recovers when {good} of the last {alarm.evaluation_periods} periods are good."


def _view(alarm: Alarm) -> str:
    return duration(alarm.period_seconds)


def _warms_up(alarm: Alarm) -> str:
    if alarm.warm_up is None:
        return ""
    span = duration(alarm.warm_up.minutes * 60)
    until = "" if alarm.warm_up.is_whole else ", unless its periods are full before"
    return f"Once created it waits {span} before it judges{until}."


def _acts(alarm: Alarm) -> str:
    if not alarm.actions_enabled:
        return "Its actions are switched off."
    counts = {
        "ALARM": alarm.alarm_actions,
        "OK": alarm.ok_actions,
        "INSUFFICIENT_DATA": alarm.insufficient_data_actions,
    }
    named = [state for state, found in counts.items() if found]
    return f"It acts when it changes to {_listed(named)}." if named else "It acts on nothing by itself."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
