"""How long the credit lasts, and when somebody is mailed: simulated weeks, and a table of single cases."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import SourceUnavailable
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.assessments import balances as documents
from deliverywatch.sms.assessments.balances import Balance, Balances, with_failure, with_reading
from deliverywatch.sms.assessments.credit import Refusals, assess, refusals
from deliverywatch.sms.clicksend.credit import Credit
from deliverywatch.storage.records import readable

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)
NOBODY = Refusals()
OFFICE = (.2, .1, .1, .1, .1, .2, .5, 1, 2, 2.4, 2.4, 2.2, 2, 2.2, 2.3, 2.2, 2, 1.5, 1, .8, .7, .5, .3, .2)  # fmt: skip
PER_HOUR = 24 / sum(OFFICE)

Pace = Callable[[int], float]


def office(hour: int) -> float:
    return PER_HOUR * OFFICE[hour % 24]


def weekly(hour: int) -> float:
    return office(hour) if hour // 24 % 7 < 5 else 0.05


PATTERNS: dict[str, Pace] = {
    "steady": lambda _hour: 1.0,
    "by day": office,
    "weekdays only": weekly,
    "twice as much every week": lambda hour: office(hour) * 2 ** (hour / 168),
    "twice as much every three days": lambda hour: office(hour) * 2 ** (hour / 72) / 50,
    "weekdays only, a fifth more every week": lambda hour: weekly(hour) * 1.2 ** (hour // 168),
}


@dataclass
class Account:
    """An account that spends by a pattern; hours count from a Monday."""

    pace: Pace
    left: float
    hour: int
    balances: Balances = field(default_factory=Balances)

    def read(self) -> datetime:
        now = MONDAY + self.hour * HOUR
        self.balances = with_reading(self.balances, Credit(self.left, 5.0, is_active=True, recharges=False), now)
        return now

    def assessed(self) -> Assessment:
        now = self.read()
        return assess(self.balances, NOBODY, now)

    def spend(self) -> None:
        self.left -= self.pace(self.hour)
        self.hour += 1


def levels(account: Account, quiet_hours: int) -> Iterator[tuple[int, Level]]:
    """The changes of level that the notifier makes of hourly assessments, until the credit is used up.

    The first hours are read and not judged, which saves time.
    """
    level = Level.OK
    while account.left > 0:
        made = account.read()
        quiet_hours -= 1
        if quiet_hours < 0:
            after = next_level(level, assess(account.balances, NOBODY, made))
            if after != level:
                yield account.hour, after
            level = after
        account.spend()


def next_level(level: Level, made: Assessment) -> Level:
    floor = max(made.opens, made.holds, key=lambda one: one.rank)
    if made.opens.rank > level.rank:
        return made.opens
    can_fall = made.verdict in (Verdict.HEALTHY, Verdict.FAILING)
    return floor if can_fall and floor.rank < level.rank else level


@pytest.mark.parametrize("name", PATTERNS)
@pytest.mark.parametrize("start", [0, 61, 122])
def test_a_warning_comes_48_hours_before_the_credit_ends_and_nothing_takes_it_back(name: str, start: int) -> None:
    pace, days = PATTERNS[name], 17
    account = Account(pace, sum(pace(hour) for hour in range(start, start + days * 24)), start)
    changes = list(levels(account, quiet_hours=(days - 7) * 24))
    assert [level for _, level in changes] == [Level.WARNING, Level.CRITICAL]
    (warned, _), (critical, _) = changes
    assert account.hour - warned >= 48
    # A Friday evening may stretch six hours of a day's pace over the week-end.
    assert 1 <= account.hour - critical <= 60


def test_a_top_up_ends_it_and_is_no_consumption() -> None:
    account = Account(office, 100.0, 0)
    for _ in range(60):
        account.read()
        account.spend()
    assert account.assessed().opens is Level.WARNING
    account.left += 1_000
    account.hour += 1
    after = account.assessed()
    assert (after.verdict, after.holds) == (Verdict.HEALTHY, Level.OK)
    assert after.value is None or after.value > 20 * 24


def balances(*amounts: float, every: timedelta = HOUR, until: datetime = NOW, **fields: object) -> Balances:
    first = until - (len(amounts) - 1) * every
    kept = tuple(Balance(first + number * every, amount) for number, amount in enumerate(amounts))
    return replace(Balances(kept), low_balance=5.0, **fields)  # type: ignore[arg-type]


def falling(to: float, by: float = 1.0, hours: int = 48) -> list[float]:
    return [to + by * (hours - number) for number in range(hours + 1)]


CASES = {
    "nothing read yet": (Balances(), NOBODY, Verdict.TOO_LITTLE, Level.OK),
    "one balance": (balances(40.0), NOBODY, Verdict.TOO_LITTLE, Level.OK),
    "a few hours of a busy morning": (balances(*falling(40.0, hours=5)), NOBODY, Verdict.TOO_LITTLE, Level.OK),
    "a few hours, and hardly any left": (balances(*falling(4.0, hours=5)), NOBODY, Verdict.FAILING, Level.CRITICAL),
    "a week left": (balances(*falling(170.0)), NOBODY, Verdict.HEALTHY, Level.OK),
    "three days left": (balances(*falling(71.0)), NOBODY, Verdict.FAILING, Level.WARNING),
    "five hours left": (balances(*falling(5.0)), NOBODY, Verdict.FAILING, Level.CRITICAL),
    "used up": (balances(*falling(0.0)), NOBODY, Verdict.FAILING, Level.CRITICAL),
    "nothing spent": (balances(*falling(3.0, by=0.0)), NOBODY, Verdict.HEALTHY, Level.OK),
    "closed": (balances(40.0, 40.0, is_active=False), NOBODY, Verdict.FAILING, Level.CRITICAL),
    "charged by itself": (balances(*falling(6.0), recharges=True), NOBODY, Verdict.HEALTHY, Level.OK),
    "charged by itself, low for a moment": (balances(6.0, 4.0, recharges=True), NOBODY, Verdict.HEALTHY, Level.OK),
    "the card is declined": (balances(*falling(3.5, by=0.1), recharges=True), NOBODY, Verdict.FAILING, Level.WARNING),
    "declined, and hardly any left": (balances(*falling(3.0), recharges=True), NOBODY, Verdict.FAILING, Level.CRITICAL),
    "refused": (balances(*falling(170.0)), Refusals(3, NOW - HOUR), Verdict.FAILING, Level.CRITICAL),
    "refused, nothing read": (Balances(), Refusals(1, NOW), Verdict.FAILING, Level.CRITICAL),
    "refused, then topped up": (balances(0.5, 90.0, 90.0), Refusals(3, NOW - 2 * HOUR), Verdict.TOO_LITTLE, Level.OK),
    "not read for a few hours": (balances(*falling(40.0), until=NOW - 4 * HOUR), NOBODY, Verdict.BLIND, Level.OK),
    "not read for a day": (balances(*falling(40.0), until=NOW - 25 * HOUR), NOBODY, Verdict.BLIND, Level.BLIND),
    "never read, for a day": (
        with_failure(Balances(), SourceUnavailable("ClickSend is away."), NOW - DAY),
        NOBODY,
        Verdict.BLIND,
        Level.BLIND,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_verdict_needs_balances(name: str) -> None:
    given_balances, refused, verdict, opens = CASES[name]
    made = assess(given_balances, refused, NOW)
    assert (made.verdict, made.opens) == (verdict, opens)
    assert made.sentence and len(made.sentence) < 300


def test_nobody_who_switched_it_off_is_warned_or_reassured() -> None:
    made = assess(None, NOBODY, NOW)
    assert (made.verdict, made.opens) == (Verdict.TOO_LITTLE, Level.OK)
    assert "CreditWatch" in made.sentence


def test_between_the_two_limits_a_warning_stays_and_none_begins() -> None:
    made = assess(balances(*falling(100.0)), NOBODY, NOW)
    assert (made.verdict, made.opens, made.holds) == (Verdict.HEALTHY, Level.OK, Level.WARNING)


def test_the_operator_chooses_when_to_be_warned() -> None:
    assert assess(balances(*falling(100.0)), NOBODY, NOW, warning_hours=120).opens is Level.WARNING


def test_hours_that_went_by_since_the_reading_are_counted() -> None:
    assert assess(balances(*falling(71.0), until=NOW - HOUR), NOBODY, NOW).value == 70.0


def test_only_refusals_for_credit_are_taken_for_one() -> None:
    at = int(NOW.timestamp() * 1000)
    rows = [
        (at - 60_000, "failed", "INSUFFICIENT_CREDIT", None, None),
        (at, "failed", "Failed", "You do not have sufficient credit", "Unknown error"),
        (at, "failed", "COUNTRY_NOT_ENABLED", None, None),
        (at, "failed", "Failed", "Rejected by the recipient network", None),
        (at, "delivered", "Sent", "insufficient credit", None),
    ]
    assert refusals([rows]) == Refusals(2, NOW.replace(microsecond=0))


def test_a_refusal_is_news_until_something_is_sent_again_or_for_three_hours() -> None:
    at = int(NOW.timestamp() * 1000)
    refused, sent, cancelled = (
        [(at, outcome, status, None, None)]
        for outcome, status in (("failed", "INSUFFICIENT_CREDIT"), ("delivered", "Sent"), ("excluded", "Cancelled"))
    )
    assert refusals([[], [], sent, refused]).count == 0
    assert refusals([sent, [], refused, []]).count == 1
    assert refusals([[], [], [], cancelled, [], refused, refused]).count == 1


@pytest.mark.parametrize(
    ("hours", "says"),
    [(0.4, "less than an hour"), (1.2, "about an hour"), (1.6, "about 2 hours"), (200, "about 8 days")],
)
def test_what_is_left_lasts_hours_in_words(hours: float, says: str) -> None:
    assert f"which lasts {says} at up to" in assess(balances(*falling(hours)), NOBODY, NOW).sentence


@given(st.lists(st.floats(0, 1_000), min_size=1, max_size=60), st.booleans())
def test_balances_are_read_back_as_they_were_written_and_stay_bounded(amounts: list[float], recharges: bool) -> None:
    made = Balances()
    for number, amount in enumerate(amounts):
        credit = Credit(round(amount, 4), 5.0, is_active=True, recharges=recharges)
        made = with_reading(made, credit, NOW + number * 12 * HOUR)
    assert documents.from_json(documents.to_json(made)) == made
    assert all(before.at < after.at for before, after in pairwise(made.kept))
    assert made.kept[-1].at - made.kept[0].at <= 15 * DAY


@given(st.binary(max_size=200) | st.from_type(dict[str, int]).map(lambda made: json.dumps({"balances": made}).encode()))
def test_no_document_makes_balances_of_what_is_none(body: bytes) -> None:
    read = readable(documents.from_json, body)
    assert read is None or read.kept == ()


def test_what_a_later_version_keeps_of_the_credit_is_written_again() -> None:
    made = documents.from_json(b'{"deliverywatch": 1, "currency": "AUD"}')
    written = json.loads(documents.to_json(with_reading(made, Credit(1.0, 5.0, is_active=True, recharges=False), NOW)))
    assert written["currency"] == "AUD" and len(written["balances"]) == 1


def test_a_reading_that_comes_late_takes_the_place_of_what_is_newer() -> None:
    credit = Credit(3.0, 5.0, is_active=True, recharges=False)
    made = with_reading(with_reading(Balances(), credit, NOW), credit, NOW - HOUR)
    assert [one.at for one in made.kept] == [NOW - HOUR]
