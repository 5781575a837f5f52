"""The catalogue of faults (`catalogue.toml`, and rules that a team adds) -> why an error text came to be.

The catalogue is data: types, rules in their order, and for each cause what it means and what to do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar

from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.pipeline.declaration.pipelines import Where
from deliverywatch.pipeline.declaration.values import text

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
    """A kind of cause, and what to do about it, in order.

    `phrase` is the end of a sentence: "a right is missing". `severity` overrides that of the error type. `retryable`
    says whether starting the run again may help without anybody fixing anything.
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
    """Types of errors, rules in their order, causes, and how to look into each part of a pipeline."""

    types: Mapping[str, ErrorType]
    faults: tuple[Fault, ...]
    causes: Mapping[Why, Cause]
    advice: Mapping[Where, tuple[str, ...]]

    def with_rules(self, document: object) -> Self:
        """Return it with a team's rules, its `fault` list, first; raise ConfigurationError for one that is wrong."""
        own = tuple(map(_fault, objects(mapping(document).get("fault"))))
        return replace(self, faults=(*own, *self.faults))

    def fault_of(self, words: str) -> Fault | None:
        """Return the first rule that matches a text, or None."""
        return next((fault for fault in self.faults if any(pattern.search(words) for pattern in fault.patterns)), None)

    def cause_of(self, why: Why, fault: Fault | None = None) -> Cause:
        """Return a cause, with what the rule that matched says instead."""
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
    """Return the catalogue that a document holds; raise ConfigurationError for a part that cannot be used."""
    body = mapping(document)
    whys = mapping(body.get("why")).items()
    causes = {_word(Why, name): _cause(_word(Why, name), cause) for name, cause in whys}
    wheres = mapping(body.get("where")).items()
    advice = {_word(Where, name): _texts(mapping(where).get("advice")) for name, where in wheres}
    missing = [*(set(Why) - set(causes)), *(set(Where) - set(advice))]
    if missing:
        raise ConfigurationError(f"The catalogue of faults says nothing about {', '.join(sorted(missing))}.")
    return Catalogue(
        types={name: _type(mapping(kind)) for name, kind in mapping(body.get("types")).items()},
        faults=tuple(map(_fault, objects(body.get("fault")))),
        causes=causes,
        advice=advice,
    )


def _type(body: Mapping[str, Any]) -> ErrorType:
    return ErrorType(
        where=_word_or_none(Where, body.get("where")),
        severity=_word(Severity, body.get("severity")),
        why=_word_or_none(Why, body.get("why")),
    )


def _cause(why: Why, value: object) -> Cause:
    body = mapping(value)
    return Cause(
        why=why,
        phrase=text(body.get("phrase")),
        severity=_word_or_none(Severity, body.get("severity")),
        retryable=body.get("retryable") is True,
        actions=_texts(body.get("actions")),
    )


def _fault(body: Mapping[str, Any]) -> Fault:
    if not _texts(body.get("match")):
        raise ConfigurationError(f"A rule for faults, of '{body.get('why')}', says nothing under match.")
    retryable = body.get("retryable")
    return Fault(
        why=_word(Why, body.get("why")),
        patterns=tuple(map(_pattern, _texts(body.get("match")))),
        where=_word_or_none(Where, body.get("where")),
        severity=_word_or_none(Severity, body.get("severity")),
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


def _word_or_none(kind: type[Word], value: object) -> Word | None:
    return _word(kind, value) if value else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(filter(None, map(text, value if isinstance(value, list) else [value])))
