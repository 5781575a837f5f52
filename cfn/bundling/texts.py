"""A template -> the same with its policies as JSON in texts, and its attributes as `${Name.Attribute}`.

`aws cloudformation package` writes a template anew and indents each level by four: three quarters of a policy are then
blanks, and a template may have a megabyte. CloudFormation takes a text for each of these policies as well, and it is
left as it is (`tests/cfn/test_cfn_size.py`).
"""

import json
from collections.abc import Mapping
from typing import Any

_TRUST, _DOCUMENT = "AssumeRolePolicyDocument", "PolicyDocument"
_NO_VALUE = {"Ref": "AWS::NoValue"}
# CloudFormation's own schemas of all of them take a text.
TAKE_TEXTS = (
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
)


def shortened(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template with its policies as texts; what a text cannot say stays as it is."""
    resources = {name: _resource(made) for name, made in template["Resources"].items()}
    return {key: _in_one_line(value) for key, value in {**template, "Resources": resources}.items()}


def _in_one_line(value: Any) -> Any:
    """Return a value whose attributes of resources are texts: three lines, where GetAtt takes six."""
    if isinstance(value, list):
        return [_in_one_line(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "Fn::GetAtt" in value:
        return {"Fn::Sub": _name("Fn::GetAtt", value["Fn::GetAtt"], {})}
    return {key: _in_one_line(one) for key, one in value.items()}


def _resource(made: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = made.get("Properties", {})
    if made["Type"] == "AWS::IAM::Role":
        return {**made, "Properties": _role(properties)}
    if made["Type"] in TAKE_TEXTS:
        return {**made, "Properties": {**properties, _DOCUMENT: text_of(properties[_DOCUMENT])}}
    return made


def _role(properties: Mapping[str, Any]) -> dict[str, Any]:
    policies = [part for policy in properties["Policies"] for part in _parts(policy)]
    return {**properties, _TRUST: text_of(properties[_TRUST]), "Policies": policies}


def _parts(policy: Mapping[str, Any]) -> list[Any]:
    """Return a policy as a text, and what depends on a condition as a policy of its own."""
    name, document = policy["PolicyName"], policy[_DOCUMENT]
    always = [one for one in document["Statement"] if "Fn::If" not in one]
    parts: list[Any] = [{"PolicyName": name, _DOCUMENT: text_of({**document, "Statement": always})}]
    by_condition: dict[str, list[Any]] = {}
    for conditional in (one for one in document["Statement"] if "Fn::If" in one):
        condition, then, otherwise = conditional["Fn::If"]
        if otherwise != _NO_VALUE:
            return [policy]
        by_condition.setdefault(condition, []).append(then)
    for condition, statements in by_condition.items():
        part = {"PolicyName": f"{name}-{condition}", _DOCUMENT: text_of({**document, "Statement": statements})}
        parts.append({"Fn::If": [condition, part, _NO_VALUE]})
    return parts


def text_of(document: Any) -> Any:
    """Return a document as a text with `Fn::Sub`, or the document itself if it holds more than names can say."""
    try:
        variables: dict[str, Any] = {}
        text = json.dumps(_named(document, variables), separators=(",", ":"))
    except LookupError:
        return document
    return {"Fn::Sub": [text, variables] if variables else text}


def _named(value: Any, variables: dict[str, Any]) -> Any:
    """Return a value with `${Name}` in place of references; raises LookupError where there is none for a function."""
    if isinstance(value, list):
        return [_named(one, variables) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not (function := next(iter(value))).startswith(("Fn::", "Ref")):
        return {key: _named(one, variables) for key, one in value.items()}
    return _name(function, value[function], variables)


def _name(function: str, content: Any, variables: dict[str, Any]) -> str:
    if function == "Ref":
        return f"${{{content}}}"
    if function == "Fn::GetAtt":
        return f"${{{'.'.join(content)}}}"
    if function == "Fn::Join":
        return _variable({function: content}, variables)
    if function == "Fn::If" and all(_is_text(one) for one in content[1:]):
        return _variable({function: content}, variables)
    if function != "Fn::Sub":
        raise LookupError(function)
    text, own = (content, {}) if isinstance(content, str) else content
    if any(variables.get(key, own[key]) != own[key] for key in own):
        raise LookupError("Two texts have a variable of one name.")
    variables.update(own)
    return str(text)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (value != _NO_VALUE and {*value} <= {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join"})


def _variable(value: Any, variables: dict[str, Any]) -> str:
    """Return `${Name}` of a variable for a value, one for all that are the same."""
    name = next((key for key in variables if variables[key] == value), f"Text{len(variables)}")
    variables[name] = value
    return f"${{{name}}}"
