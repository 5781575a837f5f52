"""Counts of slots -> the times in which the account failed as it never does by chance.

A cumulative sum of log likelihood ratios (CUSUM; risk-adjusted, as in Steiner, Cook, Farewell and Treasure, 2000): each
slot says how much better a higher share explains its failures than the usual one, divided by the account's own scatter.
Where the sum climbs from zero to a height that chance reaches in one of ten such histories, the time from its foot to
its peak is an incident. Then what is usual is measured again without the incidents, until nothing changes.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cwalarm.replay.numeric import Flags, Floats, numpy
from deliverywatch.backtest.results.recommendation import Incident
from deliverywatch.backtest.results.result import Span
from deliverywatch.backtest.tuning.slots import Slots, at
from deliverywatch.backtest.tuning.usual import hours_of, overall_share, scatter, usual_shares
from deliverywatch.thresholds import (
    BACKTEST_CHANCE,
    BACKTEST_INCIDENT_POINTS,
    BACKTEST_NEVER_USUAL_PERCENT,
    BACKTEST_NEW_USUAL_DAYS,
    MINIMUM_FAILED_COUNT,
)

# By how many times the odds of failing rise: long and faint, in between, short and steep.
_ODDS = (2.0, 5.0, 20.0)
_PASSES = 6
# Two times with less than this between them are one incident.
_APART_SECONDS = 3600
_DAY = 86_400
# With more than this in incidents nobody can say what is usual.
_MOST_IN_INCIDENTS = 0.5


@dataclass(frozen=True, slots=True)
class Detected:
    """What was detected, and how.

    Attributes:
        usual_percent: Of the history without incidents.
        scatter: How many times the variance of chance the account's own is.
        new_usuals: Times that were too long to be incidents.
    """

    incidents: tuple[Incident, ...]
    usual_percent: float
    scatter: float
    height: float
    new_usuals: tuple[Incident, ...]
    in_incidents: float
    is_of_counts: bool = True

    @property
    def is_ordinary(self) -> bool:
        """Whether enough lies outside of incidents to say what is usual."""
        return self.in_incidents <= _MOST_IN_INCIDENTS


def detect(slots: Slots, time_zone: str) -> Detected:
    """Return the incidents of a history."""
    np = numpy()
    busy = slots.total > 0
    slots = Slots(slots.minutes, slots.begins[busy], slots.total[busy], slots.failed[busy])
    none = np.zeros(len(slots.begins), bool)
    if not len(none):
        return Detected((), 0.0, 1.0, 0.0, (), 0.0)
    hours, height = hours_of(slots, time_zone), math.log(len(none) * len(_ODDS) / BACKTEST_CHANCE)
    # At first nothing is left out, and the whole history is looked at: a long incident fills the weeks around it.
    shares, variance = usual_shares(slots, hours, none, around_days=None), 1.0
    is_left_out, ranges, long = none, list[tuple[int, int]](), list[tuple[int, int]]()
    for number in range(_PASSES):
        every = _ranges(slots, shares, variance, height)
        lasting = [one for one in every if _is_new_usual(slots, *one)]
        ranges, long = [one for one in every if one not in lasting], [*long, *lasting]
        before, is_left_out = is_left_out, _mask(ranges, len(none))
        shares = _shares_by_era(slots, hours, is_left_out, long)
        variance = scatter(slots, shares, is_left_out)
        if number and (before == is_left_out).all():
            break
    covered = sum(int(slots.ends[last] - slots.begins[first]) for first, last in ranges)
    return Detected(
        tuple(_incident(slots, shares, *one) for one in ranges),
        100 * overall_share(slots, is_left_out),
        variance,
        height,
        tuple(_incident(slots, shares, *one) for one in long),
        covered / max(int(slots.ends[-1] - slots.begins[0]), 1),
    )


def _shares_by_era(slots: Slots, hours: Floats, is_left_out: Flags, long: Sequence[tuple[int, int]]) -> Floats:
    """Return the usual shares; before and after a change of the usual each by themselves."""
    size = len(slots.begins)
    edges = sorted({0, size, *(first for first, _ in long), *(last + 1 for _, last in long)})
    eras = [slice(start, end) for start, end in pairwise(edges)]
    parts = [
        usual_shares(
            Slots(slots.minutes, slots.begins[era], slots.total[era], slots.failed[era]), hours[era], is_left_out[era]
        )
        for era in eras
    ]
    return numpy().concatenate(parts)


def _ranges(slots: Slots, shares: Floats, variance: float, height: float) -> list[tuple[int, int]]:
    """Return the first and the last slot of each incident, in order."""
    seen = [
        (peak, first, last)
        for odds in _ODDS
        for first, last, peak in climbs((_gain(slots, shares, odds) / variance).tolist(), height)
        if _is_conspicuous(slots, shares, first, last)
    ]
    best: list[tuple[int, int]] = []
    # Of those that overlap, the one that explains most: the others begin too early or end too late.
    for _, first, last in sorted(seen, reverse=True):
        if not any(first <= other_last and other_first <= last for other_first, other_last in best):
            best.append((first, last))
    return _joined(slots, sorted(best))


def _gain(slots: Slots, shares: Floats, odds: float) -> Floats:
    """Return how much better a raised share explains each slot than the usual one, as the log of a likelihood ratio."""
    np = numpy()
    raised = shares * odds / (1 - shares + shares * odds)
    raised = np.minimum(np.maximum(raised, shares + BACKTEST_INCIDENT_POINTS / 100), 0.99)
    good = slots.total - slots.failed
    return slots.failed * np.log(raised / shares) + good * np.log((1 - raised) / (1 - shares))


def climbs(gains: Sequence[float], height: float) -> Iterator[tuple[int, int, float]]:
    """Yield foot, top and peak of each climb of the sum of gains, never below zero, that reaches a height.

    A climb is over when the sum has lost as much again, or all of it.
    """
    total, peak, foot, top = 0.0, 0.0, 0, 0
    for index, gain in enumerate(gains):
        if total <= 0:
            total, peak, foot = 0.0, 0.0, index
        total += gain
        if total > peak:
            peak, top = total, index
        if peak >= height and (total <= 0 or peak - total >= height):
            yield foot, top, peak
            total, peak = 0.0, 0.0
    if peak >= height:
        yield foot, top, peak


def _is_conspicuous(slots: Slots, shares: Floats, first: int, last: int) -> bool:
    inside = slice(first, last + 1)
    total, failed = slots.total[inside].sum(), slots.failed[inside].sum()
    above = 100 * (failed - (slots.total[inside] * shares[inside]).sum()) / total
    return bool(failed >= MINIMUM_FAILED_COUNT and above >= BACKTEST_INCIDENT_POINTS)


def _joined(slots: Slots, ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, last in ranges:
        if joined and slots.begins[first] - slots.ends[joined[-1][1]] < _APART_SECONDS:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined


def _is_new_usual(slots: Slots, first: int, last: int) -> bool:
    inside = slice(first, last + 1)
    percent = 100 * slots.failed[inside].sum() / slots.total[inside].sum()
    is_long = slots.ends[last] - slots.begins[first] > BACKTEST_NEW_USUAL_DAYS * _DAY
    return bool(is_long and percent < BACKTEST_NEVER_USUAL_PERCENT)


def _mask(ranges: Sequence[tuple[int, int]], size: int) -> Flags:
    mask = numpy().zeros(size, bool)
    for first, last in ranges:
        mask[first : last + 1] = True
    return mask


def _incident(slots: Slots, shares: Floats, first: int, last: int) -> Incident:
    inside = slice(first, last + 1)
    total, failed = slots.total[inside], slots.failed[inside]
    return Incident(
        Span(at(float(slots.begins[first])), at(float(slots.ends[last]))),
        message_count=round(float(total.sum())),
        failed_count=round(float(failed.sum())),
        usual_percent=100 * float((total * shares[inside]).sum() / total.sum()),
    )
