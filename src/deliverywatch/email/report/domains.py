"""The messages of a stream -> how the domains that receive most of them treat them: delays, bounces, complaints."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from deliverywatch.email.events.outcomes import Outcome, recipient_domain, reports_complaints
from deliverywatch.email.report.mails import Mail, attempted, percent

_TOP_DOMAINS = 10


def domains_of(stream: str, mails: Iterable[Mail]) -> list[dict[str, Any]]:
    """Return a row for each of the ten domains to which most was sent, the largest first."""
    counts: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for mail in mails:
        for what, person in mail.outcomes:
            counts[recipient_domain(person)][what] += 1
    largest = sorted(counts, key=lambda domain: (-counts[domain][Outcome.SENT], domain))[:_TOP_DOMAINS]
    return [{"stream": stream, "domain": domain, **_row(domain, counts[domain])} for domain in largest]


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
