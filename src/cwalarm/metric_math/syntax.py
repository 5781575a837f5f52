"""The text of a metric-math expression -> its tokens -> a tree.

Follows "Metric math syntax and functions" of the CloudWatch user guide. AWS does not publish how its operators
bind: here they do as in arithmetic: `^` first (from the right), then the minus sign, `* /`, `+ -`, comparisons, AND,
OR.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from cwalarm.errors import InputError

# CloudWatch takes expressions of up to 2,048 characters.
MAXIMUM_CHARACTERS = 2048

# Bounds on the tree, so that no text can exhaust the stack; an alarm holds at most ten metrics.
MAXIMUM_DEPTH = 50
MAXIMUM_OPERATORS = 100

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<operator>&&|\|\||==|!=|<=|>=|[-+*/^<>(),\[\]])
    )""",
    re.VERBOSE | re.ASCII,
)
_SPELLED = {"AND": "&&", "OR": "||"}
_BINDING = {
    **dict.fromkeys(("||",), 1),
    **dict.fromkeys(("&&",), 2),
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/"), 5),
    "^": 7,
}
_MINUS_BINDING = 6


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression; `position` counts characters from 1."""

    kind: str
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Number:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Text:
    """Text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Name:
    """The id of a metric or of another expression, or a keyword such as REPEAT."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Minus:
    """A minus sign before an operand."""

    operand: Node
    position: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands and the operator between them."""

    operator: str
    left: Node
    right: Node
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    function: str
    arguments: tuple[Node, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Listing:
    """Values in square brackets."""

    items: tuple[Node, ...]
    position: int


Node = Number | Text | Name | Minus | Binary | Call | Listing


def read(text: str) -> Node:
    """Return the tree of an expression; raise InputError with the position if the text is none."""
    return _Parser(text).whole()


def refusal(what: str, text: str, position: int) -> InputError:
    """Return the error that says what is wrong with an expression, and where."""
    return InputError(
        f"{what} at character {position} of the expression {text!r}.",
        kind="expression",
        next_step="Correct the expression: CloudWatch would refuse it too, or the engine does not evaluate it.",
    )


def _tokens(text: str) -> list[Token]:
    """Return the tokens of an expression, closed by one of kind `end`."""
    if len(text) > MAXIMUM_CHARACTERS:
        raise refusal(f"More than {MAXIMUM_CHARACTERS} characters", text[:40] + "...", MAXIMUM_CHARACTERS)
    read, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise refusal(f"Unexpected {text[start]!r}", text, start + 1)
        kind = match.lastgroup
        read.append(Token(kind, match[kind], match.start(kind) + 1))
        position = match.end()
    return [*read, Token("end", "", len(text) + 1)]


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for child in _children(node):
        yield from walk(child)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Minus(operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case Listing(items, _):
            return items
        case _:
            return ()


class _Parser:
    """Reads one expression by precedence climbing."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._index = 0
        self._operators = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._operand_chain(0)
        if self._next.kind != "end":
            raise self._unexpected()
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._index]

    def _take(self) -> Token:
        self._index += 1
        return self._tokens[self._index - 1]

    def _operand_chain(self, least: int) -> Node:
        """Read operands joined by operators that bind at least so much."""
        self._depth += 1
        if self._depth > MAXIMUM_DEPTH:
            raise refusal(f"Nesting deeper than {MAXIMUM_DEPTH}", self._text, self._next.position)
        left = self._operand()
        while (binding := _BINDING.get(self._operator(), -1)) >= max(least, 0) and binding > 0:
            left = self._joined(left, binding)
        self._depth -= 1
        return left

    def _joined(self, left: Node, binding: int) -> Node:
        operator, token = self._operator(), self._take()
        self._operators += 1
        if self._operators > MAXIMUM_OPERATORS:
            raise refusal(f"More than {MAXIMUM_OPERATORS} operators", self._text, token.position)
        right = self._operand_chain(binding if operator == "^" else binding + 1)
        return Binary(operator, left, right, token.position)

    def _operator(self) -> str:
        token = self._next
        return _SPELLED.get(token.text, token.text) if token.kind in ("operator", "name") else ""

    def _operand(self) -> Node:
        token = self._next
        if token.kind == "number":
            return self._number()
        if token.kind == "text":
            return Text(self._take().text[1:-1])
        if token.kind == "name" and token.text not in _SPELLED:
            return self._name()
        return self._signed_or_grouped()

    def _signed_or_grouped(self) -> Node:
        match self._next.text:
            case "-":
                position = self._take().position
                return Minus(self._operand_chain(_MINUS_BINDING), position)
            case "(":
                self._take()
                node = self._operand_chain(0)
                self._expect(")")
                return node
            case "[":
                position = self._take().position
                return Listing(self._arguments("]"), position)
            case _:
                raise self._unexpected()

    def _number(self) -> Node:
        token = self._take()
        if math.isinf(float(token.text)):
            raise refusal(f"{token.text[:20]} is too large a number,", self._text, token.position)
        return Number(float(token.text))

    def _name(self) -> Node:
        token = self._take()
        if self._next.text != "(":
            return Name(token.text, token.position)
        self._take()
        return Call(token.text, self._arguments(")"), token.position)

    def _arguments(self, bracket: str) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while self._next.text != bracket or nodes:
            nodes.append(self._operand_chain(0))
            if self._next.text == bracket:
                break
            self._expect(",")
        self._expect(bracket)
        return tuple(nodes)

    def _expect(self, text: str) -> None:
        if self._next.text != text or self._next.kind != "operator":
            raise self._unexpected(f"; expected {text!r}")
        self._take()

    def _unexpected(self, expected: str = "") -> Exception:
        token = self._next
        what = "The expression ends too early" if token.kind == "end" else f"Unexpected {token.text!r}"
        return refusal(what + expected, self._text, token.position)
