"""Numbers -> whole multiples of one unit, of which running sums are exact.

A window's sum is the difference of two running sums. Of floating-point numbers that difference carries rounding, and
one unit in the last place is enough to put a value on the wrong side of its threshold. So numbers with a fraction are
cut into two whole parts, high and low, in 64 bits each; what comes out is the exact sum, rounded once, as `math.fsum`
rounds it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cwalarm.replay.numeric import Floats, numpy

# Below it, every whole number is a float.
_WHOLE = 2.0**53
# Low parts have 42 bits: a million of them fit 64 bits, and with the rest of a rounded high part they fit a float.
_LOW_BITS = 42


@dataclass(frozen=True, slots=True)
class Terms:
    """Numbers, each the sum of its parts: whole numbers as they are, others as high and low times 2 ** exponent."""

    parts: tuple[Floats, ...]
    exponent: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether all of them are whole numbers, whose sums are floats without rounding."""
        return len(self.parts) == 1


def terms(values: Floats) -> Terms | None:
    """Return the parts of numbers; None where they lie too far apart for an exact sum in 128 bits."""
    np = numpy()
    if (values == np.floor(values)).all() and np.abs(values).sum() < _WHOLE:
        return Terms((values,))
    exponent = _unit(values)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.ldexp(values, -exponent)
        high = np.floor(np.ldexp(scaled, -_LOW_BITS))
        low = scaled - np.ldexp(high, _LOW_BITS)
        if not np.abs(high).sum() < 2.0**62 or not np.isfinite(scaled).all():
            return None
    return Terms((high.astype(np.int64), low.astype(np.int64)), exponent)


def _unit(values: Floats) -> int:
    """Return the exponent of the largest power of two that all the numbers are multiples of."""
    np = numpy()
    mantissa, exponent = np.frexp(values[values != 0])
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    zeros = np.frexp((whole & -whole).astype(float))[1] - 1
    return int((exponent - 53 + zeros).min())


def joined(sums: Sequence[Floats], exponent: int) -> Floats:
    """Return sums of parts as floats, each rounded once."""
    if len(sums) == 1:
        return sums[0]
    np = numpy()
    low = sums[1] & ((1 << _LOW_BITS) - 1)
    high = sums[0] + (sums[1] >> _LOW_BITS)
    rounded = high.astype(float)
    rest = ((high - rounded.astype(np.int64)) << _LOW_BITS) + low
    return np.ldexp(np.ldexp(rounded, _LOW_BITS) + rest, exponent)


def added(places: Floats, part: Floats, size: int) -> Floats:
    """Return the sum of the numbers that go to each place, from 0 up to `size`."""
    np = numpy()
    if part.dtype.kind == "f":
        # Of no places at all it counts in whole numbers, whatever the weights.
        return np.bincount(places, part, size).astype(float, copy=False)
    sums = np.zeros(size, np.int64)
    np.add.at(sums, places, part)
    return sums


def exact_sum(rows: Floats) -> Floats:
    """Return the sum over the first axis, rounded once, as `math.fsum` has it; NaN where no float holds it.

    A second running sum keeps what the first loses by rounding, a third bounds what the second loses. Where that bound
    may turn the last bit, which is once in a million million, the sum is left to `math.fsum`.
    """
    np = numpy()
    if are_small_and_whole(rows):
        return rows.sum(axis=0)
    total, lost, bound = (np.zeros(rows.shape[1:]) for _ in range(3))
    with np.errstate(all="ignore"):
        for row in rows:
            total, error = _two_sum(total, row)
            lost, error = _two_sum(lost, error)
            bound += np.abs(error)
        bound = np.where(bound > 0, 4 * bound + np.abs(lost) * 2.0**-50, 0)
        low, high = total + (lost - bound), total + (lost + bound)
    for place in zip(*np.nonzero(~(low == high) | ~np.isfinite(low)), strict=True):
        low[place] = _fsum(rows[(slice(None), *place)].tolist())
    return low


def are_small_and_whole(rows: Floats) -> bool:
    """Return whether sums over the first axis need no rounding."""
    np = numpy()
    return bool((rows == np.floor(rows)).all() and np.abs(rows).max(initial=0.0) * len(rows) < _WHOLE)


def _two_sum(left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """Return the sum, and what its rounding lost."""
    total = left + right
    part = total - left
    return total, (left - (total - part)) + (right - part)


def _fsum(values: list[float]) -> float:
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):
        return math.nan
