"""When an alarm is evaluated, and which slots of time it then looks at.

Follows "Alarm evaluation" and "Alarm evaluation window" of the CloudWatch user guide. How many slots beyond the
evaluation periods are fetched is not documented; the defaults fit what was observed: two at 300 s
and above, five at 60 s.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.engine.alarm import Alarm

_DAY_SECONDS = 86400
_WEEK_SECONDS = 7 * _DAY_SECONDS
_WALL_CLOCK_PERIODS = (60, 300, 3600, _DAY_SECONDS, _WEEK_SECONDS)


def extra_points(period_seconds: int) -> int:
    """Return how many slots CloudWatch fetches beyond the evaluation periods."""
    return 5 if period_seconds < 300 else 2


def cadence_seconds(alarm: Alarm) -> int:
    """Return how often the alarm is evaluated: 10 s for high resolution, hourly beyond a day, else each minute."""
    if alarm.period_seconds < 60:
        return 10
    return 3600 if alarm.period_seconds * alarm.evaluation_periods > _DAY_SECONDS else 60


def is_due(alarm: Alarm, now: datetime) -> bool:
    """Return whether the alarm is evaluated in the minute (or ten seconds) that starts at `now`."""
    return int(now.timestamp()) % cadence_seconds(alarm) == 0


def slot_starts(alarm: Alarm, now: datetime, extra: int | None = None) -> tuple[int, ...]:
    """Return the starts of the slots that an evaluation looks at, in epoch seconds, oldest first.

    Args:
        alarm: Its period, its evaluation periods and its window.
        now: The time of the evaluation.
        extra: Slots beyond the evaluation periods; None for what CloudWatch is taken to do.

    Raises:
        InputError: A wall-clock window has a period or a time zone that CloudWatch does not allow.
    """
    period = alarm.period_seconds
    if alarm.wall_clock_zone is not None:
        return _wall_clock_starts(alarm, alarm.wall_clock_zone, now)
    end = int(now.timestamp()) // cadence_seconds(alarm) * cadence_seconds(alarm)
    count = alarm.evaluation_periods + (extra_points(period) if extra is None else extra)
    return tuple(range(end - count * period, end, period))


def _wall_clock_starts(alarm: Alarm, zone_name: str, now: datetime) -> tuple[int, ...]:
    """Return exactly as many slots as evaluation periods: the last completed ones of the wall clock."""
    if alarm.period_seconds not in _WALL_CLOCK_PERIODS:
        raise InputError(
            f"Alarm {alarm.name} has a wall-clock window and a period of {alarm.period_seconds} s.",
            next_step="Use a period of 60, 300, 3600, 86400 or 604800 s, or a sliding window.",
        )
    end = _aligned(now.astimezone(zone_of(zone_name)), alarm.period_seconds)
    starts: list[int] = []
    for _ in range(alarm.evaluation_periods):
        end = _aligned(end - timedelta(microseconds=1), alarm.period_seconds)
        starts.insert(0, int(end.timestamp()))
    return tuple(starts)


def _aligned(moment: datetime, period_seconds: int) -> datetime:
    """Return the start of the wall-clock period that holds a moment."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if period_seconds == _WEEK_SECONDS:
        return midnight - timedelta(days=midnight.weekday())
    if period_seconds == _DAY_SECONDS:
        return midnight
    # Periods of up to an hour run with the hands of the clock: counted on the offset that holds now.
    offset = int((moment.utcoffset() or timedelta()).total_seconds())
    local = int(moment.timestamp()) + offset
    return datetime.fromtimestamp(local // period_seconds * period_seconds - offset, moment.tzinfo)


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name or by its offset, such as `+05:30`.

    Raises:
        InputError: There is no such zone.
    """
    try:
        if name[:1] in "+-" and name:
            hours, _, minutes = name[1:].partition(":")
            distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
            return timezone(-distance if name[0] == "-" else distance)
        return UTC if name in ("", "UTC") else ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise InputError(
            f"There is no time zone {name!r}.", next_step="Use UTC, an IANA name such as Europe/Rome, or an offset."
        ) from error
