"""Samples of one window -> one statistic, in CloudWatch's words for it (`Sum`, `p99`, `tm(10%:90%)`, `PR(:300)`).

Follows "CloudWatch statistics definitions" of the user guide. Percentiles interpolate linearly over the sorted values.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from cwalarm.errors import InputError

ALWAYS = -math.inf

_SHORT = re.compile(r"(p|tm|tc|ts|wm)(\d+(?:\.\d+)?)", re.IGNORECASE)
_RANGE = re.compile(r"(pr|tm|tc|ts|wm)\((-?[\d.]*)(%?):(-?[\d.]*)(%?)\)", re.IGNORECASE)


class Sample(NamedTuple):
    """One value that was published `count` times, or a whole statistic set; `published` in epoch seconds."""

    sum: float
    occurrences: float
    minimum: float
    maximum: float
    published: float = ALWAYS


@dataclass(frozen=True, slots=True)
class Window:
    """What a window holds: samples whose sums are added up, and on demand each sample as it was published."""

    cells: Sequence[Sample]
    samples: Callable[[], Sequence[Sample]]


def _sum(window: Window) -> float:
    # fsum: the result must not depend on the order in which points arrived.
    return math.fsum([cell[0] for cell in window.cells])


def _count(window: Window) -> float:
    return math.fsum([cell[1] for cell in window.cells])


def _average(window: Window) -> float:
    # Where all values are equal so is their average: the rounding of a sum must not lift it over a threshold.
    lowest = min(cell[2] for cell in window.cells)
    return lowest if lowest == max(cell[3] for cell in window.cells) else _sum(window) / _count(window)


_STANDARD: dict[str, Callable[[Window], float]] = {
    "Sum": _sum,
    "SampleCount": _count,
    "Average": _average,
    "Minimum": lambda window: min(cell[2] for cell in window.cells),
    "Maximum": lambda window: max(cell[3] for cell in window.cells),
}


def measure(name: str, window: Window) -> float | None:
    """Return a statistic of the samples; None without samples, or where single values are needed and unknown.

    Its name is as in an alarm: `Sum`, `p95`, `tm90`, `tc(5%:95%)`, `IQM`, `PR(100:)`. Raises InputError for any other.
    """
    if standard := _STANDARD.get(name):
        return standard(window) if window.cells else None
    trim = trim_of(name)
    weighted = _weighted(window.samples())
    # "Percentile statistics are not available for metrics when any of the metric values are negative numbers."
    if not weighted or (trim.kind == "p" and weighted[0][0] < 0):
        return None
    return _TRIMMED[trim.kind](trim, weighted)


def is_significant(name: str, window: Window) -> bool:
    """Return whether there are samples enough for a percentile to mean something; other statistics always do."""
    trim = _parsed(name)
    if trim is None or trim.kind != "p" or not window.cells:
        return True
    fraction = trim.high / 100
    return 0 < fraction < 1 and _count(window) >= low_sample_limit(fraction) - 1e-6


def is_known(name: str) -> bool:
    """Return whether a statistic of that name exists."""
    return name in _STANDARD or _parsed(name) is not None


def is_percentile(name: str) -> bool:
    """Return whether a statistic is a percentile, which means little with few samples."""
    trim = _parsed(name)
    return trim is not None and trim.kind == "p"


def percentile_fraction(name: str) -> float | None:
    """Return what `p95` names, 0.95; None for any other statistic."""
    trim = _parsed(name)
    return trim.high / 100 if trim is not None and trim.kind == "p" else None


def low_sample_limit(fraction: float) -> float:
    """Return the number of samples under which a percentile means little: p99 needs 1,000, p50 needs 20."""
    return 10 / (1 - fraction) if fraction >= 0.5 else 10 / fraction


_Weighted = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Trim:
    """Which part of the distribution counts: between two percentiles, or between two values."""

    kind: str
    low: float
    high: float
    is_percent: bool


def trim_of(name: str) -> Trim:
    """Return which part of the distribution a statistic is of; raise InputError if it is none of that kind."""
    trim = _parsed(name)
    if trim is None:
        raise InputError(
            f"Statistic {name} is unknown.",
            next_step="Use Sum, Average, Minimum, Maximum, SampleCount, p.., tm.., tc.., ts.., wm.., IQM or PR(..:..).",
        )
    return trim


def _parsed(name: str) -> Trim | None:
    if name.lower() == "iqm":
        return Trim("tm", 25, 75, is_percent=True)
    if short := _SHORT.fullmatch(name):
        return _checked(Trim(short[1].lower(), 0, float(short[2]), is_percent=True))
    ranged = _RANGE.fullmatch(name)
    if ranged is None or not (ranged[2] or ranged[4]):
        return None
    is_percent = "%" in (ranged[3], ranged[5])
    try:
        low = float(ranged[2]) if ranged[2] else (0 if is_percent else -math.inf)
        high = float(ranged[4]) if ranged[4] else (100 if is_percent else math.inf)
    except ValueError:
        return None
    return _checked(Trim(ranged[1].lower(), low, high, is_percent))


def _checked(trim: Trim) -> Trim | None:
    sound = (trim.low < trim.high or trim.kind == "p") and (not trim.is_percent or 0 <= trim.low <= trim.high <= 100)
    return trim if sound and not (trim.kind == "pr" and trim.is_percent) else None


def _weighted(samples: Sequence[Sample]) -> _Weighted:
    """Return (value, count) in order of value; empty if any sample is a set whose single values are not known."""
    if any(sample.minimum != sample.maximum for sample in samples):
        return []
    return sorted((sample.minimum, sample.occurrences) for sample in samples if sample.occurrences > 0)


def _percentile(weighted: _Weighted, percent: float) -> float:
    """Return the value at a rank, interpolated linearly between the two beside it."""
    ends = list(accumulate(count for _, count in weighted))
    rank = percent / 100 * (ends[-1] - 1)
    return _at(weighted, ends, math.floor(rank)) * (1 - rank % 1) + _at(weighted, ends, math.ceil(rank)) * (rank % 1)


def _at(weighted: _Weighted, ends: list[float], rank: int) -> float:
    return next((value for (value, _), end in zip(weighted, ends, strict=True) if rank < end), weighted[-1][0])


def _kept(trim: Trim, weighted: _Weighted) -> _Weighted:
    """Return the part between the bounds; a value that straddles a percentile counts with the part of it inside."""
    if not trim.is_percent:
        return [(value, count) for value, count in weighted if trim.low < value <= trim.high]
    total = sum(count for _, count in weighted)
    low, high = total * trim.low / 100, total * trim.high / 100
    ends = list(accumulate(count for _, count in weighted))
    parts = (
        (value, min(end, high) - max(end - count, low)) for (value, count), end in zip(weighted, ends, strict=True)
    )
    return [(value, part) for value, part in parts if part > 0]


def _total(weighted: _Weighted) -> float:
    return math.fsum(value * count for value, count in weighted)


def _number(weighted: _Weighted) -> float:
    return math.fsum(count for _, count in weighted)


def _trimmed_mean(trim: Trim, weighted: _Weighted) -> float | None:
    kept = _kept(trim, weighted)
    return _total(kept) / _number(kept) if kept else None


def _winsorized_mean(trim: Trim, weighted: _Weighted) -> float:
    """Return the mean after values beyond the bounds are set to the bounds."""
    low = _percentile(weighted, trim.low) if trim.is_percent else trim.low
    high = _percentile(weighted, trim.high) if trim.is_percent else trim.high
    return _total([(min(max(value, low), high), count) for value, count in weighted]) / _number(weighted)


_TRIMMED: dict[str, Callable[[Trim, _Weighted], float | None]] = {
    "p": lambda trim, weighted: _percentile(weighted, trim.high),
    "tm": _trimmed_mean,
    "tc": lambda trim, weighted: _number(_kept(trim, weighted)),
    "ts": lambda trim, weighted: _total(_kept(trim, weighted)),
    "wm": _winsorized_mean,
    "pr": lambda trim, weighted: 100 * _number(_kept(trim, weighted)) / _number(weighted),
}
