"""A kind of account and a seed -> how many messages it sends in each ten minutes of some weeks, with its holidays.

What makes silence hard to tell from rest is in it: nights, week-ends, public holidays and bridge days, a half day, days
that are busier than others, messages in groups, campaigns, growth, and the change of clocks.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

STEP = timedelta(minutes=10)
_QUARTER_DAYS = 91
# From here on the normal distribution is as good.
_LARGE = 50
_HOLIDAYS_A_QUARTER = 3
# Friday between a holiday and the week-end: few work, but some.
_BRIDGE_SHARE = 0.35
_HALF_DAY_ENDS_HOUR = 13
# The first weeks of an account are ordinary.
_ORDINARY_DAYS = 28
_BERLIN = ZoneInfo("Europe/Berlin")

# Messages per hour of the day, as weights.
ALL_DAY = (2, 1, 1, 1, 1, 2, 10, 30, 70, 90, 95, 90, 80, 85, 90, 85, 80, 60, 40, 30, 25, 15, 8, 4)
OFFICE = (0, 0, 0, 0, 0, 0, 0, 2, 60, 90, 100, 100, 80, 90, 100, 90, 80, 30, 0, 0, 0, 0, 0, 0)
ROUND_THE_CLOCK = (30, 25, 20, 20, 20, 25, 30, 40, *[50] * 13, 45, 40, 35)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A kind of account.

    Attributes:
        daily_count: Messages on an ordinary work day of the first week.
        hours: How they are spread over the hours of the local day.
        rest_share: What it sends on week-ends and holidays, of a work day.
        group_count: So many messages come at once, in the mean.
        campaigns: Whether a third of a day's messages comes in one hour, at some time every week.
        daily_campaign: Whether half of a day's messages comes at about ten every work day.
        weekly_growth: Of the messages, such as 0.02.
    """

    name: str
    daily_count: int
    hours: Sequence[float] = ALL_DAY
    rest_share: float = 0.0
    group_count: float = 1.0
    campaigns: bool = False
    daily_campaign: bool = False
    weekly_growth: float = 0.0
    zone: ZoneInfo = _BERLIN


@dataclass(frozen=True, slots=True)
class Weeks:
    """What an account sends: a count per ten minutes from a time on, and which local days (ordinals) were not whole."""

    start: datetime
    counts: list[int]
    free_days: frozenset[int]
    half_days: frozenset[int]

    def time(self, index: int) -> datetime:
        """Return when a step begins, in UTC."""
        return self.start + index * STEP


def weeks(account: Account, start: datetime, number: int, seed: int) -> Weeks:
    """Return what an account sends in so many weeks from the (aware) local midnight of a Monday on."""
    random = Random(seed)  # noqa: S311 - a synthetic account has no secrets
    calendar = _Calendar(account, start.toordinal(), number * 7, random)
    begin = start.astimezone(UTC)
    locals_ = [(begin + index * STEP).astimezone(account.zone) for index in range(number * 7 * 144)]
    counts = [_grouped(calendar.rate(local), account.group_count, random) for local in locals_]
    for index, size in _campaigns(account, calendar, locals_, random):
        for step in range(index, min(index + 6, len(counts))):
            counts[step] += round(size / 6)
    free = frozenset(calendar.first_day + day for day in calendar.shares)
    return Weeks(begin, counts, free, frozenset({calendar.first_day + calendar.half_day}))


class _Calendar:
    """Which days are holidays, and how busy each day is."""

    def __init__(self, account: Account, first_day: int, days: int, random: Random) -> None:
        self.first_day = first_day
        self._account = account
        self._factors = [math.exp(random.gauss(0, 0.15)) for _ in range(days + 1)]
        # Of what is not as its weekday is, the share of a work day.
        self.shares: dict[int, float] = {}
        later = [day for day in range(_ORDINARY_DAYS, days) if day % 7 < 5]
        for quarter in range(0, days, _QUARTER_DAYS):
            work_days = [day for day in later if quarter <= day < quarter + _QUARTER_DAYS]
            if len(work_days) > _HOLIDAYS_A_QUARTER:
                self.shares |= dict.fromkeys(random.sample(work_days, _HOLIDAYS_A_QUARTER), account.rest_share)
                thursday = random.choice([day for day in work_days if day % 7 == 3])
                self.shares |= {thursday: account.rest_share, thursday + 1: max(account.rest_share, _BRIDGE_SHARE)}
        ordinary = [day for day in later if day not in self.shares]
        self.half_day = random.choice(ordinary) if ordinary else -1

    def rate(self, local: datetime) -> float:
        """Return the messages to expect of the ten minutes from a local time on."""
        account, day = self._account, local.toordinal() - self.first_day
        share = account.rest_share if day % 7 > 4 else self.shares.get(day, 1.0)
        if day == self.half_day and local.hour >= _HALF_DAY_ENDS_HOUR:
            share = account.rest_share
        busy = self._factors[day] * math.pow(1 + account.weekly_growth, day / 7)
        return account.daily_count * account.hours[local.hour] / sum(account.hours) / 6 * share * busy


def _campaigns(
    account: Account, calendar: _Calendar, locals_: Sequence[datetime], random: Random
) -> Iterator[tuple[int, float]]:
    """Yield the step in which an hour of more messages begins, and how many they are."""
    if account.campaigns:
        office = [index for index, local in enumerate(locals_) if 8 <= local.hour < 18]
        for index in random.sample(office, len(locals_) // 1008):
            yield index, 0.3 * account.daily_count
    if account.daily_campaign:
        for index, local in enumerate(locals_):
            day = local.toordinal() - calendar.first_day
            is_due = (local.hour, local.minute) == (10, 0) and day % 7 < 5 and day not in calendar.shares
            if is_due and random.random() < 0.9:
                yield index + random.randint(-2, 2), 0.5 * account.daily_count


def _grouped(rate: float, group_count: float, random: Random) -> int:
    """Return a count of messages that come in groups of a random size."""
    groups = _poisson(rate / group_count, random)
    if group_count == 1:
        return groups
    stays = math.log(1 - 1 / group_count)
    return sum(1 + int(math.log(1 - random.random()) / stays) for _ in range(groups))


def _poisson(mean: float, random: Random) -> int:
    if mean > _LARGE:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, random.random()
    while product > limit:
        count += 1
        product *= random.random()
    return count
