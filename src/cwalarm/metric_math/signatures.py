"""The signatures of metric math's functions: which types of arguments each takes, and what it results in.

Follows "Functions supported for metric math" of the CloudWatch user guide, whose tables name the types.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from cwalarm.errors import InputError
from cwalarm.metric_math.values import ARITY


class Kind(StrEnum):
    """The type of a value."""

    NUMBER = "a number"
    SERIES = "a time series"
    ARRAY = "an array of time series"
    TEXT = "text in quotes"
    KEYWORD = "a keyword"


@dataclass(frozen=True, slots=True)
class Type:
    """What a part of an expression results in; `depth` counts the levels below it.

    Attributes:
        size: How many time series an array holds; None if that depends on data.
        constant: The value of a number that does not depend on data.
        word: A keyword, or what the quotes hold.
    """

    kind: Kind
    size: int | None = None
    constant: float | None = None
    word: str = ""
    depth: int = 1

    @property
    def series_count(self) -> int | None:
        """How many time series it is; None if that depends on data."""
        return 1 if self.kind is Kind.SERIES else self.size


_NUMBER, _SERIES = Type(Kind.NUMBER), Type(Kind.SERIES)
VALUES = (Kind.NUMBER, Kind.SERIES, Kind.ARRAY)
_MANY = (Kind.SERIES, Kind.ARRAY)


@dataclass(frozen=True, slots=True)
class ArgumentTypes:
    """The arguments of one call; `refused` makes the error that says what is wrong with it, and where.

    `metric_ids` are those of all metrics of the alarm; `period_seconds` is that of the metric which the first argument
    names, None if it names none.
    """

    function: str
    types: tuple[Type, ...]
    metric_ids: tuple[str, ...]
    period_seconds: int | None
    refused: Callable[[str], InputError]

    def __post_init__(self) -> None:
        """Check how many there are."""
        least, most = ARITY.get(self.function, (1, 1))
        if not least <= len(self.types) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            noun = "argument" if most == 1 else "arguments"
            raise self.refused(f"{self.function} takes {wanted} {noun}, not {len(self.types)},")

    def of(self, index: int, *kinds: Kind) -> Type:
        """Return one that must be of some kinds."""
        if self.types[index].kind not in kinds:
            raise self.misfit(index, " or ".join(kinds))
        return self.types[index]

    def word(self, index: int, *allowed: str) -> None:
        """Check one that must be a keyword."""
        if self.types[index].kind is not Kind.KEYWORD or self.types[index].word not in allowed:
            raise self.misfit(index, " or ".join(allowed))

    def whole(self, index: int) -> int:
        """Return one that must be a number known beforehand."""
        constant = self.types[index].constant
        if constant is None or not math.isfinite(constant):
            raise self.misfit(index, "a number that does not depend on data")
        return int(constant)

    def misfit(self, index: int, wanted: str) -> InputError:
        """Return the error that one is not what it must be."""
        return self.refused(f"Argument {index + 1} of {self.function} must be {wanted},")


def _pointwise(call: ArgumentTypes) -> Type:
    operand = call.of(0, *VALUES)
    return Type(operand.kind, size=operand.size)


def _fold(call: ArgumentTypes) -> Type:
    return _SERIES if call.of(0, *VALUES).kind is Kind.ARRAY else _NUMBER


def _if(call: ArgumentTypes) -> Type:
    kinds = [call.of(index, Kind.NUMBER, Kind.SERIES).kind for index in range(len(call.types))]
    return _SERIES if Kind.SERIES in kinds else _NUMBER


def _fill(call: ArgumentTypes) -> Type:
    filled = call.of(0, *_MANY)
    if call.types[1].kind is Kind.KEYWORD:
        call.word(1, "REPEAT", "LINEAR")
    elif call.types[1].kind not in (Kind.NUMBER, Kind.SERIES):
        raise call.misfit(1, "a number, a time series, REPEAT or LINEAR")
    return filled


def _time_series(call: ArgumentTypes) -> Type:
    call.of(0, Kind.NUMBER)
    return _SERIES


def _period(call: ArgumentTypes) -> Type:
    if call.period_seconds is None:
        raise call.misfit(0, "a metric, not an expression")
    return Type(Kind.NUMBER, constant=float(call.period_seconds))


def _metrics(call: ArgumentTypes) -> Type:
    part = call.of(0, Kind.TEXT).word if call.types else ""
    size = sum(part in metric_id for metric_id in call.metric_ids)
    if not size:
        raise call.refused(f"METRICS finds no metric whose id holds {part!r},")
    return Type(Kind.ARRAY, size=size)


def _metric_count(call: ArgumentTypes) -> Type:
    count = call.of(0, *_MANY).series_count
    return Type(Kind.NUMBER, constant=None if count is None else float(count))


def _end(call: ArgumentTypes) -> Type:
    call.of(0, *_MANY)
    return _SERIES


def _slice(call: ArgumentTypes) -> Type:
    return _cut(call, call.of(0, *_MANY), call.whole(1), call.whole(2) if len(call.types) > 2 else None)


def _sort(call: ArgumentTypes) -> Type:
    series = call.of(0, *_MANY)
    call.word(1, "AVG", "MIN", "MAX", "SUM")
    call.word(2, "ASC", "DESC")
    return _cut(call, series, 0, call.whole(3) if len(call.types) > 3 else None)


def _cut(call: ArgumentTypes, series: Type, start: int, end: int | None) -> Type:
    count = series.series_count
    kept = None if count is None else len(range(count)[start:end])
    if kept == 0:
        raise call.refused(f"{call.function} leaves no time series,")
    return Type(Kind.ARRAY, size=kept)


def _remove_empty(call: ArgumentTypes) -> Type:
    call.of(0, *_MANY)
    return Type(Kind.ARRAY)


SIGNATURES: dict[str, Callable[[ArgumentTypes], Type]] = {
    **dict.fromkeys(("ABS", "CEIL", "FLOOR", "LOG", "LOG10"), _pointwise),
    **dict.fromkeys(("DIFF", "DIFF_TIME", "RATE", "RUNNING_SUM"), lambda call: call.of(0, *_MANY)),
    **dict.fromkeys(("AVG", "MAX", "MIN", "SUM", "STDDEV", "DATAPOINT_COUNT"), _fold),
    **dict.fromkeys(("MINUTE", "HOUR", "DAY", "DATE", "MONTH", "YEAR", "EPOCH"), lambda call: call.of(0, Kind.SERIES)),
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
