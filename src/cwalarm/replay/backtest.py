"""Alarms and a history -> every change of state that there would have been, by the fastest way that is exact."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cwalarm.definitions.alarm import Alarm, State
from cwalarm.describe.soundness import require_sound
from cwalarm.errors import InputError
from cwalarm.evaluation import windows
from cwalarm.evaluation.evaluate import judge
from cwalarm.evaluation.series import Series
from cwalarm.replay.method import can_vectorise
from cwalarm.replay.minutes import Minutes
from cwalarm.replay.replay import Replay


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an alarm's state."""

    time: datetime
    alarm: str
    state: State
    previous: State


def backtest(
    alarms: Sequence[Alarm],
    history: Minutes | Series,
    start: datetime,
    end: datetime,
    *,
    extra_points: Callable[[int], int] = windows.extra_points,
    created: datetime | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Change]:
    """Return the changes of all alarms from `start` to before `end`, in order of time; all start in INSUFFICIENT_DATA.

    Alarms warm up from `created` on; None means long ago. `on_progress` gets the number of alarms done and of all.

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
    steps: list[tuple[int, str, State, State]] = []
    for done, alarm in enumerate(alarms, 1):
        steps.extend(_chained(alarm, _steps(alarm, replay, created)))
        on_progress(done, len(alarms))
    # Sorted as numbers and words: changes of a thousand alarms are many, and times are slow to compare.
    return [_change(*step) for step in sorted(steps)]


def _steps(alarm: Alarm, replay: Replay, created: datetime | None) -> Iterator[tuple[int, State]]:
    """Yield the changes of an alarm: step by step while it warms up, and then as fast as it may."""
    series, state = replay.minutes.series, State.INSUFFICIENT_DATA
    warm = min(_warm_minute(alarm, created), replay.last)
    if warm > replay.first:
        for second, state in plain(alarm, series, replay.first, warm, replay.extra_points, created):
            yield second, state
        replay = Replay(replay.minutes, warm, replay.last, replay.extra_points)
    if can_vectorise(alarm, replay.minutes):
        yield from replay.changes(alarm, state)
    else:
        yield from plain(alarm, series, replay.first, replay.last, replay.extra_points, previous=state)


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
    return (_change(*step) for step in _chained(alarm, steps))


def _chained(alarm: Alarm, steps: Iterable[tuple[int, State]]) -> Iterator[tuple[int, str, State, State]]:
    previous = State.INSUFFICIENT_DATA
    for second, state in steps:
        yield second, alarm.name, state, previous
        previous = state


def _change(second: int, alarm: str, state: State, previous: State) -> Change:
    return Change(datetime.fromtimestamp(second, UTC), alarm, state, previous)
