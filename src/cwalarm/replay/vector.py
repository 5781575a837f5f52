"""Metric math over arrays: an expression whose value at a slot depends on that slot alone, for all slots at once.

The same rules as `operators` and `functions`; tests hold the two together. Functions that look along a series (RATE,
FILL with REPEAT, scalars) depend on the slots that one evaluation fetches, and are left to the plain evaluation.
"""

import math
from collections.abc import Callable
from typing import Any

from cwalarm.metric_math import syntax
from cwalarm.metric_math.operators import finite
from cwalarm.metric_math.syntax import Binary, Call, Minus, Name, Node, Number
from cwalarm.replay.minutes import Column
from cwalarm.replay.numeric import Flags, Floats, numpy

_UFUNCS = {"ABS": "abs", "CEIL": "ceil", "FLOOR": "floor"}
# NumPy rounds these differently than Python's mathematics does, so these are computed by Python, value by value.
_BY_VALUE: dict[str, Callable[..., float]] = {"LOG": math.log, "LOG10": math.log10, "^": math.pow}
_OPERATORS = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_MAY_DROP = {"+", "-", "*", "/", "^"}

Operand = float | Column


def is_pointwise(node: Node) -> bool:
    """Return whether an expression can be computed slot by slot."""
    return all(_is_pointwise(part) for part in syntax.walk(node))


def _is_pointwise(node: Node) -> bool:
    match node:
        case Number() | Minus() | Binary():
            return True
        case Name(name, _):
            return name.lower() == name or name[0].islower()
        case Call("IF", arguments, _):
            return len(arguments) in (2, 3)
        case Call("FILL", arguments, _):
            return len(arguments) == 2 and not (isinstance(arguments[1], Name) and arguments[1].name.isupper())
        case Call(function, arguments, _):
            return (function in _UFUNCS or function in _BY_VALUE) and len(arguments) == 1
        case _:
            return False


def evaluate(node: Node, columns: Callable[[str], Operand]) -> Operand:
    """Return the value of an expression for which `is_pointwise` holds; all columns have the same length."""
    with numpy().errstate(all="ignore"):
        return _Columns(columns).value(node)


class _Columns:
    def __init__(self, columns: Callable[[str], Operand]) -> None:
        self._columns = columns
        self._np = numpy()

    def value(self, node: Node) -> Operand:
        match node:
            case Number(value):
                return value
            case Name(name, _):
                return self._columns(name)
            case Minus(operand, _):
                return self._binary("*", -1.0, self.value(operand))
            case Binary(operator, left, right, _):
                return self._binary(operator, self.value(left), self.value(right))
            case Call(function, arguments, _):
                return self._call(function, [self.value(argument) for argument in arguments])
        raise TypeError(f"{node} is not pointwise")

    def _call(self, function: str, arguments: list[Operand]) -> Operand:
        if function == "IF":
            return self._if(*arguments)
        return self._fill(*arguments) if function == "FILL" else self._elementwise(function, arguments[0])

    def _elementwise(self, function: str, operand: Operand) -> Operand:
        values = _numbers(operand)
        ufunc = _UFUNCS.get(function)
        result = getattr(self._np, ufunc)(values) if ufunc else self._by_value(function, values)
        return self._finite(result, _missing(operand), is_scalar=not isinstance(operand, Column))

    def _binary(self, operator: str, left: Operand, right: Operand) -> Operand:
        np = self._np
        missing = _either_missing(left, right)
        is_scalar = not isinstance(left, Column) and not isinstance(right, Column)
        if operator in ("&&", "||"):
            join = np.logical_and if operator == "&&" else np.logical_or
            result = join(_truth(left), _truth(right))
        elif operator in _BY_VALUE:
            result = self._by_value(operator, _numbers(left), _numbers(right))
        else:
            result = getattr(np, _OPERATORS[operator])(_numbers(left), _numbers(right))
        if operator in _MAY_DROP:
            return self._finite(result, missing, is_scalar=is_scalar)
        return self._cleared(result, missing, is_scalar=is_scalar)

    def _by_value(self, function: str, *values: Any) -> Floats:
        """Return a function of each value; NaN where it has none."""

        def one(*numbers: float) -> float:
            result = finite(lambda: _BY_VALUE[function](*numbers))
            return math.nan if result is None else result

        return self._np.asarray(self._np.frompyfunc(one, len(values), 1)(*values), float)

    def _finite(self, result: Floats, missing: Flags | None, *, is_scalar: bool) -> Operand:
        """Drop what is not a finite number."""
        if is_scalar:
            # As in `operators`: NaN stands for a scalar without a value until it meets a series.
            return float(result) if math.isfinite(result) else math.nan
        dropped = ~self._np.isfinite(result)
        if dropped.any():
            missing = dropped if missing is None else missing | dropped
        return self._cleared(result, missing, is_scalar=False)

    def _cleared(self, result: Floats, missing: Flags | None, *, is_scalar: bool) -> Operand:
        if is_scalar:
            return float(result)
        if missing is not None:
            self._np.putmask(result, missing, 0)
        return Column(result, missing)

    def _if(self, condition: Operand, when_true: Operand, when_false: Operand | None = None) -> Operand:
        np = self._np
        if not isinstance(condition, Column):
            raise TypeError("the condition is a number")
        holds = _truth(condition)
        result = np.where(holds, _numbers(when_true), 0.0 if when_false is None else _numbers(when_false))
        missing = condition.missing
        if when_false is None:
            missing = _joined(missing, ~holds)
        elif not isinstance(when_true, Column) and isinstance(when_false, Column) and when_false.missing is not None:
            # After a number, a missing datapoint of the third argument drops the slot; everywhere else it counts as 0.
            missing = _joined(missing, ~holds & when_false.missing)
        return self._cleared(result, missing, is_scalar=False)

    def _fill(self, filled: Operand, filler: Operand) -> Operand:
        if not isinstance(filled, Column) or filled.missing is None:
            return filled
        result = self._np.where(filled.missing, _numbers(filler), _numbers(filled))
        spare = _missing(filler)
        return Column(result, None if spare is None else spare & filled.missing)


def _values(operand: Operand) -> Any:
    return operand.values if isinstance(operand, Column) else operand


def _numbers(operand: Operand) -> Any:
    """Return values to compute with; comparisons leave flags, which NumPy would not add up."""
    values = _values(operand)
    return values.astype(float) if _is_flags(values) else values


def _is_flags(values: Any) -> bool:
    return hasattr(values, "dtype") and values.dtype.kind == "b"


def _truth(operand: Operand) -> Any:
    values = _values(operand)
    return values if _is_flags(values) else values != 0


def _missing(operand: Operand) -> Flags | None:
    return operand.missing if isinstance(operand, Column) else None


def _either_missing(left: Operand, right: Operand) -> Flags | None:
    """Return where a result is missing: with one series where it is, with two where both are."""
    if isinstance(left, Column) and isinstance(right, Column):
        return None if left.missing is None or right.missing is None else left.missing & right.missing
    column, scalar = (left, right) if isinstance(left, Column) else (right, left)
    if isinstance(column, Column) and not isinstance(scalar, Column) and math.isnan(scalar):
        return numpy().ones(len(column.values), bool)
    return _missing(column)


def _joined(missing: Flags | None, more: Flags) -> Flags:
    return more if missing is None else missing | more
