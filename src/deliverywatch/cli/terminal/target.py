"""`--stack`, `--region`, `--profile`: which deployment a verb works on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from cwalarm.cli.terminal import json_option
from deliverywatch.operate.account.deployment import DEFAULT_STACK

if TYPE_CHECKING:
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Target:
    """What the three options say."""

    stack: str
    region: str | None
    profile: str | None

    def connect(self) -> Cloud:
        """Return the account; nothing is asked of it yet."""
        from deliverywatch.operate.account import aws

        return aws.connect(self.profile, self.region)

    def find(self) -> tuple[Cloud, Deployment]:
        """Return the account and the stack in it, or raise the error that says what is missing."""
        from deliverywatch.operate.account import aws

        cloud = self.connect()
        return cloud, aws.find(cloud, self.stack)

    def options(self) -> str:
        """Return the options that name the same target again, with a space before each; nothing by default."""
        given = {
            "--stack": self.stack if self.stack != DEFAULT_STACK else None,
            "--region": self.region,
            "--profile": self.profile,
        }
        return "".join(f" {name} {value}" for name, value in given.items() if value)


def target(command: Callable[..., None]) -> Callable[..., None]:
    """Add the three options to a verb, which gets them as one argument `target`."""

    @click.option(
        "--stack",
        default=DEFAULT_STACK,
        show_default=True,
        envvar="DELIVERYWATCH_STACK",
        help="The stack; also DELIVERYWATCH_STACK.",
    )
    @click.option("--region", help="AWS region.  [default: AWS_REGION, or that of the profile]")
    @click.option("--profile", help="Profile of the AWS command line.  [default: AWS_PROFILE]")
    @wraps(command)
    def run(*, stack: str, region: str | None, profile: str | None, **arguments: Any) -> None:
        command(target=Target(stack, region, profile), **arguments)

    return run


def target_and_json(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--json` and the three options to a verb."""
    return json_option(target(command))
