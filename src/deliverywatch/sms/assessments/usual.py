"""Shares of past slots <-> what is usual for an account: the median of its days' medians.

A median of medians stays what it is through an incident of a day, or of a week. Until some days are known, what is
usual counts as 0: only a share over the threshold itself is conspicuous then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

from deliverywatch import thresholds
from deliverywatch.messages.untrusted import mapping, number, other_members
from deliverywatch.storage.records import document_of

KEY = "state/sms-delivery.json"

# A day of fewer judged slots says little about what is usual.
_LEAST_SLOTS = 6
_MEMBERS = ("days", "day", "shares")


@dataclass(frozen=True, slots=True)
class Usual:
    """What was seen of the account.

    Attributes:
        days: The median share of each day, by its date.
        day: The newest date, which is not over.
        shares: The share of each of its slots, by the time of the run: one that is repeated counts once.
        others: What a later version stored.
    """

    days: Mapping[str, float] = field(default_factory=dict)
    day: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)
    others: Mapping[str, Any] = field(default_factory=dict)

    @property
    def percent(self) -> float:
        """The usual share without an outcome; 0 while too few days are known."""
        return median(self.days.values()) if self.is_known else 0.0

    @property
    def is_known(self) -> bool:
        """Whether enough days are known."""
        return len(self.days) >= thresholds.OVERDUE_LEARNING_DAYS

    def with_share(self, percent: float, now: datetime) -> Usual:
        """Return it with the share of the run at `now`; a late run of an earlier day teaches nothing."""
        time = now.astimezone(UTC)
        day = f"{time:%Y-%m-%d}"
        if day < self.day:
            return self
        shares = {**(self.shares if day == self.day else {}), f"{time:%H:%M}": round(percent, 2)}
        return replace(self, days=self._closed(day), day=day, shares=shares)

    def as_body(self) -> bytes:
        """Return the object that holds it."""
        members = {"days": dict(self.days), "day": self.day, "shares": dict(self.shares)}
        return json.dumps({**self.others, **members}).encode()

    def _closed(self, day: str) -> Mapping[str, float]:
        if day == self.day or len(self.shares) < _LEAST_SLOTS:
            return self.days
        days = {**self.days, self.day: round(median(self.shares.values()), 2)}
        return {name: days[name] for name in sorted(days)[-thresholds.OVERDUE_USUAL_DAYS :]}


def parse(body: bytes) -> Usual:
    """Return what an object holds.

    Raises:
        ValueError: It is no JSON object.
    """
    document = document_of(body)
    days, shares = (_percents(document.get(name)) for name in ("days", "shares"))
    return Usual(days, str(document.get("day") or ""), shares, other_members(document, _MEMBERS))


def _percents(value: object) -> dict[str, float]:
    read = {str(name)[:10]: number(item) for name, item in mapping(value).items()}
    return {name: item for name, item in read.items() if item is not None and 0 <= item <= 100}
