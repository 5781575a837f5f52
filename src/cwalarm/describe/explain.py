"""An alarm's definition -> plain words: what it watches, when and how fast it fires, and when it recovers.

Of a composite: when it is in ALARM, and what holds its actions back.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from cwalarm.definitions import rule as rules
from cwalarm.definitions.alarm import Alarm, AnyAlarm, Comparison, MetricStat, Query, State, Treat
from cwalarm.definitions.composites import Composite
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import evaluate, returned, treatment
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.verdict import breaches, verdict

_COMPARED = {
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at or above",
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at or below",
}

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

# A value that also needs the datapoint before is gone a period earlier.
_FROM_BEFORE = re.compile(r"\b(RATE|DIFF|DIFF_TIME)\(")

_CADENCES = {10: "every 10 seconds", 60: "every minute", 3600: "once an hour"}


def explain(alarm: Alarm, extra_points: Callable[[int], int] = windows.extra_points) -> str:
    """Return what the alarm means, in sentences; raise InputError if not exactly one query returns data."""
    spare = 0 if alarm.wall_clock_zone is not None else extra_points(alarm.period_seconds)
    sees = (_watches(alarm), _guard(alarm), _looks(alarm))
    judges = (_fires(alarm), _recovers(alarm), _missing(alarm, spare, extra_points), _few(alarm))
    return _paragraph(alarm, *sees, *judges, _warms_up(alarm), _acts(alarm))


def condition(alarm: Alarm) -> str:
    """Return when a value breaches, in words: `above 3`."""
    return f"{_COMPARED[alarm.comparison]} {alarm.threshold:.12g}"


def duration(seconds: int) -> str:
    """Write a duration in the largest unit that divides it: `90 seconds`, `30 minutes`, `6 hours`, `1 day`."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds % size == 0:
            count = seconds // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    raise AssertionError("every whole number of seconds is a number of seconds")


def _watches(alarm: Alarm) -> str:
    watched = _watched(alarm)
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
    """Say what the value is where the condition of an `IF` decides on it: where data is too few to judge."""
    parts = _arguments(_watched(alarm).expression or "")
    if len(parts) not in (2, 3):
        return ""
    condition, *others = parts
    if len(others) == 1:
        return f"Unless {condition}, there is no value."
    for value, where in ((others[1], "Unless"), (others[0], "While")):
        if _NUMBER.fullmatch(value):
            return f"{where} {condition}, the value is {float(value):.12g}, {_quality(alarm, float(value))}."
    return ""


def _quality(alarm: Alarm, value: float) -> str:
    return "which is bad" if breaches(alarm, value) else "which is good"


def _arguments(expression: str) -> list[str]:
    """Return the arguments of an expression that is one call of `IF`; nothing for any other."""
    text = expression.strip()
    if not text.startswith("IF(") or not text.endswith(")"):
        return []
    depth, parts = 0, [""]
    for character in text[3:-1]:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        if depth < 0:
            return []  # the first bracket closes before the end: there is more than this call
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _watched(alarm: Alarm) -> Query:
    return next(query for query in alarm.queries if query.id == returned(alarm))


def _looks(alarm: Alarm) -> str:
    cadence = _CADENCES[windows.cadence_seconds(alarm)]
    period = duration(alarm.period_seconds)
    if alarm.wall_clock_zone is not None:
        return f"CloudWatch looks {cadence} at the last completed {period} by the clock of {alarm.wall_clock_zone}."
    return f"CloudWatch looks {cadence} at the {period} before, so the window slides and is not tied to the clock."


def _fires(alarm: Alarm) -> str:
    begin = f"It goes into ALARM when the value is {condition(alarm)}"
    cadence = duration(windows.cadence_seconds(alarm))
    if alarm.evaluation_periods == 1:
        return f"{begin}, at the earliest {cadence} after the data shows it."
    least = duration((alarm.m - 1) * alarm.period_seconds) if alarm.m > 1 else cadence
    return f"{begin} in {_counted(alarm.m, alarm)}, at the earliest {least} after the first bad one is seen."


def _recovers(alarm: Alarm) -> str:
    good = alarm.evaluation_periods - alarm.m + 1
    if good == 1:
        return (
            "It recovers as soon as one period is good again; "
            f"a short burst stays in view for {duration(alarm.period_seconds)}."
        )
    return f"It recovers when {_counted(good, alarm)} are good."


def _counted(count: int, alarm: Alarm) -> str:
    every = alarm.evaluation_periods
    return f"all {every} periods" if count == every else f"{count} of the last {every} periods"


def _missing(alarm: Alarm, spare: int, extra_points: Callable[[int], int]) -> str:
    """Say what data that stops means; what an expression makes of a period without data is found by evaluating it."""
    has_fill = any("FILL(" in (query.expression or "") for query in alarm.queries)
    values = {_value_of_an_empty_period(alarm, held, extra_points) for held in (1.0, 7.0)} if has_fill else {None}
    if values == {None}:
        return _data_stops(alarm, spare)
    if len(values) > 1:
        slots = alarm.evaluation_periods + spare
        at_last = verdict([None] * slots, alarm.m, alarm.evaluation_periods, treatment(alarm))
        then = f"it goes to {at_last}" if at_last else "it keeps the state it has"
        span = duration(slots * alarm.period_seconds)
        return f"A period without data is filled from what was there before. Once all {span} are empty, {then}."
    return _filled(alarm, next(value for value in values if value is not None))


def _filled(alarm: Alarm, value: float) -> str:
    state = State.ALARM if breaches(alarm, value) else State.OK
    sentence = (
        f"A period without data counts as {value:.12g}, {_quality(alarm, value)}: when data stops, it is in {state}"
    )
    count = alarm.m if state is State.ALARM else alarm.evaluation_periods - alarm.m + 1
    return f"{sentence} after {duration(count * alarm.period_seconds)}."


def _value_of_an_empty_period(alarm: Alarm, held: float, extra_points: Callable[[int], int]) -> float | None:
    series, end = Series(), datetime(2026, 1, 5, tzinfo=UTC)
    step = min(alarm.period_seconds, 60)
    reach = (alarm.evaluation_periods + extra_points(alarm.period_seconds)) * alarm.period_seconds
    for metric in {stat.metric for stat in alarm.metrics}:
        for second in range(alarm.period_seconds + step, reach + step, max(step, alarm.period_seconds // 4)):
            series.add(metric, end - timedelta(seconds=second), held)
    return evaluate(alarm, series, end, extra_points=extra_points).slots[-1].value


def _data_stops(alarm: Alarm, spare: int) -> str:
    """Say what data that stops means, by letting it stop: the rule itself shows after how many periods."""
    treat, slots = treatment(alarm), alarm.evaluation_periods + spare
    if treat is Treat.IGNORE:
        return "Where data is missing it keeps the state it has."
    from_state, before = (State.ALARM, True) if treat is Treat.NOT_BREACHING else (State.OK, False)
    for empty in range(1, slots + 1):
        row = [*([before] * (slots - empty)), *([None] * empty)]
        state = verdict(row, alarm.m, alarm.evaluation_periods, treat)
        if state not in (None, from_state):
            span = duration(empty * alarm.period_seconds)
            looked = f" ({spare} older periods are looked at too)" if empty > alarm.evaluation_periods else ""
            about = "at most " if _FROM_BEFORE.search(_watched(alarm).expression or "") else ""
            return f"When data stops, it goes from {from_state} to {state} after {about}{span} without any{looked}."
    return "Missing data does not change its state."


def _few(alarm: Alarm) -> str:
    if not any(query.metric and query.metric.is_extended for query in alarm.queries):
        return ""
    if alarm.low_sample_percentile == "ignore":
        return "Where a period has too few values for the percentile, it keeps the state it has."
    return "A percentile of few values is judged all the same."


def _warms_up(alarm: Alarm) -> str:
    if alarm.warm_up is None:
        return ""
    span = duration(alarm.warm_up.minutes * 60)
    until = "" if alarm.warm_up.is_whole else ", unless its periods are full before"
    return f"Once created it waits {span} before it judges{until}."


def _acts(alarm: AnyAlarm) -> str:
    if not alarm.actions_enabled:
        return "Its actions are switched off."
    named = [state.value for state in (State.ALARM, State.OK, State.INSUFFICIENT_DATA) if alarm.actions_for(state)]
    return f"It acts when it changes to {_listed(named)}." if named else "It acts on nothing by itself."


def _listed(parts: list[str]) -> str:
    """Join parts as words are joined: `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def explain_composite(composite: Composite) -> str:
    """Return what the composite means, in sentences: when it calls, what holds its actions back, on what it acts."""
    begin = f"It is in ALARM while {_condition(composite.rule)}, and OK otherwise."
    judged = "CloudWatch judges it when one of these alarms changes, not every minute."
    return _paragraph(composite, begin, judged, _held_back(composite), _acts(composite))


def _paragraph(alarm: AnyAlarm, *sentences: str) -> str:
    return f"{alarm.name}: {' '.join(filter(None, sentences))}"


def _condition(rule: rules.Rule) -> str:
    match rule:
        case rules.Constant(value):
            return "always" if value else "never"
        case rules.Is(state, alarm):
            return f"{alarm} is in {state}"
        case rules.Not(inner):
            return _denied(inner)
        case rules.All(parts):
            return " and ".join(map(_bracketed, parts))
        case rules.Any(parts):
            return " or ".join(map(_bracketed, parts))
        case rules.AtLeast(count, state, is_negated, alarms):
            return f"at least {count} of {_listed(list(alarms))} are {'not ' if is_negated else ''}in {state}"


def _denied(rule: rules.Rule) -> str:
    if isinstance(rule, rules.Is):
        return f"{rule.alarm} is not in {rule.state}"
    return f"it is not so that {_bracketed(rule)}"


def _bracketed(rule: rules.Rule) -> str:
    return f"({_condition(rule)})" if isinstance(rule, (rules.All, rules.Any)) else _condition(rule)


def _held_back(composite: Composite) -> str:
    if not composite.suppressor:
        return ""
    wait, extension = duration(composite.wait_seconds), duration(composite.extension_seconds)
    return (
        f"Its actions are held back while {composite.suppressor} is in ALARM, for {extension} after that, "
        f"and for {wait} after each change of its own."
    )
