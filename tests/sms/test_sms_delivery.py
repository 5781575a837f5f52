"""Outcomes that come late are told long before messages fail, against what is usual for the account."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from clicksend_world import client
from hypothesis import given
from hypothesis import strategies as st
from sms_world import NOW, World, at, row

from deliverywatch.local.clicksend.history import DELIVERED, Message, Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.local.clicksend.traffic import HEALTHY, Phase, day
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Verdict
from deliverywatch.sms.assessments import delivery
from deliverywatch.sms.assessments.delivery import DeliveryLimits, Minute
from deliverywatch.sms.assessments.usual import KEY, Usual, parse
from deliverywatch.sms.mail_context.delay import Delays

if TYPE_CHECKING:
    from collections.abc import Iterable

SLOT = timedelta(minutes=10)
LIMITS = DeliveryLimits()
MINUTE = 60_000


def sent(minutes_ago: float) -> int:
    return int((NOW - timedelta(minutes=minutes_ago)).timestamp() * 1000)


def batch(minutes_ago: float, late: int, total: int, temporary: int = 0) -> Minute:
    return Minute(sent(minutes_ago), total, late, temporary)


def points(*seen: Minute, usual: float = 0.0) -> float | None:
    return delivery.points_above(delivery.measure(seen, NOW), usual, NOW, LIMITS)


def verdict(*seen: Minute, usual: float = 0.0) -> Verdict:
    return delivery.assess(delivery.measure(seen, NOW), usual, NOW, LIMITS).verdict


@pytest.mark.parametrize(
    ("seen", "usual", "expected", "judged"),
    [
        ([batch(10, 120, 300)], 0.0, 40.0, Verdict.FAILING),
        ([batch(10, 120, 300)], 35.0, 5.0, Verdict.HEALTHY),
        ([batch(10, 3, 300)], 5.0, 0.0, Verdict.HEALTHY),
        ([batch(10, 21, 300)], 0.0, 7.0, Verdict.FAILING),
        ([batch(10, 5, 5)], 0.0, 100.0, Verdict.FAILING),
        ([batch(10, 4, 4)], 0.0, None, Verdict.TOO_LITTLE),
        ([batch(10, 5, 5)], 85.0, None, Verdict.TOO_LITTLE),
        # Without receipts no outcome is ever known: that they are as late as usual proves nothing.
        ([batch(10, 300, 300)], 100.0, None, Verdict.TOO_LITTLE),
        ([batch(10, 270, 300)], 90.0, None, Verdict.TOO_LITTLE),
        ([batch(10, 0, 300)], 100.0, 0.0, Verdict.HEALTHY),
        ([batch(10, 3, 5)], 0.0, None, Verdict.TOO_LITTLE),
        ([batch(10, 0, 5)], 0.0, 0.0, Verdict.HEALTHY),
        ([batch(10, 0, 4)], 0.0, None, Verdict.TOO_LITTLE),
        # One in twenty never gets an outcome somewhere: five of twenty may be chance, six are none.
        ([batch(10, 5, 20)], 5.0, None, Verdict.TOO_LITTLE),
        ([batch(10, 6, 20)], 5.0, 25.0, Verdict.FAILING),
        ([batch(10, 7, 30)], 5.0, None, Verdict.TOO_LITTLE),
        ([], 0.0, None, Verdict.TOO_LITTLE),
    ],
)
def test_a_share_is_judged_against_the_usual_one_where_enough_is_known(
    seen: list[Minute], usual: float, expected: float | None, judged: Verdict
) -> None:
    assert points(*seen, usual=usual) == (expected if expected is None else pytest.approx(expected))
    assert verdict(*seen, usual=usual) == judged


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        # The 15 minutes are judged as a whole; older ones only where these are too few.
        ([batch(6, 5, 5), batch(19, 0, 95), batch(40, 50, 50)], (5, 100)),
        ([batch(6, 2, 3), batch(40, 2, 2), batch(50, 0, 90)], (4, 95)),
        ([batch(6, 2, 2), batch(90, 3, 3), batch(180, 0, 90)], (5, 5)),
        ([batch(90, 0, 4), batch(180, 0, 6), batch(190, 9, 9)], (0, 10)),
        ([batch(6, 1, 2), batch(359, 1, 2), batch(400, 0, 90)], (2, 4)),
    ],
)
def test_thin_traffic_is_judged_over_the_shortest_newest_stretch_that_says_enough(
    seen: list[Minute], expected: tuple[int, int]
) -> None:
    measured = delivery.measure(seen, NOW)
    assert (measured.late, measured.total) == expected


def test_an_account_that_sends_nothing_is_too_little_to_judge_and_ends_no_incident() -> None:
    old = delivery.assess(delivery.measure([batch(70, 0, 50)], NOW), 0.0, NOW, LIMITS)
    none = delivery.assess(delivery.measure([], NOW), 0.0, NOW, LIMITS)
    assert (old.verdict, none.verdict, old.opens, none.holds) == (Verdict.TOO_LITTLE,) * 2 + (Level.OK,) * 2
    assert none.sentence == "No SMS was sent in the last 6 hours that should have an outcome."


def test_an_incident_is_held_until_the_share_is_half_way_back() -> None:
    levels = [delivery.judged(above, NOW, LIMITS).holds for above in (40, 10.1, 5.1, 5.0, 0.0)]
    assert levels == [Level.WARNING] * 3 + [Level.OK] * 2


def test_the_sentence_says_how_many_are_late_what_is_usual_and_how_many_networks_refused() -> None:
    seen = delivery.measure([batch(10, 18, 45, temporary=12)], NOW)
    assert delivery.assess(seen, 2.13, NOW, LIMITS).sentence == (
        "18 of 45 SMS (40 %) had no outcome 5 to 20 minutes after they were sent, usually 2.1 %. "
        "Networks refused 12 of them for now (300, 302)."
    )


@pytest.mark.parametrize(
    ("minutes_ago", "outcome", "code", "seen_after", "expected"),
    [
        (10, "pending", "200", None, (1, 1, 0)),
        (4, "pending", "200", None, None),
        (4, "delivered", "201", 1, None),
        (10, "delivered", "201", 5, (1, 0, 0)),
        (60, "delivered", "201", 30, (1, 0, 0)),
        (60, "delivered", "201", 31, (1, 1, 0)),
        (60, "failed", "301", 45, (1, 1, 0)),
        (60, "delivered", "201", None, (1, 0, 0)),
        (60, "pending", "200", None, (1, 1, 0)),
        (1, "pending", "300", None, (1, 1, 1)),
        (-1, "pending", "300", None, None),
        (10, "pending", "302", None, (1, 1, 1)),
        (10, "unknown", None, None, None),
        (10, "excluded", "200", None, None),
    ],
)
def test_a_message_is_late_when_its_outcome_was_not_there_in_time(
    minutes_ago: int, outcome: str, code: str | None, seen_after: int | None, expected: tuple[int, ...] | None
) -> None:
    time = sent(minutes_ago)
    rows = [(time, outcome, code, None if seen_after is None else time + seen_after * MINUTE)]
    assert delivery.minutes(rows, NOW, 10) == ([] if expected is None else [(time, *expected)])


# What is usual.


def taught(*days: float, share: float = 0.0) -> Usual:
    usual, begin = Usual(), datetime(2026, 10, 1, tzinfo=UTC)
    for number, percent in enumerate((*days, share)):
        for slot in range(8):
            usual = usual.with_share(percent, begin + timedelta(days=number, minutes=10 * slot))
    return usual


@pytest.mark.parametrize(
    ("days", "percent"),
    [
        ((), 0.0),
        ((30.0, 30.0), 0.0),
        ((5.0, 5.0, 6.0), 5.0),
        ((5.0,) * 8 + (80.0,) * 7, 5.0),
        ((80.0,) * 28 + (5.0,) * 28, 5.0),
    ],
)
def test_what_is_usual_is_the_median_of_days_and_an_incident_of_a_week_does_not_change_it(
    days: tuple[float, ...], percent: float
) -> None:
    assert taught(*days, share=99.0).percent == percent


def test_a_repeated_run_counts_once_and_a_late_one_of_yesterday_teaches_nothing() -> None:
    usual = taught(5.0, 5.0)
    again = usual.with_share(7.0, NOW).with_share(7.0, NOW).with_share(90.0, NOW - timedelta(days=2))
    assert again.shares == {"12:10": 7.0}


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 5000)), max_size=40))
def test_what_is_usual_survives_its_document_and_stays_a_share(steps: list[tuple[float, int]]) -> None:
    usual = Usual(others={"later": 1})
    for percent, minutes in sorted(steps, key=lambda step: step[1]):
        usual = usual.with_share(percent, NOW + timedelta(minutes=minutes))
    assert parse(usual.as_body()) == usual
    assert 0 <= usual.percent <= 100


def test_a_damaged_document_is_set_aside_and_learned_anew() -> None:
    world = World()
    world.store.write(KEY, b"rubbish")
    world.history.rows = [row(f"M{number}", at("12:00")) for number in range(30)]
    world.run()
    assert parse(world.store.objects[KEY]).shares == {"12:10": 0.0}
    assert world.store.objects[f"damaged/{KEY}"] == b"rubbish"


# The time to the outcome.


@pytest.mark.parametrize(
    ("after", "waiting", "sentence"),
    [
        ([], 0, ""),
        ([1] * 100, 0, "half within 10 minutes, 95 % within 10 minutes"),
        ([1] * 94 + [25] * 6, 0, "half within 10 minutes, 95 % within 30 minutes"),
        ([1] * 94, 6, "half within 10 minutes, 95 % not yet"),
        ([10], 1, "half within 10 minutes, 95 % not yet"),
        ([], 3, "half not yet, 95 % not yet"),
    ],
)
def test_the_time_to_the_outcome_is_a_number_of_slots_and_who_waits_counts_as_slowest(
    after: list[int], waiting: int, sentence: str
) -> None:
    delays = Delays(10)
    for minutes in after:
        delays.add(0, "delivered", minutes * MINUTE)
    for _ in range(waiting):
        delays.add(0, "pending", None)
    delays.add(0, "delivered", None)
    assert delays.summed().sentence() == sentence


# Stories with a ClickSend server.


def story(messages: Iterable[Message], start: datetime, end: datetime, world: World | None = None) -> World:
    with ClickSendServer(Messages(messages), username="somebody", api_key="KEY-0123-SECRET") as server:
        world = world or World()
        world.history = client(server)  # type: ignore[assignment]
        server.now = start
        while server.now <= end:
            world.run(server.now)
            server.now += SLOT
    return world


def overdue(world: World) -> dict[str, float]:
    metrics = [(point.stamp, point.metrics.get("OverduePercent")) for point in world.points if "Runs" in point.metrics]
    return {f"{stamp:%H:%M}": metric[0] for stamp, metric in metrics if metric}


def test_slow_messages_of_a_busy_account_are_told_within_two_slots_and_end_with_them() -> None:
    phases = (*HEALTHY, Phase(timedelta(hours=10), "slow", late_percent=40), Phase(timedelta(hours=11), "quick again"))
    messages = day(at("00:00"), 3, phases=phases, volume=0.5)
    world = story(messages, at("09:00"), at("12:00"))
    seen = overdue(world)
    assert max(seen[f"09:{minute}"] for minute in (20, 30, 40, 50)) < 10
    assert min(seen[time] for time in ("10:20", "10:30", "10:40", "11:00", "11:10")) > 10
    assert max(seen[time] for time in ("11:30", "11:40", "12:00")) < 5
    left = world.context()["assessments"]["sms-overdue"]
    assert left["verdict"] == "healthy"
    assert left["sentence"].endswith("Outcomes of 3 hours: half within 10 minutes, 95 % within 50 minutes.")
    assert world.context()["delay"]["p95_minutes"] >= 40


def test_five_of_five_that_wait_are_told_to_a_small_account_and_silence_ends_nothing() -> None:
    waiting = [Message(f"M{number}", at("12:02") + timedelta(seconds=number)) for number in range(5)]
    world = story(waiting, at("12:10"), at("12:40"))
    assert overdue(world) == {"12:10": 100.0, "12:20": 100.0, "12:30": 100.0, "12:40": 100.0}
    assert world.context()["assessments"]["sms-overdue"]["verdict"] == "failing"
    assert world.context()["overdue"] | {"percent": 100.0, "pending": 5, "total": 5} == world.context()["overdue"]
    arrived = [Message(one.message_id, one.sent_at, ((at("12:50"), DELIVERED),)) for one in waiting]
    world = story(arrived, at("12:50"), at("14:00"), world)
    assert world.context()["assessments"]["sms-overdue"]["verdict"] == "too_little"
    assert "14:00" not in overdue(world)


def test_networks_that_refuse_for_now_are_told_at_once_and_how_many() -> None:
    world = World()
    world.history.rows = [row(f"T{number}", at("12:09"), "temporary") for number in range(30)]
    world.history.rows += [row(f"M{number}", at("12:09")) for number in range(30)]
    world.run()
    assert overdue(world) == {"12:10": 50.0}
    facts = {fact["name"]: fact["value"] for fact in world.context()["facts"]}
    assert facts["Refused by networks for now"] == "30 of these (300, 302)"


moments = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 30), st.integers(0, 30)), max_size=12)


@given(moments, st.floats(0, 100))
def test_points_are_a_share_and_one_more_late_message_never_lowers_them(
    seen: list[tuple[int, int, int]], usual: float
) -> None:
    minutes = [batch(ago, late, late + good) for ago, late, good in sorted(seen) if late + good]
    measured = delivery.measure(minutes, NOW)
    assert 0 <= measured.late <= measured.total
    above = delivery.points_above(measured, usual, NOW, LIMITS)
    assert above is None or 0 <= above <= 100
    worse = replace(measured, late=min(measured.total, measured.late + 1))
    more = delivery.points_above(worse, usual, NOW, LIMITS)
    assert above is None or more is None or more >= above


@given(st.permutations(range(6)))
def test_rows_may_come_in_any_order(order: list[int]) -> None:
    rows = [(sent(5 + 3 * number), "pending" if number % 2 else "delivered", "200", None) for number in order]
    assert delivery.minutes(rows, NOW, 10) == delivery.minutes(sorted(rows), NOW, 10)
