"""A template file -> the template, every scalar in it as text: JSON, or YAML with short forms such as `!Ref`.

What CloudFormation makes of a scalar is said in `scalars`; a null stays None, which it would refuse.
"""

import json
from pathlib import Path
from typing import Any

from cwalarm.definitions import scalars
from cwalarm.errors import InputError

_CORRECT = "Correct the template and load it again."


def read(path: Path) -> dict[str, Any]:
    """Read a CloudFormation template.

    Raises:
        InputError: The file is missing or holds no template.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        next_step = "Give the path of a template file, and build it first if it comes from a build."
        raise InputError(f"{path} cannot be read: {why}.", next_step=next_step) from error
    if path.name.endswith((".tf", ".tf.json")):
        raise _other_tool(
            path.name, "Terraform", "Terraform is not read; give the alarms as a CloudFormation template."
        )
    return parse(text, path.name)


def parse(text: str, name: str = "The template") -> dict[str, Any]:
    """Parse the text of a CloudFormation template; raises what `read` raises."""
    document = _json(text, name) if text.lstrip().startswith("{") else _yaml(text, name)
    if isinstance(document, dict) and "TemplateBody" in document:
        # What `aws cloudformation get-template` prints: the template as it is, or YAML as one text.
        document = document["TemplateBody"]
        if isinstance(document, str):
            return parse(document, name)
    if isinstance(document, dict) and not isinstance(document.get("Resources"), dict):
        _refuse_other_tools(document, name)
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise InputError(f"{name} is not a CloudFormation template: it has no Resources.", next_step=_CORRECT)
    return document


def _refuse_other_tools(document: dict[str, Any], name: str) -> None:
    if {"service", "provider"} <= document.keys():
        packaged = "Run `serverless package` and give .serverless/cloudformation-template-update-stack.json."
        raise _other_tool(name, "a configuration of the Serverless Framework", packaged)
    if "terraform_version" in document:
        raise _other_tool(name, "Terraform", "Terraform is not read; give the alarms as a CloudFormation template.")
    if {"app", "context"} <= document.keys() or {"version", "artifacts"} <= document.keys() or "tree" in document:
        raise _other_tool(name, "a file of the CDK", "Run `cdk synth` and give a template of cdk.out.")


def _other_tool(name: str, what: str, next_step: str) -> InputError:
    return InputError(f"{name} is not a CloudFormation template but {what}.", next_step=next_step)


def _json(text: str, name: str) -> Any:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number of JSON")

    try:
        return scalars.of_value(json.loads(text, parse_int=str, parse_constant=refuse))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not valid JSON: {error}.", next_step=_CORRECT) from error


def _yaml(text: str, name: str) -> Any:
    from cwalarm.definitions import yaml_events  # only YAML templates need PyYAML

    try:
        return yaml_events.value_of(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not valid YAML: {error}.", next_step=_CORRECT) from error
