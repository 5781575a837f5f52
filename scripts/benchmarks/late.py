"""From the first late message to the alarm, by volume; and how often chance alone raises it.

The account is one that never hears of one message in twenty, which it is used to. Runs every 10 minutes judge simulated
minutes with the functions of the ingest; the alarm goes off when two points in a row are over the threshold, and its
evaluation takes a minute more. The reference is version 0.2: over half of at least 20 messages of 15 to 60 minutes ago.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from statistics import median

from measure import Figure

from deliverywatch.sms.assessments import delivery
from deliverywatch.sms.assessments.delivery import DeliveryLimits, Minute

START = datetime(2026, 11, 1, tzinfo=UTC)
RUN_MINUTES, EVALUATION_MINUTES, DAY_MINUTES = 10, 1, 1440
USUAL_PERCENT = 5.0
LIMITS = DeliveryLimits()

# Messages an hour: minutes after which 40 % that are late have to be told, and days without an incident.
GOALS = {10: 150, 30: 60, 100: 40, 300: 31, 1000: 31}
SLOW_SHARE, SLOW_FROM = 0.4, 720
SEEDS, QUIET_DAYS = range(5), 30
MOST_FALSE = 1


def traffic(per_hour: float, days: int, seed: int, slow_from: int | None = None) -> list[Minute]:
    """Return what was sent, minute by minute: each message is late with the usual share, or the one of the incident."""
    dice, minutes = Random(seed), []
    for minute in range(days * DAY_MINUTES):
        total = sum(dice.random() < per_hour / 600 for _ in range(10))
        share = USUAL_PERCENT / 100 if slow_from is None or minute < slow_from else SLOW_SHARE
        start = int((START + timedelta(minutes=minute)).timestamp()) * 1000
        minutes.append(Minute(start, total, sum(dice.random() < share for _ in range(total)), 0))
    return minutes


def alarms(minutes: Sequence[Minute]) -> Iterator[int]:
    """Yield the minutes in which the alarm goes off."""
    over = [False, False]
    is_raised = False
    for minute in range(60, len(minutes) + 1, RUN_MINUTES):
        now = START + timedelta(minutes=minute)
        seen = reversed(minutes[max(0, minute - 420) : minute - 5])
        measured = delivery.measure((one for one in seen if one.total), now)
        points = delivery.points_above(measured, USUAL_PERCENT, now, LIMITS)
        if points is None:
            continue
        over = [over[1], points > LIMITS.overdue_percent]
        if all(over) and not is_raised:
            yield minute + EVALUATION_MINUTES
        is_raised = all(over) or (is_raised and any(over))


def figures() -> Iterator[Figure]:
    """All figures of this module."""
    for per_hour, goal in GOALS.items():
        found = [
            next(
                (minute for minute in alarms(traffic(per_hour, 1, seed, SLOW_FROM)) if minute >= SLOW_FROM),
                2 * DAY_MINUTES,
            )
            for seed in SEEDS
        ]
        took = median(found) - SLOW_FROM
        reference = f"{goal} minutes; never in version 0.2"
        yield Figure(
            f"40 % late at {per_hour} SMS an hour: alarm", f"{took:.0f} minutes", reference, took / goal, took <= goal
        )
    for per_hour in (10, 100, 1000):
        false = sum(1 for seed in SEEDS for _ in alarms(traffic(per_hour, QUIET_DAYS, seed))) / len(SEEDS)
        reference = f"at most {MOST_FALSE}; none in version 0.2"
        name = f"false alarms a month at {per_hour} SMS an hour"
        yield Figure(name, f"{false:.1f}", reference, false / MOST_FALSE, false <= MOST_FALSE)
