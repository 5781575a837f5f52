"""Rows of one message -> what became of it; messages -> their counts and rates.

Outcomes count once for each recipient. SES does not say which of several recipients opened, clicked or unsubscribed, so
those count once for a message. Whether people or bots did is SES's verdict. Where it gives none, how many did is not
known: the count is None, and for people there are two bounds.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deliverywatch.email.events.outcomes import Outcome, Reader, outcome, reader

Row = Mapping[str, Any]
Counts = dict[str, int | None]

# The columns that are read.
NAMES = (
    *("event_id", "event_type", "event_time", "sent_at", "message_id", "campaign", "recipients"),
    *("bounce_type", "bounce_subtype", "diagnostic", "reporting_mta", "remote_mta_ip"),
    *("complaint_type", "complaint_subtype", "user_agent", "bot_verdict", "link", "unsubscribed_all"),
)

# What a report calls the outcomes that it counts, in its order.
_NAMES = {
    Outcome.SENT: "sent",
    Outcome.DELIVERED: "delivered",
    Outcome.HARD_BOUNCE: "bounced",
    Outcome.SOFT_BOUNCE: "bounced_soft",
    Outcome.UNDETERMINED_BOUNCE: "bounced_undetermined",
    Outcome.NOT_ATTEMPTED: "not_attempted",
    Outcome.REJECTED: "rejected",
    Outcome.COMPLAINT: "complained",
}


@dataclass(slots=True)
class Mail:
    """What became of a message.

    Attributes:
        outcomes: Each with a recipient for whom it counts.
        opened: Who opened it.
        clicked: Who clicked in it.
        is_left: Whether somebody unsubscribed by it.
        recipient: The only one whom it went to, once somebody opened or clicked it.
    """

    sent_at: datetime
    campaign: str = ""
    outcomes: set[tuple[Outcome, str]] = field(default_factory=set)
    opened: set[Reader] = field(default_factory=set)
    clicked: set[Reader] = field(default_factory=set)
    is_left: bool = False
    recipient: str | None = None

    def add(self, row: Row, people: list[str]) -> None:
        """Add an event of the message, with the people for whom it counts."""
        # SES leaves tags out of some events.
        self.campaign = max(self.campaign, row["campaign"] or "")
        what, who = outcome(row), reader(row)
        if who:
            (self.opened if what is Outcome.OPENED else self.clicked).add(who)
            self.recipient = people[0] if len(people) == 1 else None
        elif what is Outcome.SUBSCRIPTION:
            self.is_left |= bool(row["unsubscribed_all"])
        else:
            self.outcomes.update((what, person) for person in people)


def rates(mails: Collection[Mail]) -> dict[str, Any]:
    """Return the counts of messages and what share they are; a share that cannot be told is None."""
    outcomes = Counter(what for mail in mails for what, _ in mail.outcomes)
    opened = visit_counts("opened", (mail.opened for mail in mails))
    clicked = visit_counts("clicked", (mail.clicked for mail in mails))
    by_recipient = {name: outcomes[what] for what, name in _NAMES.items()}
    counts: Counts = {**by_recipient, "unsubscribed": sum(mail.is_left for mail in mails), **opened, **clicked}
    return {**counts, **_shares(counts, attempted(outcomes))}


def visit_counts(name: str, messages: Iterable[set[Reader]]) -> Counts:
    """Return how many messages were visited, by whom; None where visits without a verdict could make it more.

    Args:
        name: `opened` or `clicked`.
        messages: For each, who visited it; nobody for one that was not.
    """
    visited = [readers for readers in messages if readers]
    least = {who: sum(who in readers for readers in visited) for who in Reader}
    most = {who: sum(bool(readers & {who, Reader.UNKNOWN}) for readers in visited) for who in Reader}
    known = {who: count if count == most[who] else None for who, count in least.items()}
    return {
        name: len(visited),
        f"{name}_by_people": known[Reader.PEOPLE],
        f"{name}_by_people_at_least": least[Reader.PEOPLE],
        f"{name}_by_people_at_most": most[Reader.PEOPLE],
        f"{name}_by_bots": known[Reader.BOTS],
        f"{name}_without_verdict": least[Reader.UNKNOWN],
    }


def percent(part: int | None, whole: int | None, digits: int = 2) -> float | None:
    """Return a share in percent; None if there is no whole, or less of it than of its part: events are missing."""
    return round(100 * part / whole, digits) if part is not None and whole and part <= whole else None


def attempted(outcomes: Mapping[Outcome, int]) -> int | None:
    """Return how many mails SES tried to deliver, which can bounce; None if it stopped more than it is seen to send."""
    tried = outcomes[Outcome.SENT] - outcomes[Outcome.NOT_ATTEMPTED]
    return tried if tried >= 0 else None


def _shares(counts: Counts, tried: int | None) -> dict[str, float | None]:
    delivered = counts["delivered"]
    return {
        "delivered_percent": percent(delivered, counts["sent"]),
        "bounced_percent": percent(counts["bounced"], tried),
        "complained_percent": percent(counts["complained"], tried, digits=3),
        "open_percent": percent(counts["opened"], delivered),
        "open_percent_people": percent(counts["opened_by_people"], delivered),
        "open_percent_people_at_least": percent(counts["opened_by_people_at_least"], delivered),
        "open_percent_people_at_most": percent(counts["opened_by_people_at_most"], delivered),
        "click_percent": percent(counts["clicked"], delivered),
        "click_percent_people": percent(counts["clicked_by_people"], delivered),
        "click_percent_people_at_least": percent(counts["clicked_by_people_at_least"], delivered),
        "click_percent_people_at_most": percent(counts["clicked_by_people_at_most"], delivered),
        "click_to_open_percent": percent(counts["clicked"], counts["opened"]),
    }
