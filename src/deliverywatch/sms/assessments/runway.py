"""Hourly balances -> how long the credit lasts: at the pace of the last day or of the last week, whichever is faster.

A balance that rises was topped up; what was spent in that hour is not known, and not counted. The week is followed hour
by hour, so that on a Sunday evening Monday morning is expected; if the week was busier than the one before, the next
one is taken to grow as much.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from deliverywatch.thresholds import CREDIT_LEARNING_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.assessments.balances import Balance, Balances

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
# A week may be busier than the one before by this factor: more is a campaign, which ends.
_MOST_GROWTH = 2.0
# Of a week that lacks more readings than this, no growth is computed.
_LEAST_SEEN = 0.9
# A runway beyond this is only "more than a month".
_HORIZON_HOURS = 31 * 24
_HOURS = 7 * 24


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent in some time, and how much of that time was seen."""

    amount: float = 0.0
    seen: timedelta = timedelta(0)

    def per_hour(self) -> float | None:
        """Return the pace, or none if nothing was seen."""
        return self.amount / (self.seen / HOUR) if self.seen else None


@dataclass(frozen=True, slots=True)
class Runway:
    """How long the credit lasts.

    Attributes:
        hours: From the newest balance on; None for longer than a month.
        per_day: At the pace that it rests on.
        is_learned: Whether a day was seen; a pace of some hours may be that of a busy morning.
    """

    hours: float | None
    per_day: float
    is_learned: bool


def spent(balances: Balances, start: datetime, end: datetime) -> Spent:
    """Return what was spent in [start, end)."""
    kept = balances.kept
    # The balance before the first of that time and the one after the last are needed too.
    first = max(0, bisect_right(kept, start, key=lambda one: one.at) - 1)
    last = bisect_left(kept, end, key=lambda one: one.at) + 1
    amount, seen = 0.0, timedelta(0)
    for before, after in pairwise(kept[first:last]):
        common = min(end, after.at) - max(start, before.at)
        if common > timedelta(0) and after.amount <= before.amount:
            amount += (before.amount - after.amount) * (common / (after.at - before.at))
            seen += common
    return Spent(amount, seen)


def runway(balances: Balances) -> Runway | None:
    """Return how long the credit lasts, or none before two balances are known."""
    if (last := balances.last) is None:
        return None
    day = spent(balances, last.at - DAY, last.at)
    week = spent(balances, last.at - WEEK, last.at)
    pace, usual = day.per_hour(), week.per_hour()
    if pace is None or usual is None:
        return None
    hours = [_hours_at(pace, last.amount), _hours_of_week(balances, last, pace, usual)]
    shortest = min((one for one in hours if one is not None), default=None)
    return Runway(shortest, 24 * max(pace, usual), _is_learned(day))


def _is_learned(day: Spent) -> bool:
    return day.seen >= CREDIT_LEARNING_HOURS * HOUR


def _hours_at(pace: float, amount: float) -> float | None:
    return max(0.0, amount) / pace if pace > 0 and amount / pace <= _HORIZON_HOURS else None


def _hours_of_week(balances: Balances, last: Balance, pace: float, usual: float) -> float | None:
    """Return how long the credit lasts if the hours to come are like those of a week ago."""
    week, left = _expected_week(balances, last.at, max(pace, usual)), last.amount
    for number in range(_HORIZON_HOURS):
        rate = week[number % len(week)]
        if rate > 0 and left <= rate:
            return number + max(0.0, left) / rate
        left -= rate
    return None


def _expected_week(balances: Balances, end: datetime, otherwise: float) -> list[float]:
    """Return what every hour of the next week will cost: as a week ago, or as that hour of the days that were seen."""
    start, growth = end - WEEK, _growth(balances, end)
    paces = [spent(balances, start + number * HOUR, start + (number + 1) * HOUR).per_hour() for number in range(_HOURS)]
    return [
        growth * pace if pace is not None else _of_other_days(paces, number, otherwise)
        for number, pace in enumerate(paces)
    ]


def _of_other_days(paces: Sequence[float | None], hour: int, otherwise: float) -> float:
    """Return the pace of an hour of the day: yesterday's or the average, so that a first quiet Saturday is no rule."""
    of_hour = [pace for number, pace in enumerate(paces) if (number - hour) % 24 == 0 and pace is not None]
    return max(of_hour[-1], sum(of_hour) / len(of_hour)) if of_hour else otherwise


def _growth(balances: Balances, end: datetime) -> float:
    newest, before = spent(balances, end - WEEK, end), spent(balances, end - 2 * WEEK, end - WEEK)
    pace, earlier = newest.per_hour(), before.per_hour()
    if not pace or not earlier or min(newest.seen, before.seen) < _LEAST_SEEN * WEEK:
        return 1.0
    return min(_MOST_GROWTH, max(1.0, pace / earlier))
