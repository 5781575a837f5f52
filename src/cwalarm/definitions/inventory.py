"""A template and values of its parameters -> every alarm in it: defined, absent by a condition, or refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cwalarm.definitions import alarm as alarms
from cwalarm.definitions import composites, template_parameters
from cwalarm.definitions.absence import Absent
from cwalarm.definitions.alarm import Alarm
from cwalarm.definitions.composites import Composite
from cwalarm.definitions.readings import Refused, missing_parameters, require_all
from cwalarm.definitions.template import Resolver
from cwalarm.errors import InputError

_NESTED = ("AWS::CloudFormation::Stack", "AWS::Serverless::Application")
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Inventory:
    """Every alarm of a template; `nested` has the logical ids of stacks whose templates may hold more."""

    alarms: tuple[Alarm, ...]
    composites: tuple[Composite, ...]
    absent: tuple[Absent, ...]
    refused: tuple[Refused, ...]
    nested: tuple[str, ...] = ()

    @property
    def defined(self) -> Sequence[Alarm | Composite]:
        """The alarms and composites of the stack."""
        return [*self.alarms, *self.composites]

    def one(self, name: str, template: str) -> Alarm | Composite:
        """Return the alarm of a name, or of the end of one; raise InputError that says why there is none."""
        full = self.require(name, f" of {template}")
        return next(definition for definition in self.defined if definition.name == full)

    def require(self, name: str, which: str = "") -> str:
        """Return the full name of an alarm that is defined, or raise InputError that says why it is not."""
        defined = [definition.name for definition in self.defined]
        others: list[Refused | Absent] = [*self.refused, *self.absent]
        errors = {item.name: item.error for item in others if item.name not in defined}
        lacking = template_parameters.options(missing_parameters(self.refused))
        hint = f" The names of others may need {lacking} first." if lacking else ""
        full = named(name, [*defined, *errors], which, hint)
        if full in errors:
            raise errors[full]
        return full

    def require_some(self, template: str) -> None:
        """Raise InputError if no alarm is defined: because there is none, or with the reason of the first."""
        if self.defined:
            return
        require_all(self.refused)
        if self.absent:
            first = self.absent[0]
            more = f" (and {len(self.absent) - 1} more)" if len(self.absent) > 1 else ""
            raise InputError(
                f"{template} has no alarm with these parameters: {first.name}{more} is not in the stack, because "
                f"{first.reason}.",
                next_step=first.next_step,
            )
        nested = (
            f"Give the template of a nested stack or module: {', '.join(self.nested[:_MOST_NAMED])}."
            if self.nested
            else ""
        )
        raise InputError(f"{template} has no alarm.", next_step=nested or "Give a template that has CloudWatch alarms.")


def read(
    template: Mapping[str, Any], parameters: Mapping[str, str], without: Sequence[str] = (), *, is_what_if: bool = False
) -> Inventory:
    """Return every alarm of a template but those whose name or logical id fits `without`.

    With `is_what_if` parameters may have values that the template does not allow.

    Raises InputError for a template that is malformed or goes through a macro, and for a parameter that it lacks or a
    value that it does not allow.
    """
    resolver = Resolver(template, parameters)
    if not is_what_if:
        template_parameters.require_allowed(template, parameters)
    metric, combined = alarms.read_all(resolver, without), composites.read_all(resolver, without)
    return Inventory(
        tuple(metric.definitions),
        tuple(combined.definitions),
        (*metric.absent, *combined.absent),
        tuple({item.logical_id: item for item in (*metric.refused, *combined.refused)}.values()),
        tuple(name for name, made in resolver.section("Resources").items() if _is_nested(str(made.get("Type")))),
    )


def _is_nested(kind: str) -> bool:
    return kind in _NESTED or kind.endswith("::MODULE")


def named(name: str, names: Iterable[str], which: str = "", hint: str = "") -> str:
    """Return the one full name that is meant by a name or the end of one, or raise InputError with the hint."""
    candidates = sorted(names)
    meant = [full for full in candidates if full == name] or [full for full in candidates if full.endswith(f"-{name}")]
    if len(meant) == 1:
        return meant[0]
    problem = f"may mean {', '.join(meant)}" if meant else f"is not an alarm{which}"
    choice = f"Choose one of: {', '.join(candidates)}." if candidates else "There are no alarms to choose from."
    raise InputError(f"{name} {problem}.", next_step=choice + hint)
