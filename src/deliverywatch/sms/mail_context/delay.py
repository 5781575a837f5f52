"""How long outcomes took -> median and 95th percentile, as far as the lake knows it: up to one slot too much.

The lake knows which run first saw an outcome, so that a delay is a whole number of slots. A message without an outcome
counts as one that takes longer than all others: leaving it out would make the slowest hours look fast.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from deliverywatch.sms.clicksend.outcomes import FINAL, Outcome


@dataclass(frozen=True, slots=True)
class Delay:
    """What is known of some messages.

    Attributes:
        count: Messages of which it is known, those that still wait among them.
        median_minutes: Within so many minutes half of them had an outcome; None if fewer have one.
        p95_minutes: The same for 95 of 100.
    """

    count: int = 0
    median_minutes: int | None = None
    p95_minutes: int | None = None

    def sentence(self) -> str:
        """Return it for a person; empty if nothing is known."""
        if not self.count:
            return ""
        return f"half {_within(self.median_minutes)}, 95 % {_within(self.p95_minutes)}"

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it; empty if nothing is known."""
        if not self.count:
            return {}
        return {"count": self.count, "median_minutes": self.median_minutes, "p95_minutes": self.p95_minutes}


@dataclass(slots=True)
class Delays:
    """Adds up how long outcomes took, of messages that had time for one."""

    slot_minutes: int
    _slots: Counter[int] = field(default_factory=Counter)
    _waiting: int = 0

    def add(self, sent_at: int, outcome: str, outcome_at: int | None) -> None:
        """Take in a message, times in milliseconds."""
        if outcome == Outcome.PENDING:
            self._waiting += 1
        elif outcome in FINAL and outcome_at is not None:
            self._slots[max(1, -((sent_at - outcome_at) // (self.slot_minutes * 60_000)))] += 1

    def summed(self) -> Delay:
        """Return median and 95th percentile."""
        count = self._slots.total() + self._waiting
        ranked = sorted(self._slots.items())
        return Delay(count, *(self._within(ranked, count * percent) for percent in (50, 95)))

    def _within(self, ranked: Iterable[tuple[int, int]], hundredths: int) -> int | None:
        seen = 0
        for slots, number in ranked:
            seen += number
            if 100 * seen >= hundredths:
                return slots * self.slot_minutes
        return None


def _within(minutes: int | None) -> str:
    return "not yet" if minutes is None else f"within {minutes} minutes"
