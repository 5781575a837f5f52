"""Schedules of mute rules as the user guide writes them: when they start, and what is refused."""

from datetime import UTC, datetime

import pytest

from cwalarm.errors import InputError
from cwalarm.schedules import mute_rules

NOVEMBER, DECEMBER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("cron(0 9 * * SUN#4)", ["2026-11-22T09:00"]),
        (
            "0 2 * * SUN",
            ["2026-11-01T02:00", "2026-11-08T02:00", "2026-11-15T02:00", "2026-11-22T02:00", "2026-11-29T02:00"],
        ),
        ("0 1 1 * *", ["2026-11-01T01:00"]),
        ("30 6 L * ?", ["2026-11-30T06:30"]),
        ("0 0 ? * 5L", ["2026-11-27T00:00"]),
        ("0 0 13 NOV FRI", ["2026-11-06T00:00", "2026-11-13T00:00", "2026-11-20T00:00", "2026-11-27T00:00"]),
        ("*/30 0-1 2 11 *", ["2026-11-02T00:00", "2026-11-02T00:30", "2026-11-02T01:00", "2026-11-02T01:30"]),
        (
            "0 0 * * 7",
            ["2026-11-01T00:00", "2026-11-08T00:00", "2026-11-15T00:00", "2026-11-22T00:00", "2026-11-29T00:00"],
        ),
        ("0 6 * * SAT-SUN", [f"2026-11-{day:02}T06:00" for day in (1, 7, 8, 14, 15, 21, 22, 28, 29)]),
        ("0 6 * * 6-7", [f"2026-11-{day:02}T06:00" for day in (1, 7, 8, 14, 15, 21, 22, 28, 29)]),
        ("0 23-1 10 * *", ["2026-11-10T00:00", "2026-11-10T01:00", "2026-11-10T23:00"]),
        ("0 0 LW,15W * *", ["2026-11-16T00:00", "2026-11-30T00:00"]),
        ("at(2026-11-10T14:00)", ["2026-11-10T14:00"]),
        ("at(2027-11-10T14:00)", []),
    ],
)
def test_a_schedule_starts_when_it_says(text: str, starts: list[str]) -> None:
    found = mute_rules.starts(mute_rules.parse(text), UTC, NOVEMBER, DECEMBER)
    assert [each.isoformat()[:16] for each in found] == starts


@pytest.mark.parametrize(
    "text",
    [
        "0 0 1 , 1#",
        "0 0 * * SUN#6",
        "0 0 * * MON,L#1",
        "",
        "* * * *",
        "60 * * * *",
        "*/0 * * * *",
        "0 0 * * XXX",
        "at(2026-13-01T00:00)",
        "cron(0 0 * * SUN",
        "0 0 * * SUN)",
        "cron(cron(0 0 * * SUN))",
        "0 0 1? * *",
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a schedule, because "):
        mute_rules.parse(text)


@pytest.mark.parametrize(
    ("text", "notices"),
    [
        ("0 2 * * SUN", []),
        ("at(2020-01-01T00:00)", []),
        ("0 2 * * FRI-MON", ["AWS does not say whether it takes a range that wraps in its day of the week, 'FRI-MON'"]),
        ("0 20-2 * * *", ["AWS does not say whether it takes a range that wraps in its hour, '20-2'"]),
        ("0 0 30 2 *", ["It never mutes"]),
    ],
)
def test_what_aws_does_not_say_and_what_never_mutes_is_named(text: str, notices: list[str]) -> None:
    named = mute_rules.notices(mute_rules.parse(text))
    assert [sentence[: len(begin)] for sentence, begin in zip(named, notices, strict=True)] == notices
