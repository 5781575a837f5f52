"""What the command line says and what the stack has -> the parameters of a deployment."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import InputError
from deliverywatch.operate.account.deployment import environment_of

if TYPE_CHECKING:
    from deliverywatch.operate.account.deployment import Deployment

# Longer lists help nobody: those are searched for what was meant.
_MOST_LISTED = 25

# Parameters of what is left out of a template unless the build is told to put it in, and the name for it.
BUILT_WITH = {
    "EmailBudgetDollars": "budget",
    **dict.fromkeys(("LinkKeyParameter", "LinkHours", "PageConcurrency"), "incident-page"),
}


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a deployment: those given now, the names of those kept, and all values after and before it."""

    given: Mapping[str, str]
    kept: tuple[str, ...]
    values: Mapping[str, str]
    before: Mapping[str, str]

    def request(self) -> list[dict[str, Any]]:
        """Return the parameters as CloudFormation takes them."""
        given = [{"ParameterKey": name, "ParameterValue": value} for name, value in self.given.items()]
        return [*given, *({"ParameterKey": name, "UsePreviousValue": True} for name in self.kept)]

    def changed(self) -> dict[str, tuple[str, str]]:
        """Return by name the value before and after of each parameter that changes; nothing for a new stack."""
        common = (name for name in self.values if name in self.before)
        pairs = {name: (self.before[name], self.values[name]) for name in common}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def missing(template: Mapping[str, Any], given: Mapping[str, str], deployed: Deployment | None) -> list[str]:
    """Return the parameters that nobody has said yet and that have no default, in the order of the console."""
    groups = template.get("Metadata", {}).get("AWS::CloudFormation::Interface", {}).get("ParameterGroups", ())
    order = dict.fromkeys([*(name for group in groups for name in group["Parameters"]), *template["Parameters"]])
    required = [name for name in order if "Default" not in template["Parameters"][name]]
    return [name for name in required if name not in given and (deployed is None or name not in deployed.parameters)]


def resolve(
    template: Mapping[str, Any], given: Mapping[str, str], deployed: Deployment | None, stack: str
) -> Parameters:
    """Return the parameters of a deployment, or raise InputError for an unknown, forbidden or missing one.

    A new stack `deliverywatch-test` is the environment `test`, so that two never share their names.
    """
    declared = template["Parameters"]
    _check_known(declared, given)
    if lacking := missing(template, given, deployed):
        raise InputError(
            f"{', '.join(lacking)} must be given: {'it has' if len(lacking) == 1 else 'they have'} no default.",
            next_step="Add " + " ".join(f"--set {name}=..." for name in lacking) + ".",
        )
    before = dict(deployed.parameters) if deployed else {}
    if deployed is None and "Environment" not in given and (environment := environment_of(stack)):
        given = {**given, "Environment": environment}
    _check_allowed(declared, given)
    _check_pattern(declared, given)
    kept = tuple(name for name in declared if name in before and name not in given)
    defaults = {name: str(made["Default"]) for name, made in declared.items() if "Default" in made}
    values = {**defaults, **{name: before[name] for name in kept}, **given}
    return Parameters(given, kept, values, before)


def _check_known(declared: Mapping[str, Any], given: Mapping[str, str]) -> None:
    for name in given:
        if name not in declared:
            raise InputError(f"The template has no parameter {name}.", next_step=_instead(name, declared))


def _instead(name: str, declared: Mapping[str, Any]) -> str:
    if name in BUILT_WITH:
        return f"Build it with `python cfn/build.py --with {BUILT_WITH[name]}`, which some regions cannot have."
    near = difflib.get_close_matches(name, declared, n=1)
    return f"Did you mean {near[0]}?" if near else "Those that it has stand under Parameters in the template."


def _check_allowed(declared: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """CloudFormation would refuse it too, with all six hundred time zones in one sentence."""
    for name, value in given.items():
        allowed = [str(allowed_value) for allowed_value in declared[name].get("AllowedValues", (value,))]
        if value not in allowed:
            is_short = len(allowed) <= _MOST_LISTED
            near = ", ".join(allowed if is_short else difflib.get_close_matches(value, allowed, n=3, cutoff=0.5))
            offered = f"Choose one of {near}." if near else "Its description in the template says what it can be."
            raise InputError(f"{name} cannot be '{value}'.", next_step=offered)


def _check_pattern(declared: Mapping[str, Any], given: Mapping[str, str]) -> None:
    """CloudFormation would refuse it too, once the bucket for the code is made and somebody has agreed."""
    for name, value in given.items():
        pattern = declared[name].get("AllowedPattern")
        # Of a list, CloudFormation compares each item.
        if declared[name]["Type"] == "String" and pattern and not re.fullmatch(pattern, value):
            rule = declared[name].get("ConstraintDescription", f"must match {pattern}").rstrip(".")
            raise InputError(f"{name} cannot be '{value}': it {rule}.", next_step=f"Add --set {name}=...")
