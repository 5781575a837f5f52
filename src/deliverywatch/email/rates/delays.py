"""Cohorts by receiving domain -> whether a provider puts off too much of what it gets.

SES tries a mail again for hours before it gives up. Of a provider that is slow, or that limits a sender, mails wait:
they were delayed and have no outcome. Once they are delivered or given up, nothing waits any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch import thresholds
from deliverywatch.email.rates import sentences
from deliverywatch.email.rates.cohorts import cohorts
from deliverywatch.email.rates.counts import added, percent
from deliverywatch.email.rates.slots import OTHERS
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deliverywatch.email.rates.cohorts import Cohort
    from deliverywatch.email.rates.counts import Counts
    from deliverywatch.email.rates.rules import Limits
    from deliverywatch.email.rates.slots import MailSlot

_LOOKED_AT = timedelta(hours=thresholds.EMAIL_DELAY_HOURS)
_SETTLED = timedelta(minutes=thresholds.EMAIL_DELAY_SETTLE_MINUTES)
_LONGEST = timedelta(seconds=thresholds.EMAIL_DELAY_WINDOW_SECONDS)
_PAUSE = timedelta(seconds=thresholds.EMAIL_BOUNCE_PAUSE_SECONDS)


@dataclass(frozen=True, slots=True)
class _Domain:
    """The mails of one cohort to one domain."""

    name: str
    counts: Counts
    cohort: Cohort

    @property
    def percent(self) -> float:
        return percent(self.counts.waiting, self.counts.total)

    @property
    def elsewhere_percent(self) -> float:
        others = added(counts for name, counts in self.cohort.domains().items() if name != self.name)
        return percent(others.waiting, others.total)

    def sentence(self, noun: str, now: datetime) -> str:
        of = f"of the {self.counts.total:,} {noun} to {self.name} sent {sentences.times(self.cohort, now)}"
        if not self.counts.waiting:
            return f"None {of} waits; {min(self.counts.delayed, self.counts.total):,} of them were delayed."
        share, elsewhere = sentences.percentage(self.percent), sentences.percentage(self.elsewhere_percent)
        return f"{self.counts.waiting:,} {of} were delayed and are not delivered ({share}; elsewhere {elsewhere})."


def assess(slots: Sequence[MailSlot], now: datetime, noun: str, limits: Limits) -> Assessment:
    """Return whether mails wait at a receiving domain.

    Args:
        slots: The oldest first.
        now: When they are judged.
        noun: What is sent, in the plural.
        limits: Of the stack.
    """
    recent = [slot for slot in slots if _SETTLED <= now - slot.end <= _LOOKED_AT]
    parts = cohorts(recent, _LONGEST, _PAUSE)
    domains = [
        _Domain(name, counts, part) for part in parts for name, counts in part.domains().items() if name != OTHERS
    ]
    judged = [one for one in domains if one.counts.total >= limits.email_minimum_sent]
    if not judged:
        sentence = f"No receiving domain got enough {noun} in the last {thresholds.EMAIL_DELAY_HOURS} hours to judge."
        return Assessment(verdict=Verdict.TOO_LITTLE, as_of=now, sentence=sentence)
    opening = [one for one in judged if _opens(one, limits)]
    worst = max(opening or judged, key=lambda one: (one.percent, one.counts.delayed, one.counts.total))
    is_failing = worst.percent > thresholds.EMAIL_DELAY_RECOVERY_PERCENT
    return Assessment(
        verdict=Verdict.FAILING if is_failing else Verdict.HEALTHY,
        as_of=now,
        opens=Level.WARNING if opening else Level.OK,
        holds=Level.WARNING if is_failing else Level.OK,
        sentence=worst.sentence(noun, now),
        last_seen=worst.cohort.end,
        seen_count=worst.counts.total,
        value=round(worst.percent, 1),
    )


def _opens(one: _Domain, limits: Limits) -> bool:
    return one.percent > limits.email_delay_warning_percent and one.counts.waiting >= limits.email_minimum_delayed
