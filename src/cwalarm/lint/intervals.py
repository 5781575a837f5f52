"""An expression -> an interval that holds every value it can have, whatever the data: what proves that none breaches.

Each part is bounded by its own parts alone, so the interval may be wider than the truth, and is never narrower.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cwalarm.definitions.alarm import Alarm, Comparison, MetricStat
from cwalarm.evaluation.evaluate import returned
from cwalarm.evaluation.statistic import percentile_fraction
from cwalarm.metric_math import expression
from cwalarm.metric_math.functions import KEYWORDS
from cwalarm.metric_math.syntax import Binary, Call, Listing, Minus, Name, Node, Number


class Interval(NamedTuple):
    """From the least to the greatest value; `low` beyond `high` where there is no value at all."""

    low: float = -math.inf
    high: float = math.inf


ANY = Interval()
_FLAG = Interval(0, 1)
_COMPARISONS = {"==", "!=", "<", "<=", ">", ">=", "&&", "||"}
_OF_TIME = {
    "MINUTE": Interval(0, 59),
    "HOUR": Interval(0, 23),
    "DAY": Interval(1, 7),
    "DATE": Interval(1, 31),
    "MONTH": Interval(1, 12),
    "YEAR": Interval(1970, 9999),
    "EPOCH": Interval(0, math.inf),
}


def breaching(alarm: Alarm) -> tuple[bool, bool]:
    """Return whether a value of the alarm may breach its threshold, and whether one may not."""
    low, high = of_alarm(alarm)
    threshold = alarm.threshold
    may, may_not = {
        Comparison.ABOVE: (high > threshold, low <= threshold),
        Comparison.AT_LEAST: (high >= threshold, low < threshold),
        Comparison.BELOW: (low < threshold, high >= threshold),
        Comparison.AT_MOST: (low <= threshold, high > threshold),
    }[alarm.comparison]
    return may, may_not


def of_alarm(alarm: Alarm) -> Interval:
    """Return an interval that holds every value that the alarm compares with its threshold."""
    queries = {query.id: query for query in alarm.queries}

    def of(query_id: str) -> Interval:
        query = queries[query_id]
        return _of_metric(query.metric) if query.metric else _of(expression.parse(query.expression or ""), of)

    return of(returned(alarm))


def _of_metric(metric: MetricStat) -> Interval:
    name = metric.statistic.lower()
    if name == "samplecount" or name.startswith("tc"):
        return Interval(0)
    if name.startswith("pr"):
        return Interval(0, 100)
    # "Percentile statistics are not available for metrics when any of the metric values are negative numbers."
    return Interval(0) if percentile_fraction(metric.statistic) is not None else ANY


def _of(node: Node, of: Callable[[str], Interval]) -> Interval:
    result = ANY
    match node:
        case Number(value):
            result = Interval(value, value)
        case Name(name, _):
            result = of(name)
        case Minus(operand, _):
            low, high = _of(operand, of)
            result = Interval(-high, -low)
        case Binary(operator, left, right, _):
            result = _joined(operator, _of(left, of), _of(right, of))
        case Listing(items, _):
            result = _hull([_of(item, of) for item in items])
        case Call(function, arguments, _):
            # A keyword, such as REPEAT, is no value.
            values = [part for part in arguments if not (isinstance(part, Name) and part.name in KEYWORDS)]
            result = _called(function, [_of(part, of) for part in values])
    return result


def _joined(operator: str, left: Interval, right: Interval) -> Interval:
    if operator in _COMPARISONS:
        return _FLAG
    # A missing operand counts as 0 where the other is there.
    left, right = _hull([left, Interval(0, 0)]), _hull([right, Interval(0, 0)])
    if operator == "+":
        return Interval(left.low + right.low, left.high + right.high)
    if operator == "-":
        return Interval(left.low - right.high, left.high - right.low)
    if operator == "*":
        ends = [_product(one, other) for one in left for other in right]
        return Interval(min(ends), max(ends))
    if operator == "/" and left.low >= 0 and right.low >= 0:
        return Interval(0)
    return ANY


def _product(left: float, right: float) -> float:
    return 0.0 if 0 in (left, right) else left * right


def _called(function: str, arguments: Sequence[Interval]) -> Interval:
    if function in _OF_TIME:
        return _OF_TIME[function]
    compute = _FUNCTIONS.get(function)
    return compute(arguments) if compute and arguments else ANY


def _absolute(arguments: Sequence[Interval]) -> Interval:
    low, high = arguments[0]
    return Interval(0 if low <= 0 <= high else min(abs(low), abs(high)), max(abs(low), abs(high)))


def _rounded(arguments: Sequence[Interval]) -> Interval:
    low, high = arguments[0]
    return Interval(low if math.isinf(low) else math.floor(low), high if math.isinf(high) else math.ceil(high))


def _summed(arguments: Sequence[Interval]) -> Interval:
    return Interval(0) if arguments[0].low >= 0 else ANY


def _with_zero(arguments: Sequence[Interval]) -> Interval:
    return _hull([*arguments, Interval(0, 0)])


def _hull(intervals: Sequence[Interval]) -> Interval:
    return Interval(min(one.low for one in intervals), max(one.high for one in intervals))


_FUNCTIONS: dict[str, Callable[[Sequence[Interval]], Interval]] = {
    "FILL": _hull,
    # A branch without a datapoint counts as 0.
    "IF": lambda arguments: _with_zero(arguments[1:]),
    "ABS": _absolute,
    "CEIL": _rounded,
    "FLOOR": _rounded,
    "AVG": _with_zero,
    "SUM": _summed,
    "RUNNING_SUM": _summed,
    # Every value of these is one of the argument's, or lies between two of them.
    **dict.fromkeys(
        ("MAX", "MIN", "FIRST", "LAST", "SLICE", "SORT", "REMOVE_EMPTY", "TIME_SERIES"), lambda arguments: arguments[0]
    ),
    **dict.fromkeys(("METRIC_COUNT", "DATAPOINT_COUNT", "STDDEV", "DIFF_TIME", "PERIOD"), lambda _: Interval(0)),
}
