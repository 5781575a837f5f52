"""Rows of a batch -> what is counted: bounces and complaints as SES counts them against a sender.

SES counts permanent bounces only, and leaves out its own mailbox simulator and addresses that its suppression list
stopped (docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html).
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

# From where a word begins: tried from each of its letters, a long word without an address would take quadratic time.
_ADDRESS = re.compile(r"(?<![^\s<>\"',;:])[^\s<>\"',;:]+@[^\s<>\"',;:]+")
# How much of a server's words a mail can show, and how much is searched for addresses.
_LONGEST_WORDS = 120
_LONGEST_READ = 500
_MOST_BOUNCES = 500

_SIMULATOR = "simulator.amazonses.com"
_SUPPRESSED = "OnAccountSuppressionList"


@dataclass(frozen=True, slots=True)
class Bounce:
    """A bounce as a mail may show it: the recipient is masked, and addresses are cut out of the server's words."""

    time: str
    message_id: str
    recipient: str
    domain: str
    code: str
    text: str


@dataclass(slots=True)
class Tally:
    """What a batch holds.

    Attributes:
        types: Events by type.
        sent: Mails by the start of their ten minutes and the recipient's domain.
        bounces: The permanent ones, at most some hundreds.
    """

    types: Counter[str] = field(default_factory=Counter)
    bounced: int = 0
    complained: int = 0
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    bounces: list[Bounce] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """Count a row."""
        event_type = row["event_type"]
        self.types[event_type] += 1
        if event_type == "Send":
            self.sent[f"{row['sent_at'][:15]}0:00Z", row.get("recipient_domain", "")] += 1
        elif event_type == "Bounce" and counts_as_bounce(row):
            self.bounced += 1
            if len(self.bounces) < _MOST_BOUNCES:
                self.bounces.append(_masked(row))
        elif event_type == "Complaint":
            self.complained += counts_as_complaint(row)


def counts_as_bounce(row: dict[str, Any]) -> bool:
    """Return whether SES counts a bounce against the sender."""
    is_permanent = row.get("bounce_type") == "Permanent" and row.get("bounce_subtype") != _SUPPRESSED
    return is_permanent and row.get("recipient_domain") != _SIMULATOR


def counts_as_complaint(row: dict[str, Any]) -> bool:
    """Return whether SES counts a complaint against the sender."""
    is_of_a_person = row.get("complaint_subtype") != _SUPPRESSED and row.get("complaint_type") != "not-spam"
    return is_of_a_person and row.get("recipient_domain") != _SIMULATOR


def _masked(row: dict[str, Any]) -> Bounce:
    reply = (row.get("diagnostic") or row.get("bounce_subtype") or "")[:_LONGEST_READ]
    words = " ".join(_ADDRESS.sub("<address>", reply).split())
    domain = row.get("recipient_domain", "")
    person = row["recipients"][0] if row["recipients"] else ""
    return Bounce(
        time=row["event_time"],
        message_id=row["message_id"],
        recipient=f"{person[:1]}•••@{domain}",
        domain=domain,
        code=row.get("status_code") or row.get("bounce_subtype") or "",
        text=words.removeprefix("smtp; ")[:_LONGEST_WORDS],
    )
