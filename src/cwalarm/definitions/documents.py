"""A template file -> the parsed template: JSON, or YAML with CloudFormation's short forms, such as `!Ref`."""

import json
from pathlib import Path
from typing import Any

from cwalarm.errors import ConfigurationError, InputError

_CORRECT = "Correct the template and load it again."


def read(path: Path) -> dict[str, Any]:
    """Read a CloudFormation template.

    Raises:
        InputError: The file is missing or holds no template.
        ConfigurationError: It is YAML, and PyYAML is not installed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}.", next_step="Give the path of a template file.") from error
    return parse(text, path.name)


def parse(text: str, name: str = "The template") -> dict[str, Any]:
    """Parse the text of a CloudFormation template; raises what `read` raises."""
    document = _json(text, name) if text.lstrip().startswith("{") else _yaml(text, name)
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise InputError(f"{name} is not a CloudFormation template: it has no Resources.", next_step=_CORRECT)
    return document


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
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

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Knows CloudFormation's tags; a class of its own, so that YAML elsewhere stays plain."""

    def tagged(loader: Any, suffix: str, node: Any) -> dict[str, Any]:
        key = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
        value = _plain(loader, node)
        return {key: value.split(".", 1) if suffix == "GetAtt" and isinstance(value, str) else value}

    Loader.add_multi_constructor("!", tagged)
    # Dates stay text, as `2010-09-09` in AWSTemplateFormatVersion must.
    Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda loader, node: loader.construct_scalar(node))
    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader with more tags
    except (yaml.YAMLError, ValueError, TypeError, LookupError, RecursionError) as error:
        # PyYAML lets errors of Python itself through, such as that of an empty !!int.
        raise InputError(f"{name} is not valid YAML: {error}.", next_step=_CORRECT) from error


def _plain(loader: Any, node: Any) -> Any:
    kind = node.id
    if kind == "sequence":
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True) if kind == "mapping" else loader.construct_scalar(node)
