"""A template -> what a service of AWS may do for anybody who asks it: the confused deputy.

docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
"""

import json
from collections.abc import Iterator
from typing import Any

from blocks.parts import SAYS_FOR_WHOM
from checks.finding import Finding, Template, of_type

_POLICIES = {
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::S3::BucketPolicy": "PolicyDocument",
}
_KEYS = ("aws:sourceaccount", "aws:sourcearn")


def findings(template: Template) -> list[Finding]:
    """Return the roles, policies and permissions that let a service in without saying for whose resource."""
    return [*_roles(template), *_policies(template), *_permissions(template)]


def _roles(template: Template) -> Iterator[Finding]:
    for name, role in of_type(template, "AWS::IAM::Role"):
        for statement in _for_services(role["AssumeRolePolicyDocument"]):
            if lacking := [key for key in _KEYS if key not in _conditions(statement)]:
                yield Finding(
                    "trust", name, f"a service may take it for anybody: no condition on {' and '.join(lacking)}."
                )
            elif statement["Principal"]["Service"] not in SAYS_FOR_WHOM and not _is_tolerant(statement):
                sentence = (
                    "its service is not documented to send these keys always, and could not take it: use IfExists."
                )
                yield Finding("trust", name, sentence)


def _policies(template: Template) -> Iterator[Finding]:
    for kind, document in _POLICIES.items():
        for name, policy in of_type(template, kind):
            for statement in _for_services(policy[document]):
                if not _says_whose(_conditions(statement)):
                    yield Finding("trust", name, "a service may use it for another account's resource.")


def _permissions(template: Template) -> Iterator[Finding]:
    for name, permission in of_type(template, "AWS::Lambda::Permission"):
        if not _is_of_url(permission) and not _says_whose(
            {f"aws:{key.lower()}": value for key, value in permission.items()}
        ):
            yield Finding("trust", name, "a service may start the function for another account's resource.")


def _is_of_url(permission: dict[str, Any]) -> bool:
    """Return whether it lets in requests of the function's URL alone, which no service of AWS makes for anybody."""
    is_url_only = permission["Action"] == "lambda:InvokeFunctionUrl" or permission.get("InvokedViaFunctionUrl") is True
    return permission["Principal"] == "*" and is_url_only


def _is_tolerant(statement: dict[str, Any]) -> bool:
    return all(operator.endswith("IfExists") for operator in statement["Condition"])


def _says_whose(conditions: dict[str, Any]) -> bool:
    """Return whether the account is named, or an ARN that holds it; that of a bucket holds none."""
    source = conditions.get("aws:sourcearn")
    return "aws:sourceaccount" in conditions or (source is not None and ":s3:" not in json.dumps(source))


def _for_services(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for statement in document["Statement"]:
        # One side of a condition of the template, or both.
        for one in statement["Fn::If"][1:] if "Fn::If" in statement else [statement]:
            if one.get("Effect") == "Allow" and "Service" in one.get("Principal", {}):
                yield one


def _conditions(statement: dict[str, Any]) -> dict[str, Any]:
    return {key.lower(): value for one in statement.get("Condition", {}).values() for key, value in one.items()}
