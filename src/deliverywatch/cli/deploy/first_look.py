"""What the account lacks for a deployment -> lines with their commands, and an end before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cwalarm.cli.terminal import echo
from deliverywatch.cli.terminal import steps
from deliverywatch.cli.terminal.checks import show
from deliverywatch.errors import CloudRefused

if TYPE_CHECKING:
    from deliverywatch.cli.terminal.target import Target
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.deploy.prerequisites import Intent
    from deliverywatch.operate.doctor.check import Check


def look(cloud: Cloud, account: str, intent: Intent, target: Target, *, may_fail: bool, as_json: bool) -> list[Check]:
    """Return what was looked at, and print what is not as it should be.

    Raises:
        CloudRefused: The deployment would fail, and it may not.
    """
    from deliverywatch.operate.deploy.aws_prerequisites import Account
    from deliverywatch.operate.deploy.prerequisites import looked_at

    with steps.shown() as progress:
        progress.begin("Looking at the account")
        checks = list(looked_at(Account(cloud, account), intent))
    if not as_json:
        _print(checks, target)
    failures = dict.fromkeys(check.name for check in checks if check.verdict == "failed")
    if failures and not may_fail:
        raise CloudRefused(
            f"Nothing was changed, because the deployment would fail: {', '.join(failures)}.",
            kind="not-ready",
            next_step="Do what stands beside each, and run the same command again; --force deploys nevertheless.",
        )
    return checks


def _print(checks: list[Check], target: Target) -> None:
    open_points = [check for check in checks if check.verdict != "ok"]
    if open_points:
        echo("Before anything is changed:")
    for check in open_points:
        show(check, target)
