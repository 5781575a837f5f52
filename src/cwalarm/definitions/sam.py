"""A template of the Serverless Application Model and a name in it -> the resource of that name which SAM generates.

Follows "Generated CloudFormation resources" and "Reference generated resources" of the AWS SAM developer guide: a
property such as `Fn.Alias` or a logical id such as `FnRole`, as far as alarms refer to them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_OWN = "AWS::Serverless::"
_IMPLICIT = ("ServerlessRestApi", "ServerlessHttpApi", "ServerlessDeploymentApplication", "CodeDeployServiceRole")
# The properties of resources by which templates refer to what SAM generates for them.
_FUNCTION_PARTS = ("Alias", "Version")
_API_PARTS = ("ApiKey", "Deployment", "Stage", "UsagePlan", "UsagePlanKey")


def transforms(template: Mapping[str, Any]) -> Iterator[str]:
    """Yield the name of each transform that a template goes through."""
    declared = template.get("Transform") or []
    for transform in declared if isinstance(declared, list) else [declared]:
        yield str(transform.get("Name")) if isinstance(transform, dict) else str(transform)


def generated(template: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    """Return the resource that SAM generates under a name; None if it generates none."""
    own = {key: made for key, made in (template.get("Resources") or {}).items() if _is_own(made)}
    owner, _, part = name.partition(".")
    if part:
        return _part(template, owner, own[owner], part) if owner in own else None
    if own and name.startswith(_IMPLICIT):
        return {"Type": f"{_OWN}Generated"}
    for logical_id, resource in own.items():
        rest = name.removeprefix(logical_id)
        if rest not in ("", name):
            alias = _part(template, logical_id, resource, "Alias") if rest.startswith("Alias") else None
            return alias or {"Type": "AWS::IAM::Role" if rest == "Role" else f"{_OWN}Generated"}
    return None


def _is_own(resource: Mapping[str, Any]) -> bool:
    return str(resource.get("Type")).startswith(_OWN)


def _part(template: Mapping[str, Any], owner: str, resource: Mapping[str, Any], part: str) -> dict[str, Any] | None:
    """Return the resource that a property such as `Fn.Alias` or `Api.Stage` refers to."""
    kind, own = str(resource["Type"]).removeprefix(_OWN), resource.get("Properties") or {}
    if kind == "Function" and part in _FUNCTION_PARTS:
        shared = (template.get("Globals") or {}).get("Function") or {}
        alias = own.get("AutoPublishAlias", shared.get("AutoPublishAlias", part))
        named = {"Name": alias} if part == "Alias" else {}
        return {"Type": f"AWS::Lambda::{part}", "Properties": {"FunctionName": {"Ref": owner}, **named}}
    if kind in ("Api", "HttpApi") and part in _API_PARTS:
        named = {"StageName": own.get("StageName", "$default")} if part == "Stage" else {}
        return {"Type": f"AWS::ApiGateway::{part}", "Properties": named}
    return None
