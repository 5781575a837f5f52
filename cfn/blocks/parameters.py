"""The questions the template asks: parameters with their limits, and rules between them, each with a sentence.

CloudFormation's rules cannot compare numbers. So every threshold is chosen from a short list, and a rule lists which
values go together (docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import troposphere
from troposphere import Equals, Not, Or, Ref

# What SES, SNS and mail programs can agree on without quotes or non-ASCII letters; SES has the last word.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = rf"{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})+"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter with the label under which the console shows it."""

    label: str
    definition: Any

    @property
    def name(self) -> str:
        """Its name in the template."""
        return str(self.definition.title)


def one_of(
    name: str, label: str, values: Sequence[Any], default: Any, description: str, sentence: str = ""
) -> Parameter:
    """Return a parameter whose value is one of a list; `sentence` says what is wrong with any other value."""
    *others, last = words = [str(value) for value in values]
    if str(default) not in words:
        raise ValueError(f"The default of {name} is {default}, which is not among its values.")
    fields = {"AllowedValues": words, "Default": str(default)}
    return _string(name, label, description, sentence or f"must be {', '.join(others)} or {last}.", **fields)


def switch(name: str, label: str, description: str, *, default: bool) -> Parameter:
    """Return a parameter that is true or false; the console shows the default first."""
    values = ("true", "false") if default else ("false", "true")
    return one_of(name, label, values, values[0], description, "must be true or false.")


def whole_number(
    name: str, label: str, limits: tuple[int, int], default: int, description: str, sentence: str = ""
) -> Parameter:
    """Return a parameter that is a whole number within limits, both included."""
    return _number(name, label, limits, default, description, sentence or "must be a whole number from {} to {}.")


def decimal_number(name: str, label: str, limits: tuple[int, int], default: float, description: str) -> Parameter:
    """Return a parameter that is a number within limits, both included, with any decimals."""
    return _number(name, label, limits, default, description, "must be a number from {} to {}.")


def _number(
    name: str, label: str, limits: tuple[int, int], default: float, description: str, sentence: str
) -> Parameter:
    lowest, highest = limits
    if not lowest <= default <= highest:
        raise ValueError(f"The default of {name} is {default}, which is not from {lowest} to {highest}.")
    definition = troposphere.Parameter(
        name,
        Type="Number",
        MinValue=lowest,
        MaxValue=highest,
        # Without an exponent, and as many decimals as were written.
        Default=_plain(default),
        Description=description,
        ConstraintDescription=sentence.format(lowest, highest),
    )
    return Parameter(label, definition)


def _plain(number: float) -> str:
    digits = f"{Decimal(repr(number)):f}"
    return digits.removesuffix(".0")


def whole_numbers(
    *rows: tuple[str, str, tuple[int, int], int, str] | tuple[str, str, tuple[int, int], int, str, str],
) -> list[Parameter]:
    """Return a `whole_number` for each row of a table."""
    return [whole_number(*row) for row in rows]


def percentages(*rows: tuple[str, str, tuple[float, ...], float, str]) -> list[Parameter]:
    """Return a `one_of` for each row of a table."""
    return [one_of(*row) for row in rows]


def text(name: str, label: str, pattern: str, description: str, sentence: str, default: str | None = "") -> Parameter:
    """Return a parameter that is text of a pattern; with None for a default it must be given."""
    fields = {} if default is None else {"Default": default}
    return _string(name, label, description, sentence, AllowedPattern=pattern, **fields)


def address(name: str, label: str, description: str) -> Parameter:
    """Return a parameter that is one e-mail address and must be given."""
    sentence = "must be one e-mail address, such as alerts@example.com."
    return text(name, label, f"^{_ADDRESS}$", description, sentence, default=None)


def addresses(name: str, label: str, description: str) -> Parameter:
    """Return a parameter that is one or more e-mail addresses and must be given."""
    # SES takes 50 recipients per mail.
    sentence = "must be 1 to 50 e-mail addresses, separated by commas without spaces."
    return text(name, label, f"^{_ADDRESS}(,{_ADDRESS}){{0,49}}$", description, sentence, default=None)


def further_addresses(name: str, label: str, description: str) -> Parameter:
    """Return a parameter that is up to ten e-mail addresses, or none."""
    sentence = "must be empty, or 1 to 10 e-mail addresses, separated by commas without spaces."
    pattern = f"^(|{_ADDRESS}(,{_ADDRESS}){{0,9}})$"
    return text(name, label, pattern, description, sentence)


def _string(name: str, label: str, description: str, sentence: str, **fields: Any) -> Parameter:
    definition = troposphere.Parameter(
        name, Type="String", Description=description, ConstraintDescription=sentence, **fields
    )
    return Parameter(label, definition)


def merged(*rules: dict[str, Any]) -> dict[str, Any]:
    """Return the rules of several, with all that is to be asserted of one value of one parameter in one rule."""
    made: dict[str, Any] = {}
    for name, rule in (item for given_rules in rules for item in given_rules.items()):
        before = made.get(name, {}).get("Assertions", [])
        made[name] = {**rule, "Assertions": [*before, *rule["Assertions"]]}
    return made


def below(lower: Parameter, upper: Parameter, consequence: str = "") -> dict[str, Any]:
    """Return rules that refuse a lower value that is not below the upper one; both are chosen from lists of numbers.

    There is one for each upper value that a lower one reaches. `consequence` ends their sentence: what would happen
    otherwise.
    """
    values = lower.definition.AllowedValues
    sentence = f"{lower.name} must be less than {upper.name}{consequence}."
    return {
        f"{upper.name}Of{limit.replace('.', 'p')}": {
            "RuleCondition": Equals(Ref(upper.name), limit),
            "Assertions": [{"Assert": _under(lower, limit), "AssertDescription": sentence}],
        }
        for limit in upper.definition.AllowedValues
        if float(limit) <= max(map(float, values))
    }


def _under(parameter: Parameter, limit: str) -> dict[str, Any]:
    below, others = (
        [one for one in parameter.definition.AllowedValues if (float(one) < float(limit)) is is_below]
        for is_below in (True, False)
    )
    # CloudFormation refuses an empty list; no value of such a parameter is empty.
    if not below:
        return {"Fn::Equals": [Ref(parameter.name), ""]}
    # Whatever is shorter: a template may have a megabyte.
    return Not(_among(others, parameter)) if len(others) + 3 < len(below) else _among(below, parameter)


def _among(values: Sequence[str], parameter: Parameter) -> dict[str, Any]:
    return {"Fn::Contains": [values, Ref(parameter.name)]}


def bucket_name(name: str, label: str) -> Parameter:
    """Return a parameter that names the bucket that is made, or is empty."""
    return text(
        name,
        label,
        r"^(|(?!xn--|sthree-|.*(-s3alias|--ol-s3|--x-s3)$)[a-z0-9][a-z0-9-]{1,61}[a-z0-9])$",
        "The name of the bucket that is made, in new stacks; empty for one that CloudFormation makes up.",
        "must be empty, or 3 to 63 lower-case letters, digits and hyphens that nobody else has.",
    )


def distinct(parameters: Iterable[str], sentence: str) -> dict[str, Any]:
    """Return a rule that two parameters are not the same; both may be empty."""
    first, second = parameters
    differ = Or(Equals(Ref(first), ""), Not(Equals(Ref(first), Ref(second))))
    return {"Assertions": [{"Assert": differ, "AssertDescription": sentence}]}


def given(name: str) -> Any:
    """Return the condition that a parameter is not empty."""
    return Not(Equals(Ref(name), ""))
