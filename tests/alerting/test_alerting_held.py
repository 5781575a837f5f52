"""The words of mails without new evidence, and of those that rest on a system's data: plain, exact, no all-clear."""

from dataclasses import replace

import pytest
from alerting_fakes import SETTINGS, World, at
from alerting_held_stories import (
    BETTER,
    BLIND,
    CLOSED,
    CREDIT,
    CRITICAL,
    FAILURES,
    GONE,
    LATE,
    NO_SMS,
    OK,
    OPENED,
    OVERDUE,
    OVERDUE_ALARM,
    QUIET,
    SHORT,
    SILENCE,
    SILENCE_ALARM,
    SMALL,
    STILL,
    UNSEEN,
    WARNING,
    WELL,
    Story,
    by_data,
    change,
    mailed,
)
from test_alerting_headers import check

from deliverywatch.alerting.incidents.incident import Ack, Event
from deliverywatch.messages.level import Level

ALONE = mailed(FAILURES, change(1, Event.UNSEEN, BLIND, OK, "12:04", **GONE))
CREDIT_OPENED = by_data(1, Event.OPENED, WARNING, "12:04", SHORT)


def told(story: Story, world: World | None = None) -> tuple[str, str]:
    """The subject and the text of a story's mail, in one line."""
    world = world or World()
    story(world)
    (mail,) = world.ses.mails
    check(world.ses.messages[0])
    return str(mail["Subject"]), " ".join(mail.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("story", "subject", "says"),
    [
        (
            mailed(FAILURES, SMALL, QUIET),
            "[QUIET] SMS failures, last seen 100%",
            [
                "SMS failures, quiet: last seen 100 % failing, 2 SMS since.",
                "The incident stays open at CRITICAL and ends once enough SMS are seen to arrive",
                "if nothing is seen until 23 Nov 00:14, it is closed as unknown.",
                "QUIET too little is seen to tell; critical is held",
            ],
        ),
        (
            mailed(FAILURES, SMALL, QUIET, CLOSED),
            "[CLOSED AS UNKNOWN] SMS failures",
            ["closed as unknown: nothing was seen of it for 1 d 1 h. It was last seen 100 % failing.", "no all-clear"],
        ),
        (
            mailed(FAILURES, OPENED, UNSEEN),
            "[BLIND] SMS failures: an alarm is gone",
            ["the alarm deliverywatch-prod-sms-critical does not exist any more", "This is no all-clear."],
        ),
        (ALONE, "[BLIND] SMS failures: an alarm is gone", ["Nothing is known to be wrong."]),
        (
            mailed(FAILURES, OPENED, STILL),
            "[STILL CRITICAL 1d] SMS failures 34%",
            ["Still critical after 1 d: 403 of 1,203 SMS failed", "the level has not changed: 29 % then, 34 % now."],
        ),
        (
            mailed(FAILURES, SMALL),
            "[CRITICAL] SMS failures 100%",
            ["All of the last 9 SMS failed.", "of the last 9 SMS"],
        ),
        (
            mailed(OVERDUE, by_data(1, Event.OPENED, WARNING, "12:06", LATE, alarm=OVERDUE_ALARM)),
            "[WARNING] SMS without an outcome",
            ["had no outcome 5 to 20 minutes after they were sent", "22.4 points (above the usual share)"],
        ),
        (mailed(CREDIT, CREDIT_OPENED), "[WARNING] SMS credit", ["412.50 of credit is left"]),
        (
            mailed(SILENCE, by_data(1, Event.OPENED, CRITICAL, "12:04", NO_SMS, alarm=SILENCE_ALARM)),
            "[CRITICAL] SMS silence",
            ["You normally send about 900 SMS by this time of the day, and sent 0.", "Now 0 % (threshold < 20 %)"],
        ),
        (
            mailed(FAILURES, SMALL, QUIET, BETTER),
            "[WARNING] SMS failures 17%",
            ["It is getting better but is not over: 2 of the last 12 SMS failed (16.7 %).", "warning at 17 %"],
        ),
        (mailed(FAILURES, SMALL, QUIET, WELL), "[RESOLVED 1h 30m] SMS failures", ["None of the last 12 SMS failed."]),
    ],
)
def test_a_mail_says_what_is_seen_what_that_means_and_how_it_ends(story: Story, subject: str, says: list[str]) -> None:
    tag, text = told(story)
    assert tag == f"{subject} - prod - INC-1121-1204"
    assert [part for part in says if part not in text] == []


@pytest.mark.parametrize("change", [QUIET, CLOSED, UNSEEN, STILL])
def test_nothing_that_is_only_held_reads_as_resolved(change: object) -> None:
    tag, text = told(mailed(FAILURES, SMALL, change))  # type: ignore[arg-type]
    assert "RESOLVED" not in tag + text
    assert "back to normal" not in text
    assert "over after" not in text


def test_several_alarms_that_are_gone_are_named_and_the_rest_counted() -> None:
    names = tuple(f"alarm-{number}" for number in range(5))
    _, text = told(mailed(FAILURES, OPENED, replace(UNSEEN, missing=names)))
    assert "the alarms alarm-0, alarm-1, alarm-2 and 2 more do not exist any more" in text


def test_the_time_of_closing_follows_the_parameter() -> None:
    _, text = told(mailed(FAILURES, SMALL, QUIET), World(settings=replace(SETTINGS, close_unknown_hours=2)))
    assert "if nothing is seen until 02:14, it is closed as unknown" in text


def test_a_reminder_says_who_has_taken_it_on() -> None:
    _, text = told(mailed(FAILURES, OPENED, STILL, acks=(Ack("Kim", at("12:20")),)))
    assert "Kim has taken it on" in text


def test_a_reminder_without_an_alarm_repeats_the_last_reason() -> None:
    reminder = change(2, Event.REMINDER, WARNING, WARNING, "13:04")
    _, text = told(mailed(CREDIT, CREDIT_OPENED, reminder))
    assert "Still warning after 1 h: 412.50 of credit is left" in text


def test_a_step_down_and_a_reminder_say_what_is_left_now_and_not_what_was() -> None:
    topped_up = replace(SHORT, verdict=SHORT.verdict.HEALTHY, sentence="206.00 of credit is left.", holds=WARNING)
    for event, before in ((Event.DOWNGRADED, CRITICAL), (Event.REMINDER, WARNING)):
        now = change(2, event, WARNING, before, "14:04", assessment=topped_up)
        _, text = told(mailed(CREDIT, CREDIT_OPENED, now))
        assert "206.00 of credit is left. " in text


@pytest.mark.parametrize(
    ("event", "level"), [(Event.ESCALATED, CRITICAL), (Event.REMINDER, WARNING), (Event.RESOLVED, OK)]
)
def test_a_value_without_an_alarm_has_no_unit_and_no_peak(event: Event, level: Level) -> None:
    now = change(2, event, level, WARNING, "14:04", value=302.2, assessment=replace(SHORT, sentence="Credit is left."))
    _, text = told(mailed(CREDIT, CREDIT_OPENED, now))
    assert "Peak" not in text and "302.2" not in text and "40 then" not in text


def test_an_end_that_is_unknown_asks_nobody_to_take_it_on() -> None:
    assert "To take it on" not in told(mailed(FAILURES, SMALL, QUIET, CLOSED))[1]
    assert "To take it on" in told(mailed(FAILURES, SMALL, QUIET))[1]


def test_a_finding_that_says_all_is_well_is_not_what_an_alarm_is_mailed_with() -> None:
    well = replace(LATE, verdict=LATE.verdict.HEALTHY, sentence="All SMS had an outcome in time.")
    opened = change(1, Event.OPENED, WARNING, OK, "12:06", alarm=OVERDUE_ALARM, value=12.0, assessment=well)
    assert "All SMS had an outcome" not in told(mailed(OVERDUE, opened))[1]


def test_critical_recipients_hear_that_it_is_closed_as_unknown() -> None:
    world = World(settings=replace(SETTINGS, critical_recipients=("boss@example.com",)))
    mailed(FAILURES, SMALL, QUIET, CLOSED)(world)
    assert "boss@example.com" in str(world.ses.mails[0]["To"])
