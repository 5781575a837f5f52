"""What metric math computes with: scalars, time series, arrays of time series, and the slots they lie on."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from cwalarm.errors import InputError

# How many arguments the functions take that do not take one, at least and at most.
ARITY = {"FILL": (2, 2), "IF": (2, 3), "METRICS": (0, 1), "SLICE": (2, 3), "SORT": (3, 4)}

Points = list[float | None]
Array = tuple[Points, ...]
Value = float | str | Points | Array


@dataclass(frozen=True, slots=True)
class Frame:
    """The slots of all series of an evaluation; `starts` are epoch seconds, oldest first.

    Attributes:
        metrics: The series of each metric (expressions are not among them), for METRICS.
        end: Where the newest slot ends, if slots end where the next begins; None if all are a period long.
    """

    starts: tuple[int, ...] = ()
    period_seconds: int = 60
    metrics: Mapping[str, Callable[[], Points]] = field(default_factory=dict)
    end: int | None = None

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Start and end of each slot."""
        if self.end is None:
            return [(start, start + self.period_seconds) for start in self.starts]
        return list(pairwise((*self.starts, self.end)))


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of one call of a function, each with the id it was written as, if it was one."""

    function: str
    values: tuple[Value, ...]
    frame: Frame
    ids: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        """Check how many arguments there are."""
        least, most = ARITY.get(self.function, (1, 1))
        if not least <= len(self.values) <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            raise InputError(f"{self.function} takes {wanted} arguments, not {len(self.values)}.", kind="expression")

    def misfit(self, index: int, wanted: str) -> InputError:
        """Return the error that an argument is of the wrong type."""
        return InputError(f"Argument {index + 1} of {self.function} must be {wanted}.", kind="expression")

    def scalar(self, index: int) -> float:
        """Return an argument that must be a number."""
        value = self.values[index]
        if not isinstance(value, (int, float)):
            raise self.misfit(index, "a number")
        return value

    def whole(self, index: int) -> int:
        """Return an argument that must be a finite number, without its fraction."""
        value = self.scalar(index)
        if not math.isfinite(value):
            raise self.misfit(index, "a finite number")
        return int(value)

    def nothing(self) -> Points:
        """Return a time series without datapoints, which is what comes of an array that has become empty."""
        return [None] * len(self.frame.starts)

    def series(self, index: int) -> Points:
        """Return an argument that must be one time series."""
        value = self.values[index]
        if not isinstance(value, list):
            raise self.misfit(index, "a time series")
        return value

    def array(self, index: int) -> Array:
        """Return an argument that must be time series; a single one is an array of one."""
        value = self.values[index]
        if isinstance(value, list):
            return (value,)
        if not isinstance(value, tuple):
            raise self.misfit(index, "an array of time series")
        return value

    def keyword(self, index: int, *allowed: str) -> str:
        """Return an argument that must be one of some keywords."""
        value = self.values[index]
        if not isinstance(value, str) or value not in allowed:
            raise self.misfit(index, " or ".join(allowed))
        return value
