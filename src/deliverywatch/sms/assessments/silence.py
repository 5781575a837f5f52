"""What is usual at this time and what was sent -> whether the account is silent though it normally sends.

The alarm `sms-silence` opens an incident by the metric `Expected`; this says when it may end, and what there is to say
while nothing can be told: for two weeks the watch learns, some accounts are too small for it, and at night or on a
holiday nothing is expected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deliverywatch import thresholds
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.assessments.usual_volume import STEP_MINUTES, STEPS_A_DAY, Expectation, UsualDay, least_count

# So many messages are sending again, wherever so few are usual that a share says nothing.
_SENDING_COUNT = 3
_MINUTES = thresholds.WINDOW_SECONDS // 60
_LEARNING_DAYS = 7 * thresholds.SILENCE_LEARNING_WEEKS
_DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceLimits:
    """What an operator may choose; parameters of the template by the same names."""

    silence_percent: float = thresholds.SILENCE_PERCENT
    silence_recovery_percent: float = thresholds.SILENCE_RECOVERY_PERCENT
    silence_minimum_daily: int = thresholds.SILENCE_MINIMUM_DAILY_COUNT
    silence_minimum_expected: int = thresholds.SILENCE_MINIMUM_EXPECTED_COUNT


def expected(expectation: Expectation, slot_minutes: int, limits: SilenceLimits) -> float | None:
    """Return the value of the metric `Expected` of the slot that ends an expectation's step.

    It is 0 where so little is expected that its absence says nothing, and None while the watch learns.
    """
    if expectation.usual is None:
        return None
    is_judged = _is_large_enough(expectation.usual, limits) and expectation.is_telling
    return round(expectation.step * slot_minutes / STEP_MINUTES, 2) if is_judged else 0.0


def assess(expectation: Expectation, now: datetime, limits: SilenceLimits) -> Assessment:
    """Return what the volumes of the newest 30 minutes say about `sms-silence`."""
    usual = expectation.usual
    if usual is None:
        return _assessment(Verdict.TOO_LITTLE, expectation, now, _learning(expectation))
    if not _is_large_enough(usual, limits):
        return _assessment(Verdict.TOO_LITTLE, expectation, now, _too_small(usual, limits))
    recovery = limits.silence_recovery_percent / 100 * expectation.window
    if expectation.sent_in_window >= max(_SENDING_COUNT, recovery):
        return _assessment(Verdict.HEALTHY, expectation, now, f"{_sent(expectation)}.")
    if _is_judged(expectation, limits):
        # The alarm opens: it looks at the same counts.
        return _assessment(Verdict.FAILING, expectation, now, _silence(expectation), holds=Level.WARNING)
    return _assessment(Verdict.TOO_LITTLE, expectation, now, _little_expected(expectation))


def is_silent(expectation: Expectation, limits: SilenceLimits) -> bool:
    """Return whether the alarm is raised by an expectation: by so much expected, and so little sent."""
    is_large = expectation.usual is not None and _is_large_enough(expectation.usual, limits)
    sent, window = expectation.sent_in_window, expectation.window
    return is_large and _is_judged(expectation, limits) and 100 * sent < limits.silence_percent * window


def expected_if_steady(totals: Sequence[float], slot_minutes: float, limits: SilenceLimits) -> float:
    """Return the metric `Expected` of every slot of an account that always sends what it sends in its first hour."""
    first = totals[: max(1, round(60 / slot_minutes))]
    per_slot = sum(first) / len(first) if first else 0.0
    is_large_enough = per_slot * _DAY_MINUTES / slot_minutes >= limits.silence_minimum_daily
    window = per_slot * _MINUTES / slot_minutes
    return per_slot if is_large_enough and window >= least_count(group_count=1) else 0.0


def assess_counts(expected_count: float, sent: int, now: datetime, limits: SilenceLimits) -> Assessment:
    """Return what the sums of `Expected` and `Total` of the last 30 minutes say, where the volumes are not known."""
    flat = tuple([expected_count] * STEPS_A_DAY)
    usual = UsualDay(limits.silence_minimum_daily, median=flat, work=flat, rest=flat, least_count=1)
    expectation = Expectation(usual=usual, window=expected_count, today=expected_count, sent_in_window=sent)
    return assess(expectation, now, limits)


def _is_large_enough(usual: UsualDay, limits: SilenceLimits) -> bool:
    return usual.daily_count >= limits.silence_minimum_daily and usual.busiest_window >= usual.least_count


def _is_judged(expectation: Expectation, limits: SilenceLimits) -> bool:
    return expectation.is_telling and expectation.window >= limits.silence_minimum_expected


def _assessment(
    verdict: Verdict, expectation: Expectation, now: datetime, sentence: str, holds: Level = Level.OK
) -> Assessment:
    window = expectation.window
    return Assessment(
        verdict=verdict,
        as_of=now,
        holds=holds,
        sentence=sentence,
        last_seen=expectation.last_seen,
        seen_count=expectation.sent_in_window,
        value=round(100 * expectation.sent_in_window / window, 1) if window else None,
    )


def _learning(expectation: Expectation) -> str:
    return (
        f"The watch for silence is learning what is usual: of the {_LEARNING_DAYS} days that it needs it knows "
        f"{min(expectation.known_days, _LEARNING_DAYS)}."
    )


def _too_small(usual: UsualDay, limits: SilenceLimits) -> str:
    if usual.daily_count < limits.silence_minimum_daily:
        return (
            f"The account is too small for the watch for silence: it sends about {usual.daily_count:,} SMS on a busy "
            f"day, and at least {limits.silence_minimum_daily:,} are needed to tell silence from chance."
        )
    return (
        "The SMS of this account come too unevenly for the watch for silence: even at its busiest time half an hour "
        "without any may be chance."
    )


def _silence(expectation: Expectation) -> str:
    return (
        f"You normally send about {_rounded(expectation.today)} SMS by this time of the day, and sent "
        f"{expectation.sent_today:,}. {_sent(expectation)}."
    )


def _sent(expectation: Expectation) -> str:
    sent = f"{expectation.sent_in_window:,}" if expectation.sent_in_window else "none"
    return f"About {_rounded(expectation.window)} are usual in these {_MINUTES} minutes, and {sent} were sent"


def _little_expected(expectation: Expectation) -> str:
    if expectation.share == 0:
        return f"Today looks like a rest day. {_sent(expectation)}."
    return f"{_sent(expectation)}: too few to miss any."


def _rounded(count: float) -> str:
    """Return a count with two digits that count, as what is usual is not exact."""
    digits = 10 ** max(0, len(str(round(count))) - 2)
    return f"{round(count / digits) * digits:,}"
