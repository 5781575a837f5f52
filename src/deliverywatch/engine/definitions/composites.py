"""A composite alarm over time: its children's states -> its own state, and when its actions run.

Follows "Combining alarms" and "Action suppression" of the CloudWatch user guide. Times are epoch seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from deliverywatch.engine.definitions import members
from deliverywatch.engine.definitions import rule as rules
from deliverywatch.engine.definitions import template as cloudformation
from deliverywatch.engine.definitions.alarm import AnyAlarm, State, shared_members
from deliverywatch.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Composite(AnyAlarm):
    """The definition of a composite alarm.

    After a change its actions wait `wait_seconds` for the suppressor to go into ALARM; after the suppressor has left
    ALARM they stay held back for `extension_seconds`.
    """

    rule: rules.Rule
    rule_text: str
    suppressor: str | None = None
    wait_seconds: int = 0
    extension_seconds: int = 0


def from_template(
    template: Mapping[str, Any], parameters: Mapping[str, str] | None = None, without: Sequence[str] = ()
) -> list[Composite]:
    """Read every composite alarm out of a CloudFormation template but those whose name or logical id fits `without`.

    Raises:
        InputError: One cannot be resolved or read, or two have one name.
    """
    kind = "AWS::CloudWatch::CompositeAlarm"
    composites = cloudformation.read_all(template, kind, parameters, without, from_description)
    cloudformation.require_unique([composite.name for composite in composites])
    return composites


def from_description(description: Mapping[str, Any]) -> Composite:
    """Read one composite alarm in the form of DescribeAlarms; raise InputError if its rule or a member is wrong."""
    name = str(description.get("AlarmName", "(unnamed)"))
    with members.reading("Composite alarm", name):
        return _read(name, description)


def _read(name: str, description: Mapping[str, Any]) -> Composite:
    text = members.optional_text(description, "AlarmRule") or ""
    suppressor = members.optional_text(description, "ActionsSuppressor")
    wait, extension = (
        members.optional_whole(description, f"ActionsSuppressor{kind}Period") or 0 for kind in ("Wait", "Extension")
    )
    if min(wait, extension) < 0 or (not suppressor and max(wait, extension)):
        raise ValueError("it has a period of a suppressor that is negative, or without an ActionsSuppressor")
    return Composite(
        **shared_members(name, description),
        rule=rules.parse(text),
        rule_text=text,
        suppressor=suppressor.rpartition(":alarm:")[2] if suppressor else None,
        wait_seconds=wait,
        extension_seconds=extension,
    )


def state_of(composite: Composite, child_state: Callable[[str], State]) -> State:
    """Return the state that a composite has while its children have theirs."""
    return State.ALARM if rules.holds(composite.rule, child_state) else State.OK


def order(composites: Mapping[str, Composite]) -> list[str]:
    """Return the names of composites, each after those in its rule, or raise InputError for a circle."""
    ordered: list[str] = []
    visiting: set[str] = set()

    def visit(name: str) -> None:
        if name in visiting:
            raise InputError(
                f"Composite alarm {name} depends on itself.",
                next_step="Break the circle, for instance by setting one of the rules to FALSE.",
            )
        if name in ordered or name not in composites:
            return
        visiting.add(name)
        for child in rules.children(composites[name].rule):
            visit(child)
        visiting.discard(name)
        ordered.append(name)

    for name in composites:
        visit(name)
    return ordered


@dataclass(frozen=True, slots=True)
class Suppression:
    """What holds back a composite's actions at a moment.

    Attributes:
        state: The composite's state.
        is_pending: Whether it changed and no actions have run since.
        suppressor_alarm: Whether the suppressor is in ALARM.
        wait_until: End of the wait period, if one runs.
        extension_until: End of the extension period, if one runs.
    """

    state: State
    is_pending: bool = False
    suppressor_alarm: bool = False
    wait_until: float | None = None
    extension_until: float | None = None

    @property
    def is_suppressed(self) -> bool:
        """Whether actions are held back."""
        return self.suppressor_alarm or self.wait_until is not None or self.extension_until is not None


@dataclass(frozen=True, slots=True)
class Step:
    """The suppression after an event, and the states whose actions ran because of it, with their times."""

    suppression: Suppression
    actions: tuple[tuple[float, State], ...] = ()


def advance(composite: Composite, before: Suppression, now: float, state: State, suppressor: State) -> Step:
    """Move on to a moment at which the composite or its suppressor may have changed to the states given."""
    expired = _expire(before, now)
    current, actions = expired.suppression, expired.actions
    if (suppressor == State.ALARM) != current.suppressor_alarm:
        current = _suppressor_changed(composite, current, now, is_alarm=suppressor == State.ALARM)
    if state != current.state:
        current = _changed(composite, current, now, state)
    done = _act(current, now)
    return Step(done.suppression, actions + done.actions)


def _expire(current: Suppression, now: float) -> Step:
    """Let the period that has run out end, and run the actions for the state at that time."""
    until = current.wait_until if current.wait_until is not None else current.extension_until
    if until is None or now < until:
        return Step(current)
    return _act(replace(current, wait_until=None, extension_until=None), until)


def _suppressor_changed(composite: Composite, current: Suppression, now: float, *, is_alarm: bool) -> Suppression:
    """Going into ALARM ends both periods; leaving it starts the extension."""
    until = None if is_alarm or not composite.extension_seconds else now + composite.extension_seconds
    return replace(current, suppressor_alarm=is_alarm, wait_until=None, extension_until=until)


def _changed(composite: Composite, current: Suppression, now: float, state: State) -> Suppression:
    """A change of the composite ends an extension and starts the wait anew."""
    waits = bool(composite.suppressor) and composite.wait_seconds > 0
    until = now + composite.wait_seconds if waits else None
    return replace(current, state=state, is_pending=True, wait_until=until, extension_until=None)


def _act(current: Suppression, now: float) -> Step:
    if current.is_suppressed or not current.is_pending:
        return Step(current)
    return Step(replace(current, is_pending=False), ((now, current.state),))
