"""What a check of a template returns, and how checks read templates."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: the rule, the resource's logical id, and a sentence."""

    rule: str
    resource: str
    sentence: str


def of_type(template: Template, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the logical id and the properties of each resource of a type."""
    for name, resource in template.get("Resources", {}).items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def target(value: Any) -> str:
    """Return the logical id that a reference leads to; empty if it is none."""
    if not isinstance(value, dict):
        return ""
    return str(value.get("Ref") or (value.get("Fn::GetAtt") or [""])[0])
