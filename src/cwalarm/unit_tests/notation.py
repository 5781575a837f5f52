"""The compact notation of `promtool test rules` -> values: `0+10x5`, `1 2 _ 4`, `5x3`, `-2-1x4`, `_x10`.

Follows "Unit testing for rules" of the Prometheus documentation: `a+bxn` is a, a+b, ..., a+n*b (n+1 values), `axn` is a
repeated n+1 times, `_` is a missing value and `_xn` n of them. `stale` has no meaning in CloudWatch and is refused.
"""

import re
from datetime import UTC, datetime, timedelta

from cwalarm.definitions.alarm import Metric
from cwalarm.errors import InputError
from cwalarm.evaluation.series import Series

MAXIMUM_VALUES = 1_000_000

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_GAP = re.compile(r"_(?:x(\d{1,7}))?")
_RAMP = re.compile(rf"({_NUMBER})(?:([+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?))?(?:x(\d{{1,7}}))?")


def values(text: str) -> list[float | None]:
    """Return the values of a line, None where one is missing; raise InputError for a word outside the notation."""
    line: list[float | None] = []
    for word in text.split():
        line.extend(_values_of(word, MAXIMUM_VALUES - len(line)))
    return line


def add(
    series: Series,
    metric: Metric,
    text: str,
    start: datetime,
    interval: timedelta,
    delay: timedelta | None = None,
    unit: str | None = None,
) -> None:
    """Add a line to a store, one value per interval from `start` on; with a delay each is visible so much later."""
    for index, value in enumerate(values(text)):
        if value is not None:
            stamp = (start + index * interval).astimezone(UTC)
            visible = stamp + delay if delay else None
            series.add(metric, stamp, value, published=visible, resolution_seconds=1, unit=unit)


def _values_of(word: str, room: int) -> list[float | None]:
    if gap := _GAP.fullmatch(word):
        return [None] * _within(int(gap[1] or 1), room)
    ramp = _RAMP.fullmatch(word)
    if ramp is None or (ramp[2] and not ramp[3]):
        raise InputError(
            f"{word!r} is not a value of a series.",
            next_step="Write numbers, _ for a gap, 5x3 for a repetition or 0+10x5 for a ramp, separated by spaces.",
        )
    first, step = float(ramp[1]), float(ramp[2] or 0)
    return [first + step * index for index in range(_within(int(ramp[3] or 0) + 1, room))]


def _within(count: int, room: int) -> int:
    if count > room:
        raise InputError(f"The series has more than {MAXIMUM_VALUES} values.", next_step="Write a shorter series.")
    return count
