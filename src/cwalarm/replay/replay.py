"""An alarm over months of minutes -> every change of its state, all minutes at once.

A slot is good, bad or missing, so the slots of an evaluation are a number in base 3, and the rule of `verdict` is
compiled once into a table over all such numbers. Alarms with too many slots for a table are counted instead, one slot
at a time for all minutes.
"""

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache

from cwalarm.definitions.alarm import Alarm, Comparison, Query, State, Treat
from cwalarm.errors import InputError
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import returned, treatment
from cwalarm.evaluation.verdict import verdict
from cwalarm.metric_math import expression
from cwalarm.replay import vector
from cwalarm.replay.minutes import STATISTICS, Column, Minutes
from cwalarm.replay.numeric import Flags, Floats, numpy

GOOD, BAD, MISSING = 0, 1, 2
CODES = (State.OK, State.ALARM, State.INSUFFICIENT_DATA)
KEEP = 3

# 3^10 states of the window fit a table that is built in a tenth of a second and stays in the processor's cache.
MAXIMUM_TABLE_SLOTS = 10

# How many expressions keep their values: 4 MB each for a year. Alarms that share one usually come one after the other.
MAXIMUM_HELD = 8

_COMPARED = {
    Comparison.ABOVE: "greater",
    Comparison.AT_LEAST: "greater_equal",
    Comparison.BELOW: "less",
    Comparison.AT_MOST: "less_equal",
}


def can_vectorise(alarm: Alarm, minutes: Minutes) -> bool:
    """Return whether the alarm looks at whole minutes, slot by slot, with statistics that arrays hold."""
    if alarm.wall_clock_zone is not None or alarm.period_seconds % 60:
        return False
    metrics = alarm.metrics
    return (
        all(metric.statistic in STATISTICS and metric.period_seconds == alarm.period_seconds for metric in metrics)
        and all(minutes.is_exact(metric) for metric in metrics)
        and all(_is_pointwise(query, alarm) for query in alarm.queries if query.expression)
    )


def _is_pointwise(query: Query, alarm: Alarm) -> bool:
    node = expression.parse(query.expression or "")
    ids = {query.id for query in alarm.queries}
    has_series_condition = all(
        expression.names(call.arguments[0]) for call in expression.calls(node) if call.function == "IF"
    )
    return (
        vector.is_pointwise(node)
        and has_series_condition
        and bool(expression.names(node))
        and (expression.names(node) <= ids)
    )


class Replay:
    """Values and states of alarms from the minute `first` (since 1970) to before `last`; expressions share values."""

    def __init__(
        self,
        minutes: Minutes,
        first: int,
        last: int,
        extra_points: Callable[[int], int] = windows.extra_points,
    ) -> None:
        self.minutes = minutes
        self.first = first
        self.last = last
        self.extra_points = extra_points
        self._values: dict[tuple[tuple[Query, ...], int, int], Column] = {}

    def slots(self, alarm: Alarm) -> int:
        """Return how many slots an evaluation looks at."""
        return alarm.evaluation_periods + self.extra_points(alarm.period_seconds)

    def columns(self, alarm: Alarm) -> list[Column]:
        """Return the values of the slots of every evaluation: one column per age, newest slot first."""
        width = alarm.period_seconds // 60
        return [
            self._cut(self._valued(alarm, age * width), (self.slots(alarm) - 1 - age) * width)
            for age in range(self.slots(alarm))
        ]

    def _cut(self, column: Column, start: int) -> Column:
        end = start + self.last - self.first
        return Column(column.values[start:end], None if column.missing is None else column.missing[start:end])

    def _valued(self, alarm: Alarm, age_minutes: int) -> Column:
        """Return the alarm's value for windows that end at each minute, as seen some minutes later."""
        late = max(self.minutes.late_minutes(stat.metric) for stat in alarm.metrics)
        key = (alarm.queries, self.slots(alarm), min(age_minutes, late))
        if key not in self._values:
            if len(self._values) >= MAXIMUM_HELD:
                del self._values[next(iter(self._values))]
            self._values[key] = self._computed(alarm, returned(alarm), age_minutes)
        return self._values[key]

    def _computed(self, alarm: Alarm, query_id: str, age_minutes: int) -> Column:
        query = next(query for query in alarm.queries if query.id == query_id)
        if query.metric:
            begin = self.first - (self.slots(alarm) - 1) * (alarm.period_seconds // 60)
            return self.minutes.window(query.metric, begin, self.last, age_minutes)
        node = expression.parse(query.expression or "")
        column = vector.evaluate(node, lambda name: self._computed(alarm, name, age_minutes))
        if not isinstance(column, Column):
            raise InputError(f"Alarm {alarm.name} watches an expression without a metric.")
        return column

    def codes(self, alarm: Alarm) -> Floats:
        """Return what each evaluation comes to: an index into CODES, or KEEP."""
        digits = [self._digits(alarm, column) for column in self._distinct(alarm)]
        ages = [digits[min(age, len(digits) - 1)] for age in range(self.slots(alarm))]
        width, size = alarm.period_seconds // 60, self.last - self.first
        starts = [(len(ages) - 1 - age) * width for age in range(len(ages))]
        cut = [digit[start : start + size] for digit, start in zip(ages, starts, strict=True)]
        return _by_table(alarm, cut) if len(cut) <= MAXIMUM_TABLE_SLOTS else _by_counting(alarm, cut)

    def _distinct(self, alarm: Alarm) -> list[Column]:
        """Return the values by age, up to the age from which on nothing is late any more."""
        width = alarm.period_seconds // 60
        late = max(self.minutes.late_minutes(stat.metric) for stat in alarm.metrics)
        return [self._valued(alarm, age * width) for age in range(min(self.slots(alarm) - 1, -(-late // width)) + 1)]

    def _digits(self, alarm: Alarm, column: Column) -> Flags:
        np = numpy()
        digits = getattr(np, _COMPARED[alarm.comparison])(column.values, alarm.threshold).view(np.uint8)
        if column.missing is not None:
            np.putmask(digits, column.missing, MISSING)
        return digits

    def changes(self, alarm: Alarm, previous: State = State.INSUFFICIENT_DATA) -> list[tuple[int, State]]:
        """Return the changes of state: epoch seconds of the evaluation, and the new state.

        The alarm has warmed up long before; `backtest` takes those that have not step by step.
        """
        np = numpy()
        codes = self.codes(alarm)
        step = windows.cadence_seconds(alarm) // 60
        start = -self.first % step
        codes = codes[start::step]
        # Only where the code changes can the state change; most minutes are like the one before.
        runs = np.concatenate(([0], np.flatnonzero(codes[1:] != codes[:-1]) + 1)) if len(codes) else np.zeros(0, int)
        runs = runs[codes[runs] != KEEP]
        states = codes[runs]
        at = np.flatnonzero(states != np.concatenate(([CODES.index(previous)], states[:-1])))
        seconds = (self.first + start + runs[at] * step) * 60
        return [(second, CODES[state]) for second, state in zip(seconds.tolist(), states[at].tolist(), strict=True)]


def _by_table(alarm: Alarm, ages: Sequence[Flags]) -> Flags:
    np = numpy()
    kind = np.uint8 if len(ages) <= 5 else np.uint16
    index = ages[-1].astype(kind)
    for digits in reversed(ages[:-1]):
        index *= 3
        index += digits
    table = _table(len(ages), alarm.m, alarm.evaluation_periods, treatment(alarm))
    return np.frombuffer(table, np.uint8)[index]


@lru_cache(maxsize=64)
def _table(slots: int, m: int, n: int, treat: Treat) -> bytes:
    """Return the verdict for every row of slots, oldest first, in the order of the rows as numbers in base 3."""
    meaning = (False, True, None)
    rows = itertools.product(meaning, repeat=slots)
    return bytes(_code(verdict(row, m, n, treat)) for row in rows)


def _code(state: State | None) -> int:
    return KEEP if state is None else CODES.index(state)


def _by_counting(alarm: Alarm, ages: Sequence[Flags]) -> Flags:
    np = numpy()
    n, m, treat = alarm.evaluation_periods, alarm.m, treatment(alarm)
    real = np.zeros(len(ages[0]), np.int32)
    newest_bad, all_bad, oldest_bad = real.copy(), real.copy(), real.copy()
    for age, digits in enumerate(ages, 1):
        bad = digits == BAD
        newest_bad += bad & (real < n)
        all_bad += bad
        real += digits != MISSING
        oldest_bad[bad] = age
    filled = np.maximum(n - real, 0) if treat == Treat.BREACHING else 0
    alarmed = np.where(real >= n, newest_bad, all_bad + filled) >= m
    codes = alarmed.astype(np.uint8)
    if treat in (Treat.MISSING, Treat.IGNORE):
        premature = ~alarmed & (real < n) & (real > 0) & (all_bad == real) & (oldest_bad >= m)
        codes[premature] = BAD if treat == Treat.MISSING else KEEP
    codes[real == 0] = _code(verdict([None], 1, 1, treat))
    return codes
