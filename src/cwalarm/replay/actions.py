"""Changes of alarms over time -> changes of the composites on them, and the actions that really run.

What composites hold back and what mute rules silence is left out, or comes later, as it would have in CloudWatch.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from heapq import merge
from itertools import chain, groupby
from operator import attrgetter

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
    watches = [_Watch(named[name]) for name in order(named)]
    states: dict[str, State] = {}
    combined: list[Change] = []
    for time, group in chain([(start, iter(()))], groupby(changes, key=attrgetter("time"))):
        changed = {change.alarm: change.state for change in group}
        states.update(changed)
        for watch in watches:
            if (time is start or not watch.children.isdisjoint(changed)) and (change := watch.change(states, time)):
                changed[change.alarm] = states[change.alarm] = change.state
                combined.append(change)
    return combined


class _Watch:
    """A composite and what its rule came to for the states that its children have had."""

    def __init__(self, composite: Composite) -> None:
        self._composite = composite
        self._named = rules.children(composite.rule)
        self.children = frozenset(self._named)
        self._known: dict[tuple[State | None, ...], State] = {}

    def change(self, states: Mapping[str, State], time: datetime) -> Change | None:
        """Return how the composite changes; None if it does not."""
        key = tuple(map(states.get, self._named))
        if key not in self._known:
            self._known[key] = state_of(self._composite, lambda child: states.get(child, State.INSUFFICIENT_DATA))
        name, after = self._composite.name, self._known[key]
        before = states.get(name, State.INSUFFICIENT_DATA)
        return Change(time, name, after, before) if after is not before else None


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
    of_alarm: defaultdict[str | None, list[Change]] = defaultdict(list)
    for change in changes:
        of_alarm[change.alarm].append(change)
    for alarm in alarms:
        if alarm.actions_enabled and any(map(alarm.actions_for, State)):
            spans = [span for rule in mutes if alarm.name in rule.alarms for span in mute.windows(rule, start, end)]
            run = mute.muted(_due(alarm, of_alarm, end), spans)
            actions.extend(
                Executed(action.time, alarm.name, action.state, action.is_replay)
                for action in run
                if action.time < end and alarm.actions_for(action.state)
            )
    return sorted(actions, key=lambda action: (action.time, action.alarm))


def _due(alarm: AnyAlarm, of_alarm: Mapping[str | None, list[Change]], end: datetime) -> list[mute.Action]:
    """Return the actions of an alarm as they fall due, before any mute rule."""
    changes = of_alarm[alarm.name]
    if isinstance(alarm, Composite) and alarm.suppressor:
        both = merge(changes, of_alarm[alarm.suppressor], key=attrgetter("time"))
        return _suppressed(alarm, both, end)
    return [mute.Action(change.time, change.state) for change in changes]


def _suppressed(composite: Composite, changes: Iterable[Change], end: datetime) -> list[mute.Action]:
    states = {composite.name: State.INSUFFICIENT_DATA, composite.suppressor: State.INSUFFICIENT_DATA}
    held = Suppression(State.INSUFFICIENT_DATA)
    actions: list[tuple[float, State]] = []
    for time, group in chain(groupby(changes, key=attrgetter("time")), [(end, iter(()))]):
        states.update({change.alarm: change.state for change in group})
        step = advance(composite, held, time.timestamp(), states[composite.name], states[composite.suppressor])
        held = step.suppression
        actions.extend(step.actions)
    return [mute.Action(datetime.fromtimestamp(when, UTC), state) for when, state in actions]
