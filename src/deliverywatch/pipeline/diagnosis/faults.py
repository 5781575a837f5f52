"""The catalogue of faults (`catalogue.toml`, and rules that a team adds) -> why an error text came to be.

The catalogue is data: types, rules in their order, and for each cause what it means and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.declaration.pipelines import Where
from deliverywatch.pipeline.declaration.values import mapping, objects, text

Word = TypeVar("Word", bound=StrEnum)

_CATALOGUE = Path(__file__).with_name("catalogue.toml")


class Why(StrEnum):
    """What kind of cause it is."""

    TIMEOUT = "timeout"
    PERMISSION = "permission"
    THROTTLING = "throttling"
    QUOTA = "quota"
    MISSING_DATA = "missing data"
    SCHEMA_CHANGE = "schema change"
    DATA_RULE = "data rule"
    CODE = "code"
    RESOURCE = "resource"
    DEPENDENCY = "dependency"
    ABORTED = "aborted"
    UNKNOWN = "unknown"


class Severity(StrEnum):
    """How much it matters."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


@dataclass(frozen=True, slots=True)
class ErrorType:
    """What a state machine may say of a failure when it calls the report as a task."""

    where: Where | None
    severity: Severity
    why: Why | None


@dataclass(frozen=True, slots=True)
class Cause:
    """What is known of a kind of cause.

    Attributes:
        phrase: The end of a sentence: "a right is missing".
        severity: Stands above that of the error type; None leaves it.
        retryable: Whether starting the run again may help without anybody mending anything.
        actions: What to do, in order.
    """

    why: Why
    phrase: str
    severity: Severity | None
    retryable: bool
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule: a text that matches has this cause, with what the rule says instead of what the cause says."""

    why: Why
    patterns: tuple[re.Pattern[str], ...]
    where: Where | None = None
    severity: Severity | None = None
    retryable: bool | None = None
    actions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that is known of faults."""

    types: Mapping[str, ErrorType]
    faults: tuple[Fault, ...]
    causes: Mapping[Why, Cause]
    guides: Mapping[Where, tuple[str, ...]]

    def with_rules(self, document: object) -> Catalogue:
        """Return the catalogue with a team's own rules before the others.

        Args:
            document: The decoded declaration; its list `fault` has the rules.

        Raises:
            ConfigurationError: A rule cannot be used; the sentence says which.
        """
        own = tuple(_fault(each) for each in objects(mapping(document).get("fault")))
        return replace(self, faults=(*own, *self.faults))

    def fault_of(self, words: str) -> Fault | None:
        """Return the first rule that matches a text, or None."""
        found = (fault for fault in self.faults if any(pattern.search(words) for pattern in fault.patterns))
        return next(found, None)

    def cause_of(self, why: Why, fault: Fault | None = None) -> Cause:
        """Return what is known of a cause, with what the rule that found it says instead."""
        cause = self.causes[why]
        if fault is None or fault.why is not why:
            return cause
        return replace(
            cause,
            severity=fault.severity or cause.severity,
            retryable=cause.retryable if fault.retryable is None else fault.retryable,
            actions=fault.actions or cause.actions,
        )


@cache
def shipped() -> Catalogue:
    """Return the catalogue that is shipped."""
    import tomllib  # only a failure needs it

    return catalogue_of(tomllib.loads(_CATALOGUE.read_text(encoding="utf-8")))


def catalogue_of(document: object) -> Catalogue:
    """Return the catalogue that a document holds.

    Raises:
        ConfigurationError: A part cannot be used; the sentence says which.
    """
    body = mapping(document)
    causes = {_word(Why, name): _cause(_word(Why, name), each) for name, each in mapping(body.get("why")).items()}
    guides = {
        _word(Where, name): _texts(mapping(each).get("guide")) for name, each in mapping(body.get("where")).items()
    }
    missing = [*(set(Why) - set(causes)), *(set(Where) - set(guides))]
    if missing:
        raise ConfigurationError(f"The catalogue of faults says nothing about {', '.join(sorted(missing))}.")
    return Catalogue(
        types={name: _type(mapping(each)) for name, each in mapping(body.get("types")).items()},
        faults=tuple(_fault(each) for each in objects(body.get("fault"))),
        causes=causes,
        guides=guides,
    )


def _type(body: Mapping[str, Any]) -> ErrorType:
    where, why = body.get("where"), body.get("why")
    return ErrorType(
        where=_word(Where, where) if where else None,
        severity=_word(Severity, body.get("severity")),
        why=_word(Why, why) if why else None,
    )


def _cause(why: Why, value: object) -> Cause:
    body = mapping(value)
    severity = body.get("severity")
    return Cause(
        why=why,
        phrase=text(body.get("phrase")),
        severity=_word(Severity, severity) if severity else None,
        retryable=body.get("retryable") is True,
        actions=_texts(body.get("actions")),
    )


def _fault(body: Mapping[str, Any]) -> Fault:
    if not _texts(body.get("match")):
        raise ConfigurationError(f"A rule for faults, of '{body.get('why')}', says nothing under match.")
    where, severity, retryable = body.get("where"), body.get("severity"), body.get("retryable")
    return Fault(
        why=_word(Why, body.get("why")),
        patterns=tuple(_pattern(each) for each in _texts(body.get("match"))),
        where=_word(Where, where) if where else None,
        severity=_word(Severity, severity) if severity else None,
        retryable=retryable if isinstance(retryable, bool) else None,
        actions=_texts(body.get("actions")),
    )


def _pattern(words: str) -> re.Pattern[str]:
    try:
        return re.compile(words, re.IGNORECASE)
    except re.error as error:
        raise ConfigurationError(f"A rule for faults has a pattern that is none: {words} ({error}).") from error


def _word(kind: type[Word], value: object) -> Word:
    if value not in list(kind):
        raise ConfigurationError(f"A rule for faults says '{value}', which is none of {', '.join(kind)}.")
    return kind(str(value))


def _texts(value: object) -> tuple[str, ...]:
    found: Iterable[object] = value if isinstance(value, list) else [value]
    return tuple(text(each) for each in found if text(each))
