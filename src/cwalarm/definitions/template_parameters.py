"""The parameters of a CloudFormation template and values from outside -> the value of each.

Follows "Parameters" and "Pseudo parameters" of the CloudFormation user guide.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

_MOST_SHOWN = 10


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


def require_allowed(template: Mapping[str, Any], overrides: Mapping[str, str]) -> None:
    """Raise InputError for values that the template does not allow, with which CloudFormation would make no stack."""
    declared = template.get("Parameters") or {}
    refused = {name: violation(declared.get(name, {}), value) for name, value in overrides.items()}
    reasons = [f"{name}={overrides[name]}, which must {demand}" for name, demand in refused.items() if demand]
    if reasons:
        raise InputError(
            f"CloudFormation refuses {', and '.join(reasons)}.", next_step="Give values that the template allows."
        )


def violation(declaration: Mapping[str, Any], value: str) -> str | None:
    """Return what a value of a parameter must do and does not, such as `be at most 10`."""
    given = typed(declaration, value)
    for text in given if isinstance(given, list) else [given]:
        for is_met, demand in () if _is_in_ssm(declaration) else _demands(declaration, text):
            if not is_met:
                why = declaration.get("ConstraintDescription")
                return f"{demand} ({why})" if why else demand
    return None


def _demands(declaration: Mapping[str, Any], text: str) -> Iterator[tuple[bool, str]]:
    """Yield whether a value, or one of a list, does what its parameter demands, and the demand."""
    allowed = declaration.get("AllowedValues")
    if isinstance(allowed, list) and allowed:
        values = [str(scalars.of_value(one)) for one in allowed]
        more = f" or {len(values) - _MOST_SHOWN} others" if len(values) > _MOST_SHOWN else ""
        yield text in values, f"be one of {', '.join(values[:_MOST_SHOWN])}{more}"
    if "AllowedPattern" in declaration:
        yield _matches(str(declaration["AllowedPattern"]), text), f"match {declaration['AllowedPattern']}"
    is_number = str(declaration.get("Type")) in ("Number", "List<Number>")
    size = _number(text) if is_number else float(len(text))
    yield size is not None, "be a number"
    limits = ("MinValue", "MaxValue") if is_number else ("MinLength", "MaxLength")
    least, most = (_number(declaration.get(limit)) for limit in limits)
    noun = "" if is_number else " characters long"
    yield least is None or size is None or size >= least, f"be at least {declaration.get(limits[0])}{noun}"
    yield most is None or size is None or size <= most, f"be at most {declaration.get(limits[1])}{noun}"


def _matches(pattern: str, text: str) -> bool:
    """Return whether a text matches as a whole; a pattern that only Java understands is not judged."""
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return True


def _number(value: object) -> float | None:
    """Return the finite number that a value says, if it says one."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


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
