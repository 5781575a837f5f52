"""What both cron dialects of AWS share: fields of numbers and names, days of a month, and local start times."""

import calendar
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from cwalarm.errors import InputError

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_SUNDAY, _SATURDAY = 0, 6

# The days of a month in order, from the weekday of its first day (as Python counts, Monday is 0) and its length.
Days = Callable[[int, int], list[int]]


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression; hours and minutes are in order, and a day matches if any of `days` has it."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[Days, ...]
    months: tuple[int, ...]
    years: tuple[int, ...]

    def local_times(self, begin: datetime) -> Iterator[datetime]:
        """Yield the local times from the hour of `begin` on, in order; naive."""
        for day in self._dates(begin.date()):
            for hour in self.hours:
                if datetime.combine(day, time(hour, 59)) >= begin:
                    yield from (datetime.combine(day, time(hour, minute)) for minute in self.minutes)

    def _dates(self, first: date) -> Iterator[date]:
        for year in self.years:
            for month in self.months if year >= first.year else ():
                if (year, month) >= (first.year, first.month):
                    days = sorted({day for days_of in self.days for day in days_of(*calendar.monthrange(year, month))})
                    yield from (date(year, month, day) for day in days if date(year, month, day) >= first)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a dialect: its name in error sentences, its bounds, and the names that stand for numbers."""

    name: str
    lowest: int
    highest: int
    names: Mapping[str, int] = field(default_factory=dict)

    def value(self, text: str) -> int:
        """Return the number that a text stands for."""
        if text in self.names:
            return self.names[text]
        if not re.fullmatch(r"\d{1,4}", text, re.ASCII):
            named = f" or a name such as {next(iter(self.names))}" if self.names else ""
            raise InputError(f"its {self.name} '{text}' is not a number{named}.")
        if not self.lowest <= int(text) <= self.highest:
            raise InputError(f"its {self.name} {text} is not between {self.lowest} and {self.highest}.")
        return int(text)

    def values(self, text: str) -> tuple[int, ...]:
        """Return the values of a field in order: `*`, `1,2`, `1-5`, `0/10`, `*/10`, `10-30/5`."""
        return tuple(sorted({value for part in text.split(",") for value in self._range(part)}))

    def _range(self, part: str) -> range:
        bounds, slash, step = part.partition("/")
        first, dash, last = bounds.partition("-")
        start = self.lowest if bounds == "*" else self.value(first)
        end = self.value(last) if dash else self.highest if slash or bounds == "*" else start
        if start > end:
            raise InputError(f"its {self.name} runs backwards in '{part}': write two ranges, separated by a comma.")
        return range(start, end + 1, self._step(step) if slash else 1)

    def _step(self, text: str) -> int:
        if not re.fullmatch(r"\d{1,4}", text, re.ASCII) or not 1 <= int(text) <= max(1, self.highest - self.lowest + 1):
            raise InputError(f"the step '{text}' of its {self.name} is not a number of 1 or more within the field.")
        return int(text)


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of the month", 1, 31)
MONTH = Field("month", 1, 12, _MONTHS)
YEAR = Field("year", 1970, 2199)


def weekday_field(lowest: int, highest: int, sunday: int) -> Field:
    """Return the field of a dialect that counts its weekdays from `sunday`."""
    return Field("day of the week", lowest, highest, {name: number for number, name in enumerate(_WEEKDAYS, sunday)})


def days_of_month(text: str) -> Days:
    """Return the days of a day-of-month field: numbers, or `L` for the last."""
    if text == "L":
        return lambda _, length: [length]
    values = set(DAY.values(text))
    return lambda _, length: [day for day in range(1, length + 1) if day in values]


def nearest_weekday(wanted: int) -> Days:
    """Return the weekday nearest to a day, within its month: `15W`."""

    def days(first: int, length: int) -> list[int]:
        if wanted > length:
            return []
        weekday = _weekday(first, wanted)
        if weekday == _SATURDAY:
            return [wanted - 1 if wanted > 1 else wanted + 2]
        if weekday == _SUNDAY:
            return [wanted + 1 if wanted < length else wanted - 2]
        return [wanted]

    return days


def days_of_week(text: str, weekday: Field) -> Days:
    """Return the days of a day-of-week field: weekdays, `L` for Saturdays, `FRIL` for the last Friday, `TUE#2`."""
    name, hash_sign, number = text.partition("#")
    if hash_sign:
        if number not in {"1", "2", "3", "4", "5"}:
            raise InputError(f"'{text}' counts a weekday within its month, which goes from #1 to #5, and only one.")
        every, nth = _every(weekday, weekday.value(name)), int(number)
        return lambda first, length: every(first, length)[nth - 1 : nth]
    if text == "L":
        return _every(weekday, weekday.names["SAT"])
    if text.endswith("L"):
        every = _every(weekday, weekday.value(text[:-1]))
        return lambda first, length: every(first, length)[-1:]
    return _every(weekday, *weekday.values(text))


def _every(weekday: Field, *values: int) -> Days:
    wanted = {(value - weekday.names["SUN"]) % 7 for value in values}
    return lambda first, length: [day for day in range(1, length + 1) if _weekday(first, day) in wanted]


def _weekday(first: int, day: int) -> int:
    """Return the weekday of a day, Sunday is 0, in a month that begins on `first`, Monday is 0."""
    return (first + day) % 7
