"""`deliverywatch doctor`: is everything as it should be, and what mends it."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from deliverywatch.cli.terminal.exits import Exit
from deliverywatch.cli.terminal.target import Target, target
from deliverywatch.errors import DeliveryWatchError

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.doctor.check import Check

# What stands before a sentence: the verdict and the name.
_INDENT = 26
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")
@target
def doctor(*, target: Target, as_json: bool) -> None:
    """Look whether everything is as it should be, and say what mends it.

    Nothing is changed and nothing is sent. ClickSend is asked for the account's credit.

    \b
    JSON: {"stack": "", "ok": true,
           "checks": [{"check": "sender", "verdict": "ok" | "warning" | "failed",
             "told": "", "mend": ""}]}
    Exit codes: 0 nothing failed (there may be warnings), 3 something did.
    """  # noqa: D301 - click wants the control character
    found: list[Check] = []
    for check in _checks(target):
        found.append(check)
        if not as_json:
            show(check, target)
    failures = sum(check.verdict == "failed" for check in found)
    if as_json:
        document = {"stack": target.stack, "ok": not failures, "checks": documents(found)}
        click.echo(json.dumps(document, ensure_ascii=False))
    else:
        warnings = sum(check.verdict == "warning" for check in found)
        click.echo(f"{len(found)} check{'' if len(found) == 1 else 's'}: {failures} failed, {warnings} to know of.")
    if failures:
        raise SystemExit(Exit.CHECK_FAILED)


def _checks(target: Target) -> Iterator[Check]:
    from deliverywatch.operate.doctor.check import failed, ok  # the flow is not needed for `--help`

    try:
        cloud, deployment = target.find()
    except DeliveryWatchError as error:
        names = {"no-stack": "stack", "foreign-stack": "stack", "no-region": "region"}
        if error.kind == "no-stack":
            yield ok("credentials", "AWS knows the credentials.")
        yield failed(names.get(error.kind, "credentials"), str(error), error.next_step)
        return
    yield from examined(cloud, deployment)


def examined(cloud: Cloud, deployment: Deployment) -> Iterator[Check]:
    """Yield the checks of a deployment."""
    from deliverywatch.operate.deploy.aws_formation import CloudFormation
    from deliverywatch.operate.doctor.aws_doctor import Account
    from deliverywatch.operate.doctor.diagnose import Subject, examine

    formation = CloudFormation(cloud)
    names: dict[str, list[str]] = {}
    for each in formation.resources(deployment.name):
        names.setdefault(each.kind, []).append(each.name)
    template = formation.template(deployment.name)
    subject = Subject(deployment, names, template, version("deliverywatch"), datetime.now(UTC))
    yield from examine(Account(cloud), subject)


def show(check: Check, target: Target) -> None:
    """Print one check: its line, and the command that mends it on a line of its own, to be copied."""
    verdict = click.style(f"{check.verdict.value:8}", fg=_COLOURS[check.verdict.value])
    first, *rest = textwrap.wrap(check.told, shutil.get_terminal_size().columns - _INDENT, break_long_words=False)
    click.echo(f"{verdict} {check.name:16} {first}")
    for line in rest:
        click.echo(f"{'':{_INDENT}}{line}")
    if check.mend:
        click.echo(f"         {_for(target, check.mend)}")


def _for(target: Target, mend: str) -> str:
    """Return a command with the options that name the same stack, region and profile."""
    given = {"--region": target.region, "--profile": target.profile}
    where = "".join(f" {name} {value}" for name, value in given.items() if value)
    if mend.startswith("aws "):
        mend = f"aws{where}{mend.removeprefix('aws')}"
    return re.sub(r"deliverywatch (deploy|unmute)", rf"deliverywatch \1{target.options()}", mend)


def documents(checks: Iterable[Check]) -> list[dict[str, str]]:
    """Return checks as `--json` prints them."""
    return [
        {"check": check.name, "verdict": check.verdict.value, "told": check.told, "mend": check.mend}
        for check in checks
    ]
