"""The questions the template asks: parameters with their limits, and rules between them, each with a sentence.

CloudFormation's rules cannot compare numbers. So every threshold is chosen from a short list, and a rule lists which
choices go together (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from troposphere import Parameter, Ref

# What SES, SNS and mail programs can agree on without quotes or non-ASCII letters; SES has the last word.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})+"


@dataclass(frozen=True, slots=True)
class Choice:
    """One parameter with the label under which the console shows it."""

    label: str
    parameter: Any


def one_of(name: str, label: str, values: Sequence[Any], default: Any, description: str, sentence: str) -> Choice:
    """Return a parameter that is chosen from a list.

    Args:
        name: The parameter.
        label: What the console calls it.
        values: All that may be chosen, in the order in which they are shown.
        default: One of them.
        description: What it does.
        sentence: What is wrong when something else is given.
    """
    words = [str(value) for value in values]
    if str(default) not in words:
        raise ValueError(f"The default of {name} is {default}, which is not among its choices.")
    fields = {"AllowedValues": words, "Default": str(default)}
    return Choice(label, _text(name, description, sentence, **fields))


def whole_number(
    name: str, label: str, limits: tuple[int, int], default: int, description: str, sentence: str
) -> Choice:
    """Return a parameter that is a whole number within limits, both included."""
    lowest, highest = limits
    parameter = Parameter(
        name,
        Type="Number",
        MinValue=lowest,
        MaxValue=highest,
        Default=str(default),
        Description=description,
        ConstraintDescription=sentence,
    )
    return Choice(label, parameter)


def text(name: str, label: str, pattern: str, description: str, sentence: str, default: str | None = None) -> Choice:
    """Return a parameter that is text of a pattern; without a default it must be given."""
    fields = {} if default is None else {"Default": default}
    return Choice(label, _text(name, description, sentence, AllowedPattern=pattern, **fields))


def address(name: str, label: str, description: str) -> Choice:
    """Return a parameter that is one e-mail address and must be given."""
    return text(name, label, f"^{_ADDRESS}$", description, "must be one e-mail address, such as alerts@example.com.")


def addresses(name: str, label: str, description: str) -> Choice:
    """Return a parameter that is one or more e-mail addresses and must be given."""
    # SES takes 50 recipients per mail.
    sentence = "must be 1 to 50 e-mail addresses, separated by commas without spaces."
    return text(name, label, f"^{_ADDRESS}(,{_ADDRESS}){{0,49}}$", description, sentence)


def further_addresses(name: str, label: str, description: str) -> Choice:
    """Return a parameter that is up to ten e-mail addresses, or none."""
    sentence = "must be empty, or 1 to 10 e-mail addresses, separated by commas without spaces."
    pattern = f"^(|{_ADDRESS}(,{_ADDRESS}){{0,9}})$"
    return text(name, label, pattern, description, sentence, default="")


def _text(name: str, description: str, sentence: str, **fields: Any) -> Any:
    return Parameter(name, Type="String", Description=description, ConstraintDescription=sentence, **fields)


def below(lower: Choice, upper: Choice, sentence: str) -> dict[str, Any]:
    """Return a rule that refuses a lower choice that is not below the upper one.

    Args:
        lower: A parameter with a list of numbers.
        upper: Another.
        sentence: What to do when it is refused.
    """
    smaller = lower.parameter.AllowedValues
    return {
        "Assertions": [
            {
                "Assert": _unless(
                    _equals(upper, value), _within(lower, [each for each in smaller if float(each) < float(value)])
                ),
                "AssertDescription": sentence,
            }
            for value in upper.parameter.AllowedValues
            if float(value) <= max(map(float, smaller))
        ]
    }


def _unless(other: dict[str, Any], holds: dict[str, Any]) -> dict[str, Any]:
    return {"Fn::Or": [{"Fn::Not": [other]}, holds]}


def _equals(choice: Choice, value: str) -> dict[str, Any]:
    return {"Fn::Equals": [Ref(choice.parameter), value]}


def _within(choice: Choice, values: Sequence[str]) -> dict[str, Any]:
    return {"Fn::Contains": [list(values), Ref(choice.parameter)]}
