"""What support is mailed of a stream, from its events to the mail: the deployed alarms, and what the mails prove."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from email_play import MINUTE, START, Event, Play, sending

from deliverywatch.local.cloud.mail.ses_events import Sent

HOUR = timedelta(hours=1)
DAY = 24 * HOUR
OVER = (
    "Over, not better: {bad} of the {count} newsletters sent {times} UTC {happened} ({share} %); none has been sent "
    "since, so there is nothing left to stop."
)


def campaign(bad: int, **more: object) -> list[Event]:
    """600 newsletters in twenty minutes; of those that bounce, two thirds do an hour later."""
    return sending(600, 20, bad, **{"late": HOUR, "late_count": 2 * bad // 3, **more})  # type: ignore[arg-type]


def test_a_campaign_with_bounces_below_the_limits_is_no_mail_however_late_they_come(built: Path) -> None:
    assert Play(built).run(campaign(18), 12).mails == []


def test_a_campaign_that_begins_with_its_old_addresses_is_judged_by_more_than_these(built: Path) -> None:
    first = sending(30, 1, 8, name="old")
    assert Play(built).run([*first, *sending(570, 19, 10, at=START + MINUTE)], 3).mails == []


@pytest.mark.parametrize("late", [MINUTE, HOUR, 9 * HOUR])
def test_a_campaign_that_bounces_is_critical_as_soon_as_it_is_proven_and_over_once_with_the_truth(
    built: Path, late: timedelta
) -> None:
    play = Play(built).run(campaign(72, late=late), 9 + late / HOUR)
    events = play.events("bounces")
    assert [event for event, _ in events].count("RESOLVED") == 1
    assert events[-1] == ("RESOLVED", "ok")
    (critical,) = [number for number, (_, level) in enumerate(events) if level == "critical"]
    # The sixty-first bounce is the first over 10 %.
    proven = sorted(time for time, event in campaign(72, late=late) if "bounce" in event)[60]
    assert play.sent_at[critical] - proven <= 15 * MINUTE
    assert "WHAT BECAME OF THEM, BY RECEIVING DOMAIN" in play.text(0)
    truth = OVER.format(bad=72, count=600, times="{}08:30-08:50", happened="bounced", share="12.0")
    day = "" if play.sent_at[-1].date() == START.date() else f"{START:%d %B} "
    assert truth.format(day) in play.text(-1)
    assert "at 0 %" not in play.text(-1)
    assert "RESOLVED over" in play.text(-1)


def test_complaints_that_come_a_day_later_are_mailed_and_end_with_the_truth(built: Path) -> None:
    play = Play(built).run(sending(600, 20, 4, late=26 * HOUR, late_count=4, kind="complaint"), 52)
    assert play.events("complaints") == [("OPENED", "warning"), ("ESCALATED", "critical"), ("RESOLVED", "ok")]
    assert play.sent_at[1] - START <= 26 * HOUR + 20 * MINUTE
    truth = OVER.format(
        bad=4, count=600, times="20 November 08:30-08:50", happened="were complained about", share="0.67"
    )
    assert truth in play.text(-1)


def drifting(count_of_hour: Callable[[int], int], bad_percent: int) -> list[Event]:
    events = []
    for hour in range(24):
        count = count_of_hour(hour)
        bad = count * bad_percent // 100
        events += sending(count, 60, bad, at=START + hour * HOUR, name=f"h{hour}")
    # A batch every ten minutes is faster.
    return [(time.replace(minute=time.minute // 10 * 10, second=0), event) for time, event in events]


@pytest.mark.parametrize(("swing", "bad_percent"), [(1, 3), (1, 20), (6, 20)])
def test_a_volume_that_drifts_around_the_minimum_for_a_day_is_one_mail_at_most(
    built: Path, swing: int, bad_percent: int
) -> None:
    play = Play(built).run(drifting(lambda hour: 17 + (swing if hour // 4 % 2 else -swing), bad_percent), 24)
    assert len(play.mails) == (bad_percent > 10)


def test_a_batch_that_firehose_repeats_counts_once(built: Path) -> None:
    once, twice = Play(built).run(campaign(72), 8), Play(built).run(campaign(72), 8, repeats=2)
    assert twice.document()["mails"] == once.document()["mails"]
    assert twice.events("bounces") == once.events("bounces")


def test_bounces_that_come_again_in_other_batches_count_once(built: Path) -> None:
    events = campaign(18)
    again = [(time + 5 * MINUTE, event) for time, event in events if "bounce" in event] * 3
    play = Play(built).run([*events, *again], 2)
    document = play.document()
    assert sum([*counts, 0, 0, 0][2] for slot in document["mails"] for counts in slot["domains"].values()) == 18
    assert sum(sum(slot.get("reasons", {}).values()) for slot in document["mails"]) == 18
    assert play.mails == []


def test_the_next_issue_begins_while_complaints_about_the_last_one_count_and_nothing_is_opened(built: Path) -> None:
    first = sending(2500, 20, 2, late=26 * HOUR, late_count=2, kind="complaint")
    second = sending(2500, 20, at=START + 7 * DAY, name="next")
    play = Play(built).run(first, 28).run(second, 10, START + 7 * DAY)
    assert play.mails == []


def test_an_issue_that_was_reported_opens_nothing_when_the_next_one_begins(built: Path) -> None:
    first = sending(600, 20, 4, late=26 * HOUR, late_count=4, kind="complaint")
    play = Play(built).run([*first, *sending(600, 20, at=START + 2 * DAY + 6 * HOUR, name="next")], 24 * 2 + 10)
    assert [event for event, _ in play.events("complaints")] == ["OPENED", "ESCALATED", "RESOLVED"]


def test_later_mails_that_are_healthy_end_it_with_both_shares(built: Path) -> None:
    second = sending(1000, 20, 12, at=START + 3 * HOUR, name="second")
    play = Play(built).run([*campaign(72), *second], 6)
    assert play.events("bounces")[-1] == ("RESOLVED", "ok")
    assert play.sent_at[-1] - START <= 3 * HOUR + 45 * MINUTE
    assert re.search(r" of the \d+ newsletters sent 11:30-11:\d\d UTC bounced \(1\.\d %\); of the", play.text(-1))
    assert "of the 600 newsletters sent 08:30-08:50 UTC before that it was 12.0 %" in play.text(-1)


def test_without_known_outcomes_the_end_of_a_sending_is_not_proven(built: Path) -> None:
    events = [(time, event) for time, event in campaign(72) if "delivery" not in event]
    play = Play(built).run(events, 40)
    assert [event for event, _ in play.events("bounces")][-2:] == ["QUIET", "CLOSED"]


def test_a_provider_that_puts_mails_off_for_hours_is_a_warning_until_they_are_delivered(built: Path) -> None:
    events: list[Event] = []
    for number in range(600):
        at = START + number * MINUTE / 30
        mail = Sent(f"m-{number}", at, "news", (f"p@{('slow', 'b', 'c')[number % 3]}.example",))
        is_slow, later = number % 3 == 0, at + 3 * HOUR
        people = [{"emailAddress": mail.recipients[0], "status": "4.7.1", "diagnosticCode": "smtp; 421 try later"}]
        delay = mail.event("DeliveryDelay", at + MINUTE, delayType="General", delayedRecipients=people)
        events += [(at, mail.event("Send", at)), (later if is_slow else at, mail.delivery(later if is_slow else at))]
        events += [(at + MINUTE, delay)] if is_slow else []
    play = Play(built).run(events, 5)
    assert play.events("delays") == [("OPENED", "warning"), ("RESOLVED", "ok")]
    slow = r"to slow\.example sent 08:30-08:\d0 UTC were delayed and are not delivered \(100\.0 %; elsewhere 0 %\)\."
    assert re.search(slow, play.text(0))
    assert (
        "None of the 200 newsletters to slow.example sent 08:30-08:50 UTC waits; 200 of them were delayed."
        in play.text(1)
    )


@pytest.mark.parametrize("left", [b"lost", None])
def test_a_record_that_is_lost_is_no_good_news_and_is_told(built: Path, left: bytes | None) -> None:
    play = Play(built).run(campaign(72), 2)
    objects = play.store.objects
    del objects["state/email-newsletter.json"]
    objects.update({"state/email-newsletter.json": left} if left else {})
    play.run([], 5, START + 2 * HOUR + MINUTE)
    assert "RESOLVED" not in [event for event, _ in play.events("bounces")]
    assert "Counting began at" in str(play.document()["assessments"])


def test_a_few_sendings_whose_events_are_lost_hide_nothing_of_the_others(built: Path) -> None:
    events = sending(600, 20, 4, late=2 * HOUR, late_count=4, kind="complaint")
    sends = [event for event in events if "send" in event[1]]
    play = Play(built).run([event for event in events if event not in sends[::50]], 3)
    assert play.events("complaints")[0] == ("OPENED", "warning")
