"""CloudFormation's own drift detection: begun, waited for, and what it calls changed.

docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-drift.html. It takes minutes, costs nothing, and
needs the right to read every resource of the stack; kinds that it does not know are NOT_CHECKED and not listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import CloudUnavailable
from deliverywatch.operate.account.aws import translated
from deliverywatch.operate.account.resources import Resource
from deliverywatch.operate.doctor.checks_changed import Compared
from deliverywatch.operate.doctor.deployed import Difference, differences

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud

# Recorded as changed where nobody changed it: the issue 1072 of aws-cloudformation/cloudformation-coverage-roadmap.
_NOT_BELIEVED = ("/NotificationConfiguration",)
_DRIFTED = ["MODIFIED", "DELETED"]


def changed(cloud: Cloud, stack: str, pause: Callable[[], bool]) -> list[Compared]:
    """Return the resources that CloudFormation calls changed.

    Args:
        cloud: The account.
        stack: The stack's name.
        pause: Waits a little, and returns False when there is no time left.

    Raises:
        CloudUnavailable: There was not enough time.
    """
    client = cloud.client("cloudformation")
    with translated("The drift detection"):
        detection = client.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
        while _status(client, detection) == "DETECTION_IN_PROGRESS":
            if not pause():
                raise CloudUnavailable("CloudFormation still compares the stack with its template.")
        return [_compared(drift) for drift in _drifts(client, stack)]


def _status(client: Any, detection: str) -> str:
    answer = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    return str(answer["DetectionStatus"])


def _drifts(client: Any, stack: str) -> Iterator[Mapping[str, Any]]:
    # boto3 has no paginator for it.
    request = {"StackName": stack, "StackResourceDriftStatusFilters": _DRIFTED}
    while True:
        answer = client.describe_stack_resource_drifts(**request)
        yield from answer["StackResourceDrifts"]
        if not answer.get("NextToken"):
            return
        request["NextToken"] = answer["NextToken"]


def _compared(drift: Mapping[str, Any]) -> Compared:
    resource = Resource(drift["LogicalResourceId"], drift["ResourceType"], drift.get("PhysicalResourceId", ""))
    if drift["StackResourceDriftStatus"] == "DELETED":
        return Compared(resource, None)
    return Compared(resource, [*_differences(drift)])


def _differences(drift: Mapping[str, Any]) -> Iterator[Difference]:
    for difference in drift.get("PropertyDifferences", ()):
        path, now, then = (difference[name] for name in ("PropertyPath", "ActualValue", "ExpectedValue"))
        # The policies of our templates are texts, which IAM returns as documents: they say the same.
        is_other = any(differences(then, now, path))
        if is_other and not path.startswith(_NOT_BELIEVED):
            yield Difference(path.strip("/").replace("/", "."), now, then)
