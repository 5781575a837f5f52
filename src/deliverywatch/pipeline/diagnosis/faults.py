"""The catalogue of faults (`catalogue.toml`, and rules that a team adds) -> why an error came to be.

The catalogue is data: types, rules in their order, for each cause what it means, and for each next step what to do. A
rule looks at codes of services first; at words only where no code says it, and never at names (`words`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar

from deliverywatch.errors import ConfigurationError
from deliverywatch.messages.untrusted import mapping, objects
from deliverywatch.pipeline.declaration.pipelines import Where
from deliverywatch.pipeline.declaration.values import text
from deliverywatch.pipeline.diagnosis.unwrap import ErrorDetail, details_of
from deliverywatch.pipeline.diagnosis.words import Reading, reading_of

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
    says whether starting the run again may help without anybody fixing anything. `next` names the actions.
    """

    why: Why
    phrase: str
    severity: Severity | None
    retryable: bool
    actions: tuple[str, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """A rule: an error that matches has this cause, with what the rule says instead of what the cause says.

    One of the codes must match as a whole, and one of the patterns somewhere in the words; none of either is no
    condition. A rule of a team looks at the text with its names. One that is the last resort is tried when no other
    knows any part of the error.
    """

    why: Why
    patterns: tuple[re.Pattern[str], ...]
    codes: tuple[re.Pattern[str], ...] = ()
    where: Where | None = None
    severity: Severity | None = None
    retryable: bool | None = None
    next: str = ""
    actions: tuple[str, ...] = ()
    is_own: bool = False
    is_last_resort: bool = False

    def matches(self, reading: Reading) -> bool:
        """Return whether this is what an error is about."""
        words = f"{reading.original}\n{reading.words}" if self.is_own else reading.words
        by_code = not self.codes or any(pattern.fullmatch(code) for pattern in self.codes for code in reading.codes)
        return by_code and (not self.patterns or any(pattern.search(words) for pattern in self.patterns))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Types of errors, rules in their order, causes, next steps, and how to look into each part of a pipeline."""

    types: Mapping[str, ErrorType]
    faults: tuple[Fault, ...]
    causes: Mapping[Why, Cause]
    advice: Mapping[Where, tuple[str, ...]]
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def with_rules(self, document: object) -> Self:
        """Return it with a team's rules, its `fault` list, first; raise ConfigurationError for one that is wrong."""
        own = (_fault(body, self.steps) for body in objects(mapping(document).get("fault")))
        return replace(self, faults=(*(replace(fault, is_own=True) for fault in own), *self.faults))

    def fault_of(self, words: str) -> Fault | None:
        """Return the rule that matches a text, or None."""
        return self.fault_in(details_of("", words))[0]

    def fault_in(self, details: Iterable[ErrorDetail]) -> tuple[Fault | None, ErrorDetail | None]:
        """Return the first rule that matches the first detail that any rule matches, and this detail."""
        readings = [(detail, reading_of(detail)) for detail in details]
        for is_last_resort in (False, True):
            rules = [fault for fault in self.faults if fault.is_last_resort is is_last_resort]
            for detail, reading in readings:
                fault = next((fault for fault in rules if fault.matches(reading)), None)
                if fault:
                    return fault, detail
        return None, None

    def cause_of(self, why: Why, fault: Fault | None = None) -> Cause:
        """Return a cause, with what the rule that matched says instead."""
        cause = self.causes[why]
        if fault is None or fault.why is not why:
            return cause
        return replace(
            cause,
            severity=fault.severity or cause.severity,
            retryable=cause.retryable if fault.retryable is None else fault.retryable,
            actions=fault.actions or self.steps.get(fault.next) or cause.actions,
            next=fault.next or cause.next,
        )


@cache
def shipped() -> Catalogue:
    """Return the catalogue that is shipped."""
    import tomllib  # only a failure needs it

    return catalogue_of(tomllib.loads(_CATALOGUE.read_text(encoding="utf-8")))


def catalogue_of(document: object) -> Catalogue:
    """Return the catalogue that a document holds; raise ConfigurationError for a part that cannot be used."""
    body = mapping(document)
    steps = {name: _texts(actions) for name, actions in mapping(body.get("next")).items()}
    whys = mapping(body.get("why")).items()
    causes = {_word(Why, name): _cause(_word(Why, name), cause, steps) for name, cause in whys}
    wheres = mapping(body.get("where")).items()
    advice = {_word(Where, name): _texts(mapping(where).get("advice")) for name, where in wheres}
    missing = [*(set(Why) - set(causes)), *(set(Where) - set(advice))]
    if missing:
        raise ConfigurationError(f"The catalogue of faults says nothing about {', '.join(sorted(missing))}.")
    return Catalogue(
        types={name: _type(mapping(kind)) for name, kind in mapping(body.get("types")).items()},
        faults=tuple(_fault(fault, steps) for fault in objects(body.get("fault"))),
        causes=causes,
        advice=advice,
        steps=steps,
    )


def _type(body: Mapping[str, Any]) -> ErrorType:
    return ErrorType(
        where=_word_or_none(Where, body.get("where")),
        severity=_word(Severity, body.get("severity")),
        why=_word_or_none(Why, body.get("why")),
    )


def _cause(why: Why, value: object, steps: Mapping[str, tuple[str, ...]]) -> Cause:
    body = mapping(value)
    step = _step(body, steps)
    return Cause(
        why=why,
        phrase=text(body.get("phrase")),
        severity=_word_or_none(Severity, body.get("severity")),
        retryable=body.get("retryable") is True,
        actions=_texts(body.get("actions")) or steps.get(step, ()),
        next=step,
    )


def _step(body: Mapping[str, Any], steps: Mapping[str, tuple[str, ...]]) -> str:
    step = text(body.get("next"))
    if step and step not in steps:
        raise ConfigurationError(f"A rule for faults says '{step}' under next, which is none of {', '.join(steps)}.")
    return step


def _fault(body: Mapping[str, Any], steps: Mapping[str, tuple[str, ...]]) -> Fault:
    if not _texts(body.get("match")) and not _texts(body.get("code")):
        raise ConfigurationError(f"A rule for faults, of '{body.get('why')}', says nothing under match.")
    retryable = body.get("retryable")
    return Fault(
        why=_word(Why, body.get("why")),
        patterns=tuple(map(_pattern, _texts(body.get("match")))),
        codes=tuple(map(_pattern, _texts(body.get("code")))),
        where=_word_or_none(Where, body.get("where")),
        severity=_word_or_none(Severity, body.get("severity")),
        retryable=retryable if isinstance(retryable, bool) else None,
        next=_step(body, steps),
        actions=_texts(body.get("actions")),
        is_last_resort=body.get("is_last_resort") is True,
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
