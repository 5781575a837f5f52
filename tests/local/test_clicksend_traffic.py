"""The synthetic day: an incident that every seed shows, and nothing else that would raise an alarm."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from deliverywatch.local.clicksend.traffic import HEALTHY, INCIDENT, Phase, day
from deliverywatch.sms.clicksend.records import TEST_NUMBERS

if TYPE_CHECKING:
    from deliverywatch.local.clicksend.history import Message

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)


def failed(message: Message) -> bool:
    return message.outcomes[-1][1]["status"] == "Failed"


def percent(messages: list[Message], start_hour: float, end_hour: float) -> float:
    start, end = MIDNIGHT + timedelta(hours=start_hour), MIDNIGHT + timedelta(hours=end_hour)
    sent = [message for message in messages if start <= message.sent_at < end]
    return 100 * sum(map(failed, sent)) / len(sent)


@pytest.mark.parametrize("seed", range(5))
def test_the_incident_rises_breaks_out_and_ends(seed: int) -> None:
    messages = day(MIDNIGHT, seed)
    shares = [percent(messages, *hours) for hours in ((6, 11), (11, 11.83), (11.84, 12.83), (12.84, 20))]
    assert shares == [
        pytest.approx(0.8, abs=0.1),
        pytest.approx(6, abs=1),
        pytest.approx(40, abs=4),
        pytest.approx(0.8, abs=0.1),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_no_half_hour_outside_of_the_incident_would_raise_an_alarm(seed: int) -> None:
    assert max(rates(day(MIDNIGHT, seed, phases=HEALTHY))) < 3
    assert max(rates([each for each in day(MIDNIGHT, seed) if not 11 <= each.sent_at.hour < 13])) < 3


def rates(messages: list[Message]) -> list[float]:
    """Failed percent of the half hours that are large enough for an alarm."""
    total = Counter(slot(message) for message in messages)
    bad = Counter(slot(message) for message in messages if failed(message))
    windows = [
        (sum(total[each - back] for back in range(3)), sum(bad[each - back] for back in range(3))) for each in total
    ]
    return [100 * some / many for many, some in windows if many >= 10 and some >= 3]


def slot(message: Message) -> int:
    return int((message.sent_at - MIDNIGHT) / timedelta(minutes=10))


def test_the_incident_is_one_carriers() -> None:
    bad = [each for each in day(MIDNIGHT) if failed(each) and each.outcomes[-1][1]["error_code"] in {"14", "15"}]
    assert {message.fields["carrier"] for message in bad} == {"O2"}


def test_most_outcomes_come_within_a_minute_and_some_after_hours() -> None:
    delays = [message.outcomes[-1][0] - message.sent_at for message in day(MIDNIGHT)]
    within = [sum(delay < timedelta(minutes=minutes) for delay in delays) / len(delays) for minutes in (1, 10, 360)]
    assert 0.9 < within[0] < within[1] < within[2] == 1


def test_the_night_is_quiet_and_the_day_is_not() -> None:
    per_hour = Counter(message.sent_at.hour for message in day(MIDNIGHT))
    assert max(per_hour[hour] for hour in range(6)) < 25
    assert min(per_hour[hour] for hour in range(9, 17)) > 700


def test_campaigns_share_their_second() -> None:
    assert max(Counter(message.sent_at for message in day(MIDNIGHT)).values()) >= 20


def test_the_same_seed_is_the_same_day() -> None:
    assert day(MIDNIGHT, 3) == day(MIDNIGHT, 3) != day(MIDNIGHT, 4)


def test_messages_come_in_order_with_ids_of_their_own() -> None:
    messages = day(MIDNIGHT)
    assert [each.sent_at for each in messages] == sorted(each.sent_at for each in messages)
    assert len({each.message_id for each in messages}) == len(messages)


def test_nobody_has_these_numbers_and_none_is_left_out_of_the_counts() -> None:
    numbers = {message.fields["to"] for message in day(MIDNIGHT)}
    assert all(number.startswith("+447700900") or number[5:10] == "55501" for number in numbers)
    assert not numbers & TEST_NUMBERS


def test_phases_and_volume_can_be_chosen() -> None:
    broken = day(MIDNIGHT, phases=[Phase(timedelta(0), "All is broken", 44.0)], volume=0.1)
    assert len(broken) == pytest.approx(len(day(MIDNIGHT)) / 10, rel=0.05)
    assert percent(broken, 0, 24) == pytest.approx(44, abs=4)


def test_the_phases_of_the_incident_have_words_for_a_timeline() -> None:
    assert [phase.since for phase in INCIDENT] == sorted(phase.since for phase in INCIDENT)
    assert all(phase.text for phase in INCIDENT)


@pytest.mark.parametrize("late_percent", [0, 10, 40, 100])
def test_a_slow_phase_delivers_its_share_late_and_all_in_the_end(late_percent: float) -> None:
    phases = (Phase(timedelta(0), "A slow day", late_percent=late_percent, late_by=timedelta(hours=10)),)
    delivered = [message for message in day(MIDNIGHT, phases=phases) if not failed(message)]
    late = [message for message in delivered if message.outcomes[-1][0] - message.sent_at >= timedelta(hours=8)]
    assert 100 * len(late) / len(delivered) == pytest.approx(late_percent, abs=0.1)


def test_a_phase_without_volume_sends_nothing_and_one_that_fails_everywhere_fails_whole() -> None:
    phases = (
        Phase(timedelta(0), ""),
        Phase(timedelta(hours=10), "", volume=0),
        Phase(timedelta(hours=12), "", failed_percent=100, fails_everywhere=True),
    )
    messages = day(MIDNIGHT, phases=phases)
    hours = Counter((message.sent_at - MIDNIGHT) // timedelta(hours=1) for message in messages)
    assert not hours[10] and not hours[11] and hours[9] and hours[12]
    assert percent(messages, 12, 20) == 100
