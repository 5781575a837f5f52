"""A statement -> whether the grammar has it, or the place at which it first has not.

The rules of `grammar` become functions once, from a place in the tokens to the place after what they read. sqlglot is
not asked: it reads thirty dialects and takes what any of them takes. Of 333 statements it judged 101 otherwise than
Trino's own parser; `tests/queries/test_queries_grammar.py` holds this one to verdicts of that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from deliverywatch.errors import InputError
from deliverywatch.queries.sql.grammar import GRAMMAR
from deliverywatch.queries.sql.tokens import Kind, Token, shape, tokens

_NO = -1
_ITEM = re.compile(r"(?:([a-z]+)|([A-Z_]+)|'([^']+)'|<(\w+)>|([()|?*%!]))")
# A rule may be tried at the same place by several others: these are remembered, so that brackets in brackets cost
# no more than they are long.
_REMEMBERED = ("united", "relation", "expression", "value", "type")
_LONGEST_SHOWN = 40


@dataclass(slots=True)
class _Reading:
    """The tokens of a statement, how far any rule got in them, and what remembered rules read."""

    tokens: list[Token]
    furthest: int = 0
    known: dict[tuple[str, int], int] = field(default_factory=dict)


_Rule = Callable[[_Reading, int], int]


class Mismatch(NamedTuple):
    """The token that no rule reads: where it is, counted from 1, and why it cannot stand there."""

    line: int
    column: int
    text: str
    reason: str


def check(sql: str) -> None:
    """Raise InputError, with the place, if Athena takes no such query."""
    unread = mismatch(sql)
    if unread is not None:
        raise InputError(f"line {unread.line}, column {unread.column}: {unread.reason}")


def mismatch(sql: str) -> Mismatch | None:
    """Return where the grammar has no such query; None if it has it."""
    try:
        if _is_query(tuple(shape(sql, _words()))):
            return None
    except RecursionError:
        return Mismatch(1, 1, "", "it is nested too deeply")
    reading = _Reading(tokens(sql))
    _rules()["statement"](reading, 0)
    before = reading.tokens[reading.furthest - 1] if reading.furthest else None
    token = reading.tokens[reading.furthest]
    line, column = sql.count("\n", 0, token.start) + 1, token.start - sql.rfind("\n", 0, token.start)
    text = sql[token.start : token.start + len(token.text)]
    return Mismatch(line, column, text, _reason(before, token))


def _reason(before: Token | None, token: Token) -> str:
    if token.kind is Kind.OTHER:
        return _unknown(token.text)
    if token.kind is Kind.END:
        return "it ends too early"
    if before is None:
        return "that is not a query: only SELECT, WITH ... SELECT and VALUES have a result to export or to compare"
    if before.text == ";":
        return "a second statement begins there; Athena runs one"
    if token.text == "?":
        return "a parameter cannot stand there, only where any value could; a date is CAST({name} AS DATE)"
    return f"'{token.text[:_LONGEST_SHOWN]}' cannot stand there"


def _unknown(text: str) -> str:
    if len(text) > 1:
        return "what begins there does not end"
    # What was pasted from a page or a chat looks right.
    name = "" if text.isascii() else f" outside of quotes: it is {unicodedata.name(text, 'of no name')}"
    return f"'{text}' cannot stand there{name}"


@lru_cache(4096)
def _is_query(shape: tuple[str, ...]) -> bool:
    """Return whether the grammar has the statements of a shape; most files have many of a few shapes."""
    return _rules()["statement"](_Reading(tokens(" ".join(shape))), 0) != _NO


@cache
def _words() -> frozenset[str]:
    return frozenset(word for _, word, _, _, _ in _ITEM.findall(GRAMMAR) if word)


@cache
def _rules() -> dict[str, _Rule]:
    rules: dict[str, _Rule] = {}
    for definition in re.split(r"\n(?=[a-z])", GRAMMAR.strip()):
        name, text = definition.split(":", 1)
        rule = _Definition(_ITEM.findall(text), rules).choice()
        rules[name.strip()] = _remembered(name.strip(), rule) if name.strip() in _REMEMBERED else rule
    return rules


class _Definition:
    """What a rule consists of, read item by item."""

    def __init__(self, items: list[tuple[str, ...]], rules: dict[str, _Rule]) -> None:
        self._items, self._rules, self._place = items, rules, 0

    def choice(self) -> _Rule:
        alternatives = [self._sequence()]
        while self._take("|"):
            alternatives.append(self._sequence())
        return alternatives[0] if len(alternatives) == 1 else _first_of(alternatives)

    def _sequence(self) -> _Rule:
        parts: list[_Rule] = []
        while self._sign() not in ("|", ")", "end"):
            parts.append(self._repeated())
        return parts[0] if len(parts) == 1 else _all_of(parts)

    def _repeated(self) -> _Rule:
        if self._take("!"):
            return _unless(self._repeated())
        rule = self._single()
        if self._take("?"):
            return _optional(rule)
        if self._take("*"):
            return _many(rule)
        return _all_of([rule, _many(_all_of([self._single(), rule]))]) if self._take("%") else rule

    def _single(self) -> _Rule:
        name, word, text, kind, _ = self._items[self._place]
        self._place += 1
        if name:
            return _named(name, self._rules)
        if kind:
            return _token_where(_KINDS[kind])
        if word or text:
            return _spelled(word or text)
        rule = self.choice()
        self._place += 1  # the bracket that closes
        return rule

    def _sign(self) -> str:
        return self._items[self._place][4] if self._place < len(self._items) else "end"

    def _take(self, sign: str) -> bool:
        is_next = self._sign() == sign
        self._place += is_next
        return is_next


def _named(name: str, rules: dict[str, _Rule]) -> _Rule:
    def read(reading: _Reading, place: int) -> int:
        return rules[name](reading, place)

    return read


def _remembered(name: str, rule: _Rule) -> _Rule:
    def read(reading: _Reading, place: int) -> int:
        known = reading.known.get((name, place))
        if known is None:
            known = reading.known[name, place] = rule(reading, place)
        return known

    return read


def _first_of(alternatives: list[_Rule]) -> _Rule:
    def read(reading: _Reading, place: int) -> int:
        for rule in alternatives:
            after = rule(reading, place)
            if after != _NO:
                return after
        return _NO

    return read


def _all_of(parts: list[_Rule]) -> _Rule:
    def read(reading: _Reading, place: int) -> int:
        for rule in parts:
            place = rule(reading, place)
            if place == _NO:
                return _NO
        return place

    return read


def _many(rule: _Rule) -> _Rule:
    def read(reading: _Reading, place: int) -> int:
        while (after := rule(reading, place)) != _NO:
            place = after
        return place

    return read


def _optional(rule: _Rule) -> _Rule:
    def read(reading: _Reading, place: int) -> int:
        after = rule(reading, place)
        return place if after == _NO else after

    return read


def _unless(rule: _Rule) -> _Rule:
    def read(reading: _Reading, place: int) -> int:
        furthest = reading.furthest
        is_there = rule(reading, place) != _NO
        reading.furthest = furthest  # what must not come is not missed
        return _NO if is_there else place

    return read


def _spelled(text: str) -> _Rule:
    """Read a word or a sign; a text that looks like it, or a name in quotes, is another thing."""
    return _token_where(lambda token: token.text == text and token.kind in (Kind.WORD, Kind.SIGN))


def _token_where(is_right: Callable[[Token], bool]) -> _Rule:
    def read(reading: _Reading, place: int) -> int:
        reading.furthest = max(reading.furthest, place)
        return place + 1 if is_right(reading.tokens[place]) else _NO

    return read


_KINDS: dict[str, Callable[[Token], bool]] = {
    "name": lambda token: token.is_name,
    "text": lambda token: token.kind is Kind.TEXT,
    "number": lambda token: token.kind is Kind.NUMBER,
    "any": lambda token: token.kind not in (Kind.OTHER, Kind.END),
    "end": lambda token: token.kind is Kind.END,
}
