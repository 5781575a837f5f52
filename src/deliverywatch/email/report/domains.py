"""The messages of a stream -> how the domains that receive most of them treat them: delays, bounces, complaints.

What is nearly only at one of them is said in a sentence, as in the mails of incidents.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from deliverywatch.email.events.outcomes import Outcome, recipient_domain
from deliverywatch.email.rates.counts import Counts
from deliverywatch.email.rates.providers import one_provider, reports_complaints
from deliverywatch.email.rates.rules import Limits, rules
from deliverywatch.email.report.mails import Mail, attempted, percent

_TOP_DOMAINS = 10


def domains_of(stream: str, mails: Iterable[Mail]) -> list[dict[str, Any]]:
    """Return a row for each of the ten domains to which most was sent, the largest first."""
    counts = _by_domain(mails)
    largest = sorted(counts, key=lambda domain: (-counts[domain][Outcome.SENT], domain))[:_TOP_DOMAINS]
    return [{"stream": stream, "domain": domain, **_row(domain, counts[domain])} for domain in largest]


def providers_of(stream: str, mails: Iterable[Mail]) -> list[dict[str, str]]:
    """Return a sentence for each of bounces, complaints and delays that one domain alone is to blame for."""
    domains = {
        domain: Counts(
            sent=outcomes[Outcome.SENT],
            delivered=outcomes[Outcome.DELIVERED],
            bounced=outcomes[Outcome.HARD_BOUNCE],
            skipped=outcomes[Outcome.NOT_ATTEMPTED],
            complained=outcomes[Outcome.COMPLAINT],
            delayed=outcomes[Outcome.DELAYED],
        )
        for domain, outcomes in _by_domain(mails).items()
    }
    bounces, complaints = rules(Limits())
    delays = replace(bounces, what="delays", counted="delayed", verb="were delayed")
    ends = {rule: one_provider(domains, rule) for rule in (bounces, complaints, delays)}
    return [
        {"stream": stream, "what": rule.what, "sentence": f"{sum(map(rule.bad, domains.values())):,} {rule.verb}{end}."}
        for rule, end in ends.items()
        if end
    ]


def _by_domain(mails: Iterable[Mail]) -> dict[str, Counter[Outcome]]:
    counts: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for mail in mails:
        for what, person in mail.outcomes:
            counts[recipient_domain(person)][what] += 1
    return counts


def _row(domain: str, counts: Counter[Outcome]) -> dict[str, Any]:
    tried, complained, is_reported = attempted(counts), counts[Outcome.COMPLAINT], reports_complaints(domain)
    return {
        "sent": counts[Outcome.SENT],
        "attempted": tried,
        "delivered": counts[Outcome.DELIVERED],
        "delayed": counts[Outcome.DELAYED],
        "bounced": counts[Outcome.HARD_BOUNCE],
        "bounced_soft": counts[Outcome.SOFT_BOUNCE],
        "complained": complained if is_reported or complained else None,
        "delayed_percent": percent(counts[Outcome.DELAYED], tried),
        "bounced_percent": percent(counts[Outcome.HARD_BOUNCE], tried),
        "complained_percent": percent(complained, tried, digits=3) if is_reported else None,
        "complaints": "reported" if is_reported else "not reported",
    }
