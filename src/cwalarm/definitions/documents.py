"""A template file -> the template, every scalar in it as text: JSON, or YAML with short forms such as `!Ref`.

What CloudFormation makes of a scalar is said in `scalars`; a null stays None, which it would refuse.
"""

import json
from pathlib import Path
from typing import Any

from cwalarm.definitions import scalars
from cwalarm.errors import ConfigurationError, InputError

_CORRECT = "Correct the template and load it again."
_YAML = "tag:yaml.org,2002:"
_PLAIN = "plain"
# Explicit tags whose text is read as if it stood there without quotes.
_READ_AS_PLAIN = {_PLAIN, *(f"{_YAML}{kind}" for kind in ("bool", "int", "float", "null"))}


def read(path: Path) -> dict[str, Any]:
    """Read a CloudFormation template.

    Raises:
        InputError: The file is missing or holds no template.
        ConfigurationError: It is YAML, and PyYAML is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", next_step="Give the path of a template file.") from error
    if path.name.endswith((".tf", ".tf.json")):
        raise _other_tool(
            path.name, "Terraform", "Terraform is not read; give the alarms as a CloudFormation template."
        )
    return parse(text, path.name)


def parse(text: str, name: str = "The template") -> dict[str, Any]:
    """Parse the text of a CloudFormation template; raises what `read` raises."""
    document = _json(text, name) if text.lstrip().startswith("{") else _yaml(text, name)
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
    if "app" in document and "context" in document:
        raise _other_tool(name, "a configuration of the CDK", "Run `cdk synth` and give a template of cdk.out.")


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
    # Imported here: only YAML templates need it.
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError as error:
        raise ConfigurationError(
            f"{name} is YAML, and PyYAML is not installed.",
            next_step="Run `pip install pyyaml`, or give the template as JSON.",
        ) from error

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        """Leaves plain scalars to `scalars`; a class of its own, so that YAML elsewhere stays as it is."""

        def resolve(self, kind: type, value: str, implicit: tuple[bool, bool]) -> Any:
            if kind is yaml.ScalarNode and implicit[0]:
                return _PLAIN
            return super().resolve(kind, value, implicit)

    try:
        return _value(yaml.compose(text, Loader), {})
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{name} is not valid YAML: {error}.", next_step=_CORRECT) from error


def _value(node: Any, values: dict[int, Any]) -> Any:
    """Return the value of a node; `values` has those of nodes that were read, to which aliases refer."""
    if node is None:
        return None
    if id(node) not in values:
        values[id(node)] = _of_tag(node, _content(node, values))
    return values[id(node)]


def _content(node: Any, values: dict[int, Any]) -> Any:
    if node.id == "scalar":
        return scalars.of_plain(node.value) if node.tag in _READ_AS_PLAIN else node.value
    if node.id == "sequence":
        return [_value(item, values) for item in node.value]
    merged: dict[str, Any] = {}
    own: dict[str, Any] = {}
    for key, item in node.value:
        if key.tag == _PLAIN and key.value == "<<":
            merged = {**merged, **_merged(_value(item, values))}
        else:
            own[_key(key, values)] = _value(item, values)
    return {**merged, **own}


def _merged(value: Any) -> dict[str, Any]:
    mappings = value if isinstance(value, list) else [value]
    return {key: item for mapping in reversed(mappings) for key, item in mapping.items()}


def _key(node: Any, values: dict[int, Any]) -> str:
    key: str | None = _value(node, values)
    if key is None or node.id != "scalar":
        raise ValueError(f"a key of a mapping is not text, in line {node.start_mark.line + 1}")
    return key


def _of_tag(node: Any, value: Any) -> Any:
    """Return a value, or the function that a short form such as `!GetAtt Queue.Arn` stands for."""
    if not node.tag.startswith("!") or len(node.tag) == 1:
        return value
    name = node.tag[1:]
    key = name if name in ("Ref", "Condition") else f"Fn::{name}"
    return {key: value.split(".", 1) if name == "GetAtt" and isinstance(value, str) else value}
