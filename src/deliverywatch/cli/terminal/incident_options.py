"""What the verbs of an open incident share: the stack that is session, its lake, and its readers' clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.cli.terminal.target import Target
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.storage.s3 import Bucket


@dataclass(frozen=True, slots=True)
class Session:
    """A deployed stack at one moment."""

    cloud: Cloud
    stack: Deployment
    lake: Bucket
    clock: Clock
    now: datetime


def open_session(target: Target) -> Session:
    """Return the stack that the options name, now."""
    # Imported here: they bring boto3, which `--help` does not need.
    from deliverywatch.alerting.mail import formatting
    from deliverywatch.operate.incidents import aws_incidents

    cloud, stack = target.find()
    clock = formatting.clock(stack.parameters.get("TimeZone", "UTC"))
    return Session(cloud, stack, aws_incidents.lake(cloud, stack), clock, datetime.now(UTC))


def plain(text: str) -> str:
    """Return a text of a mail for a terminal: without no-break spaces."""
    return text.replace("\u00a0", " ")
