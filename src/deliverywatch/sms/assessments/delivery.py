"""Rows of the newest hours -> whether outcomes take longer than this account is used to, long before messages fail.

Judged are the messages that were sent 5 to 20 minutes ago. Where these are too few, it walks back minute by minute to
the shortest newest stretch that says enough; an older message is late if its outcome took longer than those 20 minutes.
A message that a network refused for now (300, 302) is late at once: it is a sign of trouble, however young it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from deliverywatch import thresholds
from deliverywatch.messages.level import Level
from deliverywatch.messages.verdict import Assessment, Verdict
from deliverywatch.sms.clicksend.outcomes import TEMPORARY_CODES, Outcome
from deliverywatch.sms.lake.slots import from_milliseconds

# What is read of the lake.
NAMES = ("sent_at", "outcome", "status_code", "outcome_at")

_MINUTE = 60_000
_FROM, _TO = thresholds.OVERDUE_FROM_MINUTES * _MINUTE, thresholds.OVERDUE_TO_MINUTES * _MINUTE
# Where one in twenty never gets an outcome, chance alone puts the share so far above it less than once a month at 10
# messages an hour, and never at 100 (`scripts/bench late`); with four standard deviations it was up to four times.
_DEVIATIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryLimits:
    """What an operator may choose; a parameter of the template by the same name."""

    overdue_percent: float = thresholds.OVERDUE_PERCENT


class Minute(NamedTuple):
    """What was sent in one minute.

    Attributes:
        start: In milliseconds.
        late: Those without an outcome in time, the temporary ones among them.
        temporary: Those that a network refused for now.
    """

    start: int
    total: int
    late: int
    temporary: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How many of the messages that should have an outcome have none; `last_seen` is when the newest was sent."""

    total: int = 0
    late: int = 0
    temporary: int = 0
    last_seen: datetime | None = None

    @property
    def percent(self) -> float:
        """The share of those without an outcome."""
        return 100 * self.late / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was seen of the newest messages.

    Attributes:
        usual_percent: The share that is usual for the account; 0 while that is being learned.
        points: By how much the share is above it; None where too little is known.
    """

    delivery: Delivery = field(default_factory=Delivery)
    usual_percent: float = 0.0
    points: float | None = None


def minutes(rows: Iterable[tuple[Any, ...]], now: datetime, slot_minutes: int) -> list[Minute]:
    """Return what was sent per minute, the newest first, of rows of the columns `NAMES`.

    Args:
        rows: In any order.
        now: When they were read.
        slot_minutes: How much later than it came an outcome may have been seen.
    """
    newest = int(now.timestamp()) * 1000
    tallies: dict[int, list[int]] = {}
    for sent_at, outcome, code, outcome_at in rows:
        if outcome in _IGNORED or sent_at > newest:
            continue
        is_pending = outcome == Outcome.PENDING
        is_temporary = is_pending and code in TEMPORARY_CODES
        took_long = outcome_at is not None and outcome_at - sent_at > _TO + slot_minutes * _MINUTE
        tally = tallies.setdefault(sent_at - sent_at % _MINUTE, [0, 0, 0])
        tally[0] += 1
        tally[1] += is_temporary or took_long or (is_pending and newest - sent_at >= _FROM)
        tally[2] += is_temporary
    ordered = (Minute(start, *tallies[start]) for start in sorted(tallies, reverse=True))
    # A minute that is too young to judge counts if networks refused some of it, with all that was sent beside.
    return [minute for minute in ordered if minute.temporary or newest - minute.start > _FROM]


_IGNORED = frozenset({Outcome.EXCLUDED.value, Outcome.UNKNOWN.value})


def measure(seen: Iterable[Minute], now: datetime) -> Delivery:
    """Return the newest stretch that says enough: at least the 15 minutes, at most some hours.

    Args:
        seen: The newest first; no more are taken than are needed.
        now: When they were read.
    """
    newest = int(now.timestamp()) * 1000
    delivery, begin = Delivery(), newest - _TO
    oldest = newest - thresholds.OVERDUE_HOURS * 60 * _MINUTE
    for minute in seen:
        if minute.start < begin - begin % _MINUTE and (minute.start < oldest or _is_enough(delivery)):
            break
        delivery = Delivery(
            total=delivery.total + minute.total,
            late=delivery.late + minute.late,
            temporary=delivery.temporary + minute.temporary,
            last_seen=delivery.last_seen or from_milliseconds(minute.start + _MINUTE),
        )
    return delivery


def points_above(delivery: Delivery, usual_percent: float, now: datetime, limits: DeliveryLimits) -> float | None:
    """Return by how many points the share is above the usual one, never below 0; None where too little is known.

    It is too little where the messages are few or old, where chance alone could put the share over the threshold, and
    where so many never get an outcome that none could be missed.
    """
    is_some = _is_enough(delivery) or _is_plain(delivery)
    if _is_quiet(delivery, now) or _is_hopeless(delivery, usual_percent, limits) or not is_some:
        return None
    points = max(0.0, delivery.percent - usual_percent)
    return points if points <= limits.overdue_percent or _is_significant(delivery, usual_percent) else None


def assess(delivery: Delivery, usual_percent: float, now: datetime, limits: DeliveryLimits) -> Assessment:
    """Return what the messages say about `sms-overdue`, whose alarm opens an incident after two slots."""
    points = points_above(delivery, usual_percent, now, limits)
    if delivery.last_seen is None:
        hours = thresholds.OVERDUE_HOURS
        return _too_little(delivery, now, f"No SMS was sent in the last {hours} hours that should have an outcome.")
    if _is_quiet(delivery, now):
        return _too_little(delivery, now, f"No SMS since: of those before, {_share(delivery)} had no outcome in time.")
    if _is_hopeless(delivery, usual_percent, limits):
        usual = f"Usually {usual_percent:.3g} % of the SMS have no outcome in time"
        return _too_little(delivery, now, f"{usual}: of this account nobody can see whether they are late.")
    if points is None:
        return _too_little(delivery, now, f"Too few SMS to judge: {_share(delivery)} had no outcome in time.")
    return judged(points, now, limits, _sentence(delivery, usual_percent), delivery)


def judged(
    points: float, now: datetime, limits: DeliveryLimits, sentence: str = "", delivery: Delivery | None = None
) -> Assessment:
    """Return what the points above the usual share say; also of those that only CloudWatch has."""
    # Half of what opens an incident still keeps it open: a share that hovers must not mail all day.
    is_failing = points > limits.overdue_percent / 2
    return Assessment(
        verdict=Verdict.FAILING if is_failing else Verdict.HEALTHY,
        as_of=now,
        holds=Level.WARNING if is_failing else Level.OK,
        sentence=sentence,
        last_seen=delivery.last_seen if delivery else now,
        seen_count=delivery.total if delivery else 0,
        value=round(points, 1),
    )


def _is_hopeless(delivery: Delivery, usual_percent: float, limits: DeliveryLimits) -> bool:
    """Whether no share could be over the threshold, as in an account without receipts, where no outcome ever comes."""
    return usual_percent + limits.overdue_percent >= 100 and 2 * delivery.late > delivery.total


def _is_quiet(delivery: Delivery, now: datetime) -> bool:
    quiet = timedelta(minutes=thresholds.QUIET_MINUTES)
    return delivery.last_seen is None or now - delivery.last_seen > quiet


def _is_enough(delivery: Delivery) -> bool:
    """Whether a walk back may end: a share needs more messages than a row in which all are late, or none is."""
    if delivery.late == delivery.total:
        return delivery.total >= thresholds.OVERDUE_ALL_LATE_COUNT
    fewest = thresholds.OVERDUE_NONE_LATE_COUNT if delivery.late == 0 else thresholds.OVERDUE_MINIMUM_COUNT
    return delivery.total >= fewest


def _is_plain(delivery: Delivery) -> bool:
    """Whether so few messages say enough all the same: none of them is late, or too many for an accident."""
    is_some = delivery.total >= thresholds.OVERDUE_ALL_LATE_COUNT
    return is_some and (delivery.late == 0 or delivery.late >= thresholds.OVERDUE_ALL_LATE_COUNT)


def _is_significant(delivery: Delivery, usual_percent: float) -> bool:
    share = max(usual_percent, thresholds.OVERDUE_NOISE_PERCENT) / 100
    expected, deviation = delivery.total * share, math.sqrt(delivery.total * share * (1 - share))
    return delivery.late >= max(thresholds.OVERDUE_ALL_LATE_COUNT, expected + _DEVIATIONS * deviation)


def _too_little(delivery: Delivery, now: datetime, sentence: str) -> Assessment:
    return Assessment(
        verdict=Verdict.TOO_LITTLE,
        as_of=now,
        sentence=sentence,
        last_seen=delivery.last_seen,
        seen_count=delivery.total,
        value=round(delivery.percent, 1) if delivery.total else None,
    )


def _sentence(delivery: Delivery, usual_percent: float) -> str:
    begin, end = thresholds.OVERDUE_FROM_MINUTES, thresholds.OVERDUE_TO_MINUTES
    sentence = f"{_share(delivery)} had no outcome {begin} to {end} minutes after they were sent"
    usual = f", usually {round(usual_percent, 1):g} %" if usual_percent else ""
    refused = f" Networks refused {delivery.temporary} of them for now (300, 302)." if delivery.temporary else ""
    return f"{sentence}{usual}.{refused}"


def _share(delivery: Delivery) -> str:
    return f"{delivery.late} of {delivery.total} SMS ({round(delivery.percent, 1):g} %)"
