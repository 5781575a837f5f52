"""The signatures of metric math's functions: which types of arguments each takes, and what it results in.

Follows "Functions supported for metric math" of the CloudWatch user guide, whose tables name the types.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.errors import InputError


class Kind(StrEnum):
    """The type of a value."""

    NUMBER = "a number"
    SERIES = "a time series"
    ARRAY = "an array of time series"
    TEXT = "text in quotes"
    KEYWORD = "a keyword"


@dataclass(frozen=True, slots=True)
class Type:
    """What a part of an expression results in.

    Attributes:
        size: How many time series an array holds; None if that depends on data.
        constant: The value of a number that does not depend on data.
        word: A keyword, or what the quotes hold.
        depth: Levels below it.
    """

    kind: Kind
    size: int | None = None
    constant: float | None = None
    word: str = ""
    depth: int = 1


_NUMBER, _SERIES = Type(Kind.NUMBER), Type(Kind.SERIES)
VALUES = (Kind.NUMBER, Kind.SERIES, Kind.ARRAY)
_MANY = (Kind.SERIES, Kind.ARRAY)


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call.

    Attributes:
        metric_ids: Of all metrics of the alarm, for METRICS.
        period_seconds: Of the metric that the first argument names; None if it names none.
        refused: Makes the error that says what is wrong with the call, and where.
    """

    function: str
    types: tuple[Type, ...]
    metric_ids: tuple[str, ...]
    period_seconds: int | None
    refused: Callable[[str], InputError]

    def count(self, least: int, most: int) -> None:
        """Check how many there are."""
        if not least <= len(self.types) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            noun = "argument" if most == 1 else "arguments"
            raise self.refused(f"{self.function} takes {wanted} {noun}, not {len(self.types)},")

    def of(self, index: int, *kinds: Kind) -> Type:
        """Return one that must be of some kinds."""
        found = self.types[index]
        if found.kind not in kinds:
            raise self.misfit(index, " or ".join(kinds))
        return found

    def word(self, index: int, *allowed: str) -> None:
        """Check one that must be a keyword."""
        if self.types[index].kind is not Kind.KEYWORD or self.types[index].word not in allowed:
            raise self.misfit(index, " or ".join(allowed))

    def whole(self, index: int) -> int:
        """Return one that must be a number known beforehand."""
        found = self.types[index].constant
        if found is None or not math.isfinite(found):
            raise self.misfit(index, "a number that does not depend on data")
        return int(found)

    def misfit(self, index: int, wanted: str) -> InputError:
        """Return the error that one is not what it must be."""
        return self.refused(f"Argument {index + 1} of {self.function} must be {wanted},")


def _each(call: Arguments) -> Type:
    call.count(1, 1)
    found = call.of(0, *VALUES)
    return Type(found.kind, size=found.size)


def _along(call: Arguments) -> Type:
    call.count(1, 1)
    return call.of(0, *_MANY)


def _fold(call: Arguments) -> Type:
    call.count(1, 1)
    return _SERIES if call.of(0, *VALUES).kind is Kind.ARRAY else _NUMBER


def _if(call: Arguments) -> Type:
    call.count(2, 3)
    found = [call.of(index, Kind.NUMBER, Kind.SERIES) for index in range(len(call.types))]
    return _SERIES if any(each.kind is Kind.SERIES for each in found) else _NUMBER


def _fill(call: Arguments) -> Type:
    call.count(2, 2)
    filled = call.of(0, *_MANY)
    if call.types[1].kind is Kind.KEYWORD:
        call.word(1, "REPEAT", "LINEAR")
    elif call.types[1].kind not in (Kind.NUMBER, Kind.SERIES):
        raise call.misfit(1, "a number, a time series, REPEAT or LINEAR")
    return filled


def _time_series(call: Arguments) -> Type:
    call.count(1, 1)
    call.of(0, Kind.NUMBER)
    return _SERIES


def _clock(call: Arguments) -> Type:
    call.count(1, 1)
    return call.of(0, Kind.SERIES)


def _period(call: Arguments) -> Type:
    call.count(1, 1)
    if call.period_seconds is None:
        raise call.misfit(0, "a metric, not an expression")
    return Type(Kind.NUMBER, constant=float(call.period_seconds))


def _metrics(call: Arguments) -> Type:
    call.count(0, 1)
    part = call.of(0, Kind.TEXT).word if call.types else ""
    size = sum(part in each for each in call.metric_ids)
    if not size:
        raise call.refused(f"METRICS finds no metric whose id holds {part!r},")
    return Type(Kind.ARRAY, size=size)


def _metric_count(call: Arguments) -> Type:
    call.count(1, 1)
    found = call.of(0, *_MANY)
    size = 1 if found.kind is Kind.SERIES else found.size
    return Type(Kind.NUMBER, constant=None if size is None else float(size))


def _end(call: Arguments) -> Type:
    call.count(1, 1)
    call.of(0, *_MANY)
    return _SERIES


def _slice(call: Arguments) -> Type:
    call.count(2, 3)
    found = call.of(0, *_MANY)
    start, end = call.whole(1), call.whole(2) if len(call.types) > 2 else None
    size = 1 if found.kind is Kind.SERIES else found.size
    kept = None if size is None else len(range(size)[start:end])
    if kept == 0:
        raise call.refused("SLICE leaves no time series,")
    return Type(Kind.ARRAY, size=kept)


def _sort(call: Arguments) -> Type:
    call.count(3, 4)
    found = call.of(0, *_MANY)
    call.word(1, "AVG", "MIN", "MAX", "SUM")
    call.word(2, "ASC", "DESC")
    limit = call.whole(3) if len(call.types) > 3 else None
    size = 1 if found.kind is Kind.SERIES else found.size
    kept = None if size is None else len(range(size)[:limit])
    if kept == 0:
        raise call.refused("SORT leaves no time series,")
    return Type(Kind.ARRAY, size=kept)


def _remove_empty(call: Arguments) -> Type:
    call.count(1, 1)
    call.of(0, *_MANY)
    return Type(Kind.ARRAY)


SIGNATURES: dict[str, Callable[[Arguments], Type]] = {
    **dict.fromkeys(("ABS", "CEIL", "FLOOR", "LOG", "LOG10"), _each),
    **dict.fromkeys(("DIFF", "DIFF_TIME", "RATE", "RUNNING_SUM"), _along),
    **dict.fromkeys(("AVG", "MAX", "MIN", "SUM", "STDDEV", "DATAPOINT_COUNT"), _fold),
    **dict.fromkeys(("MINUTE", "HOUR", "DAY", "DATE", "MONTH", "YEAR", "EPOCH"), _clock),
    **dict.fromkeys(("FIRST", "LAST"), _end),
    "FILL": _fill,
    "IF": _if,
    "METRICS": _metrics,
    "METRIC_COUNT": _metric_count,
    "PERIOD": _period,
    "REMOVE_EMPTY": _remove_empty,
    "SLICE": _slice,
    "SORT": _sort,
    "TIME_SERIES": _time_series,
}
