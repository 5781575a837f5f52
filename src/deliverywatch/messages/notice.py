"""The system notice: how a system reports a condition that is too fine for an alarm of its own.

It is published to the alerts topic, where the notifier handles it like an alarm:

    {"deliverywatch": 1, "watch": "queries.daily-sales", "level": "warning", "time": "2026-11-21T12:04:00Z",
     "title": "Daily sales", "sentence": "The query returned no rows.", "facts": {"query": "daily-sales"}}

With an `assessment` (`deliverywatch.messages.verdict`) it asks the notifier to look at a watch that the stack declares.

A test of the alert path is one too: `"test": true`, who asked for it in `by`, and the addresses it goes to in `to`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.messages import verdict
from deliverywatch.messages.level import Level
from deliverywatch.messages.untrusted import key_part, mapping, moment, name, text
from deliverywatch.messages.verdict import Assessment

FACT_COUNT = 30
FACT_LIMIT = 500
# A test goes to those who try it, not to everybody.
_TO_COUNT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemNotice:
    """One condition as it is now; the notifier mails only what changed.

    Attributes:
        watch: The watch whose incident it opens, changes or ends.
        time: None if the message does not say.
        is_test: Whether it asks for a test mail and reports nothing.
        by: Who asked for a test.
        to: Recipients of a test, instead of the stack's; empty for these.
        assessment: What the system's data say about a declared watch. The newest one counts, this or that of the
            context document, so that a notice that is lost, late or out of order does no harm.
    """

    watch: str
    level: Level
    time: datetime | None = None
    title: str = ""
    sentence: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    is_test: bool = False
    by: str = ""
    to: tuple[str, ...] = ()
    assessment: Assessment | None = None


def to_document(notice: SystemNotice) -> dict[str, Any]:
    """Return the message that is published."""
    rare: dict[str, Any] = {"test": True, "by": notice.by, "to": list(notice.to)} if notice.is_test else {}
    if notice.assessment:
        rare["assessment"] = verdict.to_document(notice.assessment)
    return {
        "deliverywatch": 1,
        "watch": notice.watch,
        "level": notice.level.value,
        # To the microsecond: of two notices the later one counts.
        "time": notice.time.astimezone(UTC).isoformat().replace("+00:00", "Z") if notice.time else None,
        "title": notice.title,
        "sentence": notice.sentence,
        "facts": dict(notice.facts),
    } | rare


def is_notice(document: Mapping[str, Any]) -> bool:
    """Return whether a message claims to be a system notice."""
    return document.get("deliverywatch") is not None


def from_document(document: Mapping[str, Any]) -> SystemNotice:
    """Return the notice of an untrusted message, or raise InputError if it has no watch or an unknown level."""
    watch, level = text(document.get("watch"), 255), text(document.get("level"), 20)
    if not watch or level not in list(Level):
        raise InputError(f"A system notice needs a watch and a level out of {', '.join(Level)}.")
    return SystemNotice(
        watch=key_part(watch),
        level=Level(level),
        time=moment(document.get("time")),
        title=name(document.get("title"), 100) or watch,
        sentence=text(document.get("sentence")),
        facts=facts_of(mapping(document.get("facts"))),
        is_test=document.get("test") is True,
        by=text(document.get("by"), 60),
        to=_addresses(document.get("to")),
        assessment=verdict.from_document(document.get("assessment")),
    )


def facts_of(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return names and values as text, as many as a mail can show."""
    pairs = [(text(name, 60), text(value, FACT_LIMIT)) for name, value in list(values.items())[:FACT_COUNT]]
    return tuple((name, value) for name, value in pairs if value)


def _addresses(value: object) -> tuple[str, ...]:
    texts = [text(item, 254) for item in value] if isinstance(value, list) else []
    return tuple(address for address in texts if "@" in address)[:_TO_COUNT]
