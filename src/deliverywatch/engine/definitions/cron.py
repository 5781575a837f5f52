"""A schedule expression -> the moments at which it starts: five-field cron, or `at(yyyy-MM-ddThh:mm)`.

Follows "Alarm mute rules" of the CloudWatch user guide. As in every cron, a day matches if either day field does, where
both are restricted; a wall-clock time that a clock change skips starts when it would have been.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from deliverywatch.errors import InputError

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))}
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)\)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something starts: at one moment, or whenever all fields match.

    Attributes:
        days: Text of the day-of-month field.
        weekdays: Text of the day-of-week field; Sunday is 0.
    """

    once: datetime | None
    minutes: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    days: str = "*"
    months: tuple[int, ...] = ()
    weekdays: str = "*"


def parse(text: str) -> Schedule:
    """Return the schedule of an expression, such as `cron(0 2 * * SUN)`, `0 2 * * SUN` or `at(2026-11-21T12:00)`.

    Raises:
        InputError: It is not a schedule.
    """
    if match := _AT.fullmatch(text.strip()):
        return Schedule(_moment(match[1], text))
    fields = text.strip().removeprefix("cron(").removesuffix(")").upper().split()
    if len(fields) != 5:
        raise _error(text)
    try:
        schedule = Schedule(
            None, _set(fields[0], 0, 59), _set(fields[1], 0, 23), fields[2], _set(fields[3], 1, 12, _MONTHS), fields[4]
        )
        _require_days(schedule)
    except (ValueError, KeyError) as error:
        raise _error(text) from error
    return schedule


def starts(schedule: Schedule, zone: tzinfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the moments at which a schedule starts, in order.

    Args:
        schedule: From `parse`.
        zone: The zone of its wall clock.
        begin: First moment that counts.
        end: First moment that does not.
    """
    if schedule.once is not None:
        moments: Iterator[datetime] = iter([schedule.once.replace(tzinfo=zone)])
    else:
        moments = _moments(schedule, zone, begin.astimezone(zone).date(), end.astimezone(zone).date())
    yield from (moment for moment in moments if begin <= moment < end)


def _moments(schedule: Schedule, zone: tzinfo, first: date, last: date) -> Iterator[datetime]:
    for ordinal in range(first.toordinal(), last.toordinal() + 1):
        day = date.fromordinal(ordinal)
        if day.month in schedule.months and _day_matches(schedule, day):
            for hour in schedule.hours:
                for minute in schedule.minutes:
                    yield datetime.combine(day, time(hour, minute), zone)


def _require_days(schedule: Schedule) -> None:
    """Check every part of both day fields, as `_day_matches` looks no further than it must."""
    for part in schedule.days.split(","):
        _month_day_matches(part, date(2026, 2, 1))
    for part in schedule.weekdays.split(","):
        _weekday_matches(part, date(2026, 2, 1))


def _day_matches(schedule: Schedule, day: date) -> bool:
    by_month = any(_month_day_matches(part, day) for part in schedule.days.split(","))
    by_week = any(_weekday_matches(part, day) for part in schedule.weekdays.split(","))
    if schedule.days in ("*", "?"):
        return by_week
    return by_month if schedule.weekdays in ("*", "?") else by_month or by_week


def _month_day_matches(part: str, day: date) -> bool:
    if part == "L":
        return day.day == calendar.monthrange(day.year, day.month)[1]
    return day.day in _set(part, 1, 31)


def _weekday_matches(part: str, day: date) -> bool:
    """Match a weekday; `5L` is the last Friday of the month, `SUN#4` the fourth Sunday."""
    weekday = day.isoweekday() % 7
    name, marker, number = part.partition("#")
    if marker:
        place = _set(number, 1, 5)
        return weekday in {each % 7 for each in _set(name, 0, 7, _DAYS)} and (day.day - 1) // 7 + 1 in place
    if part.endswith("L") and part != "L":
        wanted = {each % 7 for each in _set(part[:-1], 0, 7, _DAYS)}
        return weekday in wanted and (day + timedelta(days=7)).month != day.month
    return weekday in {each % 7 for each in _set("SAT" if part == "L" else part, 0, 7, _DAYS)}


def _set(text: str, low: int, high: int, names: Mapping[str, int] | None = None) -> tuple[int, ...]:
    """Return the values of a field: `*`, `?`, `1,2`, `1-5`, `*/10`, `0-30/5`."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = ("", "", "") if span in ("*", "?") else span.partition("-")
        start = _value(first, names) if first else low
        end = _value(last, names) if dash else (high if slash or not first else start)
        if not span or not low <= start <= end <= high or (slash and int(step) < 1):
            raise ValueError(text)
        found.update(range(start, end + 1, int(step) if slash else 1))
    return tuple(sorted(found))


def _value(text: str, names: Mapping[str, int] | None) -> int:
    return names[text] if names and text in names else int(text)


def _moment(text: str, whole: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise _error(whole) from error


def _error(text: str) -> InputError:
    return InputError(
        f"{text!r} is not a schedule.",
        next_step="Write five fields such as cron(0 2 * * SUN), or one moment such as at(2026-11-21T12:00).",
    )
