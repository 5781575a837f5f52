"""Which mails are judged together, what they prove, and what is said of them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.email.rates import delays, providers
from deliverywatch.email.rates.cohorts import cohorts, joined
from deliverywatch.email.rates.counts import Counts, added, from_list
from deliverywatch.email.rates.episodes import Episode, from_document
from deliverywatch.email.rates.judgement import Evidence, Judgement, judge
from deliverywatch.email.rates.minutes import MinuteCounts
from deliverywatch.email.rates.rules import Limits, Rule, rules
from deliverywatch.email.rates.slots import MailSlot, MailSlots
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Verdict

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR, SLOT = timedelta(hours=1), timedelta(minutes=10)
BOUNCES, COMPLAINTS = rules(Limits())


def slot(
    back: timedelta, sent: int, bad: int = 0, *, pending: int = 0, domain: str = "a.example", **more: int
) -> MailSlot:
    """Return a slot that began so long ago; what did not bounce is delivered, unless it is pending."""
    made = MailSlot(NOW - back)
    made.add(domain, Counts(sent=sent, delivered=sent - bad - pending, bounced=bad)._replace(**more))
    return made


def judged(
    slots: Sequence[MailSlot], before: Sequence[Episode] = (), rule: Rule = BOUNCES, now: datetime = NOW
) -> Judgement:
    ordered = sorted(slots, key=lambda one: one.start)
    return judge(Evidence(slots=ordered, now=now, rule=rule, noun="newsletters"), before)


def test_a_pause_divides_sendings_and_a_newsletter_is_never_cut() -> None:
    issue = [slot(8 * HOUR, 300), slot(8 * HOUR - SLOT, 300)]
    later = [slot(2 * HOUR, 100)]
    parts = cohorts([*issue, *later], 6 * HOUR, HOUR)
    assert [part.counts.sent for part in parts] == [100, 600]


def test_a_stream_without_a_pause_is_cut_where_it_sends_least() -> None:
    slots = [slot(12 * HOUR - number * SLOT, 1 if number == 33 else 50) for number in range(72)]
    first, second = cohorts(slots, 6 * HOUR, HOUR)
    assert first.start == slots[33].end
    assert added([first.counts, second.counts]) == added(one.counts for one in slots)


def test_small_sendings_are_judged_together_and_large_ones_alone() -> None:
    parts = cohorts([slot(5 * HOUR, 60), slot(3 * HOUR, 50), slot(HOUR, 500)], 6 * HOUR, HOUR)
    assert [part.counts.sent for part in joined(parts, 100, 6 * HOUR)] == [500, 110]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 300)), max_size=60), st.integers(1, 12))
@settings(max_examples=80, deadline=None)
def test_every_mail_is_in_exactly_one_cohort(sent: list[tuple[int, int]], hours: int) -> None:
    slots = MailSlots(
        MailSlot(NOW - back * SLOT, domains={"a": Counts(sent=count)}, counts=Counts(sent=count))
        for back, count in sent
    )
    parts = joined(cohorts([*slots], hours * HOUR, HOUR), 100, 6 * HOUR)
    ordered = [one for part in reversed(parts) for one in part.slots]
    assert ordered == [one for one in slots if one.counts.total]
    assert all(part.end - part.start <= max(hours, 6) * HOUR + HOUR for part in parts)


# What was sent so many hours ago, of these bounced, without an outcome -> the verdict, what it opens, what it holds.
PROOFS: list[tuple[list[tuple[float, int, int, int]], Verdict, Level, Level]] = [
    ([], Verdict.TOO_LITTLE, Level.OK, Level.OK),
    ([(1, 99, 50, 0)], Verdict.TOO_LITTLE, Level.OK, Level.OK),
    ([(1, 100, 4, 0)], Verdict.HEALTHY, Level.OK, Level.OK),
    ([(1, 100, 5, 0)], Verdict.FAILING, Level.OK, Level.WARNING),
    ([(1, 100, 6, 0)], Verdict.FAILING, Level.WARNING, Level.CRITICAL),
    ([(1, 100, 11, 0)], Verdict.FAILING, Level.CRITICAL, Level.CRITICAL),
    ([(1, 600, 6, 60)], Verdict.TOO_LITTLE, Level.OK, Level.OK),
    ([(1, 600, 6, 15)], Verdict.HEALTHY, Level.OK, Level.OK),
    ([(1, 600, 6, 25)], Verdict.TOO_LITTLE, Level.OK, Level.OK),
    # Late bounces of yesterday's issue are seen although today's is fine.
    ([(30, 600, 72, 0), (1, 1000, 5, 0)], Verdict.FAILING, Level.CRITICAL, Level.CRITICAL),
    ([(80, 600, 72, 0)], Verdict.TOO_LITTLE, Level.OK, Level.OK),
]


@pytest.mark.parametrize(("sent", "verdict", "opens", "holds"), PROOFS)
def test_what_mails_prove(
    sent: list[tuple[float, int, int, int]], verdict: Verdict, opens: Level, holds: Level
) -> None:
    made = judged([slot(back * HOUR, count, bad, pending=pending) for back, count, bad, pending in sent])
    found = made.assessment
    assert (found.verdict, found.opens, found.holds) == (verdict, opens, holds)
    assert (made.percent or 0) > 4 or found.verdict is not Verdict.FAILING


def test_few_bounces_of_few_mails_give_no_share() -> None:
    limits = Limits(email_minimum_sent=20)
    made = judged([slot(HOUR, 20, 4)], rule=rules(limits)[0])
    assert (made.percent, made.assessment.verdict) == (None, Verdict.TOO_LITTLE)


def test_a_campaign_that_was_reported_is_not_reported_again_by_a_few_more_bounces() -> None:
    first = judged([slot(HOUR, 600, 72)])
    later = NOW + 8 * HOUR
    over = judged([slot(HOUR, 600, 75)], first.episodes, now=later)
    assert over.assessment.verdict is Verdict.HEALTHY
    assert over.assessment.value is None
    assert over.assessment.sentence.startswith(
        "Over, not better: 75 of the 600 newsletters sent 11:00-11:10 UTC bounced"
    )
    again = judged([slot(HOUR, 600, 76)], over.episodes, now=later + HOUR)
    assert again.assessment.opens is Level.OK
    assert again.percent is None


def test_one_that_was_a_warning_is_reported_when_it_becomes_critical() -> None:
    first = judged([slot(HOUR, 600, 40)])
    over = judged([slot(HOUR, 600, 40)], first.episodes, now=NOW + 8 * HOUR)
    worse = judged([slot(HOUR, 600, 80)], over.episodes, now=NOW + 9 * HOUR)
    assert [one.assessment.opens for one in (first, over, worse)] == [Level.WARNING, Level.OK, Level.CRITICAL]


def test_a_stream_that_recovers_and_fails_again_is_reported_again() -> None:
    failing = [slot(part * SLOT, 100, 20) for part in range(6)]
    first = judged(failing)
    healthy = [slot(-part * SLOT, 100, 0) for part in range(1, 40)]
    over = judged([*failing, *healthy], first.episodes, now=NOW + 40 * SLOT)
    assert over.assessment.verdict is Verdict.HEALTHY
    relapse = [slot(-part * SLOT, 100, 40) for part in range(40, 60)]
    again = judged([*failing, *healthy, *relapse], over.episodes, now=NOW + 60 * SLOT)
    assert again.assessment.opens is Level.CRITICAL


def test_the_end_says_what_was_sent_since_if_that_is_too_little_to_judge() -> None:
    first = judged([slot(9 * HOUR, 600, 72)], now=NOW - 8 * HOUR)
    made = judged([slot(9 * HOUR, 600, 72), slot(7 * HOUR, 3)], first.episodes)
    assert "only 3 have been sent since" in made.assessment.sentence


def test_complaints_prove_health_only_after_people_had_time_to_read() -> None:
    verdicts = [judged([slot(back * HOUR, 600)], rule=COMPLAINTS).assessment.verdict for back in (1, 13)]
    assert verdicts == [Verdict.TOO_LITTLE, Verdict.HEALTHY]


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(1, 400), st.integers(0, 100)), min_size=1, max_size=12),
    st.lists(st.integers(0, 70), max_size=6),
)
@settings(max_examples=80, deadline=None)
def test_nothing_is_opened_but_by_a_share_over_the_limit_and_nothing_called_healthy_over_it(
    sent: list[tuple[int, int, int]], looks: list[int]
) -> None:
    slots = [
        slot(-(back * HOUR), count, count * bad // 100) for back, count, bad in {one[0]: one for one in sent}.values()
    ]
    episodes: Sequence[Episode] = ()
    for hours in sorted(looks):
        now = NOW + hours * HOUR
        made = judged([one for one in slots if one.start <= now], episodes, now=now)
        episodes, found = made.episodes, made.assessment
        if found.opens is not Level.OK:
            assert found.value and found.value > 5
            assert made.cohort and made.percent == 100 * made.cohort.counts.bounced / made.cohort.counts.total
        if found.verdict is Verdict.HEALTHY and found.value is not None:
            assert found.value <= 4
        assert (made.percent or 0) <= 5 or found.opens is not Level.OK


@pytest.mark.parametrize("value", [None, 5, ["x"], [{"start": "x"}], [{"start": "2026-11-21", "end": 5, "since": {}}]])
def test_reports_that_cannot_be_read_are_left_out(value: Any) -> None:
    assert from_document(value) == []
    assert from_list(value) == Counts()


def test_stored_reports_are_read_back() -> None:
    (episode,) = judged([slot(HOUR, 600, 72)]).episodes
    assert from_document([episode.document()]) == [episode]


def test_domains_beyond_twenty_are_counted_together() -> None:
    slots = MailSlots()
    many = {f"d{number}.example": Counts(sent=1) for number in range(50)}
    slots.add({NOW: MinuteCounts({"big.example": Counts(sent=9), **many})}, NOW)
    (made,) = slots
    assert (made.counts.sent, len(made.domains), made.domains["big.example"].sent) == (59, 21, 9)


def test_mails_of_a_clock_that_is_far_ahead_are_counted_as_sent_now_and_taken_back_where_they_were_counted() -> None:
    slots, ahead = MailSlots(), NOW + HOUR
    slots.add({ahead: MinuteCounts({"a.example": Counts(sent=9, bounced=2)})}, NOW)
    slots.add({ahead: MinuteCounts({"a.example": Counts(bounced=1)}).negative()}, NOW)
    assert [(one.start, one.counts) for one in slots] == [(NOW, Counts(sent=9, bounced=1))]


def by_domain(**counts: tuple[int, int]) -> dict[str, Counts]:
    return {f"{name}.example": Counts(sent=sent, complained=bad) for name, (sent, bad) in counts.items()}


@pytest.mark.parametrize(
    ("domains", "said"),
    [
        (by_domain(a=(300, 6), b=(300, 0)), ", only at a.example (2.0 % of 300)"),
        (by_domain(a=(300, 9), b=(300, 1)), ", nearly only at a.example (3.0 % of 300, elsewhere 0.33 %)"),
        (by_domain(a=(300, 3), b=(300, 0)), ""),
        (by_domain(a=(300, 6), b=(300, 5)), ""),
        (by_domain(a=(900, 9), b=(100, 1)), ""),
        (by_domain(a=(300, 6)), ""),
        ({"": Counts(sent=300, complained=6), "a.example": Counts(sent=300)}, ""),
    ],
)
def test_one_provider_is_named_where_it_alone_is_to_blame(domains: dict[str, Counts], said: str) -> None:
    assert providers.one_provider(domains, COMPLAINTS) == said


def test_a_mail_shows_the_ten_domains_with_the_most_mails_and_who_reports_no_complaints() -> None:
    domains = {f"d{number:02}.example": Counts(sent=number, delayed=1) for number in range(1, 15)}
    domains["gmail.com"] = Counts(sent=15)
    title, *rows = providers.table(domains)
    assert title == ("receiving domain", "mails", "delayed", "bounced", "complained")
    assert rows[:2] == [("gmail.com", "15", "0 %", "0 %", "not reported"), ("d14.example", "14", "7.1 %", "0 %", "0 %")]
    assert [row[0] for row in rows[1:]] == [f"d{number:02}.example" for number in range(14, 5, -1)]


def waiting(count: int, delayed: int, pending: int, domain: str = "slow.example", back: timedelta = HOUR) -> MailSlot:
    return slot(back, count, pending=pending, delayed=delayed, domain=domain)


@pytest.mark.parametrize(
    ("slots", "verdict", "opens"),
    [
        ([], Verdict.TOO_LITTLE, Level.OK),
        ([waiting(99, 99, 99)], Verdict.TOO_LITTLE, Level.OK),
        ([waiting(200, 50, 50), waiting(2000, 0, 0, "fast.example", HOUR + SLOT)], Verdict.FAILING, Level.WARNING),
        ([waiting(200, 25, 25)], Verdict.FAILING, Level.OK),
        # Reported ten times each, and nearly all delivered by now.
        ([waiting(200, 500, 3)], Verdict.HEALTHY, Level.OK),
        # Without an outcome, but nobody says that they were delayed.
        ([waiting(200, 0, 200)], Verdict.HEALTHY, Level.OK),
        ([waiting(200, 50, 50, "")], Verdict.TOO_LITTLE, Level.OK),
        ([waiting(200, 50, 50, back=26 * HOUR)], Verdict.TOO_LITTLE, Level.OK),
        # Many providers put a sender off for some minutes.
        ([waiting(200, 50, 50, back=3 * SLOT)], Verdict.TOO_LITTLE, Level.OK),
    ],
)
def test_mails_wait_at_a_receiving_domain(slots: list[MailSlot], verdict: Verdict, opens: Level) -> None:
    found = delays.assess(sorted(slots, key=lambda one: one.start), NOW, "newsletters", Limits())
    assert (found.verdict, found.opens) == (verdict, opens)
    if opens is Level.WARNING:
        assert found.sentence == (
            "50 of the 200 newsletters to slow.example sent 10:50-11:10 UTC were delayed and are not delivered "
            "(25.0 %; elsewhere 0 %)."
        )
