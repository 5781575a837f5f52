"""The checks of a deployment -> lines with the command that fixes each, or documents."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from cwalarm.cli.terminal import echo, styled

if TYPE_CHECKING:
    from deliverywatch.cli.terminal.target import Target
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.doctor.check import Check

# What stands before a sentence: the verdict and the name.
_INDENT = 26
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red", "unknown": "magenta"}


def examined(cloud: Cloud, deployment: Deployment) -> Iterator[Check]:
    """Yield the checks of a deployment."""
    from deliverywatch.operate.account.readings import attempt
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.doctor.aws_doctor import Account
    from deliverywatch.operate.doctor.diagnose import Subject, examine
    from deliverywatch.sms.clicksend import credit

    formation = CloudFormation(cloud)
    resources, template = (
        attempt(partial(formation.resources, deployment.name)),
        attempt(partial(formation.template, deployment.name)),
    )
    subject = Subject(deployment, resources, template, version("deliverywatch"), datetime.now(UTC))
    yield from examine(Account(cloud, credit.ask), subject)


def show(check: Check, target: Target) -> None:
    """Print one check: its line, and the command that fixes it on a line of its own, to be copied."""
    from deliverywatch.operate.doctor.check import with_target

    verdict = styled(f"{check.verdict.value:8}", _COLOURS[check.verdict.value])
    first, *rest = textwrap.wrap(check.finding, shutil.get_terminal_size().columns - _INDENT, break_long_words=False)
    echo(f"{verdict} {check.name:16} {first}")
    for line in rest:
        echo(f"{'':{_INDENT}}{line}")
    if check.fix:
        echo(f"         {with_target(check.fix, target.stack, target.region, target.profile)}")


def documents(checks: Iterable[Check]) -> list[dict[str, str]]:
    """Return checks as `--json` prints them."""
    return [
        {"check": check.name, "verdict": check.verdict.value, "told": check.finding, "mend": check.fix}
        for check in checks
    ]
