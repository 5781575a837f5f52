"""A decoded file -> the state machines in it: a definition itself, or those of a CloudFormation, SAM or CDK template.

What only a deployment knows stands in a definition as `${Name}`: an account, the ARN of a function.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.values import decoded, text

_TYPES = ("AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine")
_KNOWN = {"AWS::Partition": "aws"}
_VARIABLE = re.compile(r"\$\{!?([^{}]{1,200})\}")
# Where a number is left to a deployment, a text does not parse until the place holds one.
_BARE = re.compile(r"([:\[,]\s{0,20})\$\{([^{}]{1,200})\}")


class Machine(NamedTuple):
    """One state machine; `name` is its logical name in a template and empty for a bare definition.

    `file` is the file that has its definition, relative to the template's, if the template has not.
    """

    name: str
    definition: Mapping[str, Any]
    file: str = ""
    substitutions: Mapping[str, str] = {}


def machines_of(document: object) -> list[Machine]:
    """Return the state machines of a decoded document, in its order; none if it is something else."""
    body = mapping(document)
    if isinstance(body.get("States"), dict):
        return [Machine("", body)]
    return [
        _machine(name, mapping(mapping(resource).get("Properties")))
        for name, resource in mapping(body.get("Resources")).items()
        if mapping(resource).get("Type") in _TYPES
    ]


def substituted(definition: object, substitutions: Mapping[str, str]) -> Any:
    """Return a definition with `${Name}` filled in as far as a template says it."""
    if isinstance(definition, str):
        return _VARIABLE.sub(lambda match: substitutions.get(match[1].strip(), match[0]), definition)
    if isinstance(definition, dict):
        return {name: substituted(value, substitutions) for name, value in definition.items()}
    return [substituted(value, substitutions) for value in definition] if isinstance(definition, list) else definition


def _machine(name: str, properties: Mapping[str, Any]) -> Machine:
    given = mapping(properties.get("DefinitionSubstitutions"))
    substitutions = {key: _joined(value) for key, value in given.items()} | _KNOWN
    inline = properties.get("Definition") or _parsed(_joined(properties.get("DefinitionString")))
    file = text(properties.get("DefinitionUri"))
    return Machine(name, mapping(substituted(_resolved(inline), substitutions)), file, substitutions)


def _parsed(words: str) -> Any:
    definition = decoded(words)
    return definition if isinstance(definition, dict) else decoded(_BARE.sub(r'\1"${\2}"', words))


def _resolved(value: object) -> Any:
    """Return a definition whose functions of CloudFormation are texts."""
    if isinstance(value, dict):
        is_function = len(value) == 1 and next(iter(value)).startswith(("Fn::", "Ref"))
        return _joined(value) if is_function else {name: _resolved(inner) for name, inner in value.items()}
    return [_resolved(inner) for inner in value] if isinstance(value, list) else value


def _joined(value: object) -> str:
    """Return the text that a value of CloudFormation comes to, with `${Name}` for what is not known yet."""
    if not isinstance(value, dict) or len(value) != 1:
        return value if isinstance(value, str) else "" if value is None else json.dumps(value)
    ((function, argument),) = value.items()
    if function == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
        return _joined(argument[0]).join(map(_joined, argument[1]))
    if function == "Fn::Sub":
        body, values = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        return str(substituted(text(body), {key: _joined(one) for key, one in mapping(values).items()} | _KNOWN))
    if function == "Ref":
        return _KNOWN.get(text(argument), f"${{{text(argument)}}}")
    named = ".".join(map(text, argument)) if isinstance(argument, list) else text(argument)
    return f"${{{named}}}"
