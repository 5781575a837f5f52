"""A schedule expression of EventBridge Scheduler -> its meaning and its start times.

It refuses what AWS is known to refuse. What AWS does not say whether it takes it is accepted and named; AWS decides. A
local time that the clocks skip in spring is skipped; one that comes twice in autumn counts once, the first time; a day
of a rate is 24 hours.
Format: docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo

from cwalarm.errors import InputError
from cwalarm.schedules import cron, fields, zones
from cwalarm.schedules.cron import Cron, Dialect

LONGEST = 256
_RATE = re.compile(r"rate\((\d{1,200}) (minute|hour|day)(s?)\)", re.ASCII)
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", re.ASCII)
_CRON = re.compile(r"cron\((.*)\)")
_NEXT_STEP = (
    "Write cron(minute hour day month weekday year) such as cron(0 8 ? * MON-FRI *), rate(6 hours), or "
    "at(2026-11-21T12:00:00)."
)
# The most by which clocks are ever changed at once.
_SLACK = timedelta(hours=3)


# Between these a time is one in every zone.
_FIRST = datetime(1, 1, 3, tzinfo=UTC)
_LAST = datetime(9999, 12, 29, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rate:
    """At regular intervals since the schedule was created; a day is 24 hours."""

    every: timedelta
    undocumented: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a naive time in the schedule's zone."""

    local: datetime
    undocumented: tuple[str, ...] = ()


Expression = Rate | At | Cron


def parse(text: str) -> Expression:
    """Return the meaning of an expression, or raise InputError if EventBridge Scheduler would refuse it."""
    if len(text) > LONGEST:
        raise _refused(text[:40] + "...", f"it is longer than {LONGEST} characters.")
    try:
        if match := _RATE.fullmatch(text):
            return _rate(int(match[1]), match[2], match[3])
        if match := _AT.fullmatch(text):
            return _at(match[1])
        if match := _CRON.fullmatch(text):
            return _cron(match[1])
    except InputError as error:
        raise _refused(text, str(error)) from error
    raise _refused(text, _why_none(text))


def following(expression: Expression, zone: str, after: datetime, anchor: datetime) -> Iterator[datetime]:
    """Yield the start times of a schedule, in UTC and in order; those beyond the calendar's last year are none.

    Args:
        expression: From `parse`.
        zone: A name of the IANA database; InputError for another.
        after: Only times after this one; aware.
        anchor: When the schedule was created: rates count from there.
    """
    if isinstance(expression, Rate):
        yield from _of_rate(expression.every, after, anchor)
        return
    place = zones.zone(zone)
    if isinstance(expression, At):
        local_times = iter([expression.local])
    else:
        begin = min(max(after, _FIRST), _LAST) - _SLACK
        local_times = expression.local_times(begin.astimezone(place).replace(tzinfo=None))
    for local in local_times:
        start = _in_utc(local, place)
        if start is not None and start > after:
            yield start


def notices(expression: Expression, zone: str, now: datetime) -> list[str]:
    """Return what to know of a schedule that AWS takes, or may take, a sentence for each."""
    unsure = "AWS does not say whether it takes {}; if it does not, only this schedule is not made."
    sentences = [unsure.format(what) for what in expression.undocumented]
    if next(following(expression, zone, now, now), None) is None:
        sentences.append("It never runs: there is no such time from now on.")
    return sentences


def _of_rate(every: timedelta, after: datetime, anchor: datetime) -> Iterator[datetime]:
    start = anchor.astimezone(UTC)
    count = max(0, (after - anchor) // every)
    while count * every <= _LAST - start:
        if start + count * every > after:
            yield start + count * every
        count += 1


def _in_utc(local: datetime, zone: tzinfo) -> datetime | None:
    """Return a local time in UTC, the first of two; None if the clocks skip it, or it is beyond the calendar."""
    try:
        utc = local.replace(tzinfo=zone).astimezone(UTC)
        return utc if utc.astimezone(zone).replace(tzinfo=None) == local else None
    except OverflowError:
        return None


def _rate(value: int, unit: str, plural: str) -> Rate:
    if value < 1:
        raise InputError("a rate is 1 or more.")
    try:
        every = timedelta(**{f"{unit}s": value})
        is_in_calendar = every <= _LAST - _EPOCH
    except OverflowError:
        is_in_calendar = False
    if not is_in_calendar:
        raise InputError("it would first run after the year 9999.")
    return Rate(every, (f"'1 {unit}s' for '1 {unit}'",) if value == 1 and plural else ())


def _at(local: str) -> At:
    try:
        return At(datetime.fromisoformat(local))
    except ValueError as error:
        raise InputError("there is no such date or time.") from error


def _cron(text: str) -> Cron:
    if not text.isascii() or text != text.strip():
        raise InputError("there is something between the parentheses and the fields.")
    return cron.parse(text, _DIALECT)


def _day_fields(day: str, weekday: str) -> tuple[str, str]:
    if (day == "?") == (weekday == "?"):
        raise InputError("exactly one of its two day fields (the third and the fifth) has to be '?'.")
    for text in (day, weekday):
        if "?" in text and text != "?":
            raise InputError(f"a '?' stands alone in its field, and '{text}' says more.")
    if "#" in weekday and "," in weekday:
        raise InputError(f"'{weekday}' counts a weekday within its month and names others: it can be only one.")
    return ("", weekday) if day == "?" else (day, "")


# AWS documents hours that wrap, `20-2`; of days of the week it gives a step no meaning.
_DIALECT = Dialect(
    hour=replace(fields.HOUR, is_wrap_known=True),
    weekday=replace(fields.weekday_field(1, 7, sunday=1), is_wrap_known=True, is_step_known=False),
    has_year=True,
    day_fields=_day_fields,
)


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
