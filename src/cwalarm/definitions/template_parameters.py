"""The parameters of a CloudFormation template and values from outside -> the value of each.

Follows "Parameters" and "Pseudo parameters" of the CloudFormation user guide.
"""

from collections.abc import Mapping
from typing import Any

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
    return {name: _typed(declared.get(name, {}), value) for name, value in given.items()}


def defaults(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the default of each parameter that has one in the template itself."""
    return {
        name: declaration["Default"]
        for name, declaration in (template.get("Parameters") or {}).items()
        if "Default" in declaration and not _is_in_ssm(declaration)
    }


def _is_in_ssm(declaration: Mapping[str, Any]) -> bool:
    """Return whether a parameter's default is no value but the name of one in the account's Parameter Store."""
    return str(declaration.get("Type", "")).startswith("AWS::SSM::Parameter::Value<")


def lacking(declaration: Mapping[str, Any]) -> str:
    """Return what a parameter without a value has instead."""
    if _is_in_ssm(declaration):
        return f"its value in SSM under {declaration.get('Default')}, where only the account can look"
    return "neither a default nor a value"


def _typed(declaration: Mapping[str, Any], value: Any) -> Any:
    """Return a list for list parameters, which arrive as comma-separated text."""
    kind = str(declaration.get("Type", "String"))
    if isinstance(value, str) and (kind == "CommaDelimitedList" or kind.startswith("List<")):
        return [part.strip() for part in value.split(",")]
    return value
