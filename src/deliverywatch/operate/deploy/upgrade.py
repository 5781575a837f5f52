"""A built template, the stack as it is and what the operator says -> a deployment, step by step.

`prepare` looks and changes nothing that lasts; `preview` says what would change; `carry_out` does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deliverywatch.operate.account.stack_status import Phase
from deliverywatch.operate.cost import estimate
from deliverywatch.operate.deploy import changes, deploy
from deliverywatch.operate.deploy.cloudformation import NAME
from deliverywatch.operate.deploy.package import Packaged, package
from deliverywatch.operate.deploy.parameters import Parameters, resolve

if TYPE_CHECKING:
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.deploy.aws_artifacts import Artifacts
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.deploy.changes import Change
    from deliverywatch.operate.deploy.cloudformation import Following, Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What a deployment works with."""

    formation: CloudFormation
    artifacts: Artifacts
    following: Following


@dataclass(frozen=True, slots=True)
class Upgrade:
    """One deployment to come; `deployed` is the stack as it is, with the template `before`, none if it is new.

    `seen` is what CloudFormation had under the name.
    """

    stack: str
    seen: Stack | None
    deployed: Deployment | None
    before: Mapping[str, Any]
    packaged: Packaged
    parameters: Parameters
    token: str
    reverts_drift: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What a deployment would do, and what a month costs at list price and within the always-free allowances.

    `planned` is the change set that waits; none if it could not be made without changing something.
    """

    changes: Sequence[Change]
    planned: deploy.Plan | None
    usd_before: float | None
    usd_after: float
    free_usd_after: float


def prepare(
    template: Mapping[str, Any],
    given: Mapping[str, str],
    stack: str,
    seen: Stack | None,
    current: tuple[Deployment, Mapping[str, Any]] | None,
    bucket: str,
    code: Callable[[str, str], bytes],
    token: str,
    *,
    reverts_drift: bool = False,
) -> Upgrade:
    """Return the deployment to come; AWS is not called.

    Args:
        template: As `cfn/build.py` wrote it.
        given: Parameters that the operator sets.
        stack: The stack's name.
        seen: What CloudFormation has under that name.
        current: The stack as it is with its template; none for a new one.
        bucket: Holds the code.
        code: Returns the zip of a function, by its logical id and its path.
        token: Distinguishes this run.
        reverts_drift: Whether what was changed by hand is undone too.
    """
    deployed, before = current or (None, {"Resources": {}})
    parameters = resolve(template, given, deployed, stack)
    return Upgrade(stack, seen, deployed, before, package(template, bucket, code), parameters, token, reverts_drift)


def preview(upgrade: Upgrade, ports: Ports, *, may_make: bool) -> Preview:
    """Return what a deployment would do.

    Of a deployed stack CloudFormation is asked, which knows what is replaced. A new one is all new; while a change is
    under way, and without the bucket that CloudFormation reads from, templates are compared here.
    """
    planned = None
    is_moving = upgrade.seen is not None and upgrade.seen.phase is Phase.MOVING
    if upgrade.deployed and not is_moving and (may_make or ports.artifacts.exists()):
        planned = _planned(upgrade, ports)
        planned_changes = list(planned.changes)
    else:
        old = upgrade.deployed.parameters if upgrade.deployed else {}
        given = {name: value for name, value in old.items() if name in (upgrade.before.get("Parameters") or {})}
        planned_changes = changes.compared(upgrade.before, given, upgrade.packaged.template, upgrade.parameters.values)
    return Preview(planned_changes, planned, *_costs(upgrade))


def _costs(upgrade: Upgrade) -> tuple[float | None, float, float]:
    after = estimate.monthly(upgrade.packaged.template, upgrade.parameters.values)
    if upgrade.deployed is None:
        return None, after.usd, after.free_usd
    given = {name: value for name, value in upgrade.parameters.before.items() if name in upgrade.before["Parameters"]}
    return estimate.monthly(upgrade.before, given).usd, after.usd, after.free_usd


def _planned(upgrade: Upgrade, ports: Ports) -> deploy.Plan:
    """Upload the template, and let CloudFormation say what it would change."""
    if not ports.artifacts.exists():
        ports.artifacts.make()
    stack = deploy.cleared(ports.formation, upgrade.stack, upgrade.seen, ports.following)
    if stack is None:
        deploy.wait_for_names(ports.formation, upgrade.stack, ports.following)
    key = upgrade.packaged.template_key
    if not ports.artifacts.has(key):
        ports.artifacts.put(key, upgrade.packaged.objects[key], lambda _: None)
    tags = {"Project": "DeliveryWatch", "Environment": upgrade.parameters.values["Environment"]}
    request = {
        "StackName": upgrade.stack,
        "ChangeSetName": f"{NAME}-{upgrade.token}",
        "TemplateURL": ports.artifacts.url(key),
        "Parameters": upgrade.parameters.request(),
        "Tags": [{"Key": name, "Value": value} for name, value in tags.items()],
    }
    return deploy.plan(ports.formation, request, stack, ports.following, reverts_drift=upgrade.reverts_drift)


def drop(shown: Preview, ports: Ports) -> None:
    """Forget a preview: nothing of it stays."""
    if shown.planned:
        deploy.drop(ports.formation, shown.planned)


def carry_out(upgrade: Upgrade, shown: Preview, ports: Ports, uploaded: Callable[[int, int], None]) -> None:
    """Upload what is missing and deploy; done again, it changes nothing.

    `uploaded` gets the number of bytes that were uploaded since the last call, and how many there will be.
    """
    ports.artifacts.make()
    objects = {key: code for key, code in upgrade.packaged.objects.items() if not ports.artifacts.has(key)}
    size_bytes = sum(map(len, objects.values()))
    for key, content in objects.items():
        ports.artifacts.put(key, content, lambda count: uploaded(count, size_bytes))
    deploy.carry_out(ports.formation, shown.planned or _planned(upgrade, ports), ports.following)
