"""The expressions of an alarm -> what each results in: a number, a time series, an array; or what does not fit, where.

None of it depends on data, so an expression that passes here is evaluated without an error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from cwalarm.definitions.alarm import Query
from cwalarm.errors import InputError
from cwalarm.metric_math import expression, operators
from cwalarm.metric_math.functions import KEYWORDS
from cwalarm.metric_math.signatures import SIGNATURES, VALUES, ArgumentTypes, Kind, Type
from cwalarm.metric_math.syntax import Binary, Call, Listing, Minus, Name, Node, Number, Text, refusal

# Expressions may refer to one another; so deep, the levels of all of them together still fit Python's stack.
_MAXIMUM_DEPTH = 100

_SERIES = Type(Kind.SERIES)


class Checker:
    """Finds the types of the queries of one alarm."""

    def __init__(self, queries: Sequence[Query]) -> None:
        self._queries = {query.id: query for query in queries}
        self._types: dict[str, Type] = {}
        self._open: list[str] = []

    def result(self, query_id: str) -> Type:
        """Return what a query results in; raise InputError with the position of a part that does not fit."""
        if query_id not in self._types:
            query = self._queries[query_id]
            self._open.append(query_id)
            try:
                self._types[query_id] = _SERIES if query.metric else self._expression(query.expression or "")
            finally:
                self._open.pop()
        return self._types[query_id]

    def part(self, text: str, node: Node) -> Type:
        """Return what a part of the text of an expression results in."""
        return _Expression(text, self._queries, self._referred).type(node)

    def _expression(self, text: str) -> Type:
        return self.part(text, expression.parse(text))

    def _referred(self, name: str, refused: Callable[[str], InputError]) -> Type:
        if name in self._open:
            circle = " -> ".join([*self._open[self._open.index(name) :], name])
            raise refused(f"{name} refers to itself ({circle}), found")
        if name not in self._queries:
            raise refused(f"There is no metric or expression {name}, found")
        if len(self._open) > _MAXIMUM_DEPTH:
            raise refused(f"Expressions nested deeper than {_MAXIMUM_DEPTH} levels, found")
        return self.result(name)


class _Expression:
    """Finds the types in one expression."""

    def __init__(
        self,
        text: str,
        queries: Mapping[str, Query],
        referred: Callable[[str, Callable[[str], InputError]], Type],
    ) -> None:
        self._text = text
        self._periods = {query.id: query.metric.period_seconds for query in queries.values() if query.metric}
        self._referred = referred

    def type(self, node: Node) -> Type:
        """Return the type of a part."""
        match node:
            case Call():
                return self._called(node)
            case Minus(operand, position):
                return self._joined("-", Type(Kind.NUMBER, constant=0.0), self.type(operand), position)
            case Binary(operator, left, right, position):
                return self._joined(operator, self.type(left), self.type(right), position)
            case Listing(items, position):
                return self._listed([self.type(item) for item in items], position)
            case _:
                return self._leaf(node)

    def _leaf(self, node: Number | Text | Name) -> Type:
        match node:
            case Number(value):
                return Type(Kind.NUMBER, constant=value)
            case Name(name, position) if name not in KEYWORDS:
                return self._deeper(self._referred(name, lambda what: refusal(what, self._text, position)))
            case Name(name, _):
                return Type(Kind.KEYWORD, word=name)
            case Text(value):
                return Type(Kind.TEXT, word=value)

    def _called(self, node: Call) -> Type:
        types = tuple(self.type(argument) for argument in node.arguments)
        first = node.arguments[0] if node.arguments else None
        period = self._periods.get(first.name) if isinstance(first, Name) else None

        def refused(what: str) -> InputError:
            return refusal(what, self._text, node.position)

        call = ArgumentTypes(node.function, types, tuple(self._periods), period, refused)
        return self._deeper(SIGNATURES[node.function](call), *types)

    def _joined(self, operator: str, left: Type, right: Type, position: int) -> Type:
        for operand in (left, right):
            if operand.kind not in VALUES:
                what = f"Operator {operator} has {operand.kind} where a number or a time series belongs,"
                raise refusal(what, self._text, position)
        arrays = [operand for operand in (left, right) if operand.kind is Kind.ARRAY]
        if len(arrays) > 1 and (left.size is None or left.size != right.size):
            raise refusal(f"Operator {operator} has arrays of different lengths,", self._text, position)
        if arrays:
            return self._deeper(arrays[0], left, right)
        if Kind.SERIES in (left.kind, right.kind):
            return self._deeper(_SERIES, left, right)
        return self._deeper(Type(Kind.NUMBER, constant=_constant(operator, left, right)), left, right)

    def _listed(self, items: list[Type], position: int) -> Type:
        if not items or any(item.kind not in (Kind.SERIES, Kind.ARRAY) for item in items):
            raise refusal("Square brackets hold something else than time series,", self._text, position)
        counts = [item.series_count for item in items]
        total = None if None in counts else sum(count or 0 for count in counts)
        return self._deeper(Type(Kind.ARRAY, size=total), *items)

    def _deeper(self, result: Type, *below: Type) -> Type:
        depth = 1 + max(part.depth for part in (result, *below))
        if depth > _MAXIMUM_DEPTH:
            raise refusal(f"Expressions nested deeper than {_MAXIMUM_DEPTH} levels, found", self._text, 1)
        return replace(result, depth=depth)


def _constant(operator: str, left: Type, right: Type) -> float | None:
    if left.constant is None or right.constant is None:
        return None
    result = operators.binary(operator, left.constant, right.constant)
    return result if isinstance(result, float) else None
