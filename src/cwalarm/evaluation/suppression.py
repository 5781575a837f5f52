"""A composite and its suppressor over time -> when the composite's actions run.

Follows "Action suppression" of the CloudWatch user guide. Times are epoch seconds.
"""

from dataclasses import dataclass

from cwalarm.definitions.alarm import State
from cwalarm.definitions.composites import Composite


@dataclass(frozen=True, slots=True)
class Suppression:
    """What holds back a composite's actions at a moment.

    `is_pending` says that it changed and no actions have run since; `until` ends the wait or the extension that runs.
    """

    state: State
    is_pending: bool = False
    suppressor_alarm: bool = False
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The suppression after an event, and the states whose actions ran because of it, with their times."""

    suppression: Suppression
    actions: tuple[tuple[float, State], ...] = ()


def advance(composite: Composite, before: Suppression, now: float, state: State, suppressor: State) -> Step:
    """Move on to a moment at which the composite or its suppressor may have changed to the states given."""
    expired, is_alarm = Step(before), suppressor == State.ALARM
    if before.until is not None and now >= before.until:
        expired = _act(Suppression(before.state, before.is_pending, before.suppressor_alarm), before.until)
    current = expired.suppression
    if is_alarm != current.suppressor_alarm:
        # Going into ALARM ends either period; leaving it starts the extension.
        seconds = 0 if is_alarm else composite.extension_seconds
        current = Suppression(current.state, current.is_pending, is_alarm, _until(now, seconds))
    if state != current.state:
        # A change of the composite ends an extension and starts the wait anew.
        seconds = composite.wait_seconds
        until = _until(now, seconds)
        current = Suppression(state, is_pending=True, suppressor_alarm=current.suppressor_alarm, until=until)
    done = _act(current, now)
    return Step(done.suppression, expired.actions + done.actions)


def _until(now: float, seconds: int) -> float | None:
    return now + seconds if seconds else None


def _act(current: Suppression, now: float) -> Step:
    if current.suppressor_alarm or current.until is not None or not current.is_pending:
        return Step(current)
    acted = Suppression(current.state, suppressor_alarm=current.suppressor_alarm, until=current.until)
    return Step(acted, ((now, current.state),))
