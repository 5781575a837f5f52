"""What AWS's services answer -> the shape that the same thing has in a template of CloudFormation."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

_LAMBDA = (
    *("Runtime", "Handler", "Timeout", "MemorySize", "Role", "Architectures", "Environment", "DeadLetterConfig"),
    *("EphemeralStorage", "LoggingConfig", "KMSKeyArn"),
)


def unless_default(then: Mapping[str, Any], key: str, default: Any, now: Any) -> Any:
    """Return a property, or nothing where it has the value that it has without being given."""
    return now if key in then or now != default else None


def function_properties(then: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a function, with what somebody adds where a template says nothing."""
    tracing = made.get("TracingConfig", {}).get("Mode", "PassThrough")
    return {
        **{key: made.get(key) for key in _LAMBDA if key in then},
        "Layers": [layer["Arn"] for layer in made.get("Layers", ())],
        "TracingConfig.Mode": unless_default(then.get("TracingConfig", {}), "Mode", "PassThrough", tracing),
        "VpcConfig.SubnetIds": made.get("VpcConfig", {}).get("SubnetIds"),
    }


def queue_properties(
    then: Mapping[str, Any], attributes: Mapping[str, Any], defaults: Mapping[str, str]
) -> dict[str, Any]:
    """Return the properties of a queue; those that a template leaves out only where they are not SQS's own."""
    keys = ("RedrivePolicy", "SqsManagedSseEnabled", "KmsMasterKeyId")
    return {
        **{key: unless_default(then, key, usual, attributes.get(key, usual)) for key, usual in defaults.items()},
        **{key: attributes.get(key) for key in keys if key in then or key.endswith("Policy")},
    }


def code(then: Any, content: str) -> dict[str, Any]:
    """Return where a function's code lies, if it was deployed from an object that is called by the hash of its content.

    `deliverywatch deploy` calls it so; what `aws cloudformation package` uploaded cannot be compared.
    """
    key = then.get("S3Key", "") if isinstance(then, dict) else ""
    return {"Code.S3Key": f"{base64.b64decode(content).hex()}.zip"} if re.fullmatch(r"[0-9a-f]{64}\.zip", key) else {}


def is_for_everybody(statement: Mapping[str, Any], *, has_url: bool = False) -> bool:
    """Return whether a statement of a function's policy lets anybody start it, whatever its conditions are.

    Where the stack gave the function a URL for everybody, `has_url`, what lets in its requests alone is meant.
    """
    keys = {key for pairs in statement.get("Condition", {}).values() for key in pairs}
    if has_url and keys & {"lambda:FunctionUrlAuthType", "lambda:InvokedViaFunctionUrl"}:
        return False
    principal = statement.get("Principal")
    return statement.get("Effect") == "Allow" and principal in ("*", {"AWS": "*"})


def in_camel_case(word: str) -> str:
    """Return `RENDERING_FAILURE` as `renderingFailure`."""
    first, *rest = word.lower().split("_")
    return "".join([first, *map(str.capitalize, rest)])


def life_cycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule of a bucket's life cycle in the shape of a template."""
    conditions = rule.get("Filter", {}).get("And", rule.get("Filter", {}))
    expiration = rule.get("Expiration", {})
    moves = [
        {"StorageClass": move["StorageClass"], "TransitionInDays": move.get("Days")}
        for move in rule.get("Transitions", ())
    ]
    made = {
        "Id": rule.get("ID"),
        "Status": rule["Status"],
        "Prefix": rule.get("Prefix") or conditions.get("Prefix"),
        "ObjectSizeGreaterThan": conditions.get("ObjectSizeGreaterThan"),
        "ExpirationInDays": expiration.get("Days"),
        "ExpirationDate": expiration.get("Date"),
        "ExpiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker"),
        "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
        "Transitions": moves,
    }
    return {key: value for key, value in made.items() if value not in (None, "", [])}


def notifications(configuration: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the notifications of a bucket in the shape of a template, one for each event."""
    kinds = {"QueueConfigurations": ("Queue", "QueueArn"), "TopicConfigurations": ("Topic", "TopicArn")}
    functions = ("LambdaConfigurations", "LambdaFunctionConfigurations")
    made = {
        kind: [_notifies(one, *names) for one in _by_event(configuration.get(kind))] for kind, names in kinds.items()
    }
    made[functions[0]] = [
        _notifies(one, "Function", "LambdaFunctionArn") for one in _by_event(configuration.get(functions[1]))
    ]
    return {kind: ones for kind, ones in made.items() if ones}


def _by_event(ones: Any) -> list[dict[str, Any]]:
    return [{**one, "Event": event} for one in ones or () for event in one["Events"]]


def _notifies(one: Mapping[str, Any], name: str, arn: str) -> dict[str, Any]:
    rules = one.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    named = [{"Name": rule["Name"].lower(), "Value": rule["Value"]} for rule in rules]
    return {"Event": one["Event"], name: one[arn], **({"Filter": {"S3Key": {"Rules": named}}} if named else {})}
