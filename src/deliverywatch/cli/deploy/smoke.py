"""What was just deployed -> whether it works, and what is left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from deliverywatch.cli.terminal.checks import examined, show

if TYPE_CHECKING:
    from deliverywatch.cli.terminal.target import Target
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.doctor.check import Check


def checks_of(cloud: Cloud, deployment: Deployment) -> list[Check]:
    """Return the checks of a deployment, with a run of its ingest function."""
    from deliverywatch.operate.deploy.smoke import INGEST, look

    function = f"{deployment.prefix}-{INGEST}" if "SlotMinutes" in deployment.parameters else ""
    return list(look(examined(cloud, deployment), cloud, function))


def tell(checks: list[Check], target: Target, *, is_new: bool) -> None:
    """Print what is not as it should be; of a new stack that is what its owner still has to do."""
    open_points = [check for check in checks if check.verdict != "ok"]
    click.echo(f"It is deployed: {len(checks) - len(open_points)} of {len(checks)} checks are fine.")
    if open_points:
        click.echo("Left to do:" if is_new else "Not as it should be:")
    for check in open_points:
        show(check, target)
    click.echo(f"Look again at any time: deliverywatch doctor{target.options()}")
