"""The two day fields of a cron expression -> the days of any month."""

import re
from collections.abc import Callable, Iterator

from cwalarm.errors import InputError
from cwalarm.schedules.fields import Field

_SUNDAY, _SATURDAY = 0, 6
_LAST = re.compile(r"L(?:-(\d{1,2}))?(W)?", re.ASCII)

# The days of a month in order, from the weekday of its first day (as Python counts, Monday is 0) and its length.
Days = Callable[[int, int], list[int]]


def of_month(text: str, day: Field) -> tuple[Days, ...]:
    """Return the days of a day-of-month field: numbers, `L` for the last, `15W` for the weekday nearest to a day.

    `LW` is the last weekday, `L-3` the third day before the last.
    """
    special, plain = _divided(text)
    days = tuple(_of_special_day(part, day) for part in special)
    wanted = frozenset(day.values(plain)) if plain else frozenset()
    return (*days, lambda _, length: [number for number in range(1, length + 1) if number in wanted])


def of_week(text: str, weekday: Field) -> tuple[Days, ...]:
    """Return the days of a day-of-week field: weekdays, `L` for Saturdays, `FRIL` for the last Friday, `TUE#2`."""
    special, plain = _divided(text)
    days = tuple(_of_special_weekday(part, weekday) for part in special)
    return (*days, _every(weekday, *weekday.values(plain))) if plain else days


def undocumented(text: str, field: Field) -> Iterator[str]:
    """Yield what AWS does not say of a day field whether it takes it."""
    special, plain = _divided(text)
    if special and (plain or len(special) > 1):
        yield f"'{special[0]}' in a list, '{text}'"
    yield from (f"days before the last, '{part}'" for part in special if part.startswith("L-"))
    yield from field.undocumented(plain) if plain else ()


def _divided(text: str) -> tuple[list[str], str]:
    """Return the elements of a field with a letter of their own, L, W or #, and the list of the others."""
    parts = text.split(",")
    special = [part for part in parts if part.startswith("L") or part.endswith(("L", "W")) or "#" in part]
    return special, ",".join(part for part in parts if part not in special)


def _of_special_day(part: str, day: Field) -> Days:
    if match := _LAST.fullmatch(part):
        before = int(match[1] or 0)
        return _nearest_weekday_before_end(before) if match[2] else lambda _, length: _within(length - before)
    wanted = day.value(part.removesuffix("W"))
    return lambda first, length: _nearest_weekday(wanted, first, length)


def _nearest_weekday_before_end(before: int) -> Days:
    return lambda first, length: _nearest_weekday(length - before, first, length)


def _within(day: int) -> list[int]:
    return [day] if day >= 1 else []


def _nearest_weekday(wanted: int, first: int, length: int) -> list[int]:
    """Return the weekday nearest to a day, within its month."""
    if not 1 <= wanted <= length:
        return []
    weekday = _weekday(first, wanted)
    if weekday == _SATURDAY:
        return [wanted - 1 if wanted > 1 else wanted + 2]
    if weekday == _SUNDAY:
        return [wanted + 1 if wanted < length else wanted - 2]
    return [wanted]


def _of_special_weekday(part: str, weekday: Field) -> Days:
    name, hash_sign, number = part.partition("#")
    if hash_sign:
        if number not in {"1", "2", "3", "4", "5"}:
            raise InputError(f"'{part}' counts a weekday within its month, which goes from #1 to #5.")
        nth, every = int(number), _every(weekday, weekday.value(name))
        return lambda first, length: every(first, length)[nth - 1 : nth]
    if part == "L":
        return _every(weekday, weekday.names["SAT"])
    last = _every(weekday, weekday.value(part.removesuffix("L")))
    return lambda first, length: last(first, length)[-1:]


def _every(weekday: Field, *values: int) -> Days:
    wanted = {(value - weekday.names["SUN"]) % 7 for value in values}
    return lambda first, length: [day for day in range(1, length + 1) if _weekday(first, day) in wanted]


def _weekday(first: int, day: int) -> int:
    """Return the weekday of a day, Sunday is 0, in a month that begins on `first`, Monday is 0."""
    return (first + day) % 7
