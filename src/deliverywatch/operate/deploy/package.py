"""A built template -> the same template with its code in a bucket, and what must lie there.

It does what `aws cloudformation package` does: a `Code` that is a path beside the template becomes an object, named by
its content, so that code which did not change is neither uploaded nor deployed again.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Packaged:
    """What a deployment needs: the template, and the objects by their key, the template's own among them."""

    template: Mapping[str, Any]
    template_key: str
    objects: Mapping[str, bytes]


def package(template: Mapping[str, Any], bucket: str, code: Callable[[str, str], bytes]) -> Packaged:
    """Return a copy of a template whose functions take their code from a bucket."""
    packaged = copy.deepcopy(dict(template))
    objects: dict[str, bytes] = {}
    for name, resource in packaged["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function" and isinstance(properties.get("Code"), str):
            content = code(name, properties["Code"])
            key = f"{hashlib.sha256(content).hexdigest()}.zip"
            objects[key] = content
            properties["Code"] = {"S3Bucket": bucket, "S3Key": key}
    body = json.dumps(packaged, separators=(",", ":")).encode()
    template_key = f"{hashlib.sha256(body).hexdigest()}.template.json"
    return Packaged(packaged, template_key, {**objects, template_key: body})
