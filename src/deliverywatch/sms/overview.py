"""The objects of the lake -> what is in it: outcomes per UTC hour of sending, faults, reasons."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from deliverywatch.sms.clicksend.outcomes import Fault, Outcome
from deliverywatch.sms.clicksend.redaction import printable
from deliverywatch.sms.lake.slots import as_text, from_milliseconds
from deliverywatch.sms.mail_context.recent_statistics import words

# What is read of the lake.
NAMES = ("sent_at", "outcome", "fault", "error_code", "status", "status_text")

_TOP = 10
_HOUR_MILLISECONDS = 3_600_000
_LONGEST_CODE = 10

Reason = tuple[str, str, str]  # code, text, fault


@dataclass(slots=True)
class Overview:
    """What the lake holds.

    Attributes:
        hours: Outcomes per UTC hour of sending, by its begin, in the order in which they were added.
        reasons: Why messages failed.
    """

    hours: dict[datetime, Counter[str]] = field(default_factory=dict)
    reasons: Counter[Reason] = field(default_factory=Counter)

    def add(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take in an object's rows of the columns `NAMES`, of an hour or of a day.

        Raises:
            ValueError: A row has an outcome or fault that we do not write.
        """
        kinds = Counter((sent_at // _HOUR_MILLISECONDS, *kind) for sent_at, *kind in rows)
        for (number, outcome, fault, code, status, text), count in sorted(kinds.items(), key=lambda item: item[0][0]):
            hour = from_milliseconds(number * _HOUR_MILLISECONDS)
            self.hours.setdefault(hour, Counter())[Outcome(outcome).value] += count
            if outcome == Outcome.FAILED:
                reason = (printable(code or "none", _LONGEST_CODE), words(code, status, text), Fault(fault).value)
                self.reasons[reason] += count

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it: `hours`, `totals`, `faults` and `reasons`."""
        return {
            "hours": [{"hour": as_text(hour), **_counts(counter)} for hour, counter in self.hours.items()],
            "totals": _counts(sum(self.hours.values(), Counter())),
            "faults": self.faults(),
            "reasons": [
                {"code": code, "text": text, "fault": fault, "count": count}
                for (code, text, fault), count in sorted(self.reasons.items(), key=_by_count)[:_TOP]
            ],
        }

    def faults(self) -> dict[str, int]:
        """Return how many failures are on whose side."""
        return {
            fault.value: sum(count for (_, _, side), count in self.reasons.items() if side == fault) for fault in Fault
        }


def _by_count(item: tuple[Reason, int]) -> tuple[int, Reason]:
    return -item[1], item[0]


def _counts(counter: Counter[str]) -> dict[str, int]:
    """All outcomes, and the total as the metric has it: without what was excluded."""
    total = counter.total() - counter[Outcome.EXCLUDED]
    order = (Outcome.DELIVERED, Outcome.FAILED, Outcome.PENDING, Outcome.EXCLUDED, Outcome.UNKNOWN)
    return {"total": total, **{outcome.value: counter[outcome] for outcome in order}}
