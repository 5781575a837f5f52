"""What metric math over arrays computes with, for many evaluations at once.

A series is a `Column`. Where every slot is a value of its own, it has one value per minute at which a window ends;
where functions look along the slots of an evaluation, it has a row per slot, oldest first, and a column per evaluation.
A number is one float, or one per evaluation; NaN stands for none.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cwalarm.replay.numeric import Flags, Floats, numpy


@dataclass(frozen=True, slots=True)
class Column:
    """Values of consecutive slots; where `missing` is set the value is 0, and None means that none is missing."""

    values: Floats
    missing: Flags | None = None


@dataclass(frozen=True, slots=True)
class Columns:
    """An array of series. With a `count` per evaluation, those from that position on are left out: all are missing."""

    members: tuple[Column, ...]
    count: Floats | None = None

    @property
    def size(self) -> Any:
        """How many series there are: a number, or one per evaluation."""
        return len(self.members) if self.count is None else self.count

    def mapped(self, compute: Callable[[Column], Column]) -> "Columns":
        """Return the array with every series computed anew; those left out stay so."""
        members = tuple(map(compute, self.members))
        if self.count is not None:
            members = tuple(without(member, self.count <= index) for index, member in enumerate(members))
        return replace(self, members=members)


Operand = float | Floats | Column | Columns


@dataclass(frozen=True, slots=True)
class VectorFrame:
    """Where the values lie: the start of each slot in epoch seconds, shaped as the values; and the metrics' ids."""

    starts: Floats
    period_seconds: int
    metric_ids: tuple[str, ...] = ()


def is_number(operand: Operand | None) -> bool:
    """Return whether an operand is a number, the same in every slot of an evaluation."""
    return operand is not None and not isinstance(operand, (Column, Columns))


def missing_of(column: Column) -> Flags:
    """Return where a series has no datapoint, as an array of its shape."""
    return numpy().zeros(column.values.shape, bool) if column.missing is None else column.missing


def cleared(values: Floats, missing: Flags | None) -> Column:
    """Return a series; what lies under missing datapoints is set to 0 in place."""
    if missing is None:
        return Column(values)
    numpy().putmask(values, missing, 0)
    return Column(values, missing)


def finite(values: Floats, missing: Flags | None) -> Column:
    """Return a series without what is not a finite number; `values` may be changed in place."""
    dropped = ~numpy().isfinite(values)
    if dropped.any():
        missing = dropped if missing is None else missing | dropped
    return cleared(values, missing)


def finite_number(value: Floats) -> Operand:
    """Return a number; NaN where it is not finite."""
    if numpy().ndim(value):
        return numpy().where(numpy().isfinite(value), value, math.nan)
    return float(value) if math.isfinite(value) else math.nan


def without(column: Column, places: Flags) -> Column:
    """Return a series without the datapoints at some places."""
    missing = missing_of(column) | places
    return cleared(column.values.copy(), missing)


def spread(number: Operand, shape: tuple[int, ...]) -> Column:
    """Return a number as a series; it has no datapoints where the number is NaN."""
    np = numpy()
    values = np.broadcast_to(np.asarray(number, float), shape).copy()
    missing = np.isnan(values)
    return cleared(values, missing if missing.any() else None)
