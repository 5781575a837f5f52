"""A template's alarms and a history -> what became of each: states, and the actions that would have run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from cwalarm.definitions.alarm import Alarm, State
from cwalarm.replay.actions import Executed, combine, executed, require_children
from cwalarm.replay.backtest import Change, backtest

if TYPE_CHECKING:
    from cwalarm.definitions.composites import Composite
    from cwalarm.evaluation.mute import MuteRule
    from cwalarm.evaluation.series import Series

_NOTHING = timedelta()
_Row = TypeVar("_Row", Change, Executed)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an alarm did in a span: `in_alarm` and `longest` count to the span's end, `actions` ran for any state."""

    alarm: str
    alarm_count: int
    first: datetime | None
    in_alarm: timedelta
    longest: timedelta
    action_count: int
    last_state: State


@dataclass(frozen=True, slots=True)
class Replayed:
    """Every change of state and every action, in order of time, and what became of each alarm, by name."""

    changes: tuple[Change, ...]
    actions: tuple[Executed, ...]
    outcomes: tuple[Outcome, ...]


def replay(
    alarms: Sequence[Alarm],
    composites: Sequence[Composite],
    mutes: Sequence[MuteRule],
    series: Series,
    start: datetime,
    end: datetime,
    *,
    processes: int = 1,
) -> Replayed:
    """Replay alarms, the composites above them and mute rules from `start` to before `end`.

    Raises:
        InputError: An alarm cannot be evaluated, a composite lacks one that it asks about, or the span is empty.
        ConfigurationError: NumPy is not installed.
    """
    require_children(composites, [alarm.name for alarm in alarms])
    changes = backtest(alarms, series, start, end, processes=processes)
    both = sorted((*changes, *combine(changes, composites, start)), key=lambda change: change.time)
    every = [*alarms, *composites]
    actions = executed(both, every, mutes, start, end)
    own, run = _by_alarm(both), _by_alarm(actions)
    outcomes = [outcome(alarm.name, own[alarm.name], run[alarm.name], end) for alarm in every]
    return Replayed(tuple(both), tuple(actions), tuple(sorted(outcomes, key=lambda one: one.alarm)))


def _by_alarm(rows: Iterable[_Row]) -> defaultdict[str, list[_Row]]:
    own: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in rows:
        own[row.alarm].append(row)
    return own


def outcome(name: str, changes: Sequence[Change], actions: Sequence[Executed], end: datetime) -> Outcome:
    """Return what became of one alarm, from the changes and the actions of all, in order of time."""
    own = [change for change in changes if change.alarm == name]
    ends = [*(change.time for change in own[1:]), end]
    spans = [until - change.time for change, until in zip(own, ends, strict=False) if change.state is State.ALARM]
    return Outcome(
        alarm=name,
        alarm_count=len(spans),
        first=next((change.time for change in own if change.state is State.ALARM), None),
        in_alarm=sum(spans, _NOTHING),
        longest=max(spans, default=_NOTHING),
        action_count=sum(action.alarm == name for action in actions),
        last_state=own[-1].state if own else State.INSUFFICIENT_DATA,
    )
