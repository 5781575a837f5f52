"""The checks of a deployment -> lines with the command that fixes each, or documents."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from deliverywatch.cli.terminal.target import Target
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.doctor.check import Check

# What stands before a sentence: the verdict and the name.
_INDENT = 26
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


def examined(cloud: Cloud, deployment: Deployment) -> Iterator[Check]:
    """Yield the checks of a deployment."""
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.doctor.aws_doctor import Account
    from deliverywatch.operate.doctor.diagnose import Subject, examine

    formation = CloudFormation(cloud)
    names: dict[str, list[str]] = {}
    for resource in formation.resources(deployment.name):
        names.setdefault(resource.kind, []).append(resource.name)
    template = formation.template(deployment.name)
    subject = Subject(deployment, names, template, version("deliverywatch"), datetime.now(UTC))
    yield from examine(Account(cloud), subject)


def show(check: Check, target: Target) -> None:
    """Print one check: its line, and the command that fixes it on a line of its own, to be copied."""
    verdict = click.style(f"{check.verdict.value:8}", fg=_COLOURS[check.verdict.value])
    first, *rest = textwrap.wrap(check.finding, shutil.get_terminal_size().columns - _INDENT, break_long_words=False)
    click.echo(f"{verdict} {check.name:16} {first}")
    for line in rest:
        click.echo(f"{'':{_INDENT}}{line}")
    if check.fix:
        click.echo(f"         {_for(target, check.fix)}")


def _for(target: Target, command: str) -> str:
    """Return a command with the options that name the same stack, region and profile."""
    given = {"--region": target.region, "--profile": target.profile}
    account = "".join(f" {name} {value}" for name, value in given.items() if value)
    if command.startswith("aws "):
        command = f"aws{account}{command.removeprefix('aws')}"
    return re.sub(r"deliverywatch (deploy|unmute)", rf"deliverywatch \1{target.options()}", command)


def documents(checks: Iterable[Check]) -> list[dict[str, str]]:
    """Return checks as `--json` prints them."""
    return [
        {"check": check.name, "verdict": check.verdict.value, "told": check.finding, "mend": check.fix}
        for check in checks
    ]
