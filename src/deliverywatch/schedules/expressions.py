"""A schedule expression of EventBridge Scheduler -> what it means: `cron(...)`, `rate(...)` or `at(...)`.

It refuses what AWS refuses and accepts what AWS accepts, singular units and moments in the past included. Format:
docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from deliverywatch.errors import InputError
from deliverywatch.schedules import cron
from deliverywatch.schedules.cron import Cron

LONGEST = 256
_RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_CRON = re.compile(r"cron\((.*)\)")
_NEXT_STEP = (
    "Write cron(minute hour day month weekday year) such as cron(0 8 ? * MON-FRI *), rate(6 hours), or "
    "at(2026-11-21T12:00:00)."
)


@dataclass(frozen=True, slots=True)
class Rate:
    """Again and again, counted from when the schedule was made; a day is 24 hours."""

    every: timedelta


@dataclass(frozen=True, slots=True)
class At:
    """Once, at a time of the schedule's own zone; naive."""

    moment: datetime


Expression = Rate | At | Cron


def parse(text: str) -> Expression:
    """Return what an expression means.

    Raises:
        InputError: EventBridge Scheduler would refuse it.
    """
    if len(text) > LONGEST:
        raise _refused(text[:40] + "...", f"it is longer than {LONGEST} characters.")
    if found := _RATE.fullmatch(text):
        return _rate(text, int(found[1]), found[2])
    if found := _AT.fullmatch(text):
        return _at(text, found[1])
    if found := _CRON.fullmatch(text):
        return _cron(text, found[1])
    raise _refused(text, _form(text))


def _rate(text: str, value: int, unit: str) -> Rate:
    if value < 1:
        raise _refused(text, "a rate is 1 or more.")
    try:
        return Rate(timedelta(**{f"{unit}s": value}))
    except OverflowError as error:
        raise _refused(text, "it would never come round again.") from error


def _at(text: str, moment: str) -> At:
    try:
        return At(datetime.fromisoformat(moment))
    except ValueError as error:
        raise _refused(text, "there is no such date or time.") from error


def _cron(text: str, fields: str) -> Cron:
    if not fields.isascii() or fields != fields.strip():
        raise _refused(text, "there is something between the parentheses and the fields.")
    try:
        return cron.parse(fields)
    except InputError as error:
        raise _refused(text, str(error)) from error


def _form(text: str) -> str:
    if text != text.strip():
        return "there is a space before or behind it."
    if text.startswith("rate("):
        return "a rate is a whole number, one space, and minutes, hours or days."
    if text.startswith("at("):
        return "a moment is yyyy-mm-ddThh:mm:ss, without a zone: `timezone` names that."
    return "it is neither cron(...) nor rate(...) nor at(...)."


def _refused(text: str, why: str) -> InputError:
    return InputError(f"'{text}' is not a schedule, because {why}", next_step=_NEXT_STEP)
