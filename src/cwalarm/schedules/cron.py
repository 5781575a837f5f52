"""A cron expression in the grammar that both of AWS's dialects share -> its local start times."""

import calendar
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from cwalarm.errors import InputError
from cwalarm.schedules import days as of_days
from cwalarm.schedules.days import Days
from cwalarm.schedules.fields import DAY, MINUTE, MONTH, YEAR, Field


@dataclass(frozen=True, slots=True)
class Dialect:
    """What distinguishes the cron of one service from that of another.

    Attributes:
        hour: The field of hours; the others but weekdays are alike.
        has_year: Whether its last field is the year.
        day_fields: Which of two day fields count, from both: the one that does not is empty.
    """

    hour: Field
    weekday: Field
    has_year: bool
    day_fields: Callable[[str, str], tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression; values are in order, and a day matches if any of `days` has it.

    `undocumented` is what AWS does not say of the expression whether it takes it.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[Days, ...]
    months: tuple[int, ...]
    years: tuple[int, ...]
    undocumented: tuple[str, ...] = ()

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


def parse(text: str, dialect: Dialect) -> Cron:
    """Return the meaning of the fields of a cron expression, or raise InputError with what is wrong with one."""
    words = text.upper().split()
    count = 6 if dialect.has_year else 5
    if len(words) != count:
        names = "minute, hour, day, month, day of the week" + (", year" if dialect.has_year else "")
        raise InputError(f"it has {len(words)} fields and needs {count}: {names}.")
    minute, hour, day, month, weekday, year = (*words, "*")[:6]
    day, weekday = dialect.day_fields(day, weekday)
    plain = ((MINUTE, minute), (dialect.hour, hour), (MONTH, month), (YEAR, year))
    minutes, hours, months, years = (field.values(word) for field, word in plain)
    of_month = of_days.of_month(day, DAY) if day else ()
    of_week = of_days.of_week(weekday, dialect.weekday) if weekday else ()
    undocumented = [what for field, word in plain for what in field.undocumented(word)]
    undocumented += of_days.undocumented(day, DAY) if day else ()
    undocumented += of_days.undocumented(weekday, dialect.weekday) if weekday else ()
    undocumented += ["names in lower case"] if text != text.upper() else []
    return Cron(minutes, hours, (*of_month, *of_week), months, years, tuple(undocumented))
