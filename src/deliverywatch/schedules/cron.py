"""The six fields of a cron expression of EventBridge Scheduler -> the days, hours and minutes that it names.

Format: docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from deliverywatch.errors import InputError

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)}
_SATURDAY = 7


class Kind(StrEnum):
    """How a day field chooses the days of a month."""

    DAYS = "days"
    LAST_DAY = "last day"
    NEAREST_WEEKDAY = "nearest weekday"
    WEEKDAYS = "weekdays"
    NTH_WEEKDAY = "nth weekday"
    LAST_WEEKDAY = "last weekday"


@dataclass(frozen=True, slots=True)
class Days:
    """Which days of a month: `values` are days or weekdays (Sunday is 1), `nth` counts a weekday within the month."""

    kind: Kind
    values: frozenset[int] = frozenset()
    nth: int = 0

    def of(self, year: int, month: int) -> list[int]:
        """Return the days of this month, in order."""
        first, length = calendar.monthrange(year, month)
        if self.kind is Kind.LAST_DAY:
            return [length]
        if self.kind is Kind.NEAREST_WEEKDAY:
            return _nearest_weekday(min(self.values), first, length)
        if self.kind is Kind.DAYS:
            return [day for day in range(1, length + 1) if day in self.values]
        days = [day for day in range(1, length + 1) if _weekday(first, day) in self.values]
        if self.kind is Kind.WEEKDAYS:
            return days
        return days[-1:] if self.kind is Kind.LAST_WEEKDAY else days[self.nth - 1 : self.nth]


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression; all fields in order, hours and minutes of the schedule's own zone."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    lowest: int
    highest: int
    names: Mapping[str, int]

    def value(self, text: str) -> int:
        if text in self.names:
            return self.names[text]
        if not re.fullmatch(r"\d{1,4}", text):
            raise InputError(f"its {self.name} '{text}' is not a number{self._named()}.")
        if not self.lowest <= int(text) <= self.highest:
            raise InputError(f"its {self.name} {text} is not between {self.lowest} and {self.highest}.")
        return int(text)

    def _named(self) -> str:
        return f" or a name such as {next(iter(self.names))}" if self.names else ""

    def values(self, text: str) -> tuple[int, ...]:
        """Return the values of a field: `*`, `1,2`, `1-5`, `0/10`, `*/10`, `10-30/5`."""
        found: set[int] = set()
        for part in text.split(","):
            found.update(self._span(part))
        return tuple(sorted(found))

    def _span(self, part: str) -> range:
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = self.lowest if span == "*" else self.value(first)
        end = self.value(last) if dash else self.highest if slash or span == "*" else start
        if start > end:
            raise InputError(f"its {self.name} runs backwards in '{part}': write two ranges, separated by a comma.")
        return range(start, end + 1, self._step(step) if slash else 1)

    def _step(self, text: str) -> int:
        if not re.fullmatch(r"\d{1,4}", text) or not 1 <= int(text) <= max(1, self.highest - self.lowest + 1):
            raise InputError(f"the step '{text}' of its {self.name} is not a number of 1 or more within the field.")
        return int(text)


_MINUTE = _Field("minute", 0, 59, {})
_HOUR = _Field("hour", 0, 23, {})
_DAY = _Field("day of the month", 1, 31, {})
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of the week", 1, 7, _WEEKDAYS)
_YEAR = _Field("year", 1970, 2199, {})


def parse(fields: str) -> Cron:
    """Return what the six fields name.

    Args:
        fields: What stands between the parentheses.

    Raises:
        InputError: It is not a cron expression of EventBridge; the sentence goes on from "because".
    """
    words = fields.upper().split()
    if len(words) != 6:
        raise InputError(f"it has {len(words)} fields and needs 6: minute, hour, day, month, day of the week, year.")
    minute, hour, day, month, weekday, year = words
    return Cron(
        _MINUTE.values(minute), _HOUR.values(hour), _days(day, weekday), _MONTH.values(month), _YEAR.values(year)
    )


def _days(day: str, weekday: str) -> Days:
    if (day == "?") == (weekday == "?"):
        raise InputError("exactly one of its two day fields (the third and the fifth) has to be '?'.")
    return _of_week(weekday) if day == "?" else _of_month(day)


def _of_month(text: str) -> Days:
    if text == "L":
        return Days(Kind.LAST_DAY)
    if text.endswith("W"):
        return Days(Kind.NEAREST_WEEKDAY, frozenset({_DAY.value(text[:-1])}))
    return Days(Kind.DAYS, frozenset(_DAY.values(text)))


def _of_week(text: str) -> Days:
    name, hash_sign, number = text.partition("#")
    if hash_sign:
        if number not in {"1", "2", "3", "4", "5"}:
            raise InputError(f"'{text}' counts a weekday within its month, which goes from #1 to #5, and only one.")
        return Days(Kind.NTH_WEEKDAY, frozenset({_WEEKDAY.value(name)}), int(number))
    if text == "L":
        return Days(Kind.WEEKDAYS, frozenset({_SATURDAY}))
    if text.endswith("L"):
        return Days(Kind.LAST_WEEKDAY, frozenset({_WEEKDAY.value(text[:-1])}))
    return Days(Kind.WEEKDAYS, frozenset(_WEEKDAY.values(text)))


def _weekday(first: int, day: int) -> int:
    """Return Sunday = 1 for a day of a month whose first day is `first`, counted as Python does: Monday = 0."""
    return (first + day) % 7 + 1


def _nearest_weekday(wanted: int, first: int, length: int) -> list[int]:
    """A Saturday goes to the Friday before, a Sunday to the Monday after, but never into another month."""
    if wanted > length:
        return []
    weekday = _weekday(first, wanted)
    if weekday == _SATURDAY:
        return [wanted - 1 if wanted > 1 else wanted + 2]
    if weekday == _WEEKDAYS["SUN"]:
        return [wanted + 1 if wanted < length else wanted - 2]
    return [wanted]
