"""Silence is told where an account normally sends: not at night, on holidays or while nothing is known."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


def test_the_change_of_clocks_moves_no_expectation() -> None:
    """The last week before the Monday has the hour that comes twice."""
    monday = datetime(2026, 10, 26, tzinfo=BERLIN)
    forecast = Forecast(BERLIN)
    for number in range(28 * 144 + 6):
        time = (monday - timedelta(weeks=4)).astimezone(UTC) + number * STEP
        local = time.astimezone(BERLIN)
        forecast.add(time, 50 if 8 <= local.hour < 18 and local.weekday() < 5 else 0)
    seen = {hour: forecast.at(monday + timedelta(hours=hour)).usual for hour in (0, 9, 17, 19)}
    usual = next(iter(seen.values()))
    assert usual is not None and all(one == usual for one in seen.values())
    assert [usual.work[6 * hour + 3] for hour in (7, 8, 12, 18)] == [0, 50, 50, 0]


@pytest.mark.parametrize("seed", [1, 2])
def test_in_two_months_with_holidays_and_campaigns_only_real_stops_are_silence(seed: int) -> None:
    """`scripts/bench evidence` lives through half a year of ten accounts."""
    account = Account(name="shop", daily_count=2000, campaigns=True, weekly_growth=0.02, rest_share=0.1)
    sent, start = weeks(account, MONDAY, 13, seed), 5 * 7 * 144
    forecast, silent_days, stops = Forecast(account.zone), set[int](), dict[int, int]()
    for index, count in enumerate(sent.counts):
        forecast.add(sent.time(index), count)
        local = sent.time(index).astimezone(account.zone)
        day = local.toordinal()
        if index >= start and silence.is_silent(forecast.at(sent.time(index)), LIMITS):
            silent_days.add(day)
        is_work_day = local.weekday() < 5 and day not in sent.free_days | sent.half_days
        if index >= start and is_work_day and (local.hour, local.minute) == (11, 0) and index % 3 == 0:
            stops[index] = _steps_to_silence(forecast.copy(), sent, index)
    # An afternoon off is silence, as far as anybody can tell.
    assert silent_days <= sent.half_days
    assert len(stops) > 5 and max(stops.values()) <= 3


def _steps_to_silence(forecast: Forecast, sent: Weeks, index: int) -> int:
    """How many steps without a message it takes, after the one in which the last was sent."""
    for step in range(1, 10):
        forecast.add(sent.time(index + step), 0)
        if silence.is_silent(forecast.at(sent.time(index + step)), LIMITS):
            return step
    return 10


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40 * 144), st.integers(0, 5000)), max_size=300), st.integers(0, 40 * 144))
def test_whatever_was_sent_an_expectation_is_a_number_and_a_sentence(sent: list[tuple[int, int]], now: int) -> None:
    forecast = always(1, BERLIN)
    for step, count in sent:
        forecast.add(MONDAY + step * STEP, count)
    seen = forecast.at(MONDAY + now * STEP)
    value = silence.expected(seen, 10, LIMITS)
    assert value is None or 0 <= value < 10**7
    said = silence.assess(seen, MONDAY, LIMITS)
    assert said.sentence.endswith(".") and said.opens is Level.OK
