"""How many mails of a time there are, by what became of them: the numerators and denominators of every share.

A mail to several people counts once for each of them, as each may bounce or complain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from deliverywatch.messages.untrusted import count

if TYPE_CHECKING:
    from collections.abc import Iterable

# One event of a sending for so many outcomes is enough.
_LEAST_SENT = 2


class Counts(NamedTuple):
    """Mails of one time, by what became of them so far.

    Attributes:
        bounced: Refused for good, as SES counts it against the sender; some after they were delivered.
        ended: Given up without that: refused for now too often, or rejected.
        skipped: Never tried, such as for addresses on a suppression list.
        delayed: Of which SES reported that it has to try again; one mail may be reported several times.
    """

    sent: int = 0
    delivered: int = 0
    bounced: int = 0
    ended: int = 0
    skipped: int = 0
    complained: int = 0
    delayed: int = 0

    @property
    def total(self) -> int:
        """The mails that SES tried to deliver, as far as is known: their outcomes may arrive before their sending."""
        return max(self.sent - self.skipped, self.delivered, self.bounced)

    @property
    def pending(self) -> int:
        """Those of which no outcome is known."""
        return max(0, self.total - self.delivered - self.bounced - self.ended)

    @property
    def waiting(self) -> int:
        """Those that were delayed and have no outcome yet."""
        return min(self.delayed, self.pending)

    @property
    def lacks_sends(self) -> bool:
        """Whether most of its outcomes are of mails whose sending is not counted, as they were sent before we counted.

        Their share would be of other mails. Of a few that got lost it is not: one must not hide six hundred.
        """
        return _LEAST_SENT * self.sent < max(self.delivered, self.bounced, self.complained)

    def plus(self, other: Counts) -> Counts:
        """Return the sums."""
        return Counts(*map(int.__add__, self, other))

    def as_list(self) -> list[int]:
        """Return the numbers in the order of their names, without the zeros at the end."""
        numbers = list(self)
        while numbers and not numbers[-1]:
            numbers.pop()
        return numbers


def from_list(value: object) -> Counts:
    """Return the counts of a stored list; what is no number counts as 0."""
    numbers = value[: len(Counts._fields)] if isinstance(value, list) else []
    return Counts(*map(count, numbers))


def added(counts: Iterable[Counts]) -> Counts:
    """Return the sum of counts."""
    return Counts(*map(sum, zip(Counts(), *counts, strict=True)))


def percent(part: int, total: int) -> float:
    """Return a share in percent; 0 of nothing."""
    return 100 * part / total if total else 0.0
