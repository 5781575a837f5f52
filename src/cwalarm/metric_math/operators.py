"""Metric math's operators on scalars, time series and arrays.

CloudWatch's rules: where one of two series has no datapoint it counts as 0; where neither has one, neither has the
result; division by zero, and whatever else is not a finite number, drops the datapoint.
"""

import math
import operator
from collections.abc import Callable

from cwalarm.errors import InputError
from cwalarm.metric_math.values import Points, Value

_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "^": math.pow,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "&&": lambda left, right: left != 0 and right != 0,
    "||": lambda left, right: left != 0 or right != 0,
}


def binary(symbol: str, left: Value, right: Value) -> Value:
    """Return the result of an operator; raise InputError for text and for arrays of different lengths."""
    if isinstance(left, str) or isinstance(right, str):
        raise InputError(
            f"Operator {symbol} has an operand that is neither a number nor a time series.", kind="expression"
        )
    operation = _OPERATIONS[symbol]
    if isinstance(left, tuple) or isinstance(right, tuple):
        return tuple(_series(operation, one, other) for one, other in _paired(symbol, left, right))
    if isinstance(left, list) or isinstance(right, list):
        return _series(operation, left, right)
    # A scalar cannot be missing: NaN stands for it until it meets a series, where it drops every datapoint.
    result = None if math.isnan(left) or math.isnan(right) else _apply(operation, left, right)
    return math.nan if result is None else result


def negative(value: Value) -> Value:
    """Return the value with its sign turned."""
    return (
        binary("-", 0.0, value)
        if not isinstance(value, list)
        else [None if number is None else -number for number in value]
    )


def finite(compute: Callable[[], float]) -> float | None:
    """Return a computed value, or None where it is not a finite real number."""
    try:
        result = float(compute())
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return result if math.isfinite(result) else None


def _apply(operation: Callable[[float, float], float], left: float, right: float) -> float | None:
    try:
        result = float(operation(left, right))
    except (ZeroDivisionError, OverflowError, ValueError):
        return None
    return result if math.isfinite(result) else None


def _series(operation: Callable[[float, float], float], left: float | Points, right: float | Points) -> Points:
    if isinstance(left, list) and isinstance(right, list):
        return [
            None if one is None and other is None else _apply(operation, one or 0.0, other or 0.0)
            for one, other in zip(left, right, strict=True)
        ]
    if isinstance(left, list) and not isinstance(right, list):
        return [None if value is None or math.isnan(right) else _apply(operation, value, right) for value in left]
    if isinstance(right, list) and not isinstance(left, list):
        return [None if value is None or math.isnan(left) else _apply(operation, left, value) for value in right]
    raise TypeError("at least one operand is a time series")


def _paired(
    symbol: str, left: float | Points | tuple[Points, ...], right: float | Points | tuple[Points, ...]
) -> list[tuple[float | Points, float | Points]]:
    """Return the operands of each series of an array operation; a single operand meets every series of the other."""
    size = len(left) if isinstance(left, tuple) else len(right)  # type: ignore[arg-type]
    lefts = left if isinstance(left, tuple) else (left,) * size
    rights = right if isinstance(right, tuple) else (right,) * size
    if len(lefts) != len(rights):
        raise InputError(
            f"Operator {symbol} has arrays of {len(lefts)} and {len(rights)} time series.", kind="expression"
        )
    return list(zip(lefts, rights, strict=True))
