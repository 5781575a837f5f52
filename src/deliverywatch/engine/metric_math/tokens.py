"""The text of a metric-math expression -> tokens with their positions."""

from __future__ import annotations

import re
from dataclasses import dataclass

from deliverywatch.errors import InputError

# CloudWatch takes expressions of up to 2,048 characters.
MAXIMUM_CHARACTERS = 2048

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>"[^"]*"|'[^']*')
      | (?P<operator>&&|\|\||==|!=|<=|>=|[-+*/^<>(),\[\]])
    )""",
    re.VERBOSE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression; `position` counts characters from 1."""

    kind: str
    text: str
    position: int


def refusal(what: str, text: str, position: int) -> InputError:
    """Return the error that says what is wrong with an expression, and where."""
    return InputError(
        f"{what} at character {position} of the expression {text!r}.",
        kind="expression",
        next_step="Correct the expression: CloudWatch would refuse it too, or the engine does not evaluate it.",
    )


def tokens(text: str) -> list[Token]:
    """Return the tokens of an expression, closed by one of kind `end`.

    Raises:
        InputError: A character belongs to no token, or the expression is too long.
    """
    if len(text) > MAXIMUM_CHARACTERS:
        raise refusal(f"More than {MAXIMUM_CHARACTERS} characters", text[:40] + "...", MAXIMUM_CHARACTERS)
    found, position, end = [], 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise refusal(f"Unexpected {text[start]!r}", text, start + 1)
        kind = match.lastgroup
        found.append(Token(kind, match[kind], match.start(kind) + 1))
        position = match.end()
    return [*found, Token("end", "", len(text) + 1)]
