"""Hourly balances and refusals for lack of credit -> the assessment of the watch `sms-credit`.

Without credit ClickSend sends nothing, and mostly nothing shows as failed. What is asserted rests on balances that were
read: before a day of them is known only the last hours of a credit are mailed, and without any for a day the watch is
blind. An account that ClickSend charges by itself is in need only when its balance stays low all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.assessments.runway import HOUR, Runway, runway
from deliverywatch.sms.clicksend.outcomes import Outcome
from deliverywatch.sms.clicksend.refusals import is_for_credit
from deliverywatch.sms.lake.slots import from_milliseconds
from deliverywatch.thresholds import (
    CREDIT_BLIND_HOURS,
    CREDIT_CRITICAL_HOURS,
    CREDIT_RECOVERY_FACTOR,
    CREDIT_REFUSED_HOURS,
    CREDIT_STALE_HOURS,
    CREDIT_WARNING_HOURS,
)

if TYPE_CHECKING:
    from deliverywatch.sms.assessments.balances import Balances

WATCH = "sms-credit"
# What is read of the lake, to see refusals.
NAMES = ("sent_at", "outcome", "status", "status_text", "error_text")
_OFF = "Nobody watches the credit: the parameter CreditWatch is false."


@dataclass(frozen=True, slots=True)
class Refusals:
    """Messages that ClickSend refused because the account cannot pay; `last` is when the newest was sent."""

    count: int = 0
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Finding:
    verdict: Verdict
    sentence: str
    opens: Level = Level.OK
    holds: Level = Level.OK


def refusals(hours: Iterable[Iterable[tuple[Any, ...]]]) -> Refusals:
    """Return the refusals of the newest hours; where nothing was sent in these, of the last one with a message.

    Args:
        hours: Rows of the columns `NAMES`, hour by hour, the newest first; no more hours are taken than are needed.
    """
    is_seen, times = False, list[int]()
    for number, rows in enumerate(hours):
        if number >= CREDIT_REFUSED_HOURS and is_seen:
            break
        for sent_at, outcome, *texts in rows:
            is_seen = is_seen or outcome != Outcome.EXCLUDED
            if outcome == Outcome.FAILED and is_for_credit(*texts):
                times.append(sent_at)
    return Refusals(len(times), from_milliseconds(max(times)) if times else None)


def assess(
    balances: Balances | None, refusals: Refusals, now: datetime, warning_hours: float = CREDIT_WARNING_HOURS
) -> Assessment:
    """Return what is known of an account's credit; the value is how many hours it lasts from now."""
    if balances is None:
        return Assessment(verdict=Verdict.TOO_LITTLE, as_of=now, sentence=_OFF)
    last, lasts = balances.last, runway(balances)
    age = now - last.at if last else timedelta(0)
    hours = max(0.0, lasts.hours - age / HOUR) if lasts and lasts.hours is not None else None
    finding = _refused(balances, refusals) or _unread(balances, now) or _finding(balances, lasts, hours, warning_hours)
    return Assessment(
        verdict=finding.verdict,
        as_of=now,
        opens=finding.opens,
        holds=finding.holds,
        sentence=finding.sentence,
        last_seen=last.at if last else None,
        seen_count=len(balances.kept),
        value=None if hours is None else round(hours, 1),
    )


def _refused(balances: Balances, refusals: Refusals) -> _Finding | None:
    """A refusal counts until the account is topped up, or until it is too old to be among those that are given."""
    topped_up_at = balances.topped_up_at()
    if refusals.last is None or (topped_up_at and topped_up_at >= refusals.last):
        return None
    subject = "1 SMS was" if refusals.count == 1 else f"{refusals.count:,} SMS were"
    left = f" {balances.last.amount:,.2f} was left when it was last read." if balances.last else ""
    return _critical(f"{subject} refused because the ClickSend account has too little credit.{left}")


def _unread(balances: Balances, now: datetime) -> _Finding | None:
    last, unread = balances.last, balances.unread
    if last and now - last.at <= timedelta(hours=CREDIT_STALE_HOURS):
        return None
    since = last.at if last else unread.since if unread else None
    if since is None:
        return _Finding(Verdict.TOO_LITTLE, "The credit of the ClickSend account has not been read yet.")
    opens = Level.BLIND if now - since >= timedelta(hours=CREDIT_BLIND_HOURS) else Level.OK
    reason = f" {unread.sentence}" if unread else ""
    return _Finding(Verdict.BLIND, f"The credit could not be read for {(now - since) / HOUR:.0f} hours.{reason}", opens)


def _finding(balances: Balances, lasts: Runway | None, hours: float | None, warning_hours: float) -> _Finding:
    if not balances.is_active:
        return _critical("ClickSend has closed or banned the account: it sends nothing.")
    if balances.recharges:
        return _recharging(balances, hours)
    left = balances.kept[-1].amount
    if left <= 0:
        return _critical(f"The credit is used up ({left:.2f}): ClickSend sends nothing, and nothing shows as failed.")
    sentence = _sentence(left, lasts, hours)
    if hours is not None and hours < CREDIT_CRITICAL_HOURS:
        return _critical(sentence)
    if lasts is None or not lasts.is_learned:
        return _Finding(Verdict.TOO_LITTLE, f"{sentence} The pace is known after a day.")
    return _by_runway(sentence, hours, warning_hours)


def _by_runway(sentence: str, hours: float | None, warning_hours: float) -> _Finding:
    if hours is not None and hours <= warning_hours:
        # Nothing but a top-up eases it: a quiet evening stretches the hours, and Monday takes them back.
        return _Finding(Verdict.FAILING, sentence, Level.WARNING, Level.CRITICAL)
    is_short = hours is not None and hours <= warning_hours * CREDIT_RECOVERY_FACTOR
    return _Finding(Verdict.HEALTHY, sentence, holds=Level.WARNING if is_short else Level.OK)


def _recharging(balances: Balances, hours: float | None) -> _Finding:
    left = balances.kept[-1].amount
    # ClickSend charges when the balance falls below; one reading in between is no failure to do so.
    stays_low = all(one.amount < balances.low_balance for one in balances.kept[-2:]) and len(balances.kept) > 1
    if not stays_low:
        return _Finding(Verdict.HEALTHY, f"{left:.2f} of credit is left, and ClickSend charges the account by itself.")
    sentence = f"{left:.2f} of credit is left, less than {balances.low_balance:.2f}: automatic top-up does not work."
    if left <= 0 or (hours is not None and hours < CREDIT_CRITICAL_HOURS):
        return _critical(sentence)
    return _Finding(Verdict.FAILING, sentence, Level.WARNING, Level.WARNING)


def _critical(sentence: str) -> _Finding:
    return _Finding(Verdict.FAILING, sentence, Level.CRITICAL, Level.CRITICAL)


def _sentence(left: float, lasts: Runway | None, hours: float | None) -> str:
    credit = f"{left:,.2f} of credit is left"
    if lasts is None:
        return f"{credit}."
    if hours is None:
        return f"{credit}, which lasts more than a month."
    return f"{credit}, which lasts {_length(hours)} at up to {lasts.per_day:,.2f} a day."


def _length(hours: float) -> str:
    if hours < 1:
        return "less than an hour"
    if hours >= 2 * CREDIT_WARNING_HOURS:
        return f"about {hours / 24:.0f} days"
    return f"about {hours:.0f} hours" if round(hours) > 1 else "about an hour"
