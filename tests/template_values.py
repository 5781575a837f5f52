"""The resources of a built template as CloudFormation makes them: references resolved, policies in texts read."""

import json
from collections.abc import Mapping
from typing import Any

from cwalarm.definitions.template import resources


def resolved(template: Mapping[str, Any], kind: str, given: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return the properties of every resource of a kind, by logical id."""
    return {name: _read(properties) for name, properties in resources(template, kind, dict(given))}


def _read(value: Any) -> Any:
    if isinstance(value, str) and value.startswith('{"Version":"2012-10-17"'):
        return json.loads(value)
    if isinstance(value, list):
        return [_read(one) for one in value]
    return {key: _read(one) for key, one in value.items()} if isinstance(value, dict) else value
