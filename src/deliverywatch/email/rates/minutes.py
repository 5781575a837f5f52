"""What a batch says of the mails of one minute of sending, before it is added to what is kept."""

from collections import Counter
from dataclasses import dataclass, field

from deliverywatch.email.rates.counts import Counts


@dataclass(slots=True)
class MinuteCounts:
    """Mails that were sent in one minute, by receiving domain; why they bounced: code, a tab, the server's words."""

    domains: dict[str, Counts] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, domain: str, counts: Counts) -> None:
        """Count mails to a domain."""
        before = self.domains.get(domain)
        self.domains[domain] = before.plus(counts) if before else counts

    def negative(self) -> "MinuteCounts":
        """Return what takes these counts away again."""
        domains = {name: Counts(*(-number for number in counts)) for name, counts in self.domains.items()}
        return MinuteCounts(domains, Counter({reason: -number for reason, number in self.reasons.items()}))
