"""Rows of the newest hours -> whether too many messages have a status that no rule covers, with the words listed.

An unknown outcome is neither good nor bad news: of these messages nobody knows whether they arrive, and failures may
hide among them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deliverywatch import thresholds
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.clicksend.outcomes import Outcome
from deliverywatch.sms.clicksend.redaction import printable, redacted
from deliverywatch.sms.lake.slots import from_milliseconds

WATCH = "sms-unknown"
# What is read of the lake.
NAMES = ("sent_at", "outcome", "status", "status_code", "status_text")

_LISTED = 4
_LONGEST_WORD = 30
_MOST_WORDS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownLimits:
    """What an operator may choose; a parameter of the template by the same name."""

    unknown_percent: float = thresholds.UNKNOWN_PERCENT


@dataclass(slots=True)
class Statuses:
    """The messages of some hours: all, and those with an unknown outcome by their words."""

    total: int = 0
    unknown: int = 0
    newest: int = 0
    words: Counter[str] = field(default_factory=Counter)

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take in rows of the columns `NAMES`."""
        for sent_at, outcome, *words in rows:
            if outcome == Outcome.EXCLUDED:
                continue
            self.total += 1
            self.newest = max(self.newest, sent_at)
            if outcome == Outcome.UNKNOWN:
                self.unknown += 1
                label = _label(*words)
                self.words[label if label in self.words or len(self.words) < _MOST_WORDS else "others"] += 1

    @property
    def percent(self) -> float:
        """The share of unknown outcomes."""
        return 100 * self.unknown / self.total if self.total else 0.0

    def listed(self) -> str:
        """Return the most frequent words with their counts; empty if there are none."""
        ranked = sorted(self.words.items(), key=lambda item: (-item[1], item[0]))
        more = ", ..." if len(ranked) > _LISTED else ""
        return ", ".join(f"{label} ({count:,})" for label, count in ranked[:_LISTED]) + more


def collect(hours: Iterable[Iterable[tuple[Any, ...]]]) -> Statuses:
    """Return the newest hours, more of them where few were sent.

    Args:
        hours: Rows of the columns `NAMES`, hour by hour, the newest first; no more hours are taken than are needed.
    """
    statuses = Statuses()
    for number, rows in enumerate(hours):
        if number >= thresholds.UNKNOWN_HOURS and statuses.total >= thresholds.UNKNOWN_SEEN_COUNT:
            break
        statuses.add(rows)
    return statuses


def assess(statuses: Statuses, now: datetime, limits: UnknownLimits) -> Assessment:
    """Return what the messages say about `sms-unknown`: it opens at a share that is no accident."""
    newest = from_milliseconds(statuses.newest) if statuses.total else None
    is_quiet = newest is None or now - newest > timedelta(minutes=thresholds.QUIET_MINUTES)
    is_many = statuses.unknown >= thresholds.UNKNOWN_MINIMUM_COUNT and statuses.percent > limits.unknown_percent
    # Half of what opens an incident still keeps it open.
    is_some = statuses.unknown > 0 and statuses.percent > limits.unknown_percent / 2
    opens, holds = (Level.WARNING if bad else Level.OK for bad in (is_many, is_some))
    if is_quiet or (statuses.total < thresholds.UNKNOWN_SEEN_COUNT and not is_many):
        verdict, opens, holds = Verdict.TOO_LITTLE, Level.OK, Level.OK
    else:
        verdict = Verdict.FAILING if is_some else Verdict.HEALTHY
    return Assessment(
        verdict=verdict,
        as_of=now,
        opens=opens,
        holds=holds,
        sentence=_sentence(statuses),
        last_seen=newest,
        seen_count=statuses.total,
        value=round(statuses.percent, 1) if statuses.total else None,
    )


def _sentence(statuses: Statuses) -> str:
    if not statuses.total:
        return f"No SMS was sent in the last {thresholds.ASSESSED_HOURS} hours."
    share = f"{statuses.unknown:,} of the last {statuses.total:,} SMS ({round(statuses.percent, 1):g} %)"
    listed = f": {statuses.listed()}" if statuses.unknown else ""
    return f"{share} have a status that no rule covers{listed}."


def _label(status: str | None, code: str | None, text: str | None) -> str:
    """Return ClickSend's words without what could name a person, on one line."""
    words = [status or "no status", f"code {code}" if code else "no code", *([text] if text else [])]
    return " / ".join(printable(redacted(word) or "", _LONGEST_WORD) for word in words)
