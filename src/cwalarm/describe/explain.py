"""An alarm's definition -> plain words: what it watches, when and how fast it fires, and when it recovers.

Of a composite: when it is in ALARM, and what holds its actions back.
"""

import re
from collections.abc import Callable

from cwalarm.definitions import rule as rules
from cwalarm.definitions.alarm import Alarm, AnyAlarm, MetricStat, Query, State
from cwalarm.definitions.composites import Composite
from cwalarm.describe import words
from cwalarm.describe.behaviour import Behaviour, behaviour
from cwalarm.describe.words import duration, listed
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import returned
from cwalarm.evaluation.statistic import percentile_fraction

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

_CADENCES = {10: "every 10 seconds", 60: "every minute", 3600: "once an hour"}


def explain(alarm: Alarm, extra_points: Callable[[int], int] = windows.extra_points) -> str:
    """Return what the alarm means, in sentences; raise InputError if not exactly one query returns data.

    How it behaves is what the evaluator did with data that was played to it.
    """
    return explain_measured(behaviour(alarm, extra_points))


def explain_measured(measured: Behaviour) -> str:
    """Return what an alarm means whose behaviour has been measured."""
    alarm = measured.probe.alarm
    sees = (_watches(alarm), _guard(alarm), _looks(alarm))
    return _paragraph(alarm, *sees, *words.sentences(measured), _few(alarm), _warms_up(alarm), _acts(alarm))


def _watches(alarm: Alarm) -> str:
    watched = _watched(alarm)
    if watched.metric:
        return f"Watches the {_measured(watched.metric)}."
    parts = [f"{query.id} is the {_measured(query.metric)}" for query in alarm.queries if query.metric]
    others = [f"{q.id} is {q.expression}" for q in alarm.queries if q.expression and q.id != watched.id]
    return f"Watches {watched.expression}, where {listed([*parts, *others])}."


def _measured(metric: MetricStat) -> str:
    names = {"Sum": "sum", "Average": "average", "Minimum": "minimum", "Maximum": "maximum", "SampleCount": "count"}
    dimensions = ", ".join(f"{name}={value}" for name, value in metric.dimensions)
    counted = f" (only values with the unit {metric.unit} count)" if metric.unit else ""
    return f"{names.get(metric.statistic, metric.statistic)} of {metric.namespace} {metric.name}" + (
        f" ({dimensions}){counted}" if dimensions else counted
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
            return f"{where} {condition}, the value is {float(value):.12g}, {words.quality(alarm, float(value))}."
    return ""


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


def _few(alarm: Alarm) -> str:
    if all(percentile_fraction(metric.statistic) is None for metric in alarm.metrics):
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
    return f"It acts when it changes to {listed(named)}." if named else "It acts on nothing by itself."


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
            return f"at least {count} of {listed(list(alarms))} are {'not ' if is_negated else ''}in {state}"


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
