"""What changed in the lake -> per slot, how many more messages there are and how many more have failed: one datapoint.

Only differences are counted, so that sums stay right however often a slot is read again: a message that failed and
turns out to be delivered is one failure less.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch import emf
from deliverywatch.sms.clicksend.outcomes import Outcome, is_counted_failure
from deliverywatch.sms.clicksend.redaction import printable, redacted
from deliverywatch.sms.lake.slots import as_text, floor, from_milliseconds, stamp_of

if TYPE_CHECKING:
    from deliverywatch.sms.lake.merge import MessageChange

NAMESPACE = "DeliveryWatch/Sms"

_TOP = 5
_LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Datapoint:
    """Metrics with one time, as one EMF document in the namespace above.

    Attributes:
        metrics: Name -> (value, unit in CloudWatch's words).
        properties: What else the log line says; never a dimension, which would be billed.
    """

    metrics: Mapping[str, tuple[float, str]]
    stamp: datetime
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class SlotCounts:
    """What a slot's counts change by, and of which faults, codes, carriers and countries its failures are."""

    total: int = 0
    failed: int = 0
    failed_by: dict[str, Counter[str]] = field(default_factory=dict)

    def is_empty(self) -> bool:
        """Whether there is nothing to add."""
        return not self.total and not self.failed


def per_slot(
    changes: Mapping[MessageChange, int], slot_minutes: int, *, count_recipient_faults: bool
) -> dict[datetime, SlotCounts]:
    """Return what each slot's counts change by, by the begin of the slot."""
    slots: dict[datetime, SlotCounts] = {}
    for change, number in changes.items():
        slot = slots.setdefault(floor(from_milliseconds(change.minute * 60_000), slot_minutes), SlotCounts())
        was_counted = change.before is not None and is_counted(change.before[0])
        slot.total += number * (is_counted(change.outcome) - was_counted)
        is_failure = _is_failure((change.outcome, change.fault), count_recipient_faults)
        failed = is_failure - _is_failure(change.before, count_recipient_faults)
        if failed:
            _add_failures(slot, change, number * failed)
    return slots


def is_counted(outcome: str) -> bool:
    """Whether a message is one of `Total`: all that were really sent, whatever became of them."""
    return outcome != Outcome.EXCLUDED


def newly_unknown(changes: Iterable[MessageChange]) -> list[str]:
    """Return each status and code that no rule covers and that was not there before, once."""
    labels = {
        printable(redacted(f"{change.status}/{change.status_code}") or "", _LONGEST_WORD)
        for change in changes
        if change.outcome == Outcome.UNKNOWN and (change.before is None or change.before[0] != Outcome.UNKNOWN)
    }
    return sorted(labels)


def slot_datapoint(slot: datetime, slot_minutes: int, counts: SlotCounts, expected: float | None = None) -> Datapoint:
    """Return the datapoint of one slot's counts, total and failed together, with what was expected if that is known."""
    properties: dict[str, Any] = {"slot": as_text(slot)}
    for name, numbers in counts.failed_by.items():
        properties[f"failed_by_{name}"] = dict(numbers.most_common(_TOP))
    metrics: dict[str, tuple[float, str]] = {"Total": (counts.total, "Count"), "Failed": (counts.failed, "Count")}
    if expected is not None:
        metrics["Expected"] = (expected, "Count")
    return Datapoint(metrics, stamp_of(slot, slot_minutes), properties)


def run_datapoint(now: datetime, overdue_points: float | None, delay: Mapping[str, Any] | None = None) -> Datapoint:
    """Return the datapoint of a run that succeeded.

    Args:
        now: When it was due.
        overdue_points: By how much the share without an outcome is above the usual one; None emits none.
        delay: What the log line says of the time to the outcome, for the dashboard.
    """
    overdue = {} if overdue_points is None else {"OverduePercent": (round(overdue_points, 2), "Percent")}
    return Datapoint({"Runs": (1, "Count"), **overdue}, now, delay or {})


def document(environment: str, point: Datapoint) -> str:
    """Return the EMF document of a datapoint, one line."""
    return emf.document(NAMESPACE, {"Environment": environment}, point.metrics, point.stamp, point.properties)


def documents(environment: str, points: Iterable[Datapoint]) -> str:
    """Return the lines of datapoints as one text, so that one write prints them."""
    return "".join(f"{document(environment, point)}\n" for point in points)


def _is_failure(verdict: tuple[str, str] | None, count_recipient_faults: bool) -> bool:  # noqa: FBT001
    return verdict is not None and is_counted_failure(*verdict, count_recipient_faults=count_recipient_faults)


def _add_failures(slot: SlotCounts, change: MessageChange, number: int) -> None:
    slot.failed += number
    words = (change.fault, change.error_code, change.carrier, change.country)
    for name, word in zip(("fault", "code", "carrier", "country"), words, strict=True):
        slot.failed_by.setdefault(name, Counter())[str(word or "none")[:_LONGEST_WORD]] += number
