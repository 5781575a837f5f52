"""A template with local code paths -> a deployed stack, as `aws cloudformation package` and `deploy` do it.

The template is not changed: packaging makes a copy whose `Code` names objects in a bucket
(docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html).
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from deliverywatch.errors import ConfigurationError
from deliverywatch.operate.deploy import package as packages
from deliverywatch.operate.deploy.package import Packaged

CODE_BUCKET = "deliverywatch-local-code"
DEPLOY_SECONDS = 60
_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]


def package(template: Mapping[str, Any], folder: Path) -> Packaged:
    """Return a copy of a template whose functions take their code from the bucket, with what must lie there.

    `Code` of a function may be a path, relative to the template's folder, to a folder or a zip.

    Raises:
        ConfigurationError: A path leads nowhere.
    """
    return packages.package(template, CODE_BUCKET, lambda name, path: _zipped(folder / path, name))


def _zipped(path: Path, name: str) -> bytes:
    if path.is_file():
        return path.read_bytes()
    if not path.is_dir():
        raise ConfigurationError(
            f"The code of {name} is not at {path}.", next_step="Run `python cfn/build.py` and deploy again."
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts):
            archive.writestr(zipfile.ZipInfo(str(file.relative_to(path))), file.read_bytes())
    return buffer.getvalue()


def deploy(
    client: Callable[[str], Any], name: str, packaged: Packaged, parameters: Mapping[str, str]
) -> dict[str, str]:
    """Upload what `package` returned, create or update the stack and wait for it; returns its outputs by key.

    Raises:
        ConfigurationError: CloudFormation refuses the template or a parameter, or a resource fails.
    """
    from botocore.exceptions import ClientError, WaiterError

    formation, s3 = client("cloudformation"), client("s3")
    for key, content in packaged.objects.items():
        s3.put_object(Bucket=CODE_BUCKET, Key=key, Body=content)
    request = {
        "StackName": name,
        # Not in the request: CloudFormation takes at most 51,200 bytes there.
        "TemplateURL": f"{s3.meta.endpoint_url}/{CODE_BUCKET}/{packaged.template_key}",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": _CAPABILITIES,
    }
    try:
        kind = _begin(formation, request)
        formation.get_waiter(f"stack_{kind}_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": DEPLOY_SECONDS * 10}
        )
    except ClientError as error:
        raise ConfigurationError(error.response["Error"]["Message"]) from error
    except WaiterError as error:
        raise ConfigurationError(f"The stack {name} failed: {_first_failure(formation, name)}") from error
    (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
    return {str(output["OutputKey"]): str(output["OutputValue"]) for output in stack.get("Outputs", [])}


def _begin(formation: Any, request: dict[str, Any]) -> str:
    pages = formation.get_paginator("describe_stacks").paginate()
    if any(stack["StackName"] == request["StackName"] for page in pages for stack in page["Stacks"]):
        formation.update_stack(**request)
        return "update"
    formation.create_stack(**request)
    return "create"


def _first_failure(formation: Any, name: str) -> str:
    pages = formation.get_paginator("describe_stack_events").paginate(StackName=name)
    failed = [event for page in pages for event in page["StackEvents"] if event["ResourceStatus"].endswith("FAILED")]
    reasons = [f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed]
    return reasons[-1] if reasons else "no reason was given"
