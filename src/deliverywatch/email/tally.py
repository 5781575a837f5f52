"""Rows of a batch -> what is counted of them: bounces and complaints as SES counts them against a sender.

SES counts permanent bounces only, and leaves out its own mailbox simulator and addresses that its suppression list
stopped (docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_SIMULATOR = "simulator.amazonses.com"
_SUPPRESSED = "OnAccountSuppressionList"


@dataclass(slots=True)
class Tally:
    """What a batch holds.

    Attributes:
        types: Events by type.
        bounced: Permanent bounces.
        complained: Complaints.
    """

    types: Counter[str] = field(default_factory=Counter)
    bounced: int = 0
    complained: int = 0

    def add(self, row: dict[str, Any]) -> None:
        """Count a row."""
        event_type = row["event_type"]
        self.types[event_type] += 1
        if event_type == "Bounce":
            self.bounced += counts_as_bounce(row)
        elif event_type == "Complaint":
            self.complained += counts_as_complaint(row)


def counts_as_bounce(row: dict[str, Any]) -> bool:
    """Whether SES counts it against the sender."""
    is_permanent = row.get("bounce_type") == "Permanent" and row.get("bounce_subtype") != _SUPPRESSED
    return is_permanent and row.get("recipient_domain") != _SIMULATOR


def counts_as_complaint(row: dict[str, Any]) -> bool:
    """Whether SES counts it against the sender."""
    is_of_a_person = row.get("complaint_subtype") != _SUPPRESSED and row.get("complaint_type") != "not-spam"
    return is_of_a_person and row.get("recipient_domain") != _SIMULATOR
