"""Volumes of four weeks -> how many messages are usual at each time of a local day, and what today makes of that.

Two profiles are kept of a day, each the median over the days of the last four weeks that are like it: of its own
weekday, and of the least busy one, as which a public holiday looks. Today's share says where today lies between them:
a holiday sends 0 of what a work day sends more, a bridge day a third. It counts the best time of the day so far, so
that a stop after the traffic began does not make a holiday of a work day; until enough is expected to tell, the lower
profile counts.

How many messages must be expected before their absence is no accident depends on the account: where messages come in
groups of ten, an hour without any is nothing special. The variance of its half hours says so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from statistics import fmean as mean
from statistics import median, variance

from deliverywatch import thresholds

STEP_MINUTES = 10
STEPS_A_DAY = 24 * 60 // STEP_MINUTES
# A window of the alarm.
STEPS_A_WINDOW = thresholds.WINDOW_SECONDS // 60 // STEP_MINUTES

_WEEK = 7
_KNOWN_DAYS = 7 * thresholds.SILENCE_WEEKS

# Weekdays whose usual counts differ by no more than this factor are alike: they share a profile of up to twenty days.
_ALIKE = 1.5
# A day with less than this share of what its weekday sends was no work day.
_REST_SHARE = 0.5
# Most that is expected of a step, in medians of the hours around it: what bursts at ten may burst at half past.
_BURST = 1.5
_AROUND_STEPS = 6
# Traffic that begins or ends by the clock does so twenty minutes sooner or later some day.
_EDGE_STEPS = 2
# Share of the day's messages that must be expected before today is told from a rest day, and the least count of them.
_TELLING_SHARE = 0.05
_TELLING_COUNT = 20
# A variance says something of windows with at least so many messages.
_MEASURABLE_COUNT = 3
# With less than this share of a work day's messages today is a rest day. On a bridge day a third is usual; and of a
# step no more counts than is usual, give or take chance, so that a campaign on a holiday makes no work day.
_WORK_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class UsualDay:
    """What is usual on one local day, by steps of ten minutes since its midnight.

    Attributes:
        daily_count: Messages on a day of the busiest weekday.
        median: Messages per step on a day of this weekday.
        work: As many of them as can be relied on: no bursts, nothing at the edges of the day's traffic.
        rest: The same on a day of the least busy weekday.
        least_count: So many must be expected of a window before their absence is no accident.
    """

    daily_count: int
    median: tuple[float, ...]
    work: tuple[float, ...]
    rest: tuple[float, ...]
    least_count: float

    @property
    def busiest_window(self) -> float:
        """The most that is expected of a window."""
        return _busiest_window(self.work)

    def share(self, sent: Sequence[float]) -> float | None:
        """Return how much of a work day today is, of its steps so far, from 0 to 1; None if it is too early to tell."""
        limit = max(_TELLING_COUNT, _TELLING_SHARE * sum(self.work))
        best, count, work, rest = None, 0.0, 0.0, 0.0
        for step, number in enumerate(sent):
            count += min(number, self.work[step] + math.sqrt(self.work[step]))
            work += self.work[step]
            rest += self.rest[step]
            if work - rest >= limit:
                best = max(best or 0.0, (count - rest) / (work - rest))
        if best is None:
            return None
        return min(best, 1.0) if best >= _WORK_SHARE else 0.0

    def expected(self, share: float | None) -> list[float]:
        """Return what is expected of each step of a day that is so much of a work day."""
        if share is None:
            return [min(both) for both in zip(self.work, self.rest, strict=True)]
        return [rest + share * (work - rest) for work, rest in zip(self.work, self.rest, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What was to be expected by the end of a step, and what was sent.

    Attributes:
        usual: None while there are not enough weeks to say anything.
        step: Messages expected in the step.
        window: Messages expected in the 30 minutes that end with it.
        today: Messages that are usual since midnight, with their bursts.
        sent_in_window, sent_today: What was sent in these times.
        share: How much of a work day today is; None while that cannot be told.
        known_days: Of the last four weeks, if there is nothing usual yet.
        last_seen: When the newest step with a message began.
    """

    usual: UsualDay | None = None
    step: float = 0.0
    window: float = 0.0
    today: float = 0.0
    sent_in_window: int = 0
    sent_today: int = 0
    share: float | None = None
    known_days: int = 0
    last_seen: datetime | None = None

    @property
    def is_telling(self) -> bool:
        """Whether so much is expected that its absence is no accident."""
        return self.usual is not None and self.window >= self.usual.least_count


# A back-test asks at each of a day's steps.
@lru_cache(maxsize=4)
def _busiest_window(work: tuple[float, ...]) -> float:
    return max(sum(work[step : step + STEPS_A_WINDOW]) for step in range(STEPS_A_DAY))


@dataclass(slots=True)
class Forecast:
    """Volumes so far -> what was to be expected of a step; the profiles of a day are made once.

    Attributes:
        zone: Where the days of the account begin.
    """

    zone: tzinfo = UTC
    _counts: dict[int, int] = field(default_factory=dict)
    _usual: dict[int, UsualDay | None] = field(default_factory=dict)
    _last_seen: datetime | None = None

    def add(self, time: datetime, count: int) -> None:
        """Count messages that were sent in the step of an aware time; 0 says that none were."""
        step = _local_step(time, self.zone)
        self._counts[step] = self._counts.get(step, 0) + count
        if count > 0:
            self._last_seen = max(time, self._last_seen or time)

    def copy(self) -> Forecast:
        """Return one that goes on by itself."""
        return replace(self, _counts=dict(self._counts), _usual=dict(self._usual))

    def known_days(self, time: datetime) -> int:
        """Return how many of the days before an aware time, in four weeks, are known."""
        day = _local_step(time, self.zone) // STEPS_A_DAY
        return sum(_is_known(self._counts, before) for before in range(day - _KNOWN_DAYS, day))

    def at(self, time: datetime) -> Expectation:
        """Return what was to be expected by the end of the step of an aware time."""
        day, step = divmod(_local_step(time, self.zone), STEPS_A_DAY)
        usual = self._usual_on(day)
        if usual is None:
            return Expectation(known_days=self.known_days(time), last_seen=self._last_seen)
        midnight = day * STEPS_A_DAY
        sent = [self._counts.get(midnight + index, 0) for index in range(step + 1)]
        share = usual.share(sent)
        expected = usual.expected(share)
        # Of the day before it is as much as of the end of this one.
        window = range(step + 1 - STEPS_A_WINDOW, step + 1)
        return Expectation(
            usual=usual,
            step=expected[step],
            window=sum(expected[index] for index in window),
            today=sum(usual.median[: step + 1]) * (1.0 if share is None else share),
            sent_in_window=sum(self._counts.get(midnight + index, 0) for index in window),
            sent_today=sum(sent),
            share=share,
            last_seen=self._last_seen,
        )

    def _usual_on(self, day: int) -> UsualDay | None:
        if day not in self._usual:
            self._usual = {day: usual_day(self._counts, day)}
        return self._usual[day]


def usual_day(counts: Mapping[int, int], day: int) -> UsualDay | None:
    """Return what is usual on a local day by the four weeks before it; None if there are less than two.

    Args:
        counts: Messages by local step: `STEPS_A_DAY` times the day (an ordinal) and the step of it.
        day: The ordinal of the day.
    """
    days = [before for before in range(day - _KNOWN_DAYS, day) if _is_known(counts, before)]
    if sum((day - before) % _WEEK == 0 for before in days) < thresholds.SILENCE_LEARNING_WEEKS:
        return None
    steps = {before: [counts.get(before * STEPS_A_DAY + step, 0) for step in range(STEPS_A_DAY)] for before in days}
    totals = {before: sum(numbers) for before, numbers in steps.items()}
    levels = _levels(totals)
    rest = min(levels, key=levels.__getitem__)
    work_days = [steps[before] for before in _alike(totals, levels, day % _WEEK)]
    rest_days = [steps[before] for before in _alike(totals, levels, rest)]
    return UsualDay(
        daily_count=max(levels.values()),
        median=_median(work_days),
        work=_reliable(_median(work_days)),
        rest=_reliable(_median(rest_days)),
        least_count=least_count(_group_count(work_days)),
    )


def _local_step(time: datetime, zone: tzinfo) -> int:
    local = time.astimezone(zone)
    return local.toordinal() * STEPS_A_DAY + (local.hour * 60 + local.minute) // STEP_MINUTES


def _is_known(counts: Mapping[int, int], day: int) -> bool:
    """Whether a day is known from its begin to its end; its middle may lack an hour where the clocks change."""
    return day * STEPS_A_DAY in counts and (day + 1) * STEPS_A_DAY - 1 in counts


def _levels(totals: Mapping[int, int]) -> dict[int, int]:
    """Return the usual count of each weekday; the upper median, as two of four days may have been holidays."""
    by_weekday: dict[int, list[int]] = {}
    for day, total in totals.items():
        by_weekday.setdefault(day % _WEEK, []).append(total)
    return {weekday: sorted(of_day)[len(of_day) // 2] for weekday, of_day in by_weekday.items()}


def _alike(totals: Mapping[int, int], levels: Mapping[int, int], weekday: int) -> list[int]:
    level = levels[weekday]
    weekdays = {other for other, count in levels.items() if level <= count * _ALIKE and count <= level * _ALIKE}
    return [day for day, total in totals.items() if day % _WEEK in weekdays and total >= _REST_SHARE * level]


def _median(days: Sequence[Sequence[int]]) -> tuple[float, ...]:
    return tuple(median(numbers) for numbers in zip(*(_smoothed(day) for day in days), strict=True))


def _reliable(usual: Sequence[float]) -> tuple[float, ...]:
    capped = [min(usual[step], _BURST * median(_around(usual, step, _AROUND_STEPS))) for step in range(STEPS_A_DAY)]
    return tuple(min(_around(capped, step, _EDGE_STEPS)) for step in range(STEPS_A_DAY))


def _smoothed(day: Sequence[int]) -> list[float]:
    inner = ((before + step + after) / 3 for before, step, after in zip(day, day[1:], day[2:], strict=False))
    return [(day[0] + day[1]) / 2, *inner, (day[-2] + day[-1]) / 2]


def _around(numbers: Sequence[float], step: int, reach: int) -> Sequence[float]:
    return numbers[max(0, step - reach) : step + reach + 1]


def least_count(group_count: float) -> float:
    """Return how many messages must be expected of a window before none of them is as unlikely as `SILENCE_CHANCE`.

    None means that no group came, where so many messages come at once.
    """
    return -math.log(thresholds.SILENCE_CHANCE) * group_count


def _group_count(days: Sequence[Sequence[int]]) -> float:
    """Return how many messages come at once: for groups of a random size the variance is 2 n - 1 times the mean."""
    windows = [
        [sum(day[step : step + STEPS_A_WINDOW]) for step in range(0, STEPS_A_DAY, STEPS_A_WINDOW)] for day in days
    ]
    ratios = [variance(counts) / mean(counts) for counts in zip(*windows, strict=True) if _is_measurable(counts)]
    return (max(1.0, median(ratios)) + 1) / 2 if ratios else 1.0


def _is_measurable(counts: Sequence[int]) -> bool:
    return len(counts) > 1 and mean(counts) >= _MEASURABLE_COUNT
