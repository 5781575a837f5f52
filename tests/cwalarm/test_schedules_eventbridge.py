"""Which schedule expressions are taken: what AWS was recorded to accept and to refuse, and the grammar it documents."""

from datetime import UTC, datetime

import pytest

from cwalarm.errors import InputError
from cwalarm.schedules import eventbridge

# Recorded against AWS: localstack/localstack, tests/aws/services/scheduler/test_scheduler.py with its snapshot.
REFUSED_BY_AWS = [
    "cron(0 1 * * * *)",
    "cron(7 20 * * NOT *)",
    "cron(INVALID)",
    "cron()",
    "cron(0 dummy ? * MON-FRI *)",
    "cron(71 8 1 * ? *)",
    "rate(10 seconds)",
    "rate(10 years)",
    "rate()",
    "rate(10)",
    "rate(10 minutess)",
    "rate(foo minutes)",
    "rate(-10 minutes)",
    "rate( 10 minutes )",
    " rate(10 minutes)",
    "at(2021-12-31T23:59:59Z)",
    "at(2021-12-31)",
]
# The last is aws/aws-sdk-js, issue 4212; its kind, from 60 minutes on.
REFUSED_BY_AWS += ["cron(*/60 * * * ? *)", "cron(0/60 * * * ? *)", "cron(0-30/90 * * * ? *)"]
ACCEPTED_BY_AWS = [
    "rate(2 minute)",
    "rate(1 minute)",
    "rate(10 hours)",
    "rate(10 day)",
    "at(2022-12-12T00:00:00)",
    # localstack/localstack, issue 13572 and pull request 13628.
    "cron(0-15/1 8-8 ? * 2,3,4,5,6,7 *)",
    "cron(30-30 13-13 ? * 2,4,6 *)",
    "cron(1-31/30 1-1 ? * 1,7 *)",
]
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.mark.parametrize("text", REFUSED_BY_AWS)
def test_what_aws_refuses_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="is not a schedule, because") as caught:
        eventbridge.parse(text)
    assert "rate(6 hours)" in caught.value.next_step


@pytest.mark.parametrize("text", ACCEPTED_BY_AWS)
def test_what_aws_accepts_is_accepted_without_a_doubt(text: str) -> None:
    assert not eventbridge.parse(text).undocumented


@pytest.mark.parametrize(
    "text",
    [
        "cron(0 8 ? * MON-FRI *)",
        "cron(0/15 * * * ? *)",
        "cron(*/5 8-18 * * ? *)",
        "cron(0 10 1,15 JAN,JUL ? 2026-2030)",
        "cron(15 12 L * ? *)",
        "cron(0 9 15W * ? *)",
        "cron(0 9 ? * 6L *)",
        "cron(0 9 ? * FRIL *)",
        "cron(0 9 ? * TUE#2 *)",
        "cron(0 9 ? * 3#5 *)",
        "cron(0 9 ? * L *)",
        "cron(0-30/10 9 * * ? *)",
        "cron(0/30 20-2 ? * MON-FRI *)",
        "cron(0 8 ? * FRI-MON *)",
        "cron(0 21 LW * ? *)",
    ],
)
def test_the_documented_wildcards_are_accepted_without_a_doubt(text: str) -> None:
    assert not eventbridge.parse(text).undocumented


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("cron(50-10 * * * ? *)", "a range that wraps in its minute, '50-10'"),
        ("cron(0 8 25-5 * ? *)", "a range that wraps in its day of the month, '25-5'"),
        ("cron(0 8 1 NOV-FEB ? *)", "a range that wraps in its month, 'NOV-FEB'"),
        ("cron(0 */24 * * ? *)", "a step beyond its hour, '*/24'"),
        ("cron(0 8 1 1/13 ? *)", "a step beyond its month, '1/13'"),
        ("cron(0 8 ? * MON/2 *)", "a step in its day of the week, 'MON/2'"),
        ("cron(0 8 1,L * ? *)", "'L' in a list, '1,L'"),
        ("cron(0 8 ? * MON,FRIL *)", "'FRIL' in a list, 'MON,FRIL'"),
        ("cron(0 8 L-3 * ? *)", "days before the last, 'L-3'"),
        ("cron(0 8 ? * mon-fri *)", "names in lower case"),
        ("rate(1 hours)", "'1 hours' for '1 hour'"),
        ("cron(/5 * * * ? *)", "a step from nothing in its minute, '/5'"),
        ("cron(0 *,5 * * ? *)", "'*' in a list of its hour, '*,5'"),
        ("cron(0 8 *,L * ? *)", "'L' in a list, '*,L'"),
    ],
)
def test_what_aws_does_not_say_is_accepted_and_named(text: str, what: str) -> None:
    parsed = eventbridge.parse(text)
    assert parsed.undocumented == (what,)
    (notice,) = eventbridge.notices(parsed, "UTC", NOW)
    assert what in notice
    assert "only this schedule" in notice


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("at(2026-11-28T23:59:59)", "UTC"),
        ("at(2027-03-28T02:30:00)", "Europe/Rome"),
        ("at(9999-12-31T23:59:59)", "America/New_York"),
        ("at(0001-01-01T00:00:00)", "Asia/Tokyo"),
        ("cron(0 0 30 2 ? *)", "UTC"),
        ("cron(0 0 31 4,6 ? *)", "UTC"),
        ("cron(0 0 1 1 ? 2020-2025)", "UTC"),
        ("cron(0 0 ? 2 SUN#5 2027)", "UTC"),
        ("cron(0 0 L-31 * ? *)", "UTC"),
        ("rate(2915000 days)", "UTC"),
    ],
)
def test_a_schedule_that_never_runs_is_named(text: str, zone: str) -> None:
    assert any("It never runs" in notice for notice in eventbridge.notices(eventbridge.parse(text), zone, NOW))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cron(0 8 ? * ? *)", "exactly one of its two day fields"),
        ("cron(0 8 1 * MON *)", "exactly one of its two day fields"),
        ("cron(0 8 1? * ? *)", "a '?' stands alone in its field, and '1?' says more"),
        ("cron(0 8 ?,1 * ? *)", "a '?' stands alone"),
        ("cron(0 8 ? * MON? *)", "a '?' stands alone"),
        ("cron(0 24 * * ? *)", "hour 24 is not between 0 and 23"),
        ("cron(0 8 32 * ? *)", "day of the month 32"),
        ("cron(0 8 ? * 0 *)", "day of the week 0"),
        ("cron(0 8 * 13 ? *)", "month 13"),
        ("cron(0 8 * * ? 1969)", "year 1969"),
        ("cron(0 8 * * ? 2200)", "year 2200"),
        ("cron(0 8 * * ? 2030-2026)", "runs backwards"),
        ("cron(0/0 8 * * ? *)", "step '0'"),
        ("cron(0/61 8 * * ? *)", "step 61"),
        ("cron(0 8 ? * TUE#6 *)", "#1 to #5"),
        ("cron(0 8 ? * TUE#1,TUE#3 *)", "only one"),
        ("cron(0 8 ? * TUE#1,FRI *)", "only one"),
        ("cron(0 8 3-L * ? *)", "'3-L' is not a number"),
        ("cron(0 8 ? * L-1 *)", "'L-1' is not a number"),
        ("cron(0 8 WL * ? *)", "is not a number"),
        ("cron(0 8 * * ?)", "5 fields"),
        ("cron(0 8 * * ? * *)", "7 fields"),
        ("rate(0 minutes)", "1 or more"),
        ("rate(5000000 days)", "after the year 9999"),
        ("rate(99999999999 minutes)", "after the year 9999"),
        (f"rate({'9' * 100} days)", "after the year 9999"),
        ("at(2026-02-30T00:00:00)", "no such date"),
        ("at(2026-11-21T12:00)", "a moment is"),
        ("every day", "neither"),
        ("cron(" + "0" * 260 + ")", "longer than 256"),
    ],
)
def test_a_refusal_says_which_part_is_wrong(text: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        eventbridge.parse(text)
    assert why in str(caught.value)
