"""When an alarm is evaluated, and which slots of time it then looks at.

Follows "Alarm evaluation" and "Alarm evaluation window" of the CloudWatch user guide. How many slots beyond the
evaluation periods are fetched is not documented; the defaults fit what was observed: two at 300 s
and above, five at 60 s.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo

from cwalarm.definitions.alarm import Alarm
from cwalarm.errors import InputError
from cwalarm.schedules import zones

_DAY_SECONDS = 86400
_WEEK_SECONDS = 7 * _DAY_SECONDS
_WALL_CLOCK_PERIODS = (60, 300, 3600, _DAY_SECONDS, _WEEK_SECONDS)
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?([0-5][05]))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Slot:
    """One period that an evaluation looked at; `start` and `end` in epoch seconds, `value` None without a datapoint."""

    start: int
    value: float | None
    end: int | None = None


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


def slot_bounds(alarm: Alarm, now: datetime, extra: int | None = None) -> tuple[int, ...]:
    """Return the starts of the slots that an evaluation looks at, oldest first, and the end of the newest slot.

    A slot ends where the next begins: between clock changes that is a period later. All are epoch seconds. `extra`
    slots are added to the evaluation periods; None for what CloudWatch is taken to do. Raises InputError for a
    wall-clock window that CloudWatch does not allow.
    """
    period = alarm.period_seconds
    if alarm.wall_clock_zone is not None:
        return _wall_clock_bounds(alarm, alarm.wall_clock_zone, now)
    end = int(now.timestamp()) // cadence_seconds(alarm) * cadence_seconds(alarm)
    count = alarm.evaluation_periods + (extra_points(period) if extra is None else extra)
    return tuple(range(end - count * period, end + 1, period))


def unfit_wall_clock(alarm: Alarm) -> str | None:
    """Return what CloudWatch does not allow about a wall-clock window; None if all is well."""
    if alarm.wall_clock_zone is None:
        return None
    if alarm.period_seconds not in _WALL_CLOCK_PERIODS:
        return f"A wall-clock window takes periods of 60, 300, 3600, 86400 or 604800 s, not {alarm.period_seconds} s."
    try:
        zone_of(alarm.wall_clock_zone)
    except InputError as error:
        return str(error)
    return None


def _wall_clock_bounds(alarm: Alarm, zone_name: str, now: datetime) -> tuple[int, ...]:
    """Return the bounds of exactly as many slots as evaluation periods: the last completed ones of the wall clock."""
    if problem := unfit_wall_clock(alarm):
        raise InputError(
            f"Alarm {alarm.name} cannot be evaluated: {problem}",
            next_step="Use one of these periods and a zone such as Europe/Rome, or a sliding window.",
        )
    zone = zone_of(zone_name)
    bounds = [_aligned(int(now.timestamp()), zone, alarm.period_seconds)]
    for _ in range(alarm.evaluation_periods):
        bounds.insert(0, _aligned(bounds[0] - 1, zone, alarm.period_seconds))
    return tuple(bounds)


def _aligned(second: int, zone: tzinfo, period_seconds: int) -> int:
    """Return the start of the wall-clock period that holds a moment, both in epoch seconds.

    Only a date is ever computed with by the clock: a time of day may be there twice, or not at all.
    """
    moment = datetime.fromtimestamp(second, zone)
    if period_seconds >= _DAY_SECONDS:
        day = moment.date() - timedelta(days=moment.weekday() if period_seconds == _WEEK_SECONDS else 0)
        return int(datetime.combine(day, time(), zone).timestamp())
    # Periods of up to an hour run with the hands of the clock: counted on the offset that holds then.
    offset = int((moment.utcoffset() or timedelta()).total_seconds())
    return (second + offset) // period_seconds * period_seconds - offset


def zone_of(name: str) -> tzinfo:
    """Return a time zone by IANA name or by offset in steps of five minutes, such as `+05:30`, or raise InputError."""
    try:
        if offset := _OFFSET.fullmatch(name):
            distance = timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
            return timezone(-distance if offset[1] == "-" else distance)
        return UTC if name in ("", "UTC") else zones.zone(name)
    except (ValueError, InputError) as error:
        raise InputError(
            f"There is no time zone {name!r}.",
            next_step="Use UTC, an IANA name such as Europe/Rome, or an offset in steps of five minutes.",
        ) from error
