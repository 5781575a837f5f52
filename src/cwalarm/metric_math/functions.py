"""Metric math's functions: name -> implementation. What AWS alone can answer is refused by name.

Follows "Functions supported for metric math" of the CloudWatch user guide.
"""

import math
from collections.abc import Callable
from datetime import UTC, datetime

from cwalarm.errors import InputError
from cwalarm.metric_math import arrays, gaps
from cwalarm.metric_math.operators import finite
from cwalarm.metric_math.values import Arguments, Points, Value

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


_FIELDS: dict[str, Callable[[datetime], float]] = {
    "MINUTE": lambda moment: moment.minute,
    "HOUR": lambda moment: moment.hour,
    "DAY": lambda moment: moment.isoweekday(),
    "DATE": lambda moment: moment.day,
    "MONTH": lambda moment: moment.month,
    "YEAR": lambda moment: moment.year,
    "EPOCH": lambda moment: moment.timestamp(),
}


def _pointwise(compute: Callable[[float], float]) -> Callable[[Arguments], Value]:
    """Return a function that works on every datapoint by itself."""

    def point(value: float | None) -> float | None:
        return None if value is None else finite(lambda: compute(value))

    def applied(arguments: Arguments) -> Value:
        value = arguments.values[0]
        if isinstance(value, (int, float)):
            result = point(value)
            return math.nan if result is None else result
        series = tuple(list(map(point, points)) for points in arguments.array(0))
        return series if isinstance(value, tuple) else series[0]

    return applied


def _if(arguments: Arguments) -> Value:
    """IF(condition, then[, else]): a condition without a datapoint drops the slot."""
    condition = arguments.values[0]
    when_true, when_false = arguments.values[1], arguments.values[2] if len(arguments.values) > 2 else None
    if isinstance(condition, (int, float)):
        chosen = when_true if condition != 0 and not math.isnan(condition) else when_false
        if (
            isinstance(chosen, (int, float))
            and isinstance(when_true, (int, float))
            and not isinstance(when_false, list)
        ):
            return chosen
        series = (len(value) for value in arguments.values if isinstance(value, list))
        return [_branch(chosen, slot, None) for slot in range(next(series, len(arguments.frame.starts)))]
    # The user guide's tables: a branch without a datapoint counts as 0, but the third argument after a number drops it.
    fallback = None if isinstance(when_true, (int, float)) else 0.0
    return [
        None if value is None else _branch(when_true, slot, 0.0) if value != 0 else _branch(when_false, slot, fallback)
        for slot, value in enumerate(arguments.series(0))
    ]


def _branch(value: Value | None, slot: int, fallback: float | None) -> float | None:
    if value is None or isinstance(value, (int, float)):
        return None if value is None or math.isnan(value) else value
    if not isinstance(value, list):
        raise InputError("A branch of IF must be a number or a time series.", kind="expression")
    return fallback if value[slot] is None else value[slot]


def _time_series(arguments: Arguments) -> Value:
    value = arguments.scalar(0)
    points: Points = [None if math.isnan(value) else value] * len(arguments.frame.starts)
    return points


def _of_time(name: str) -> Callable[[Arguments], Value]:
    def applied(arguments: Arguments) -> Value:
        if len(arguments.series(0)) != len(arguments.frame.starts):
            raise InputError(f"{name} needs to know the slots' times.", kind="expression")
        return [float(_FIELDS[name](datetime.fromtimestamp(start, UTC))) for start in arguments.frame.starts]

    return applied


def _period(arguments: Arguments) -> Value:
    if arguments.ids[0] not in arguments.frame.metrics:
        raise arguments.misfit(0, "a metric, not an expression")
    return float(arguments.frame.period_seconds)


FUNCTIONS: dict[str, Callable[[Arguments], Value]] = {
    "ABS": _pointwise(abs),
    "CEIL": _pointwise(math.ceil),
    "FLOOR": _pointwise(math.floor),
    "LOG": _pointwise(math.log),
    "LOG10": _pointwise(math.log10),
    "IF": _if,
    "TIME_SERIES": _time_series,
    **gaps.FUNCTIONS,
    **arrays.FUNCTIONS,
    **{name: _of_time(name) for name in _FIELDS},
    "PERIOD": _period,
}
