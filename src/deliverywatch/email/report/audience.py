"""The messages of each week -> the different people that they reached, those who cared, and whether they grow."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any

from deliverywatch.email.events.outcomes import Outcome, Reader
from deliverywatch.email.report.mails import Mail

_GROWING = ("reached", "engaged")
_WEEK = timedelta(days=7)


@dataclass(slots=True)
class Audience:
    """The people whom a week's messages reached, and by the verdict of SES those who opened or clicked one."""

    reached: set[str] = field(default_factory=set)
    visitors: dict[Reader, set[str]] = field(default_factory=lambda: {who: set() for who in Reader})

    def add(self, mail: Mail) -> None:
        """Add a message; of one to several people nobody knows which of them opened it."""
        self.reached.update(person for what, person in mail.outcomes if what is Outcome.DELIVERED)
        if mail.recipient is not None:
            for who in mail.opened | mail.clicked:
                self.visitors[who].add(mail.recipient)

    def counts(self) -> dict[str, int | None]:
        """Return the numbers of people; None where visits without a verdict could make it more."""
        least, most = self.visitors[Reader.PEOPLE], self.visitors[Reader.PEOPLE] | self.visitors[Reader.UNKNOWN]
        return {
            "reached": len(self.reached),
            "engaged": len(least) if least == most else None,
            "engaged_at_least": len(least),
            "engaged_at_most": len(most),
        }


def weeks_of(stream: str, mails: Iterable[Mail]) -> list[dict[str, Any]]:
    """Return a row for each week in which mails were sent, with its growth on the week before it."""
    audiences: dict[date, Audience] = {}
    for mail in mails:
        day = mail.sent_at.astimezone(UTC).date()
        audiences.setdefault(day - timedelta(days=day.weekday()), Audience()).add(mail)
    counts = {week: audience.counts() for week, audience in sorted(audiences.items())}
    return [
        {
            "week": str(week),
            "stream": stream,
            **row,
            **{
                f"{name}_growth_percent": _growth(counts.get(week - _WEEK, {}).get(name), row[name])
                for name in _GROWING
            },
        }
        for week, row in counts.items()
    ]


def _growth(before: int | None, present: int | None) -> float | None:
    return round(100 * (present - before) / before, 1) if before and present is not None else None
