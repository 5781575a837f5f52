"""Which schedule expressions are taken: what AWS was recorded to accept and to refuse, and the grammar it documents."""

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
ACCEPTED_BY_AWS = ["rate(2 minute)", "rate(1 minute)", "rate(10 hours)", "rate(10 day)", "at(2022-12-12T00:00:00)"]


@pytest.mark.parametrize("text", REFUSED_BY_AWS)
def test_what_aws_refuses_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InputError, match="is not a schedule, because") as caught:
        eventbridge.parse(text)
    assert "rate(6 hours)" in caught.value.next_step


@pytest.mark.parametrize("text", ACCEPTED_BY_AWS)
def test_what_aws_accepts_is_accepted(text: str) -> None:
    assert eventbridge.parse(text)


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
    ],
)
def test_the_documented_wildcards_are_accepted(text: str) -> None:
    assert eventbridge.parse(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cron(0 8 ? * ? *)", "exactly one of its two day fields"),
        ("cron(0 8 1 * MON *)", "exactly one of its two day fields"),
        ("cron(0 24 * * ? *)", "hour 24 is not between 0 and 23"),
        ("cron(0 8 32 * ? *)", "day of the month 32"),
        ("cron(0 8 ? * 0 *)", "day of the week 0"),
        ("cron(0 8 * 13 ? *)", "month 13"),
        ("cron(0 8 * * ? 1969)", "year 1969"),
        ("cron(0 8 * * ? 2200)", "year 2200"),
        ("cron(0 18-8 * * ? *)", "runs backwards"),
        ("cron(0/0 8 * * ? *)", "step '0'"),
        ("cron(0/61 8 * * ? *)", "step '61'"),
        ("cron(0 8 ? * TUE#6 *)", "#1 to #5"),
        ("cron(0 8 ? * TUE#1,TUE#3 *)", "#1 to #5"),
        ("cron(0 8 1,L * ? *)", "'L' is not a number"),
        ("cron(0 8 * * ?)", "5 fields"),
        ("cron(0 8 * * ? * *)", "7 fields"),
        ("rate(0 minutes)", "1 or more"),
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
