"""Metric math over arrays: an expression for many evaluations at once.

The same rules as `cwalarm.metric_math`; tests hold the two together. Functions that look along a series (RATE, FILL
with REPEAT, a series folded into a number) need the rows of `values`; all others work slot by slot.
"""

import math
from collections.abc import Callable
from typing import Any

from cwalarm.metric_math.functions import KEYWORDS
from cwalarm.metric_math.operators import finite as finite_or_none
from cwalarm.metric_math.syntax import Binary, Call, Listing, Minus, Name, Node, Number, Text
from cwalarm.replay import along, folds, times
from cwalarm.replay.numeric import Flags, Floats, numpy
from cwalarm.replay.values import (
    Column,
    Columns,
    Operand,
    VectorFrame,
    cleared,
    finite,
    finite_number,
    is_number,
    missing_of,
    spread,
)

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
    "&&": "logical_and",
    "||": "logical_or",
}
_MAY_DROP = {"+", "-", "*", "/", "^"}
_ALONG: dict[str, Callable[[Column, float], Column]] = {
    "DIFF": lambda column, _: along.steps(column, lambda _slots, change: change),
    "DIFF_TIME": lambda column, seconds: along.steps(column, lambda slots, _: slots * seconds),
    "RATE": lambda column, seconds: along.steps(column, lambda slots, change: change / (slots * seconds)),
    "RUNNING_SUM": lambda column, _: along.running(column),
}
_OF_ARRAYS: dict[str, Callable[[Columns], Operand]] = {
    "FIRST": lambda array: array.members[0],
    "LAST": folds.last,
    "REMOVE_EMPTY": folds.without_empty,
}
# Functions whose value in a slot depends on the other slots of the evaluation.
ALONG = frozenset({*_ALONG, "SORT", "REMOVE_EMPTY"})


def evaluate(node: Node, lookup: Callable[[str], Operand], frame: VectorFrame) -> Operand:
    """Return the value of an expression that `method` takes; `lookup` returns that of an id."""
    with numpy().errstate(all="ignore"):
        return _Evaluation(lookup, frame).value(node)


class _Evaluation:
    def __init__(self, lookup: Callable[[str], Operand], frame: VectorFrame) -> None:
        self._lookup = lookup
        self._frame = frame

    def value(self, node: Node) -> Operand:
        match node:
            case Number(value):
                return value
            case Name(name, _):
                return self._lookup(name)
            case Minus(operand, _):
                return _binary("-", 0.0, self.value(operand))
            case Binary(operator, left, right, _):
                return _binary(operator, self.value(left), self.value(right))
            case Listing(items, _):
                return folds.listed([_array(self.value(item)) for item in items])
            case Call(function, arguments, _):
                return self._called(function, arguments)
        raise TypeError(f"{node} is no value")

    def _called(self, function: str, nodes: tuple[Node, ...]) -> Operand:
        """Call a function; keywords, texts and names are its own to read."""
        words = [_word(node) for node in nodes]
        if function == "METRICS":
            return folds.listed(
                [_array(self._lookup(name)) for name in self._frame.metric_ids if "".join(words) in name]
            )
        values = [self.value(node) for node, word in zip(nodes, words, strict=True) if not word]
        if function == "IF":
            return self._if(*values)
        return self._of_floats(function, words, [_as_floats(value) for value in values])

    def _of_floats(self, function: str, words: list[str], values: list[Operand]) -> Operand:
        """Call a function that takes no flags of a comparison."""
        match function:
            case "PERIOD":
                return float(self._frame.period_seconds)
            case "TIME_SERIES":
                return spread(values[0], self._frame.starts.shape)
            case "FILL":
                return _mapped(values[0], _filler(words[1], values[-1]))
            case "SORT":
                limit = _whole(values[1]) if len(values) > 1 else None
                return folds.sorted_by(words[1], _array(values[0]), limit, descending=words[2] == "DESC")
            case "SLICE":
                return folds.sliced(_array(values[0]), _whole(values[1]), *map(_whole, values[2:]))
            case _:
                return self._of_one(function, values[0])

    def _of_one(self, function: str, value: Operand) -> Operand:
        """Call a function of one argument."""
        if function in folds.FOLDS:
            return self._folded(function, value)
        if function in times.FIELDS:
            return Column(times.field(function, self._frame.starts))
        if function in _ALONG:
            return _mapped(value, lambda column: _ALONG[function](column, float(self._frame.period_seconds)))
        if function == "METRIC_COUNT":
            return folds.number_of(value)
        if function in _OF_ARRAYS:
            array = _array(value)
            return (function != "REMOVE_EMPTY" and self._nothing(array)) or _OF_ARRAYS[function](array)
        return _mapped(value, lambda column: finite(_elementwise(function, column.values), column.missing), function)

    def _nothing(self, array: Columns) -> Column | None:
        """Return a series without datapoints if no evaluation has a series left."""
        return None if array.members else spread(math.nan, self._frame.starts.shape)

    def _folded(self, function: str, value: Operand) -> Operand:
        if isinstance(value, Columns):
            return self._nothing(value) or folds.of_array(function, value)
        return folds.of_series(function, value) if isinstance(value, Column) else value

    def _if(self, condition: Operand, when_true: Operand, when_false: Operand | None = None) -> Operand:
        if isinstance(condition, Column):
            return _chosen_by_slot(condition, when_true, when_false)
        np = numpy()
        holds = np.nan_to_num(np.asarray(condition, float)) != 0
        if is_number(when_true) and is_number(when_false):
            return finite_number(np.where(holds, when_true, when_false))
        shape = self._frame.starts.shape
        one, other = (_as_column(branch, shape) for branch in (when_true, when_false))
        missing = np.where(holds, missing_of(one), missing_of(other))
        return cleared(np.where(holds, one.values, other.values), missing)


def _word(node: Node) -> str:
    """Return a keyword or a text; empty for anything else."""
    match node:
        case Name(name, _) if name in KEYWORDS:
            return name
        case Text(value):
            return value
    return ""


def _whole(value: Operand) -> int:
    return int(float(value))  # type: ignore[arg-type]


def _array(value: Operand) -> Columns:
    if isinstance(value, Column):
        return Columns((value,))
    if not isinstance(value, Columns):
        raise TypeError("a number is no array of series")
    return value


def _mapped(value: Operand, compute: Callable[[Column], Column], function: str = "") -> Operand:
    """Return a function of each series, or of a number."""
    if isinstance(value, Column):
        return compute(value)
    return value.mapped(compute) if isinstance(value, Columns) else finite_number(_elementwise(function, value))


def _elementwise(function: str, values: Floats) -> Floats:
    return getattr(numpy(), _UFUNCS[function])(_floats(values)) if function in _UFUNCS else _by_value(function, values)


def _by_value(function: str, *values: Any) -> Floats:
    """Return a function of each value; NaN where it has none."""
    np = numpy()

    def one(*numbers: float) -> float:
        result = finite_or_none(lambda: _BY_VALUE[function](*numbers))
        return math.nan if result is None else result

    return np.asarray(np.frompyfunc(one, len(values), 1)(*map(_floats, values)), float)


def _binary(operator: str, left: Operand, right: Operand) -> Operand:
    if isinstance(left, Columns) or isinstance(right, Columns):
        return _array_binary(operator, left, right)
    if is_number(left) and is_number(right):
        is_none = numpy().isnan(left) | numpy().isnan(right)
        return finite_number(numpy().where(is_none, math.nan, _computed(operator, left, right)))
    result = _computed(operator, _values(left), _values(right))
    missing = _either_missing(left, right, result)
    return finite(result, missing) if operator in _MAY_DROP else cleared(result, missing)


def _array_binary(operator: str, left: Operand, right: Operand) -> Operand:
    if not isinstance(left, Columns):
        return _array(right).mapped(lambda column: _column(_binary(operator, left, column)))
    if not isinstance(right, Columns):
        return left.mapped(lambda column: _column(_binary(operator, column, right)))
    pairs = zip(left.members, right.members, strict=True)
    return Columns(tuple(_column(_binary(operator, *pair)) for pair in pairs))


def _column(value: Operand) -> Column:
    if not isinstance(value, Column):
        raise TypeError("an operation on a series gives a series")
    return value


def _computed(operator: str, left: Any, right: Any) -> Floats:
    np = numpy()
    if operator in ("&&", "||"):
        return getattr(np, _OPERATORS[operator])(_truth(left), _truth(right))
    if operator in _BY_VALUE:
        return _by_value(operator, left, right)
    return getattr(np, _OPERATORS[operator])(_floats(left), _floats(right))


def _chosen_by_slot(condition: Column, when_true: Operand, when_false: Operand | None) -> Column:
    np = numpy()
    holds = _truth(condition.values)
    no, yes = (0.0 if when_false is None else _values(when_false)), _values(when_true)
    missing = condition.missing
    for branch, places in ((when_true, holds), (when_false, ~holds)):
        # After a number, a missing datapoint of the third argument drops the slot; everywhere else it counts as 0.
        drops = branch is when_false and is_number(when_true)
        gone = _dropped(branch, drops=drops)
        if gone is not None:
            missing = _joined(missing, places & gone)
    return cleared(np.where(holds, _floats(yes), _floats(no)), missing)


def _dropped(branch: Operand | None, *, drops: bool) -> Flags | None:
    """Return where a branch of IF has no datapoint; None if it always has one, or a 0 in its place."""
    if branch is None:
        return numpy().ones((), bool)
    if isinstance(branch, Column):
        return branch.missing if drops else None
    none = numpy().isnan(branch)
    return none if none.any() else None


def _as_column(value: Operand | None, shape: tuple[int, ...]) -> Column:
    if isinstance(value, Column):
        return Column(_floats(value.values), value.missing)
    return spread(math.nan if value is None else value, shape)


def _filler(word: str, filler: Operand) -> Callable[[Column], Column]:
    """Return what fills the gaps of a series."""
    if word == "REPEAT":
        return along.repeated
    return along.interpolated if word == "LINEAR" else lambda column: _filled(column, filler)


def _filled(column: Column, filler: Operand) -> Column:
    if column.missing is None:
        return column
    np = numpy()
    result = np.where(column.missing, _floats(_values(filler)), _floats(column.values))
    spare = filler.missing if isinstance(filler, Column) else np.isnan(filler)
    return cleared(result, None if spare is None or not spare.any() else column.missing & spare)


def _as_floats(value: Operand) -> Operand:
    if isinstance(value, Columns):
        return Columns(tuple(Column(_floats(member.values), member.missing) for member in value.members), value.count)
    return Column(_floats(value.values), value.missing) if isinstance(value, Column) else value


def _values(operand: Operand | None) -> Any:
    return operand.values if isinstance(operand, Column) else operand


def _floats(values: Any) -> Any:
    """Return values to compute with; comparisons leave flags, which NumPy would not add up."""
    return values.astype(float) if _is_flags(values) else values


def _is_flags(values: Any) -> bool:
    return hasattr(values, "dtype") and values.dtype.kind == "b"


def _truth(values: Any) -> Any:
    return values if _is_flags(values) else numpy().not_equal(values, 0)


def _either_missing(left: Operand, right: Operand, like: Floats) -> Flags | None:
    """Return where a result is missing: with one series where it is, with two where both are."""
    if isinstance(left, Column) and isinstance(right, Column):
        return None if left.missing is None or right.missing is None else left.missing & right.missing
    column, number = (left, right) if isinstance(left, Column) else (right, left)
    missing = column.missing if isinstance(column, Column) else None
    none = numpy().isnan(number)
    return _joined(missing, numpy().broadcast_to(none, like.shape)) if none.any() else missing


def _joined(missing: Flags | None, more: Flags) -> Flags:
    return more if missing is None else missing | more
