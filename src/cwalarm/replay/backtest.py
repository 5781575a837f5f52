"""Alarms and a history -> every change of state that there would have been, by the fastest way that is exact."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from operator import itemgetter

from cwalarm.definitions.alarm import Alarm, State
from cwalarm.describe.soundness import require_sound
from cwalarm.errors import InputError
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import judge
from cwalarm.evaluation.series import Series
from cwalarm.replay import parallel
from cwalarm.replay.method import can_vectorise, follows_grid
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.numeric import Flags, Floats, numpy
from cwalarm.replay.replay import CODES, Replay

_PART = 65_536
# With fewer minutes of all alarms together, which take a second, to start processes costs more than they save.
_MINUTES_FOR_PROCESSES = 10_000_000


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an alarm's state."""

    time: datetime
    alarm: str
    state: State
    previous: State


@dataclass(frozen=True, slots=True)
class Transitions:
    """The changes of one alarm, which comes from INSUFFICIENT_DATA: epoch seconds, and indexes into CODES.

    A thousand alarms may change some million times in a year; as numbers a change takes 9 bytes.
    """

    alarm: str
    seconds: Floats
    states: Flags

    @classmethod
    def of(cls, alarm: str, steps: Sequence[tuple[int, State]]) -> "Transitions":
        """Return changes that are given as epoch seconds and new states."""
        np = numpy()
        states = np.array([CODES.index(state) for _, state in steps], np.uint8)
        return cls(alarm, np.array([second for second, _ in steps], np.int64), states)

    def followed_by(self, seconds: Floats, states: Flags) -> "Transitions":
        """Return these changes and those after them."""
        np = numpy()
        return Transitions(
            self.alarm, np.concatenate((self.seconds, seconds)), np.concatenate((self.states, states.astype(np.uint8)))
        )

    @property
    def previous(self) -> Flags:
        """The state before each change."""
        np = numpy()
        first = np.array([CODES.index(State.INSUFFICIENT_DATA)], np.uint8)
        return np.concatenate((first, self.states[:-1]))[: len(self.states)]


def in_order(transitions: Sequence[Transitions]) -> list[Change]:
    """Return the changes of all alarms in order of time and name."""
    np = numpy()
    named = sorted(transitions, key=lambda one: one.alarm)
    if not named:
        return []
    seconds, states, previous = (
        np.concatenate([getattr(one, name) for one in named]) for name in ("seconds", "states", "previous")
    )
    alarms = np.repeat(np.arange(len(named), dtype=np.int32), [len(one.seconds) for one in named])
    order = np.lexsort((alarms, seconds))
    names = [one.alarm for one in named]
    changes: list[Change] = []
    # In parts, because as Python's numbers they take ten times as much.
    for at in range(0, len(order), _PART):
        part = order[at : at + _PART]
        rows = zip(*(column[part].tolist() for column in (seconds, alarms, states, previous)), strict=True)
        for second, group in groupby(rows, key=itemgetter(0)):
            time = datetime.fromtimestamp(second, UTC)
            changes.extend(Change(time, names[alarm], CODES[state], CODES[before]) for _, alarm, state, before in group)
    return changes


def backtest(
    alarms: Sequence[Alarm],
    history: Minutes | Series,
    start: datetime,
    end: datetime,
    *,
    extra_points: Callable[[int], int] = windows.extra_points,
    created: datetime | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
    processes: int = 1,
) -> list[Change]:
    """Return the changes of all alarms from `start` to before `end`, in order of time; all start in INSUFFICIENT_DATA.

    Alarms warm up from `created` on; None means long ago. `on_progress` gets the number of alarms done and of all. Some
    dozen alarms over months are replayed by as many `processes` as are given.

    Raises:
        InputError: An alarm cannot be evaluated, or the span is empty.
        ConfigurationError: NumPy is not installed.
    """
    if end <= start:
        raise InputError(f"There is nothing to replay between {start.isoformat()} and {end.isoformat()}.")
    for alarm in alarms:
        require_sound(alarm)
    minutes = history if isinstance(history, Minutes) else Minutes(history)
    replay = Replay(minutes, int(start.timestamp()) // 60, int(end.timestamp()) // 60, extra_points)
    for source in {minutes.source(stat) for alarm in alarms for stat in alarm.metrics}:
        minutes.prepare(source)
    # Alarms with one expression come one after the other: they share its values.
    grouped = sorted(alarms, key=lambda alarm: (str(alarm.queries), alarm.evaluation_periods))
    is_worth_it = len(alarms) * (replay.last - replay.first) >= _MINUTES_FOR_PROCESSES
    own_transitions = parallel.computed(
        lambda alarm: _transitions(alarm, replay, created), grouped, processes if is_worth_it else 1
    )
    transitions: list[Transitions] = []
    for own in own_transitions:
        transitions.append(own)
        on_progress(len(transitions), len(alarms))
    return in_order(transitions)


def _transitions(alarm: Alarm, replay: Replay, created: datetime | None) -> Transitions:
    """Return the changes of an alarm: step by step while it warms up, and then as fast as it may."""
    series, state = replay.minutes.series, State.INSUFFICIENT_DATA
    warm = min(_warm_minute(alarm, created), replay.last)
    steps: list[tuple[int, State]] = []
    if warm > replay.first:
        steps.extend(plain(alarm, series, replay.first, warm, replay.extra_points, created))
        state = steps[-1][1] if steps else state
        replay = Replay(replay.minutes, warm, replay.last, replay.extra_points)
    if can_vectorise(alarm, replay.minutes):
        return Transitions.of(alarm.name, steps).followed_by(*replay.transitions(alarm, state))
    if follows_grid(alarm, replay.minutes, replay.first, replay.last):
        return Transitions.of(alarm.name, steps).followed_by(*_on_the_grid(alarm, replay, state))
    steps.extend(plain(alarm, series, replay.first, replay.last, replay.extra_points, previous=state))
    return Transitions.of(alarm.name, steps)


def _on_the_grid(alarm: Alarm, replay: Replay, state: State) -> tuple[Floats, Flags]:
    """Return the changes of a wall-clock alarm, which fetches its periods only: they slide, in whole periods."""
    grid, cadence = alarm.period_seconds // 60, windows.cadence_seconds(alarm) // 60
    aligned = Replay(replay.minutes, replay.first // grid * grid, replay.last, lambda _: 0, grid)
    seconds, states = aligned.transitions(replace(alarm, wall_clock_zone=None), state)
    # The first evaluation may lie within a period that began before.
    seconds = numpy().maximum(seconds, -(-replay.first // cadence) * cadence * 60)
    return seconds[seconds < replay.last * 60], states[seconds < replay.last * 60]


def _warm_minute(alarm: Alarm, created: datetime | None) -> int:
    """Return the minute in which an alarm has warmed up; 0 if it has nothing to wait for."""
    if alarm.warm_up is None or created is None:
        return 0
    return -(-int(created.timestamp()) // 60) + alarm.warm_up.minutes


def plain(
    alarm: Alarm,
    series: Series,
    first: int,
    last: int,
    extra_points: Callable[[int], int] = windows.extra_points,
    created: datetime | None = None,
    previous: State = State.INSUFFICIENT_DATA,
) -> Iterator[tuple[int, State]]:
    """Yield the changes of one alarm by evaluating it again and again: slow, and right for every alarm.

    It is evaluated from the minute `first` (since 1970) to before `last`.
    """
    state, step = previous, windows.cadence_seconds(alarm)
    for second in range(-(-first * 60 // step) * step, last * 60, step):
        moment = datetime.fromtimestamp(second, UTC)
        judged = judge(alarm, series, moment, state, extra_points=extra_points, created=created).state
        if judged is not None and judged is not state:
            state = judged
            yield second, state


def changes_of(alarm: Alarm, steps: Iterable[tuple[int, State]]) -> Iterator[Change]:
    """Yield the changes of an alarm that comes from INSUFFICIENT_DATA, from epoch seconds and new states."""
    previous = State.INSUFFICIENT_DATA
    for second, state in steps:
        yield Change(datetime.fromtimestamp(second, UTC), alarm.name, state, previous)
        previous = state
