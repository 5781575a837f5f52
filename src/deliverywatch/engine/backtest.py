"""Alarms and a history -> every change of state that there would have been, by the fastest way that is exact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deliverywatch.engine import windows
from deliverywatch.engine.alarm import Alarm, State
from deliverywatch.engine.evaluate import evaluate
from deliverywatch.engine.lint import require_sound
from deliverywatch.engine.minutes import History
from deliverywatch.engine.replay import Replay, can_vectorise
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deliverywatch.engine.series import Series


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an alarm's state."""

    time: datetime
    alarm: str
    state: State
    previous: State


def backtest(
    alarms: Sequence[Alarm],
    history: History | Series,
    start: datetime,
    end: datetime,
    *,
    extra_points: Callable[[int], int] = windows.extra_points,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Change]:
    """Replay alarms over a history.

    Args:
        alarms: The definitions.
        history: The datapoints, with the times from which each could be seen.
        start: First minute of evaluation; every alarm starts in INSUFFICIENT_DATA.
        end: First minute that is left out.
        extra_points: Periods fetched beyond the evaluation periods, by the length of the period in seconds.
        on_progress: Called with the number of alarms done and of all alarms.

    Returns:
        The changes of all alarms in order of time.

    Raises:
        InputError: An alarm cannot be evaluated, or the span is empty.
        ConfigurationError: NumPy is not installed.
    """
    if end <= start:
        raise InputError(f"There is nothing to replay between {start.isoformat()} and {end.isoformat()}.")
    for alarm in alarms:
        require_sound(alarm)
    held = history if isinstance(history, History) else History(history)
    first, last = (int(each.timestamp()) // 60 for each in (start, end))
    replay = Replay(held, first, last, extra_points)
    found: list[Change] = []
    for done, alarm in enumerate(alarms, 1):
        steps = (
            replay.changes(alarm)
            if can_vectorise(alarm, held)
            else plain(alarm, held.series, first, last, extra_points)
        )
        found.extend(_named(alarm, steps))
        on_progress(done, len(alarms))
    return sorted(found, key=lambda change: (change.time, change.alarm))


def plain(
    alarm: Alarm,
    series: Series,
    first: int,
    last: int,
    extra_points: Callable[[int], int] = windows.extra_points,
    created: datetime | None = None,
) -> Iterator[tuple[int, State]]:
    """Yield the changes of one alarm by evaluating it again and again: slow, and right for every alarm.

    Args:
        alarm: The definition.
        series: The datapoints.
        first: First minute (since 1970) of evaluation.
        last: Minute after the last evaluation.
        extra_points: Periods fetched beyond the evaluation periods, by the length of the period in seconds.
        created: When the alarm was created, from which its warm-up counts; None for long ago.
    """
    state, step = State.INSUFFICIENT_DATA, windows.cadence_seconds(alarm)
    for second in range(-(-first * 60 // step) * step, last * 60, step):
        moment = datetime.fromtimestamp(second, UTC)
        result = evaluate(alarm, series, moment, state, extra_points=extra_points, created=created)
        if result.is_transition:
            state = result.state
            yield second, state


def _named(alarm: Alarm, steps: Sequence[tuple[int, State]] | Iterator[tuple[int, State]]) -> Iterator[Change]:
    previous = State.INSUFFICIENT_DATA
    for second, state in steps:
        yield Change(datetime.fromtimestamp(second, UTC), alarm.name, state, previous)
        previous = state
