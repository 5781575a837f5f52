"""The assessment of failing messages: what opens, what holds, what resolves, and what proves nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_world import NOW, World, at, row

from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.assessments.failures import FailureLimits, assess
from deliverywatch.sms.assessments.slot_counts import SlotCount, counted

LIMITS = FailureLimits()
HEALTHY, FAILING, TOO_LITTLE = Verdict.HEALTHY, Verdict.FAILING, Verdict.TOO_LITTLE
QUIET = "No SMS was sent for 60 minutes; before that,"
OK, WARNING, CRITICAL = Level.OK, Level.WARNING, Level.CRITICAL


def slots(text: str) -> list[SlotCount]:
    """Slots of ten minutes up to `NOW`: `3/10 0 2` is 3 failed of 10, none sent, 2 sent; returned newest first."""
    pairs = [word.split("/") if "/" in word else ("0", word) for word in text.split()]
    begins = [NOW - timedelta(minutes=10 * back) for back in range(1, len(pairs) + 1)]
    counts = [(int(total), int(failed)) for failed, total in reversed(pairs)]
    return [counted(begin, 10, *numbers) for begin, numbers in zip(begins, counts, strict=True)]


def judged(seen: Sequence[SlotCount], limits: FailureLimits = LIMITS) -> Assessment:
    return assess(seen, NOW, NOW, limits)


@pytest.mark.parametrize(
    ("seen", "verdict", "opens", "holds", "sentence"),
    [
        ("100 100 100", HEALTHY, OK, OK, "None of the last 300 SMS failed."),
        ("2/100 2/100 2/100", HEALTHY, OK, OK, "6 of the last 300 SMS failed (2 %)."),
        ("3/100 2/100 2/100", FAILING, OK, WARNING, "7 of the last 300 SMS failed (2.3 %)."),
        ("60/100 0/100 0/100", FAILING, OK, CRITICAL, "60 of the last 300 SMS failed (20 %)."),
        ("100/100 100/100 100/100", FAILING, OK, CRITICAL, "All of the last 300 SMS failed."),
        ("20 1/1 1/1 1/1", FAILING, CRITICAL, CRITICAL, "All of the last 3 SMS failed."),
        ("20 0 0 1/1 1/1 0", FAILING, OK, WARNING, "2 of the last 22 SMS failed (9.1 %)."),
        ("1 1 1 1 1 1 1 1/1 0 1/1 0 1/1", FAILING, CRITICAL, CRITICAL, "All of the last 3 SMS failed."),
        ("3/3 0 0 4 0 3 0", FAILING, OK, CRITICAL, "3 of the last 10 SMS failed (30 %)."),
        ("6/6 0 0 4 0 0", FAILING, WARNING, CRITICAL, "6 of the last 10 SMS failed (60 %)."),
        ("2 1/2 1/2 0/2 1/2 0/2", FAILING, OK, CRITICAL, "3 of the last 10 SMS failed (30 %)."),
        ("6 1/2 1/2 1/2 1/2 1/2 1/2 0/2 0/2", FAILING, WARNING, CRITICAL, "6 of the last 16 SMS failed (37.5 %)."),
        ("9/9 0 0 5 0 5 0", HEALTHY, OK, OK, "None of the last 10 SMS failed."),
        ("1 1 1", TOO_LITTLE, OK, OK, "Only 3 SMS were sent in the last 24 hours, too few to judge."),
        ("", TOO_LITTLE, OK, OK, "No SMS was sent in the last 24 hours."),
        ("9/9 0 0 0 0 0 0", TOO_LITTLE, OK, OK, f"{QUIET} all of the last 9 SMS failed."),
        ("90/90 0 0 0 0 0 0", TOO_LITTLE, OK, OK, f"{QUIET} all of the last 90 SMS failed."),
    ],
)  # fmt: skip
def test_a_verdict_rests_on_what_was_seen(
    seen: str, verdict: Verdict, opens: Level, holds: Level, sentence: str
) -> None:
    assessment = judged(slots(seen))
    assert (assessment.verdict, assessment.opens, assessment.holds) == (verdict, opens, holds)
    assert assessment.sentence == sentence


def test_a_longer_window_is_judged_as_a_whole() -> None:
    seen = slots("9/10 100 100 100 100 100")
    assert judged(seen, replace(LIMITS, window_minutes=60)).verdict is HEALTHY
    assert judged(seen, replace(LIMITS, window_minutes=60)).sentence == "9 of the last 510 SMS failed (1.8 %)."
    thin = slots("4 4 4 1/1 1/1 1/1")
    assert judged(thin, replace(LIMITS, window_minutes=60)).opens is OK
    assert judged(thin).opens is CRITICAL


def test_an_account_that_sends_every_two_hours_is_not_quiet_after_one() -> None:
    every_two_hours = "1/1 0 0 0 0 0 0 0 0 0 0 0 " * 3
    assert judged(slots(every_two_hours)).opens is CRITICAL
    assert judged(slots(every_two_hours + "0 0 0 0 0 0 " * 5)).verdict is TOO_LITTLE


def test_an_outage_that_goes_quiet_was_last_seen_as_it_was_opened() -> None:
    quiet = judged(slots("1 1 1 1 1 1 1/1 1/1 1/1 0 0 0 0 0 0"))
    assert (quiet.verdict, quiet.value) == (TOO_LITTLE, 100)
    assert quiet.sentence == f"{QUIET} all of the last 3 SMS failed."
    assert judged(slots("100/100 3/3 3/3 3/3 0 0 0 0 0 0")).sentence == f"{QUIET} all of the last 109 SMS failed."


def test_one_failure_of_a_few_messages_is_judged_over_a_longer_time() -> None:
    assert judged(slots("100 4 3 1/3")).verdict is HEALTHY
    assert judged(slots("60/100 4 3 1/3")).holds is CRITICAL


def test_what_failed_before_the_newest_messages_opens_nothing() -> None:
    assert judged(slots("60/100 0 0 4 3 0 1/3")).opens is OK


def test_messages_older_than_a_day_say_nothing() -> None:
    old = [counted(NOW - timedelta(hours=25), 10, 100, 100)]
    assert judged(old).sentence == "No SMS was sent in the last 24 hours."


def test_messages_without_an_outcome_are_no_proof_of_health() -> None:
    pending = SlotCount(NOW - timedelta(minutes=10), NOW, total=100, failed=0, good=3)
    assert judged([pending]).verdict is TOO_LITTLE
    assert judged([pending]).sentence == "Only 3 of the last 100 SMS have an outcome, too few to judge."
    assert judged([replace(pending, good=10)]).verdict is HEALTHY


def test_failures_among_messages_without_an_outcome_are_no_outage_and_still_hold_an_incident() -> None:
    among_pending = SlotCount(NOW - timedelta(minutes=10), NOW, total=100, failed=3, good=0)
    assessment = judged([among_pending])
    assert (assessment.verdict, assessment.opens, assessment.holds) == (FAILING, OK, CRITICAL)
    assert assessment.sentence == "3 of the last 100 SMS failed (3 %)."
    thin = [replace(among_pending, total=9, start=slot.start, end=slot.end) for slot in slots("1 1 1")[:1]]
    assert judged(thin).opens is OK


def test_an_account_whose_messages_never_get_an_outcome_is_not_read_back_a_day() -> None:
    taken = 0

    def never_final() -> Iterator[SlotCount]:
        nonlocal taken
        for back in range(144):
            taken += 1
            end = NOW - timedelta(minutes=10 * back)
            yield SlotCount(end - timedelta(minutes=10), end, total=40, failed=0, good=0)

    assert assess(never_final(), NOW, NOW, LIMITS).verdict is TOO_LITTLE
    assert taken == 4


@pytest.mark.parametrize(
    ("failure", "people", "opens"),
    [("dead", 1, OK), ("dead", 2, OK), ("dead", 3, CRITICAL), ("failed", 1, CRITICAL)],
)
def test_tries_of_one_dead_number_count_once(failure: str, people: int, opens: Level) -> None:
    world = World()
    world.history.rows = [
        row(f"M{number}", at("12:05"), failure, to=f"+6140000000{number % people}") for number in range(9)
    ]
    world.run()
    assert world.context()["assessments"]["sms-failures"]["opens"] == opens


def test_only_as_many_hours_are_read_as_are_needed() -> None:
    world = World()
    world.history.rows = [row(f"M{number}", at("11:55")) for number in range(10)]
    world.run()
    read: list[str] = []
    world.store.before = lambda operation, key: read.append(key) if operation == "read" else None
    world.history.rows += [row(f"N{number}", at("12:15")) for number in range(10)]
    world.run(NOW + timedelta(minutes=10))
    # The other watches of a run read six hours.
    assert min(key[-10:-8] for key in read if key.endswith(".parquet")) == "06"


COUNTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=60)


def of(counts: list[tuple[int, int]]) -> list[SlotCount]:
    return slots(" ".join(f"{min(failed, total)}/{total}" for total, failed in counts))


@given(COUNTS)
def test_healthy_is_never_said_without_enough_messages_seen_good(counts: list[tuple[int, int]]) -> None:
    assessment = judged(of(counts))
    if assessment.verdict is HEALTHY:
        good = sum(slot.good for slot in of(counts))
        assert assessment.seen_count >= LIMITS.minimum_total
        assert good >= (1 - LIMITS.warning_recovery_percent / 100) * LIMITS.minimum_total
        assert (assessment.opens, assessment.holds) == (OK, OK)
        assert assessment.value is not None and assessment.value <= LIMITS.warning_recovery_percent


@given(COUNTS)
def test_nothing_opens_without_enough_failures_and_whatever_opens_is_held(counts: list[tuple[int, int]]) -> None:
    assessment = judged(of(counts))
    if assessment.opens is not OK:
        assert sum(slot.failed for slot in of(counts)) >= LIMITS.outage_minimum_failed
        assert assessment.verdict is FAILING
        assert assessment.holds.rank >= assessment.opens.rank


@given(COUNTS, st.integers(0, 59))
def test_one_more_failure_never_makes_it_look_better(counts: list[tuple[int, int]], index: int) -> None:
    worse = [(total, failed + (number == index)) for number, (total, failed) in enumerate(counts)]
    before, after = judged(of(counts)), judged(of(worse))
    assert after.opens.rank >= before.opens.rank
    assert not (after.verdict is HEALTHY and before.verdict is FAILING)


@given(COUNTS)
def test_an_outage_of_the_newest_three_messages_is_critical_whatever_came_before(counts: list[tuple[int, int]]) -> None:
    thin = judged(slots(" ".join([*(f"0/{total}" for total, _ in counts), "0 0 0 1/1 1/1 1/1"])))
    assert (thin.verdict, thin.opens) == (FAILING, CRITICAL)
