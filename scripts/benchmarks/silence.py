"""Half a year of several accounts by the functions of the ingest: false mails of silence, and minutes to the real ones.

An account has nights, week-ends, four holidays and a bridge day a quarter, a half day in half a year, campaigns,
growth and a change of clocks. A half day cannot be told from a stop at noon: it is one of the false mails. A stop is at
any time from 09:40 to 16:00 of a work day, and its mail is there three minutes after the slot that shows the silence.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

from measure import Figure

from deliverywatch.local.clicksend.weeks import OFFICE, ROUND_THE_CLOCK, STEP, Account, Weeks, weeks
from deliverywatch.messages.verdict import Verdict
from deliverywatch.sms.assessments import silence
from deliverywatch.sms.assessments.silence import SilenceLimits
from deliverywatch.sms.assessments.usual_volume import Forecast

NEW_YORK = ZoneInfo("America/New_York")
ACCOUNTS = (
    Account(name="200 a day, office hours", daily_count=200, hours=OFFICE),
    Account(name="300 a day, office hours", daily_count=300, hours=OFFICE),
    Account(name="500 a day, in groups of 3", daily_count=500, rest_share=0.2, group_count=3),
    Account(name="500 a day, round the clock", daily_count=500, hours=ROUND_THE_CLOCK, rest_share=1),
    Account(name="1,000 a day, office hours", daily_count=1000, hours=OFFICE),
    Account(name="2,000, campaigns, growing", daily_count=2000, campaigns=True, weekly_growth=0.02),
    Account(name="10,000, shrinking", daily_count=10_000, campaigns=True, rest_share=0.3, weekly_growth=-0.02),
    Account(name="10,000, half of it at ten", daily_count=10_000, daily_campaign=True, rest_share=0.1, group_count=2),
    Account(name="50,000, office hours, growing", daily_count=50_000, hours=OFFICE, weekly_growth=0.03),
    Account(name="50,000, round the clock", daily_count=50_000, hours=ROUND_THE_CLOCK, rest_share=0.8, zone=NEW_YORK),
)
# Of a smaller one, half an hour without any SMS may be chance, at least outside of its busiest hours.
JUDGED = [account for account in ACCOUNTS if account.daily_count >= 1000 and account.group_count < 3]
SEEDS = (1, 2)
STOPS = 20
LEARNING_WEEKS, WEEKS, QUARTER_WEEKS = 5, 26, 13
FALSE_MAILS_A_QUARTER, MINUTES = 1, 45
_MAIL = timedelta(minutes=3)
_GIVEN_UP = timedelta(hours=4)
_LIMITS = SilenceLimits()
_DAY_STEPS = 144


@dataclass
class Played:
    """What came of some half years: false mails by quarter, and how long after a stop its mail came, None for never."""

    false_mails: list[int] = field(default_factory=list)
    delays: list[timedelta | None] = field(default_factory=list)

    @property
    def minutes(self) -> list[float]:
        """Of those that were mailed."""
        return [delay / timedelta(minutes=1) for delay in self.delays if delay is not None]


def play(account: Account, seed: int, played: Played, number: int = WEEKS) -> None:
    """Live through so many weeks after those of learning, and through a stop at some of their times besides."""
    start = datetime(2026, 8, 3, tzinfo=account.zone)
    sent = weeks(account, start, LEARNING_WEEKS + number, seed)
    stops = _stops(sent, start, seed)
    forecast, is_open = Forecast(account.zone), False
    quarters = [0] * -(-number // QUARTER_WEEKS)
    for index, count in enumerate(sent.counts):
        forecast.add(sent.time(index), count)
        week = index // (7 * _DAY_STEPS) - LEARNING_WEEKS
        if week < 0:
            continue
        seen = forecast.at(sent.time(index))
        if is_open:
            is_open = silence.assess(seen, sent.time(index), _LIMITS).verdict is not Verdict.HEALTHY
        elif silence.is_silent(seen, _LIMITS):
            is_open = True
            quarters[week // QUARTER_WEEKS] += 1
        if index in stops:
            played.delays.append(_delay(forecast.copy(), sent, index, stops[index]))
    played.false_mails.extend(quarters)


def _stops(sent: Weeks, start: datetime, seed: int) -> dict[int, float]:
    """Return the steps in which the account stops, and the part of the step in which it still sends."""
    dice = random.Random(seed)
    times: dict[int, float] = {}
    while len(times) < STOPS:
        day = dice.randrange(7 * LEARNING_WEEKS, len(sent.counts) // _DAY_STEPS - 1)
        is_work_day = day % 7 < 5 and not {start.toordinal() + day} & (sent.free_days | sent.half_days)
        if is_work_day:
            local = start + timedelta(days=day, minutes=10 * dice.randrange(58, 96))
            times[(local.astimezone(sent.start.tzinfo) - sent.start) // STEP] = dice.random()
    return times


def _delay(forecast: Forecast, sent: Weeks, index: int, part: float) -> timedelta | None:
    forecast.add(sent.time(index), round(sent.counts[index] * part) - sent.counts[index])
    stopped_at = sent.time(index) + part * STEP
    for later in range(_GIVEN_UP // STEP):
        time = sent.time(index + later)
        if later:
            forecast.add(time, 0)
        if silence.is_silent(forecast.at(time), _LIMITS):
            return time + STEP + _MAIL - stopped_at
    return None


def figures() -> Iterator[Figure]:
    """All figures of this module."""
    for account in ACCOUNTS:
        played = Played()
        for seed in SEEDS:
            play(account, seed, played)
        most, all_of_them = max(played.false_mails), sum(played.false_mails)
        limit = f"{FALSE_MAILS_A_QUARTER}, the limit ({all_of_them} in {len(played.false_mails)} quarters)"
        yield Figure(
            f"{account.name}: false mails", f"{most} a quarter", limit, float(most), most <= FALSE_MAILS_A_QUARTER
        )
        yield _minutes(account, played)


def _minutes(account: Account, played: Played) -> Figure:
    told = f"{len(played.minutes)} of {len(played.delays)} stops"
    name, middle, longest = f"{account.name}: {told}", 0.0, 0.0
    if played.minutes:
        middle, longest = median(played.minutes), max(played.minutes)
    shown = f"{middle:.0f} to {longest:.0f} min"
    if account not in JUDGED:
        return Figure(name, shown, "small or uneven: half an hour without any may be chance", longest / MINUTES)
    is_met = len(played.minutes) == len(played.delays) and longest <= MINUTES
    return Figure(name, shown, f"{MINUTES} min, the limit (median and longest)", longest / MINUTES, is_met)
