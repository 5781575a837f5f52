"""One field of a cron expression -> its values: lists, ranges that may wrap, steps, and names for numbers."""

import calendar
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cwalarm.errors import InputError

_MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_NUMBER = re.compile(r"\d{1,4}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Span:
    """From a value to another, in steps; it wraps if the last one is before the first."""

    first: int
    last: int
    step: int = 1

    @property
    def wraps(self) -> bool:
        """Whether it goes on from the field's end at its begin: `20-2`, `FRI-MON`."""
        return self.first > self.last


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a dialect.

    Attributes:
        name: As error sentences say it.
        names: What stands for numbers.
        cycle: After how many values the first comes again; 0 for a field in which a range cannot wrap.
        is_wrap_known: Whether AWS is known to take a range that wraps.
        is_step_known: Whether AWS is known to take a step.
        largest_step: AWS is known to refuse larger ones; 0 where its answer is not known.
    """

    name: str
    lowest: int
    highest: int
    names: Mapping[str, int] = field(default_factory=dict)
    cycle: int = 0
    is_wrap_known: bool = False
    is_step_known: bool = True
    largest_step: int = 0

    def value(self, text: str) -> int:
        """Return the number that a text stands for."""
        if text in self.names:
            return self.names[text]
        if not _NUMBER.fullmatch(text):
            named = f" or a name such as {next(iter(self.names))}" if self.names else ""
            raise InputError(f"its {self.name} '{text}' is not a number{named}.")
        if not self.lowest <= int(text) <= self.highest:
            raise InputError(f"its {self.name} {text} is not between {self.lowest} and {self.highest}.")
        return int(text)

    def values(self, text: str) -> tuple[int, ...]:
        """Return the values of a field in order: `*`, `1,2`, `1-5`, `20-2`, `0/10`, `*/10`, `10-30/5`."""
        if text == "*":  # as most fields are, and there are 230 years
            return tuple(range(self.lowest, self.highest + 1))
        return tuple(sorted({value for part in text.split(",") for value in self._values(self.span(part))}))

    def span(self, part: str) -> Span:
        """Return one element of the field's list."""
        bounds, slash, step = part.partition("/")
        first, dash, last = bounds.partition("-")
        is_whole = bounds == "*" or (slash and not bounds)
        start = self.lowest if is_whole else self.value(first)
        end = self.value(last) if dash else self.highest if slash or is_whole else start
        if start > end and not self.cycle:
            raise InputError(f"its {self.name} runs backwards in '{part}'.")
        return Span(start, end, self._step(step) if slash else 1)

    def undocumented(self, text: str) -> Iterator[str]:
        """Yield what AWS does not say of the field whether it takes it."""
        parts = text.split(",")
        if "*" in parts and len(parts) > 1:
            yield f"'*' in a list of its {self.name}, '{text}'"
        for part in parts:
            span = self.span(part)
            if part.startswith("/"):
                yield f"a step from nothing in its {self.name}, '{part}'"
            if span.wraps and not self.is_wrap_known:
                yield f"a range that wraps in its {self.name}, '{part}'"
            if "/" in part and not self.is_step_known:
                yield f"a step in its {self.name}, '{part}'"
            elif "/" in part and span.step > self.highest - self.lowest:
                yield f"a step beyond its {self.name}, '{part}'"

    def _values(self, span: Span) -> Iterator[int]:
        end = span.last + self.cycle if span.wraps else span.last
        for value in range(span.first, end + 1, span.step):
            yield value - self.cycle if value > self.highest else value

    def _step(self, text: str) -> int:
        if not _NUMBER.fullmatch(text) or int(text) < 1:
            raise InputError(f"the step '{text}' of its {self.name} is not a number of 1 or more.")
        if self.largest_step and int(text) > self.largest_step:
            raise InputError(f"the step {text} of its {self.name} is more than {self.largest_step}.")
        return int(text)


# A step of 60 minutes is refused (aws/aws-sdk-js, issue 4212).
MINUTE = Field("minute", 0, 59, cycle=60, largest_step=59)
HOUR = Field("hour", 0, 23, cycle=24)
DAY = Field("day of the month", 1, 31, cycle=31)
MONTH = Field("month", 1, 12, _MONTHS, cycle=12)
YEAR = Field("year", 1970, 2199)


def weekday_field(lowest: int, highest: int, sunday: int) -> Field:
    """Return the field of a dialect that counts its weekdays from `sunday`."""
    names = {name: number for number, name in enumerate(_WEEKDAYS, sunday)}
    return Field("day of the week", lowest, highest, names, cycle=7)
