"""When a query runs next, against an independent calculation: every minute of UTC, asked whether it matches."""

import calendar
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cwalarm.errors import InputError
from cwalarm.schedules import eventbridge

# Each with the night in which its clocks change, in spring and in autumn.
ZONES = {
    "Europe/Rome": ("2026-03-28", "2026-10-24"),
    "America/New_York": ("2026-03-07", "2026-10-31"),
    "Australia/Lord_Howe": ("2026-10-03", "2026-04-04"),
    "America/Santiago": ("2026-09-05", "2026-04-04"),
    "Africa/Cairo": ("2026-04-23", "2026-10-29"),
}
CASES = [(zone, day) for zone, days in ZONES.items() for day in days]
NAMES = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
MONTHS = [name.upper() for name in calendar.month_abbr if name]


def brute(fields: str, zone: str, begin: datetime, days: int) -> Iterator[datetime]:
    """Every minute whose local time matches; of a local time that comes twice, the first."""
    minute, hour, day, month, weekday, _ = fields.split()
    for number in range(days * 1440):
        moment = begin + timedelta(minutes=number)
        local = moment.astimezone(ZoneInfo(zone))
        if (
            local.fold == 0
            and in_field(minute, local.minute, 59)
            and in_field(hour, local.hour, 23)
            and in_field(month, local.month, 12, 1, MONTHS)
            and (matches_day(day, local) if weekday == "?" else matches_weekday(weekday, local))
        ):
            yield moment


def in_field(text: str, value: int, highest: int, lowest: int = 0, names: Sequence[str] = ()) -> bool:
    """Whether a value is in a field, counted from the first value of each range on, around the field's end."""
    cycle = highest - lowest + 1

    def number(word: str) -> int:
        return names.index(word) + lowest if word in names else int(word)

    for part in text.split(","):
        span, _, step = part.partition("/")
        low, _, high = span.partition("-")
        first = lowest if span == "*" else number(low)
        last = number(high) if high else highest if step or span == "*" else first
        if (value - first) % cycle <= (last - first) % cycle and (value - first) % cycle % int(step or 1) == 0:
            return True
    return False


def matches_day(text: str, local: datetime) -> bool:
    last = calendar.monthrange(local.year, local.month)[1]
    if text.startswith("L-"):
        return local.day == last - int(text[2:])
    if text == "L":
        return local.day == last
    if not text.endswith("W"):
        return in_field(text, local.day, 31, 1)
    wanted = last if text == "LW" else int(text[:-1])
    working = [day for day in range(1, last + 1) if calendar.weekday(local.year, local.month, day) < 5]
    return wanted <= last and local.day == min(working, key=lambda day: abs(day - wanted))


def matches_weekday(text: str, local: datetime) -> bool:
    today = NAMES[(local.weekday() + 1) % 7]
    if "#" in text:
        name, number = text.split("#")
        return today == name and number == str(-(-local.day // 7))
    if text.endswith("L"):
        return today == text[:-1] and (local + timedelta(days=7)).month != local.month
    return in_field(text, NAMES.index(today) + 1, 7, 1, NAMES)


FIELDS = [
    "30 2 * * ? *",
    "0/20 1-3 * * ? *",
    "15,45 0 * * ? *",
    "0 0 ? * SUN *",
    "10/25 */6 ? * FRI-SAT *",
    "59 23 L * ? *",
    "0 12 1W * ? *",
    "0 12 15W * ? *",
    "30 0 ? * SUN#1 *",
    "30 2 ? * SATL *",
    "5 4 28-31/2 * ? *",
    "0/30 20-2 ? * FRI-MON *",
    "50-10/7 22-3/2 * * ? *",
    "0 21 LW * ? *",
    "15 6 L-3 * ? *",
    "0 12 29-2 OCT-MAR ? *",
]

# Whatever may be an expression, with the largest and smallest of everything.
EXPRESSIONS = (
    st.builds("rate({} {})".format, st.integers(0, 10**12), st.sampled_from(["minute", "hours", "days", "weeks"]))
    | st.datetimes().map(lambda local: f"at({local.isoformat(timespec='seconds')})")
    | st.builds(
        "cron({} {} {} {})".format,
        st.sampled_from(["59", "*/60", "0/30"]),
        st.sampled_from(["23", "*", "*/23"]),
        st.sampled_from(["31 2 ?", "L-30 * ?", "? * SUN#5", "1,LW,15W * ?", "? * MON/8"]),
        st.sampled_from(["*", "1970", "2199", "*/500", "2198-2199"]),
    )
)


@pytest.mark.parametrize(("zone", "day"), CASES)
@pytest.mark.parametrize("fields", FIELDS)
def test_times_agree_with_asking_every_minute(fields: str, zone: str, day: str) -> None:
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC) - timedelta(days=1)
    found = following(f"cron({fields})", zone, begin - timedelta(seconds=1))
    assert list(takewhile(lambda each: each < begin + timedelta(days=9), found)) == list(brute(fields, zone, begin, 9))


@given(
    st.sampled_from(sorted(ZONES)),
    st.sampled_from(["0", "30", "0/7", "10-50/20", "1,2,59", "50-10", "45-15/20", "*/59"]),
    st.sampled_from(["*", "2", "0-3", "1/5", "20-2", "23-0", "22-4/3", "*/24"]),
    st.sampled_from(
        [
            "* * ?",
            "L * ?",
            "1W * ?",
            "31W * ?",
            "? * MON#1",
            "? * SUNL",
            "? * FRI-SAT",
            "1-31/2 2,3,10 ?",
            "? * FRI-MON",
            "? * SAT-SUN",
            "? * SUN-SAT",
            "? * 6-2/2",
            "LW * ?",
            "L-3 NOV-FEB ?",
            "25-5 * ?",
            "? 12-1 */3",
        ]
    ),
    st.integers(0, 4 * 366 * 1440),
)
def test_times_agree_at_any_time_of_four_years(zone: str, minute: str, hour: str, days: str, after: int) -> None:
    day, month, weekday = days.split()
    fields = f"{minute} {hour} {day} {month} {weekday} *"
    begin = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=after)
    found = following(f"cron({fields})", zone, begin - timedelta(seconds=1))
    expected = list(brute(fields, zone, begin, 2))
    assert list(takewhile(lambda each: each < begin + timedelta(days=2), found)) == expected


def test_a_local_time_that_the_clocks_skip_is_left_out() -> None:
    found = following("cron(30 2 * * ? *)", "Europe/Rome", datetime(2026, 3, 28, tzinfo=UTC))
    assert [f"{each:%d %H:%M}" for each in islice(found, 2)] == ["28 01:30", "30 00:30"]


def test_a_local_time_that_comes_twice_counts_once() -> None:
    found = following("cron(30 2 * * ? *)", "Europe/Rome", datetime(2026, 10, 24, tzinfo=UTC))
    assert [f"{each:%d %H:%M}" for each in islice(found, 3)] == ["24 00:30", "25 00:30", "26 01:30"]


def test_a_day_of_a_rate_is_24_hours_across_a_change_of_clocks() -> None:
    anchor = datetime(2026, 3, 27, 12, tzinfo=UTC)
    found = eventbridge.following(eventbridge.parse("rate(1 day)"), "Europe/Rome", anchor, anchor)
    assert [each - anchor for each in islice(found, 3)] == [timedelta(days=number) for number in (1, 2, 3)]


def test_a_rate_counts_from_when_its_schedule_was_made() -> None:
    anchor = datetime(2026, 1, 1, 0, 7, tzinfo=UTC)
    found = eventbridge.following(eventbridge.parse("rate(6 hours)"), "UTC", datetime(2026, 1, 2, tzinfo=UTC), anchor)
    assert next(found) == datetime(2026, 1, 2, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("at(2026-11-21T12:00:00)", "Asia/Tokyo", ["2026-11-21T03:00:00+00:00"]),
        ("at(2026-03-29T02:30:00)", "Europe/Rome", []),
        ("at(2020-01-01T00:00:00)", "UTC", []),
        ("cron(0 0 30 2 ? *)", "UTC", []),
        ("cron(0 0 29 2 ? *)", "UTC", ["2028-02-29T00:00:00+00:00", "2032-02-29T00:00:00+00:00"]),
        ("cron(0 0 1 1 ? 2020)", "UTC", []),
    ],
)
def test_what_runs_once_rarely_or_never(text: str, zone: str, expected: list[str]) -> None:
    found = following(text, zone, datetime(2026, 1, 1, tzinfo=UTC))
    assert [each.isoformat() for each in islice(found, 2)] == expected


def following(text: str, zone: str, after: datetime) -> Iterator[datetime]:
    return eventbridge.following(eventbridge.parse(text), zone, after, after)


@given(
    st.from_regex(r"(cron|rate|at)\([0-9*?LW#,/ A-Z:-]{0,24}\)", fullmatch=True) | st.text(max_size=20) | EXPRESSIONS,
    st.sampled_from([*sorted(ZONES), "Pacific/Kiritimati", "Etc/GMT+12"]),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(0, 4 * 10**9).map(lambda second: datetime.fromtimestamp(second, UTC)),
)
def test_an_expression_is_refused_or_has_times_in_order_wherever_the_calendar_ends(
    text: str, zone: str, after: datetime, anchor: datetime
) -> None:
    try:
        parsed = eventbridge.parse(text)
    except InputError as error:
        assert error.next_step
        return
    times = list(islice(eventbridge.following(parsed, zone, after, anchor), 5))
    assert times == sorted(set(times))
    assert all(after < each and each.tzinfo is UTC for each in times)
    eventbridge.notices(parsed, zone, after)
