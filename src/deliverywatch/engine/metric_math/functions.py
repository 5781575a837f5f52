"""Metric math's functions: name -> implementation. What AWS alone can answer is refused by name.

Follows "Functions supported for metric math" of the CloudWatch user guide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from deliverywatch.engine.metric_math import arrays, clock_functions, gaps
from deliverywatch.engine.metric_math.operators import finite
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.engine.metric_math.values import Call, Points, Value

KEYWORDS = {"REPEAT", "LINEAR", "ASC", "DESC", "AVG", "MIN", "MAX", "SUM"}

REFUSED = {
    "ANOMALY_DETECTION_BAND": "AWS learns the band from the metric and does not publish it",
    "DB_PERF_INSIGHTS": "its data lies in Performance Insights, not in CloudWatch",
    "INSIGHT_RULE_METRIC": "its data lies in Contributor Insights, not in metrics",
    "LAMBDA": "it calls a Lambda function for its data",
    "SEARCH": "CloudWatch allows no alarm on it: it returns any number of time series",
    "SELECT": "Metrics Insights queries read metrics that the alarm does not name",
    "SERVICE_QUOTA": "the quota is known to AWS only",
}


def _each(compute: Callable[[float], float]) -> Callable[[Call], Value]:
    """Return a function that works on every datapoint by itself."""

    def point(value: float | None) -> float | None:
        return None if value is None else finite(lambda: compute(value))

    def applied(call: Call) -> Value:
        call.count(1, 1)
        value = call.values[0]
        if isinstance(value, (int, float)):
            result = point(value)
            return math.nan if result is None else result
        found = tuple([point(each) for each in one] for one in call.array(0))
        return found if isinstance(value, tuple) else found[0]

    return applied


def _if(call: Call) -> Value:
    """IF(condition, then[, else]): a condition without a datapoint drops the slot."""
    call.count(2, 3)
    condition = call.values[0]
    when_true, when_false = call.values[1], call.values[2] if len(call.values) > 2 else None
    if isinstance(condition, (int, float)):
        chosen = when_true if condition != 0 and not math.isnan(condition) else when_false
        if (
            isinstance(chosen, (int, float))
            and isinstance(when_true, (int, float))
            and not isinstance(when_false, list)
        ):
            return chosen
        return [_branch(chosen, slot, None) for slot in range(_slots(call))]
    # The user guide's tables: a branch without a datapoint counts as 0, but the third argument after a number drops it.
    fallback = None if isinstance(when_true, (int, float)) else 0.0
    return [
        None if each is None else _branch(when_true, slot, 0.0) if each != 0 else _branch(when_false, slot, fallback)
        for slot, each in enumerate(call.series(0))
    ]


def _branch(value: Value | None, slot: int, fallback: float | None) -> float | None:
    if value is None or isinstance(value, (int, float)):
        return None if value is None or math.isnan(value) else value
    if not isinstance(value, list):
        raise InputError("A branch of IF must be a number or a time series.", kind="expression")
    return fallback if value[slot] is None else value[slot]


def _slots(call: Call) -> int:
    return next((len(value) for value in call.values if isinstance(value, list)), len(call.frame.starts))


def _time_series(call: Call) -> Value:
    call.count(1, 1)
    value = call.scalar(0)
    filled: Points = [None if math.isnan(value) else value] * len(call.frame.starts)
    return filled


FUNCTIONS: dict[str, Callable[[Call], Value]] = {
    "ABS": _each(abs),
    "CEIL": _each(math.ceil),
    "FLOOR": _each(math.floor),
    "LOG": _each(math.log),
    "LOG10": _each(math.log10),
    "IF": _if,
    "TIME_SERIES": _time_series,
    **gaps.FUNCTIONS,
    **arrays.FUNCTIONS,
    **clock_functions.FUNCTIONS,
}
