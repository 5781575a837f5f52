"""The rule of a composite alarm: text -> a tree, and a tree with its children's states -> true or false.

Follows AlarmRule of API_PutCompositeAlarm (CloudWatch API reference).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from cwalarm.definitions.alarm import State
from cwalarm.errors import InputError

MAXIMUM_CHARACTERS = 10_240
MAXIMUM_ELEMENTS = 500
MAXIMUM_CHILDREN = 100
_MAXIMUM_DEPTH = 100

_TOKEN = re.compile(r"""\s*(?:(?P<quoted>"(?:\\.|[^"\\])*")|(?P<mark>[(),\[\]])|(?P<word>[^\s(),\[\]"]+))""")
_STATES = frozenset(State)
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True)
class Constant:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class Is:
    """ALARM(name), OK(name) or INSUFFICIENT_DATA(name); the name may be an ARN."""

    state: State
    alarm: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a rule."""

    rule: Rule


@dataclass(frozen=True, slots=True)
class All:
    """Rules joined by AND."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Rules joined by OR."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """AT_LEAST(M, [NOT] STATE, (alarms)); `count` is already worked out where M is a percentage."""

    count: int
    state: State
    is_negated: bool
    alarms: tuple[str, ...]


Rule = Constant | Is | Not | All | Any | AtLeast


def parse(text: str) -> Rule:
    """Return the tree of an AlarmRule; raise InputError with the position if CloudWatch would not take it."""
    if len(text) > MAXIMUM_CHARACTERS:
        raise _error(f"has more than {MAXIMUM_CHARACTERS} characters", 1)
    rule = _Parser(text).whole()
    if len(children(rule)) > MAXIMUM_CHILDREN:
        raise _error(f"names more than {MAXIMUM_CHILDREN} alarms", 1)
    return rule


def holds(rule: Rule, state_of: Callable[[str], State]) -> bool:
    """Return whether a rule is true while its children have these states."""
    match rule:
        case Constant(value):
            return value
        case Is(state, alarm):
            return state_of(alarm) == state
        case Not(inner):
            return not holds(inner, state_of)
        case All(rules):
            return all(holds(part, state_of) for part in rules)
        case Any(rules):
            return any(holds(part, state_of) for part in rules)
        case AtLeast(count, state, is_negated, alarms):
            return sum((state_of(alarm) == state) != is_negated for alarm in alarms) >= count


def children(rule: Rule) -> list[str]:
    """Return the names of the alarms that a rule asks about, each once, in the order of the text."""
    return list(dict.fromkeys(_named(rule)))


def _named(rule: Rule) -> Iterator[str]:
    match rule:
        case Is(_, alarm):
            yield alarm
        case Not(inner):
            yield from _named(inner)
        case All(rules) | Any(rules):
            for part in rules:
                yield from _named(part)
        case AtLeast(_, _, _, alarms):
            yield from alarms
        case _:
            return


def _error(what: str, position: int) -> InputError:
    return InputError(
        f"The alarm rule {what} at character {position}.",
        kind="rule",
        next_step="Correct the AlarmRule: CloudWatch would refuse it too.",
    )


class _Parser:
    """Reads one rule: OR binds loosest, then AND, then NOT."""

    def __init__(self, text: str) -> None:
        self._tokens = list(_tokens(text))
        self._index = 0
        self._elements = 0
        self._depth = 0

    def whole(self) -> Rule:
        rule = self._either()
        if self._text:
            raise self._unexpected()
        return rule

    @property
    def _text(self) -> str:
        return self._tokens[self._index][0]

    def _take(self) -> str:
        self._index += 1
        return self._tokens[self._index - 1][0]

    def _either(self) -> Rule:
        rules = self._separated("OR", self._both)
        return rules[0] if len(rules) == 1 else Any(rules)

    def _both(self) -> Rule:
        rules = self._separated("AND", self._single)
        return rules[0] if len(rules) == 1 else All(rules)

    def _separated(self, separator: str, read: Callable[[], _Part]) -> tuple[_Part, ...]:
        parts = [read()]
        while self._text == separator:
            self._take()
            parts.append(read())
        return tuple(parts)

    def _single(self) -> Rule:
        self._elements += 1
        self._depth += 1
        if self._elements > MAXIMUM_ELEMENTS or self._depth > _MAXIMUM_DEPTH:
            raise _error(f"has more than {MAXIMUM_ELEMENTS} elements or is nested too deeply", self._position)
        rule = self._element(self._take())
        self._depth -= 1
        return rule

    def _element(self, text: str) -> Rule:
        if text in ("TRUE", "FALSE"):
            return Constant(text == "TRUE")
        if text == "NOT":
            return Not(self._single())
        if text == "(":
            rule = self._either()
            self._expect(")")
            return rule
        if text == "AT_LEAST":
            return self._at_least()
        if text in _STATES:
            self._expect("(")
            alarm = self._alarm()
            self._expect(")")
            return Is(State(text), alarm)
        self._index -= 1
        raise self._unexpected()

    def _at_least(self) -> Rule:
        self._expect("(")
        amount, position = self._take(), self._position
        self._expect(",")
        is_negated = self._text == "NOT"
        state = self._take() if not is_negated else (self._take(), self._take())[1]
        self._expect(",")
        alarms = self._alarms()
        self._expect(")")
        if state not in _STATES:
            raise _error(f"has {state!r} where a state belongs", position)
        return AtLeast(_count(amount, len(alarms), position), State(state), is_negated, alarms)

    def _alarms(self) -> tuple[str, ...]:
        self._expect("(")
        names = self._separated(",", self._alarm)
        self._expect(")")
        return names

    def _alarm(self) -> str:
        text = self._take()
        if not text or text in "(),[]":
            self._index -= 1
            raise self._unexpected("; an alarm's name belongs there")
        name = re.sub(r"\\(.)", r"\1", text[1:-1]) if text[0] == '"' else text
        return name.partition(":alarm:")[2] if name.startswith("arn:") else name

    def _expect(self, text: str) -> None:
        if self._text != text:
            raise self._unexpected(f"; expected {text!r}")
        self._take()

    @property
    def _position(self) -> int:
        return self._tokens[self._index][1]

    def _unexpected(self, more: str = "") -> InputError:
        return _error(
            f"has an unexpected {self._text!r}{more}" if self._text else f"ends too early{more}", self._position
        )


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _error("has a quote that is never closed", position + 1)
        yield match[0].strip(), match.end() - len(match[0].strip()) + 1
        position = match.end()
    yield "", len(text) + 1
    yield "", len(text) + 1


def _count(amount: str, size: int, position: int) -> int:
    """Return M; a percentage is rounded up to whole alarms."""
    number = amount.removesuffix("%")
    if not number.isdecimal() or not number.isascii():
        raise _error(f"has {amount!r} where a number or a percentage belongs", position)
    count = math.ceil(int(number[:9]) * size / 100) if amount.endswith("%") else int(number[:9])
    if not 1 <= count <= size:
        raise _error(f"asks for {amount} of {size} alarms", position)
    return count
