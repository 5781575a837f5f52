"""A composite alarm, read from a template or from DescribeAlarms, and the state that its children's states give it.

Follows "Combining alarms" of the CloudWatch user guide.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwalarm.definitions import members
from cwalarm.definitions import rule as rules
from cwalarm.definitions.alarm import AnyAlarm, State, shared_members
from cwalarm.definitions.readings import Readings, read, require_all
from cwalarm.definitions.supported import COMPOSITE_ALARM
from cwalarm.definitions.template import Resolver
from cwalarm.errors import InputError


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
    readings = read_all(Resolver(template, parameters or {}), without)
    require_all(readings.refused)
    return readings.definitions


def read_all(resolver: Resolver, without: Sequence[str] = ()) -> Readings[Composite]:
    """Return what became of every composite alarm of a template."""
    return read(resolver, {"AWS::CloudWatch::CompositeAlarm": from_description}, without)


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
        **shared_members(name, description, COMPOSITE_ALARM),
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
