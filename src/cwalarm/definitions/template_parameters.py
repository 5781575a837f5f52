"""The parameters of a CloudFormation template and values from outside -> the value of each.

Follows "Parameters" and "Pseudo parameters" of the CloudFormation user guide.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cwalarm.definitions import scalars
from cwalarm.errors import InputError

PSEUDO_PARAMETERS = {
    "AWS::AccountId": "123456789012",
    "AWS::Region": "us-east-1",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "stack",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/stack/1",
    "AWS::NotificationARNs": [],
}


class ParametersMissing(InputError):
    """Parameters that are needed have no value; `lacks` says by name what each has instead."""

    def __init__(self, subject: str, lacks: Mapping[str, str], spare: str = "") -> None:
        reasons = set(lacks.values())
        has = "have" if len(lacks) > 1 else "has"
        reason = f", which {has} {reasons.pop()}" if len(reasons) == 1 else ""
        super().__init__(
            f"{subject} needs parameter{'s' if len(lacks) > 1 else ''} {', '.join(lacks)}{reason}.",
            next_step=f"Add {options(lacks)} with {'their values' if len(lacks) > 1 else 'its value'}.{spare}",
        )
        self.subject, self.lacks, self.spare = subject, lacks, spare


def missing(subject: str, name: str, declaration: Mapping[str, Any], spare: str) -> ParametersMissing:
    """Return the error for one parameter without a value."""
    return ParametersMissing(subject, {name: _lacking(declaration)}, spare)


def joined(errors: Sequence[ParametersMissing], subject: str) -> ParametersMissing:
    """Return one error for all parameters that some errors name."""
    lacks = {name: lack for error in errors for name, lack in error.lacks.items()}
    spares = {error.spare for error in errors}
    return ParametersMissing(subject, lacks, spares.pop() if len(spares) == 1 else "")


def options(names: Iterable[str]) -> str:
    """Return the options that give parameters their values, ready to copy."""
    return " ".join(f"--set {name}=..." for name in names)


def values(template: Mapping[str, Any], overrides: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of each parameter that has one, pseudo parameters too; raise InputError for an unknown one."""
    declared = template.get("Parameters") or {}
    unknown = [name for name in overrides if name not in declared and name not in PSEUDO_PARAMETERS]
    if unknown:
        raise InputError(
            f"The template has no parameter {unknown[0]}.",
            next_step=f"Use one of: {', '.join(sorted(declared)) or 'none, the template has no parameters'}.",
        )
    given = {**PSEUDO_PARAMETERS, **defaults(template), **overrides}
    return {name: typed(declared.get(name, {}), value) for name, value in given.items()}


def defaults(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the default of each parameter that has one in the template itself, as text."""
    return {
        name: scalars.of_value(declaration["Default"])
        for name, declaration in (template.get("Parameters") or {}).items()
        if declaration.get("Default") is not None and not _is_in_ssm(declaration)
    }


def _is_in_ssm(declaration: Mapping[str, Any]) -> bool:
    """Return whether a parameter's default is no value but the name of one in the account's Parameter Store."""
    return str(declaration.get("Type", "")).startswith("AWS::SSM::Parameter::Value<")


def _lacking(declaration: Mapping[str, Any]) -> str:
    """Return what a parameter without a value has instead."""
    if _is_in_ssm(declaration):
        return f"its value in SSM under {declaration.get('Default')}, where only the account can look"
    if "Default" in declaration:
        return "null for its default, and 'null' values are not allowed in templates"
    return "neither a default nor a value"


def stand_in(declaration: Mapping[str, Any]) -> Any:
    """Return a value that a parameter may have, with which the rest of a template can be looked through."""
    allowed = declaration.get("AllowedValues")
    text = str(allowed[0]) if isinstance(allowed, list) and allowed else str(declaration.get("MinValue", "1"))
    return typed(declaration, text)


def typed(declaration: Mapping[str, Any], value: Any) -> Any:
    """Return a list for list parameters, which arrive as comma-separated text."""
    kind = str(declaration.get("Type", "String"))
    kind = kind.removeprefix("AWS::SSM::Parameter::Value<") if _is_in_ssm(declaration) else kind
    if isinstance(value, str) and kind.startswith(("CommaDelimitedList", "List<")):
        return [part.strip() for part in value.split(",")]
    return value
