"""A cohort by receiving domain: the table of a mail, and whether one provider alone is to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.email.rates.counts import Counts, added, percent
from deliverywatch.email.rates.sentences import percentage
from deliverywatch.email.rates.slots import OTHERS
from deliverywatch.messages.group import Group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deliverywatch.email.rates.rules import Rule

# They send SES no complaints: none is no evidence that nobody complained.
SILENT_DOMAINS = ("gmail.com", "googlemail.com")
# One provider is to blame if it has most of what is counted and several times the share of all others together.
_BLAME_PERCENT, _BLAME_FACTOR = 60, 3
_TELLING_COUNT = 4
_ROWS = 10
_TITLES = ("receiving domain", "mails", "delayed", "bounced", "complained")


def reports_complaints(domain: str) -> bool:
    """Return whether a receiving domain tells SES who complained; if not, its share is not known."""
    return domain not in SILENT_DOMAINS


def one_provider(domains: Mapping[str, Counts], rule: Rule) -> str:
    """Return the end of a sentence that names the one provider to blame; empty if there is none.

    Of complaints, a domain that reports none is no evidence that the others are well.
    """
    if rule.counted == "complained":
        domains = {name: counts for name, counts in domains.items() if reports_complaints(name)}
    if len(domains) < 2:
        return ""
    name, worst = max(domains.items(), key=lambda item: (rule.bad(item[1]), item[0]))
    others = added(counts for domain, counts in domains.items() if domain != name)
    bad, of_others = rule.bad(worst), rule.bad(others)
    is_most = bad >= _TELLING_COUNT and 100 * bad >= _BLAME_PERCENT * (bad + of_others)
    if name == OTHERS or not is_most or rule.share(worst) < _BLAME_FACTOR * max(rule.share(others), 0.01):
        return ""
    is_only = "only at" if not of_others else "nearly only at"
    elsewhere = f", elsewhere {percentage(rule.share(others))}" if of_others else ""
    return f", {is_only} {name} ({percentage(rule.share(worst))} of {worst.total:,}{elsewhere})"


def table(domains: Mapping[str, Counts]) -> tuple[tuple[str, ...], ...]:
    """Return the rows of the ten domains that got most, below their titles; none without mails."""
    ranked = sorted(domains.items(), key=lambda item: (-item[1].total, item[0]))[:_ROWS]
    return (_TITLES, *(_row(name, counts) for name, counts in ranked)) if ranked else ()


def groups(domains: Mapping[str, Counts]) -> tuple[Group, ...]:
    """Return how many mails to each domain bounced, those with the most first."""
    ranked = sorted(domains.items(), key=lambda item: (-item[1].bounced, -item[1].total, item[0]))
    return tuple(Group(shown(name), counts.total, counts.bounced) for name, counts in ranked)


def shown(name: str) -> str:
    """Return what a mail calls a domain."""
    return name if name != OTHERS else "other domains"


def _row(name: str, counts: Counts) -> tuple[str, ...]:
    delayed = min(counts.delayed, counts.total)
    shares = [percentage(percent(one, counts.total)) for one in (delayed, counts.bounced, counts.complained)]
    if not reports_complaints(name):
        shares[-1] = "not reported"
    return (shown(name), f"{counts.total:,}", *shares)
