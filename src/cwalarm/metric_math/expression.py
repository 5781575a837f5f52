"""Metric math: the text of an expression -> values per slot.

Follows "Metric math syntax and functions" of the CloudWatch user guide. A time series is a list with one value per
slot, None where it has no datapoint; a scalar is a float; an array of time series is a tuple of lists.
"""

from collections.abc import Callable
from functools import lru_cache

from cwalarm.errors import InputError
from cwalarm.metric_math import syntax
from cwalarm.metric_math.functions import FUNCTIONS, KEYWORDS, REFUSED
from cwalarm.metric_math.operators import binary, negative
from cwalarm.metric_math.syntax import Binary, Call, Listing, Minus, Name, Node, Number, Text, refusal
from cwalarm.metric_math.values import Arguments, Array, Frame, Points, Value


@lru_cache(maxsize=1024)
def parse(text: str) -> Node:
    """Return the tree of an expression.

    Raises:
        InputError: It is none, or a function is unknown or needs AWS; the message names the position.
    """
    if text.lstrip().upper().startswith("SELECT "):
        raise refusal(_why_not("SELECT"), text, 1)
    tree = syntax.read(text)
    for node in syntax.walk(tree):
        if isinstance(node, Call) and node.function not in FUNCTIONS:
            raise refusal(_why_not(node.function), text, node.position)
    return tree


def _why_not(function: str) -> str:
    if reason := REFUSED.get(function):
        return f"{function} is not evaluated ({reason}), found"
    hint = f" (write {function.upper()})" if function.upper() in FUNCTIONS else ""
    return f"Unknown function {function}{hint}"


def names(node: Node) -> frozenset[str]:
    """Return the ids that an expression refers to."""
    return frozenset(part.name for part in syntax.walk(node) if isinstance(part, Name) and part.name not in KEYWORDS)


def calls(node: Node) -> list[Call]:
    """Return the calls of functions in an expression."""
    return [part for part in syntax.walk(node) if isinstance(part, Call)]


def evaluate(node: Node, values: Callable[[str], Value], frame: Frame) -> Value:
    """Return what an expression is worth; `values` returns the value of an id, all series one entry per slot.

    Raises InputError where an operand is of a type that does not fit.
    """
    return _Evaluation(values, frame).value(node)


class _Evaluation:
    def __init__(self, lookup: Callable[[str], Value], frame: Frame) -> None:
        self._lookup = lookup
        self._frame = frame

    def value(self, node: Node) -> Value:
        match node:
            case Number(value) | Text(value):
                return value
            case Name(name, _):
                return name if name in KEYWORDS else self._lookup(name)
            case Minus(operand, _):
                return negative(self.value(operand))
            case Binary(operator, left, right, _):
                return binary(operator, self.value(left), self.value(right))
            case Listing(items, _):
                return self._array(items)
            case Call(function, arguments, _):
                values = tuple(self.value(argument) for argument in arguments)
                ids = tuple(argument.name if isinstance(argument, Name) else None for argument in arguments)
                return FUNCTIONS[function](Arguments(function, values, self._frame, ids))

    def _array(self, items: tuple[Node, ...]) -> Array:
        """Return the series in brackets; arrays inside are laid out flat."""
        series: list[Points] = []
        for value in map(self.value, items):
            if not isinstance(value, (list, tuple)):
                raise InputError("An array in square brackets holds something that is not a time series.")
            series.extend(value if isinstance(value, tuple) else [value])
        return tuple(series)
