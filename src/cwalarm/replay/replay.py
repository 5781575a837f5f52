"""An alarm over months of minutes -> every change of its state, all minutes at once.

A slot is good, bad or missing, so the slots of an evaluation are a number in base 3, and the rule of `verdict` is
compiled once into a table over all such numbers. Alarms with too many slots for a table are counted instead, one slot
at a time for all minutes. Where the value of a slot depends on the other slots, the slots of each evaluation are rows.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

from cwalarm.definitions.alarm import Alarm, Comparison, MetricStat, Query, State, Treat
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import returned, treatment
from cwalarm.evaluation.statistic import is_percentile
from cwalarm.evaluation.verdict import verdict
from cwalarm.metric_math import expression
from cwalarm.replay import vector
from cwalarm.replay.method import looks_along
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.numeric import Flags, Floats, numpy
from cwalarm.replay.values import Column, Columns, Operand, VectorFrame, missing_of, spread

GOOD, BAD, MISSING = 0, 1, 2
CODES = (State.OK, State.ALARM, State.INSUFFICIENT_DATA)
KEEP = 3

# 3^10 states of the window fit a table that is built in a tenth of a second and stays in the processor's cache.
MAXIMUM_TABLE_SLOTS = 10

# How many expressions keep their values: 4 MB each for a year. Alarms that share one usually come one after the other.
MAXIMUM_HELD = 8

# So many slots are computed at once: half a megabyte an array, which stays in the processor's cache.
HELD_SLOTS = 65_536
# So many slots of one expression are kept for alarms that share it: 64 MB, 13 slots over a year.
MAXIMUM_HELD_SLOTS = 7_000_000
# With fewer evaluations than this at once, NumPy's calls cost more than what they compute.
LEAST_COLUMNS = 8_192

_COMPARED = {
    Comparison.ABOVE: "greater",
    Comparison.AT_LEAST: "greater_equal",
    Comparison.BELOW: "less",
    Comparison.AT_MOST: "less_equal",
}


class Replay:
    """Values and states of alarms from the minute `first` (since 1970) to before `last`; expressions share values.

    With a grid alarms are evaluated when so many minutes have gone by, from 1970 on, and not every minute.
    """

    def __init__(
        self,
        minutes: Minutes,
        first: int,
        last: int,
        extra_points: Callable[[int], int] = windows.extra_points,
        grid_minutes: int = 1,
    ) -> None:
        self.minutes = minutes
        self.first = first
        self.last = last
        self.extra_points = extra_points
        self._grid_minutes = grid_minutes
        self._values: dict[tuple[tuple[Query, ...], int, int], Column] = {}
        self._held: tuple[object, list[Column]] | None = None

    def slots(self, alarm: Alarm) -> int:
        """Return how many slots an evaluation looks at."""
        return alarm.evaluation_periods + self.extra_points(alarm.period_seconds)

    def _step(self, alarm: Alarm) -> int:
        return max(windows.cadence_seconds(alarm) // 60, self._grid_minutes)

    def columns(self, alarm: Alarm) -> list[Column]:
        """Return the values of the slots of every minute: one column per age, newest slot first."""
        if looks_along(alarm.queries):
            return self._rows(alarm)
        return [_cut(self._valued(alarm, age), self._places(alarm, age, 1)) for age in range(self.slots(alarm))]

    def _rows(self, alarm: Alarm) -> list[Column]:
        rows = _joined(list(self._frames(alarm, 1)))
        if rows.missing is None:
            return [Column(row) for row in rows.values[::-1]]
        return list(map(Column, rows.values[::-1], rows.missing[::-1]))

    def _places(self, alarm: Alarm, age: int, step: int, start: int = 0, size: int | None = None) -> slice:
        """Return where the slots of an age lie in a column that begins with the oldest slot of the first minute."""
        begin = start + (self.slots(alarm) - 1 - age) * (alarm.period_seconds // 60)
        count = self.last - self.first - start if size is None else size
        return slice(begin, begin + count, step)

    def _begin(self, alarm: Alarm) -> int:
        return self.first - (self.slots(alarm) - 1) * (alarm.period_seconds // 60)

    def _distinct_ages(self, alarm: Alarm) -> int:
        """Return the age in slots from which on nothing is late any more."""
        late = max(self.minutes.late_minutes(self.minutes.source(stat)) for stat in alarm.metrics)
        return min(self.slots(alarm) - 1, -(-late * 60 // alarm.period_seconds))

    def _valued(self, alarm: Alarm, age: int) -> Column:
        """Return the alarm's value for windows that end at each minute, as seen some slots later."""
        key = (alarm.queries, self.slots(alarm), min(age, self._distinct_ages(alarm)))
        if key not in self._values:
            if len(self._values) >= MAXIMUM_HELD:
                del self._values[next(iter(self._values))]
            self._values[key] = self._by_slot(alarm, age)
        return self._values[key]

    def _by_slot(self, alarm: Alarm, age: int) -> Column:
        """Compute an alarm whose slots are independent, for all windows that any evaluation looks at."""
        np, begin, age_minutes = numpy(), self._begin(alarm), age * alarm.period_seconds // 60
        windows_of = {stat: self.minutes.window(stat, begin, self.last, age_minutes) for stat in alarm.metrics}
        watched = next(query.metric for query in alarm.queries if query.id == returned(alarm))
        if watched:
            return windows_of[watched]
        parts = []
        for at in range(0, self.last - begin, HELD_SLOTS):
            places = slice(at, at + HELD_SLOTS)
            starts = np.arange(begin + at, min(begin + at + HELD_SLOTS, self.last)) * 60 - alarm.period_seconds
            cut = {stat: _cut(column, places) for stat, column in windows_of.items()}
            parts.append(computed(alarm, starts, cut.__getitem__))
        return _joined(parts)

    def _frames(self, alarm: Alarm, step: int, start: int = 0) -> Iterable[Column]:
        """Return the frames of an alarm whose slots look at one another; the last ones are kept if they are small."""
        key = (alarm.queries, self.slots(alarm), step, start)
        if self._held and self._held[0] == key:
            return self._held[1]
        if self.slots(alarm) * (self.last - self.first) // step > MAXIMUM_HELD_SLOTS:
            return self._computed_frames(alarm, step, start)
        self._held = key, list(self._computed_frames(alarm, step, start))
        return self._held[1]

    def _computed_frames(self, alarm: Alarm, step: int, start: int) -> Iterator[Column]:
        """Yield some evaluations at a time: a row per slot, oldest first, and a column per evaluation."""
        np, slots, period = numpy(), self.slots(alarm), alarm.period_seconds
        windows_of = {stat: self._windows(alarm, stat) for stat in alarm.metrics}
        size = max(HELD_SLOTS // slots, LEAST_COLUMNS) * step
        for at in range(start, self.last - self.first, size):
            count = min(size, self.last - self.first - at)
            places = [self._places(alarm, age, step, at, count) for age in reversed(range(slots))]
            ends = (self.first + at + np.arange(0, count, step)) * 60
            starts = ends - (np.arange(slots)[::-1, None] + 1) * period
            stacked = {stat: _stacked(columns, places) for stat, columns in windows_of.items()}
            yield computed(alarm, starts, stacked.__getitem__)

    def _windows(self, alarm: Alarm, stat: MetricStat) -> list[Column]:
        """Return a metric's windows by age in slots, newest first, up to the age from which on all are the same."""
        begin, width = self._begin(alarm), alarm.period_seconds // 60
        ages = range(self._distinct_ages(alarm) + 1)
        return [self.minutes.window(stat, begin, self.last, age * width) for age in ages]

    def codes(self, alarm: Alarm) -> Floats:
        """Return what each evaluation comes to: an index into CODES, or KEEP."""
        step = self._step(alarm)
        start = -self.first % step
        ages = (
            self._digits_along(alarm, step, start)
            if looks_along(alarm.queries)
            else self._digits_by_slot(alarm, step, start)
        )
        codes = _by_table(alarm, ages) if len(ages) <= MAXIMUM_TABLE_SLOTS else _by_counting(alarm, ages)
        if alarm.low_sample_percentile == "ignore":
            codes = _kept_where(self._few_samples(alarm, ages, step, start), codes)
        return codes

    def _digits_by_slot(self, alarm: Alarm, step: int, start: int) -> list[Flags]:
        digits = [_digits(alarm, self._valued(alarm, age)) for age in range(self._distinct_ages(alarm) + 1)]
        ages = range(self.slots(alarm))
        return [digits[min(age, len(digits) - 1)][self._places(alarm, age, step, start)] for age in ages]

    def _digits_along(self, alarm: Alarm, step: int, start: int) -> list[Flags]:
        np = numpy()
        parts = [_digits(alarm, part) for part in self._frames(alarm, step, start)]
        return list(np.concatenate(parts, axis=1)[::-1]) if parts else [np.zeros(0, np.uint8)] * self.slots(alarm)

    def _few_samples(self, alarm: Alarm, ages: Sequence[Flags], step: int, start: int) -> Flags:
        """Return the evaluations in which a datapoint that would decide is a percentile of too few samples."""
        np, begin, width = numpy(), self._begin(alarm), alarm.period_seconds // 60
        real, few = np.zeros(len(ages[0]), np.int32), np.zeros(len(ages[0]), bool)
        stats = [stat for stat in alarm.metrics if is_percentile(stat.statistic)]
        for age, digits in enumerate(ages):
            decides = (digits != MISSING) & (real < alarm.evaluation_periods)
            for stat in stats:
                flags = self.minutes.has_few_samples(stat, begin, self.last, age * width)
                few |= decides & flags[self._places(alarm, age, step, start)]
            real += digits != MISSING
        return few

    def changes(self, alarm: Alarm, previous: State = State.INSUFFICIENT_DATA) -> list[tuple[int, State]]:
        """Return the changes of state: epoch seconds of the evaluation, and the new state.

        The alarm has warmed up long before; `backtest` takes those that have not step by step.
        """
        seconds, states = self.transitions(alarm, previous)
        return [(second, CODES[state]) for second, state in zip(seconds.tolist(), states.tolist(), strict=True)]

    def transitions(self, alarm: Alarm, previous: State = State.INSUFFICIENT_DATA) -> tuple[Floats, Flags]:
        """Return the changes of state as two arrays: epoch seconds, and the index of the new state in CODES."""
        np = numpy()
        codes = self.codes(alarm)
        step = self._step(alarm)
        start = -self.first % step
        # Only where the code changes can the state change; most minutes are like the one before.
        runs = np.concatenate(([0], np.flatnonzero(codes[1:] != codes[:-1]) + 1)) if len(codes) else np.zeros(0, int)
        runs = runs[codes[runs] != KEEP]
        states = codes[runs]
        at = np.flatnonzero(states != np.concatenate(([CODES.index(previous)], states[:-1])))
        return (self.first + start + runs[at] * step) * 60, states[at]


class _Queries:
    """The queries of an alarm over some slots, each computed once."""

    def __init__(self, alarm: Alarm, starts: Floats, window: Callable[[MetricStat], Column]) -> None:
        self._queries = {query.id: query for query in alarm.queries}
        self._window = window
        ids = tuple(query.id for query in alarm.queries if query.metric)
        self._frame = VectorFrame(starts, alarm.period_seconds, ids)
        self._values: dict[str, Operand] = {}

    def value(self, name: str) -> Operand:
        if name not in self._values:
            self._values[name] = self._computed(self._queries[name])
        return self._values[name]

    def _computed(self, query: Query) -> Operand:
        if query.metric:
            return self._window(query.metric)
        return vector.evaluate(expression.parse(query.expression or ""), self.value, self._frame)


def computed(alarm: Alarm, starts: Floats, window: Callable[[MetricStat], Column]) -> Column:
    """Return the value that an alarm compares with its threshold; `window` returns the values of a metric."""
    result = _Queries(alarm, starts, window).value(returned(alarm))
    if isinstance(result, Columns):
        return result.members[0] if result.members else spread(math.nan, starts.shape)
    return result if isinstance(result, Column) else spread(result, starts.shape)


def _joined(parts: Sequence[Column]) -> Column:
    """Return columns one after the other as one."""
    np = numpy()
    values = np.concatenate([part.values for part in parts], axis=-1)
    if all(part.missing is None for part in parts):
        return Column(values)
    return Column(values, np.concatenate([missing_of(part) for part in parts], axis=-1))


def _cut(column: Column, places: slice) -> Column:
    return Column(column.values[places], None if column.missing is None else column.missing[places])


def _stacked(windows_by_age: Sequence[Column], places: Sequence[slice]) -> Column:
    """Return a row for each slot, oldest first, out of the windows of its age."""
    np, size = numpy(), len(places)
    ages = [min(size - 1 - row, len(windows_by_age) - 1) for row in range(size)]
    rows = [_cut(windows_by_age[age], place) for age, place in zip(ages, places, strict=True)]
    missing = None if all(row.missing is None for row in rows) else np.stack([missing_of(row) for row in rows])
    return Column(np.stack([row.values for row in rows]), missing)


def _digits(alarm: Alarm, column: Column) -> Flags:
    np = numpy()
    digits = getattr(np, _COMPARED[alarm.comparison])(column.values, alarm.threshold).view(np.uint8)
    if column.missing is not None:
        np.putmask(digits, column.missing, MISSING)
    return digits


def _kept_where(flags: Flags, codes: Flags) -> Flags:
    return numpy().where(flags, KEEP, codes)


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
