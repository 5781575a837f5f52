"""Which incidents a channel gets: `critical warning@sms-*,email-news-bounces` -> levels, and the watches of each.

Rules are separated by blanks, levels and watches by commas; `all` is every level, a `*` ends the beginning of a name.
A channel gets an incident from the change on that makes one of its rules fit, to its end, as mail does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from deliverywatch.errors import InputError
from deliverywatch.messages.level import Level

_ALL = "all"
# As the parameter takes it; what a watch of somebody else has in its name is written so, too.
_NAME = re.compile(r"\*|[A-Za-z0-9._-]+\*?")
LEVELS = (Level.CRITICAL, Level.ALARM, Level.WARNING, Level.BLIND)


@dataclass(frozen=True, slots=True)
class Rule:
    """Levels of some watches; a watch that ends in `*` is the beginning of names, and none are all."""

    levels: frozenset[Level]
    watches: tuple[str, ...] = ()

    def fits(self, level: Level, watch: str) -> bool:
        """Return whether a level of a watch is one of these."""
        return level in self.levels and (not self.watches or any(is_named(watch, name) for name in self.watches))


@dataclass(frozen=True, slots=True)
class Route:
    """The rules of a channel; `text` is how they were written."""

    text: str
    rules: tuple[Rule, ...]

    def fits(self, level: Level, watch: str) -> bool:
        """Return whether an incident of this watch that reaches this level goes to the channel."""
        return any(rule.fits(level, watch) for rule in self.rules)


def route_of(text: str) -> Route:
    """Return the route of a text, or raise InputError with what is wrong; an empty text routes everything."""
    words = text.split() or [_ALL]
    return Route(" ".join(words), tuple(_rule(word) for word in words))


def _rule(word: str) -> Rule:
    levels, at, watches = word.partition("@")
    names = tuple(watches.split(",")) if at else ()
    wrong = [name for name in names if not _NAME.fullmatch(name)]
    if wrong:
        what = f"'{wrong[0]}' in '{word}' is no name of a watch" if wrong[0] else f"'{word}' names no watch after '@'"
        raise InputError(f"{what}; a * may end one.", next_step="Write it like critical@sms-*.")
    return Rule(frozenset(level for name in levels.split(",") for level in _levels(name)), names)


def _levels(name: str) -> tuple[Level, ...]:
    if name == _ALL:
        return LEVELS
    if name not in LEVELS:
        offered = ", ".join([_ALL, *LEVELS])
        raise InputError(f"'{name}' is no level; they are {offered}.", next_step="Write it like critical,blind@sms-*.")
    return (Level(name),)


def is_named(watch: str, name: str) -> bool:
    """Return whether a watch has this name, or begins so where it ends in `*`."""
    return watch.startswith(name[:-1]) if name.endswith("*") else watch == name


EVERYTHING = route_of("")
