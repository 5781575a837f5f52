"""Silence is told where an account normally sends: not at night, on holidays or while nothing is known."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from deliverywatch.local.clicksend.weeks import OFFICE, Account, Weeks, weeks
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.assessments import silence
from deliverywatch.sms.assessments.silence import SilenceLimits
from deliverywatch.sms.assessments.usual_volume import Forecast

LIMITS = SilenceLimits()
BERLIN = ZoneInfo("Europe/Berlin")
STEP = timedelta(minutes=10)
# Both changes of clocks of half a year lie behind it.
MONDAY = datetime(2026, 8, 31, tzinfo=BERLIN)
OFFICE_ACCOUNT = Account(name="office", daily_count=2000, hours=OFFICE)


def always(per_step: int, zone: ZoneInfo | None = None, days: int = 28) -> Forecast:
    """An account that has sent the same by day and by night for so long, until the midnight of `MONDAY`."""
    forecast = Forecast(zone or UTC)
    for number in range(days * 144):
        forecast.add(MONDAY.astimezone(UTC) - days * timedelta(days=1) + number * STEP, per_step)
    return forecast


def office(holiday: bool = False, until: int = 24, weeks_before: int = 4, per_step: int = 50) -> Forecast:
    """Eight to six on five days a week, then a Monday of which nothing is sent from an hour on, or nothing at all."""
    forecast = Forecast(BERLIN)
    first = MONDAY - timedelta(weeks=weeks_before)
    for day in range(7 * weeks_before + 1):
        for number in range(144):
            local = first + timedelta(days=day) + number * STEP
            is_open = 8 <= local.hour < 18 and day % 7 < 5
            is_sent = is_open and not (day == 7 * weeks_before and (holiday or local.hour >= until))
            forecast.add(local, per_step if is_sent else 0)
    return forecast


def judged(forecast: Forecast, hour: int, minute: int = 0) -> Assessment:
    """What is said at a local time of the Monday."""
    end = MONDAY + timedelta(hours=hour, minutes=minute)
    return silence.assess(forecast.at(end - STEP), end, LIMITS)


def test_half_an_hour_without_any_in_business_hours_is_silence() -> None:
    said = judged(office(until=11), 11, 30)
    assert (said.verdict, said.holds, said.opens) == (Verdict.FAILING, Level.WARNING, Level.OK)
    assert said.sentence == (
        "You normally send about 1,000 SMS by this time of the day, and sent 900. About 150 are usual in these 30 "
        "minutes, and none were sent."
    )
    assert said.last_seen == MONDAY + timedelta(hours=10, minutes=50)


@pytest.mark.parametrize("hour", range(1, 25))
def test_a_holiday_that_looks_like_a_week_end_is_no_silence(hour: int) -> None:
    assert judged(office(holiday=True), hour).verdict is Verdict.TOO_LITTLE


def test_a_rest_day_is_said_to_be_one() -> None:
    assert judged(office(holiday=True), 12).sentence.startswith("Today looks like a rest day.")


@pytest.mark.parametrize("hour", [1, 5, 7, 19, 23])
def test_outside_of_business_hours_nothing_is_expected(hour: int) -> None:
    forecast = office()
    assert silence.expected(forecast.at(MONDAY + timedelta(hours=hour)), 10, LIMITS) == 0
    assert judged(forecast, hour).verdict is Verdict.TOO_LITTLE


def test_messages_end_it() -> None:
    assert judged(office(), 12).verdict is Verdict.HEALTHY


def test_too_few_messages_to_end_it_hold_it() -> None:
    forecast = office(until=11)
    forecast.add(MONDAY + timedelta(hours=12), 10)
    said = judged(forecast, 12, 10)
    assert (said.verdict, said.holds) == (Verdict.FAILING, Level.WARNING)
    assert not silence.is_silent(forecast.at(MONDAY + timedelta(hours=12)), LIMITS)


@pytest.mark.parametrize(("weeks_before", "is_known"), [(1, False), (2, True), (4, True)])
def test_it_learns_for_two_weeks(weeks_before: int, is_known: bool) -> None:
    forecast = office(until=11, weeks_before=weeks_before)
    assert (silence.expected(forecast.at(MONDAY + timedelta(hours=11)), 10, LIMITS) is not None) == is_known
    said = judged(forecast, 11, 30)
    assert ("learning" in said.sentence, said.verdict is Verdict.FAILING) == (not is_known, is_known)


def test_a_small_account_is_told_that_it_is_too_small() -> None:
    said = judged(office(until=11, per_step=2), 12)
    assert said.verdict is Verdict.TOO_LITTLE
    assert "sends about 120 SMS on a busy day, and at least 200 are needed" in said.sentence


def test_messages_in_large_groups_come_too_unevenly() -> None:
    account = Account(name="groups", daily_count=400, group_count=20)
    forecast = Forecast(BERLIN)
    sent = weeks(account, MONDAY - timedelta(weeks=4), 4, 1)
    for index, count in enumerate(sent.counts):
        forecast.add(sent.time(index), count)
    forecast.add(MONDAY, 0)
    assert "too unevenly" in judged(forecast, 11).sentence


def test_round_the_clock_silence_is_silence_at_night() -> None:
    forecast = always(20)
    for number in range(18):
        forecast.add(MONDAY.astimezone(UTC) + number * STEP, 0)
    said = silence.assess(forecast.at(MONDAY + 17 * STEP), MONDAY, LIMITS)
    assert said.verdict is Verdict.FAILING


def test_slots_of_five_minutes_expect_half() -> None:
    expectation = office().at(MONDAY + timedelta(hours=12))
    assert silence.expected(expectation, 10, LIMITS) == 50
    assert silence.expected(expectation, 5, LIMITS) == 25


@pytest.mark.parametrize(
    ("totals", "minutes", "expected"),
    [([300] * 6 + [0] * 9, 10, 300), ([30] * 60 + [0] * 9, 1, 30), ([3] * 60, 10, 0), ([], 10, 0), ([0] * 9, 10, 0)],
)
def test_a_case_without_a_history_has_always_sent_what_it_sends_first(
    totals: list[int], minutes: int, expected: float
) -> None:
    assert silence.expected_if_steady(totals, minutes, LIMITS) == expected


def stopped(sent: Weeks, account: Account, day: int, hour: int) -> Callable[[], Iterator[bool]]:
    """Whether it is silence, ten minutes after ten minutes, once the account stops at an hour of a day."""

    def told() -> Iterator[bool]:
        forecast, stop = Forecast(account.zone), MONDAY + timedelta(days=day, hours=hour)
        for index, count in enumerate(sent.counts):
            time = sent.time(index)
            forecast.add(time, count if time < stop else 0)
            if time >= stop:
                yield silence.is_silent(forecast.at(time), LIMITS)

    return told
