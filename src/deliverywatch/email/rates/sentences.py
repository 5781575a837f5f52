"""What is proven of a cohort, in words: "72 of the 600 newsletters sent 08:30-08:50 UTC bounced (12.0 %)"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.email.rates.cohorts import Cohort
    from deliverywatch.email.rates.rules import Rule


def share(cohort: Cohort, rule: Rule, noun: str, now: datetime) -> str:
    """Return how many of a cohort's mails bounced or were complained about."""
    bad = rule.bad(cohort.counts)
    return f"{f'{bad:,}' if bad else 'None'} of {sent(cohort, noun, now)} {rule.verb} ({percent(cohort, rule)})"


def sent(cohort: Cohort, noun: str, now: datetime) -> str:
    """Return which mails a cohort is."""
    return f"the {cohort.counts.total:,} {noun} sent {times(cohort, now)}"


def times(cohort: Cohort, now: datetime) -> str:
    """Return when a cohort was sent, with the day if it is not the same."""
    start, end = cohort.start.astimezone(UTC), cohort.end.astimezone(UTC)
    is_today = start.date() == now.astimezone(UTC).date()
    days = (end - timedelta(microseconds=1)).date() - start.date()
    last = f"{end:%d %B} {end:%H:%M}" if days else f"{end:%H:%M}"
    return f"{'' if is_today else f'{start:%d %B} '}{start:%H:%M}-{last} UTC"


def percent(cohort: Cohort, rule: Rule) -> str:
    """Return a cohort's share; a small one with two places, as complaints are judged by tenths."""
    return percentage(rule.share(cohort.counts))


def percentage(value: float) -> str:
    """Return a share: 12.0 %, 0.67 %, 0 %."""
    return f"{value:.1f} %" if value >= 1 else f"{value:.2f} %" if value else "0 %"
