"""A schedule expression of EventBridge Scheduler -> its meaning and its start times.

It accepts and refuses what AWS does; singular units and past times are accepted. A local time that the clocks skip in
spring is skipped; one that comes twice in autumn counts once, the first time; a day of a rate is 24 hours.
Format: docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cwalarm.errors import InputError
from cwalarm.schedules import fields
from cwalarm.schedules.fields import Cron, Days

LONGEST = 256
_WEEKDAY = fields.weekday_field(1, 7, sunday=1)
_RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\((.*)\)")
_NEXT_STEP = (
    "Write cron(minute hour day month weekday year) such as cron(0 8 ? * MON-FRI *), rate(6 hours), or "
    "at(2026-11-21T12:00:00)."
)
# The most by which clocks are ever changed at once.
_SLACK = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Rate:
    """At regular intervals since the schedule was created; a day is 24 hours."""

    every: timedelta


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a naive time in the schedule's zone."""

    local: datetime


Expression = Rate | At | Cron


def parse(text: str) -> Expression:
    """Return the meaning of an expression, or raise InputError if EventBridge Scheduler would refuse it."""
    if len(text) > LONGEST:
        raise _refused(text[:40] + "...", f"it is longer than {LONGEST} characters.")
    try:
        if match := _RATE.fullmatch(text):
            return _rate(int(match[1]), match[2])
        if match := _AT.fullmatch(text):
            return _at(match[1])
        if match := _CRON.fullmatch(text):
            return _cron(match[1])
    except InputError as error:
        raise _refused(text, str(error)) from error
    raise _refused(text, _why_none(text))


def following(expression: Expression, zone: str, after: datetime, anchor: datetime) -> Iterator[datetime]:
    """Yield the start times of a schedule, in UTC and in order.

    Args:
        expression: From `parse`.
        zone: A name of the IANA database.
        after: Only times after this one; aware.
        anchor: When the schedule was created: rates count from there.
    """
    if isinstance(expression, Rate):
        yield from _of_rate(expression.every, after, anchor)
        return
    if isinstance(expression, At):
        local_times = iter([expression.local])
    else:
        local_times = expression.local_times(after.astimezone(ZoneInfo(zone)).replace(tzinfo=None) - _SLACK)
    for local in local_times:
        start = _in_utc(local, ZoneInfo(zone))
        if start is not None and start > after:
            yield start


def _of_rate(every: timedelta, after: datetime, anchor: datetime) -> Iterator[datetime]:
    start = anchor.astimezone(UTC) + every * max(0, (after - anchor) // every)
    while True:
        if start > after:
            yield start
        start += every


def _in_utc(local: datetime, zone: ZoneInfo) -> datetime | None:
    """Return a local time in UTC, the first of two; None if the clocks skip it."""
    utc = local.replace(tzinfo=zone).astimezone(UTC)
    return utc if utc.astimezone(zone).replace(tzinfo=None) == local else None


def _rate(value: int, unit: str) -> Rate:
    if value < 1:
        raise InputError("a rate is 1 or more.")
    try:
        return Rate(timedelta(**{f"{unit}s": value}))
    except OverflowError as error:
        raise InputError("it would never come round again.") from error


def _at(local: str) -> At:
    try:
        return At(datetime.fromisoformat(local))
    except ValueError as error:
        raise InputError("there is no such date or time.") from error


def _cron(text: str) -> Cron:
    if not text.isascii() or text != text.strip():
        raise InputError("there is something between the parentheses and the fields.")
    words = text.upper().split()
    if len(words) != 6:
        raise InputError(f"it has {len(words)} fields and needs 6: minute, hour, day, month, day of the week, year.")
    minute, hour, day, month, weekday, year = words
    return Cron(
        minutes=fields.MINUTE.values(minute),
        hours=fields.HOUR.values(hour),
        days=(_days(day, weekday),),
        months=fields.MONTH.values(month),
        years=fields.YEAR.values(year),
    )


def _days(day: str, weekday: str) -> Days:
    if (day == "?") == (weekday == "?"):
        raise InputError("exactly one of its two day fields (the third and the fifth) has to be '?'.")
    if day == "?":
        return fields.days_of_week(weekday, _WEEKDAY)
    if day.endswith("W"):
        return fields.nearest_weekday(fields.DAY.value(day[:-1]))
    return fields.days_of_month(day)


def _why_none(text: str) -> str:
    if text != text.strip():
        return "there is a space before or behind it."
    if text.startswith("rate("):
        return "a rate is a whole number, one space, and minutes, hours or days."
    if text.startswith("at("):
        return "a moment is yyyy-mm-ddThh:mm:ss, without a zone: `timezone` names that."
    return "it is neither cron(...) nor rate(...) nor at(...)."


def _refused(text: str, why: str) -> InputError:
    return InputError(f"'{text}' is not a schedule, because {why}", next_step=_NEXT_STEP)
