"""Changes of alarms over time -> changes of the composites on them, and the actions that really run.

What composites hold back and what mute rules silence is left out, or comes later, as it would have in CloudWatch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, groupby

from cwalarm.definitions import rule as rules
from cwalarm.definitions.alarm import AnyAlarm, State
from cwalarm.definitions.composites import Composite, order, state_of
from cwalarm.errors import InputError
from cwalarm.evaluation import mute
from cwalarm.evaluation.suppression import Suppression, advance
from cwalarm.replay.backtest import Change


@dataclass(frozen=True, slots=True)
class Executed:
    """The actions of an alarm run for a state; `is_replay` if a mute window held them back before."""

    time: datetime
    alarm: str
    state: State
    is_replay: bool = False


def combine(changes: Sequence[Change], composites: Sequence[Composite], start: datetime) -> list[Change]:
    """Return the changes of composite alarms, which may build on one another, first evaluated at `start`.

    The changes of metric alarms are in order of time; every alarm starts in INSUFFICIENT_DATA.
    """
    named = {composite.name: composite for composite in composites}
    states: dict[str, State] = {}
    ordered = [named[name] for name in order(named)]
    combined = list(_updated(ordered, states, start))
    for time, group in groupby(changes, key=lambda change: change.time):
        states.update({change.alarm: change.state for change in group})
        combined.extend(_updated(ordered, states, time))
    return combined


def _updated(ordered: Sequence[Composite], states: dict[str, State], time: datetime) -> Iterator[Change]:
    for composite in ordered:
        before = states.get(composite.name, State.INSUFFICIENT_DATA)
        after = state_of(composite, lambda child: states.get(child, State.INSUFFICIENT_DATA))
        if after != before:
            states[composite.name] = after
            yield Change(time, composite.name, after, before)


def complete(composites: Sequence[Composite], available: set[str]) -> list[Composite]:
    """Return the composites all of whose children are available, be these composites themselves."""
    kept = [composite for composite in composites if available.issuperset(rules.children(composite.rule))]
    names = {composite.name for composite in kept}
    return kept if names <= available else complete(composites, available | names)


def require_children(composites: Sequence[Composite], alarms: Sequence[str]) -> None:
    """Raise InputError if an alarm that a composite asks about is not there."""
    names = {*alarms, *(composite.name for composite in composites)}
    for composite in composites:
        for child in (*rules.children(composite.rule), composite.suppressor):
            if child and child not in names:
                raise InputError(
                    f"Composite alarm {composite.name} depends on {child}, which is not there.",
                    next_step=f"Add {child}, or leave the composite out with --without {composite.name}.",
                )


def executed(
    changes: Sequence[Change],
    alarms: Sequence[AnyAlarm],
    mutes: Sequence[mute.MuteRule],
    start: datetime,
    end: datetime,
) -> list[Executed]:
    """Return the actions that run from `start` to before `end`, in order of time, for changes of all alarms."""
    actions: list[Executed] = []
    for alarm in alarms:
        if alarm.actions_enabled:
            spans = [span for rule in mutes if alarm.name in rule.alarms for span in mute.windows(rule, start, end)]
            run = mute.muted(_due(alarm, changes, end), spans)
            actions.extend(
                Executed(action.time, alarm.name, action.state, action.is_replay)
                for action in run
                if action.time < end and alarm.actions_for(action.state)
            )
    return sorted(actions, key=lambda action: (action.time, action.alarm))


def _due(alarm: AnyAlarm, changes: Sequence[Change], end: datetime) -> list[mute.Action]:
    """Return the actions of an alarm as they fall due, before any mute rule."""
    if isinstance(alarm, Composite) and alarm.suppressor:
        return _suppressed(alarm, changes, end)
    return [mute.Action(change.time, change.state) for change in changes if change.alarm == alarm.name]


def _suppressed(composite: Composite, changes: Sequence[Change], end: datetime) -> list[mute.Action]:
    states = {composite.name: State.INSUFFICIENT_DATA, composite.suppressor: State.INSUFFICIENT_DATA}
    held = Suppression(State.INSUFFICIENT_DATA)
    actions: list[tuple[float, State]] = []
    relevant = [change for change in changes if change.alarm in states]
    for time, group in chain(groupby(relevant, key=lambda change: change.time), [(end, iter(()))]):
        states.update({change.alarm: change.state for change in group})
        step = advance(composite, held, time.timestamp(), states[composite.name], states[composite.suppressor])
        held = step.suppression
        actions.extend(step.actions)
    return [mute.Action(datetime.fromtimestamp(when, UTC), state) for when, state in actions]
