"""A schedule expression of a CloudWatch alarm mute rule, five-field cron or `at(...)` -> its start times.

Follows "Alarm mute rules" of the CloudWatch user guide. As in every cron, if both day fields are restricted, a day that
matches either one counts; a local time that a clock change skips starts as if the clocks had not changed.
"""

import re
from collections.abc import Iterator
from datetime import datetime, time, tzinfo
from itertools import takewhile

from cwalarm.errors import InputError
from cwalarm.schedules import cron, fields
from cwalarm.schedules.cron import Cron, Dialect

_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)\)")
_CRON = re.compile(r"cron\((.*)\)")
_NEXT_STEP = "Write five fields such as cron(0 2 * * SUN), or one moment such as at(2026-11-21T12:00)."

# A single start is naive, in the rule's own zone.
Schedule = Cron | datetime


def parse(text: str) -> Schedule:
    """Return the schedule of an expression such as `cron(0 2 * * SUN)`, `0 2 * * SUN` or `at(2026-11-21T12:00)`.

    Raises:
        InputError: CloudWatch would refuse it.
    """
    try:
        match = _AT.fullmatch(text.strip())
        return datetime.fromisoformat(match[1]) if match else _cron(text.strip())
    except (InputError, ValueError) as error:
        why = error if isinstance(error, InputError) else "there is no such date or time."
        raise InputError(f"{text!r} is not a schedule, because {why}", next_step=_NEXT_STEP) from error


def starts(schedule: Schedule, zone: tzinfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the start times of a schedule in its zone, from `begin` to before `end`, in order."""
    if isinstance(schedule, datetime):
        local_times = iter([schedule])
    else:
        last = end.astimezone(zone).date()
        first = datetime.combine(begin.astimezone(zone).date(), time())
        local_times = takewhile(lambda local: local.date() <= last, schedule.local_times(first))
    yield from (start for local in local_times if begin <= (start := local.replace(tzinfo=zone)) < end)


def notices(schedule: Schedule) -> list[str]:
    """Return what to know of a schedule that CloudWatch takes, or may take, a sentence for each."""
    if isinstance(schedule, datetime):
        return []
    sentences = [
        f"AWS does not say whether it takes {what}; it is read as it is meant." for what in schedule.undocumented
    ]
    never = next(schedule.local_times(datetime(1970, 1, 1)), None) is None  # noqa: DTZ001 - local times are naive
    return [*sentences, *(["It never mutes: there is no such time."] if never else [])]


def _cron(text: str) -> Cron:
    match = _CRON.fullmatch(text)
    return cron.parse((match[1] if match else text).replace("?", "*"), _DIALECT)


def _day_fields(day: str, weekday: str) -> tuple[str, str]:
    if day == "*":
        return "", weekday
    return day, "" if weekday == "*" else weekday


# Sunday is 0 and 7.
_DIALECT = Dialect(fields.HOUR, fields.weekday_field(0, 7, sunday=0), has_year=False, day_fields=_day_fields)
