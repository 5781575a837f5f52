"""A template of the Serverless Application Model and a name in it -> the resource of that name which SAM generates.

Follows "Generated CloudFormation resources" and "Reference generated resources" of the AWS SAM developer guide: a
property such as `Fn.Alias` or a logical id such as `FnRole`, as far as alarms refer to them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_TRANSFORM = "AWS::Serverless-"
_IMPLICIT = ("ServerlessRestApi", "ServerlessHttpApi", "ServerlessDeploymentApplication", "CodeDeployServiceRole")


def transforms(template: Mapping[str, Any]) -> Iterator[str]:
    """Yield the name of each transform that a template goes through."""
    declared = template.get("Transform") or []
    for transform in declared if isinstance(declared, list) else [declared]:
        yield str(transform.get("Name")) if isinstance(transform, dict) else str(transform)


def generated(template: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the resource that SAM generates under a name; None if it generates none."""
    if not any(transform.startswith(_TRANSFORM) for transform in transforms(template)):
        return None
    resources = template.get("Resources") or {}
    owner, _, part = name.partition(".")
    if part:
        is_known = part in ("Alias", "Version") and owner in resources
        return _of_function(template, owner, part) if is_known else None
    if name.startswith(_IMPLICIT):
        return {"Type": "AWS::Serverless::Generated"}
    for logical_id, resource in resources.items():
        is_own = str(resource.get("Type")).startswith("AWS::Serverless::") and name.startswith(logical_id)
        if is_own and name != logical_id:
            alias = _of_function(template, logical_id, "Alias")
            is_alias = name.startswith(f"{logical_id}Alias")
            return alias if is_alias else {"Type": "AWS::Serverless::Generated"}
    return None


def _of_function(template: Mapping[str, Any], function: str, part: str) -> dict[str, Any]:
    properties: dict[str, Any] = {"FunctionName": {"Ref": function}}
    if part == "Alias":
        own = template["Resources"][function].get("Properties") or {}
        shared = (template.get("Globals") or {}).get("Function") or {}
        properties["Name"] = own.get("AutoPublishAlias", shared.get("AutoPublishAlias", part))
    return {"Type": f"AWS::Lambda::{part}", "Properties": properties}
