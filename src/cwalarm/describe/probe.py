"""An alarm and what its metrics publish, stage by stage -> its states over time, as the evaluator decides them.

Each metric publishes once a period, at its end, or some times. So the slots of an evaluation change as often, and where
a value comes late once more when it is published: these moments are evaluated, and none between them can differ.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

from cwalarm.definitions.alarm import Alarm, Metric, State
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import Judgement, judge
from cwalarm.evaluation.series import Series
from cwalarm.evaluation.windows import Slot
from cwalarm.metric_math import expression, syntax

# A Monday from which on no zone of Europe or America changes its clocks for seventeen weeks.
_MONDAY = datetime(2025, 11, 10, tzinfo=UTC)

# Beyond so many slots a play takes seconds; an alarm with more is not played to.
MAXIMUM_SLOTS = 300

# About a second; an alarm like most takes a hundredth of it.
MAXIMUM_WORK = 500_000
_OVERHEAD = 5

# Beyond so many slots a play evaluates the moments at which the rule of M out of N can turn, and some between them.
_EVERY_MOMENT_SLOTS = 60
_BETWEEN = 20


class Reading(NamedTuple):
    """A value that a metric publishes in a period, `count` times."""

    value: float
    occurrences: float = 1


class Budget:
    """How much may be computed for one alarm, in slots times the parts of its expressions.

    A count and not a time, so that the same alarm gets the same answers on every machine.
    """

    def __init__(self, units: int) -> None:
        self._all = units
        self.spent = 0

    def spend(self, units: int) -> None:
        """Count what has been computed."""
        self.spent += units

    def is_spent(self, share: float = 1.0) -> bool:
        """Return whether a share of it, or all, has been computed."""
        return self.spent >= self._all * share


Levels = Mapping[Metric, Reading]
NOTHING: Levels = {}


class Stage(NamedTuple):
    """What is published `times` in each of some periods, evenly; a metric that is left out publishes nothing."""

    levels: Levels
    periods: int
    times: int = 1


class Moment(NamedTuple):
    """An evaluation: seconds since the play began, the state after it, and the slots that it looked at."""

    second: int
    state: State
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Probe:
    """Plays data to one alarm.

    Attributes:
        hour: Of the Monday on which a play begins, for expressions that read the clock.
        budget: What all plays together may cost; once it is spent the rest is left undecided.
    """

    alarm: Alarm
    extra_points: Callable[[int], int] = windows.extra_points
    hour: int = 0
    budget: Budget = field(default_factory=lambda: Budget(MAXIMUM_WORK), compare=False)

    @cached_property
    def slots(self) -> int:
        """How many periods an evaluation looks at."""
        spare = 0 if self.alarm.wall_clock_zone is not None else self.extra_points(self.alarm.period_seconds)
        return self.alarm.evaluation_periods + spare

    @cached_property
    def grain_seconds(self) -> int:
        """How long the cell of a datapoint is: a minute, or ten seconds for high resolution."""
        return min(60, windows.cadence_seconds(self.alarm))

    @cached_property
    def times_a_period(self) -> int:
        """How often metrics publish in a period where they do so several times: evenly, and at most five times."""
        cells = self.alarm.period_seconds // self.grain_seconds
        return next(times for times in (5, 4, 3, 2, 1) if cells % times == 0)

    @cached_property
    def begin(self) -> int:
        """The epoch second at which plays begin: the end of a period."""
        moment = _MONDAY + timedelta(hours=self.hour)
        return windows.slot_bounds(self.alarm, moment, self.extra_points(self.alarm.period_seconds))[-1]

    @property
    def is_sampled(self) -> bool:
        """Whether a play leaves moments out, so that what an expression makes of many periods is known roughly."""
        return self.slots > _EVERY_MOMENT_SLOTS

    def series(self, stages: Sequence[Stage], late_seconds: int = 0) -> Series:
        """Return what is published: that of period i ends with the last cell before second i * period of the play."""
        store, number, period = Series(), 0, self.alarm.period_seconds
        for stage in stages:
            ends = range(number * period, (number + stage.periods) * period, period // stage.times)
            for end in ends:
                self._publish(store, stage.levels, self.begin + end + period // stage.times, late_seconds)
            number += stage.periods
        return store

    def _publish(self, store: Series, levels: Levels, end: int, late_seconds: int) -> None:
        grain = self.grain_seconds
        start = datetime.fromtimestamp(end - grain, UTC)
        seen = datetime.fromtimestamp(end + late_seconds, UTC) if late_seconds else None
        for metric, (value, occurrences) in levels.items():
            store.add(metric, start, value, count=occurrences, published=seen, resolution_seconds=grain)

    def steady(self, levels: Levels, late_seconds: int = 0) -> State | None:
        """Return the state under data that is the same in every period; None where the alarm keeps what it has.

        Data that comes late is looked at when the newest period is over and its value is not there.
        """
        stage = Stage(levels, self.slots + 1 + late_seconds // self.alarm.period_seconds)
        second = stage.periods * self.alarm.period_seconds
        return self._judged(self.series([stage], late_seconds), self._due(second), State.OK).state

    def play(
        self, *stages: Stage, late_seconds: int = 0, previous: State = State.OK, from_period: int = 1
    ) -> Iterator[Moment]:
        """Yield the evaluations of a play in order of time, from a period on; before it the state is `previous`."""
        series, state = self.series(stages, late_seconds), previous
        for second in self._seconds(stages, from_period, late_seconds):
            judged = self._judged(series, second, state)
            state = state if judged.state is None else judged.state
            yield Moment(second, state, judged.slots)

    @cached_property
    def _work(self) -> int:
        trees = [expression.parse(query.expression) for query in self.alarm.queries if query.expression]
        parts = sum(1 for tree in trees for _ in syntax.walk(tree))
        return self.slots * (_OVERHEAD + parts + sum(10 if stat.is_extended else 1 for stat in self.alarm.metrics))

    def _judged(self, series: Series, second: int, previous: State) -> Judgement:
        self.budget.spend(self._work)
        now = datetime.fromtimestamp(self.begin + second, UTC)
        return judge(self.alarm, series, now, previous, extra_points=self.extra_points)

    def _due(self, second: int) -> int:
        """Return the second of a play at which the alarm is evaluated next."""
        cadence = windows.cadence_seconds(self.alarm)
        return math.ceil((self.begin + second) / cadence) * cadence - self.begin

    def _seconds(self, stages: Sequence[Stage], first: int, late_seconds: int) -> list[int]:
        """Return the seconds of a play at which the slots of an evaluation may differ from those before."""
        period = self.alarm.period_seconds
        last = sum(stage.periods for stage in stages)
        phases = {late_seconds % period, *range(0, period, period // max(stage.times for stage in stages))}
        numbers = self._turning(stages) if self.is_sampled else range(first, last + 1)
        seconds = {self._due(number * period + phase) for number in numbers if number >= first for phase in phases}
        return sorted(second for second in seconds if second <= last * period)

    def _turning(self, stages: Sequence[Stage]) -> set[int]:
        """Return the periods after which the rule may turn: M, N or all slots after a stage began, and some between."""
        m, n = self.alarm.m, self.alarm.evaluation_periods
        after = {
            count + near
            for count in (0, m, n, n - m, self.slots, self.slots - m, self.slots - n)
            for near in (0, 1, 2, -1)
        }
        begins = [0, *accumulate(stage.periods for stage in stages)]
        between = range(0, begins[-1] + 1, max(1, begins[-1] // _BETWEEN))
        return {begin + count for begin in begins for count in after} | set(between)
