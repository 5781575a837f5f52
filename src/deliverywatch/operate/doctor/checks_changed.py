"""What somebody changed by hand, resource by resource -> one line each, with the command that undoes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.operate.account.resources import kind_words
from deliverywatch.operate.doctor.check import Check, failed, ok, some, warning

if TYPE_CHECKING:
    from deliverywatch.errors import DeliveryWatchError
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.account.resources import Resource
    from deliverywatch.operate.doctor.deployed import Difference

NAME = "changed"
_UNDO = "deliverywatch deploy --revert-drift"
# Kinds whose absence is a line of another check: alarms, functions, schedules.
_GONE_ELSEWHERE = ("AWS::CloudWatch::Alarm", "AWS::Lambda::Function", "AWS::Scheduler::Schedule")
# By logical id: without these no alarm becomes a mail, which the checks notifier, notifier-policy and fallback say.
_ROAD_OF_ALARMS = ("AlertingNotifySubscription", "AlertingNotifyPermission", "FallbackSubscription", "Workgroup")
_OF_THE_LAKE = "PublicAccessBlockConfiguration"


@dataclass(frozen=True, slots=True)
class Compared:
    """One resource and what is not as it was deployed; None if it is gone.

    Attributes:
        error: Why it could not be read.
    """

    resource: Resource
    differences: Sequence[Difference] | None = ()
    error: DeliveryWatchError | None = None


def changed(compared: Sequence[Compared], lake: str) -> Iterator[Check]:
    """Yield a line for each resource that is not as it was deployed; `lake` is a bucket that has a check of its own."""
    findings = [one for one in compared if not one.error and _sentence(one, lake)]
    for one in findings:
        yield failed(NAME, _sentence(one, lake), _UNDO)
    if unread := [one for one in compared if one.error]:
        names = some([one.resource.id for one in unread])
        yield failed(
            NAME, f"{names} could not be compared: {unread[0].error}", getattr(unread[0].error, "next_step", "")
        )
    if not findings and not unread:
        yield ok(NAME, f"{len(compared)} resources are as they were deployed.")


def _sentence(one: Compared, lake: str) -> str:
    kind, name = one.resource.kind, one.resource.name.rpartition("/")[2].rpartition("|")[2]
    if one.differences is None:
        if kind in _GONE_ELSEWHERE or one.resource.id in _ROAD_OF_ALARMS:
            return ""
        return f"The {kind_words(kind)} {name} ({one.resource.id}) does not exist any more."
    hidden = _OF_THE_LAKE if name == lake else "-"
    differences = [difference for difference in one.differences if not difference.path.startswith(hidden)]
    words = some(
        [f"{difference.path} is {difference.now}, deployed was {difference.then}" for difference in differences]
    )
    return f"The {kind_words(kind)} {name} ({one.resource.id}) was changed: {words}." if words else ""


def drifted(reported: Sequence[Compared], compared: Sequence[Compared], deployment: Deployment) -> Iterator[Check]:
    """Yield a warning for each resource that only CloudFormation calls changed.

    It compares properties that are not read here, and is wrong about some that nobody touched.
    """
    known = {one.resource.id for one in compared if one.differences is None or one.differences or one.error}
    show = f"aws cloudformation describe-stack-resource-drifts --stack-name {deployment.name}"
    for one in reported:
        if one.resource.id not in known and (sentence := _sentence(one, deployment.bucket)):
            yield warning(NAME, f"CloudFormation says: {sentence}", f"{show}, and look at {one.resource.id}")
