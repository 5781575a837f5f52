"""What the verbs of an open incident share: the stack, its lake, alarms and mutes, and its readers' clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cwalarm.cli.terminal import counted

if TYPE_CHECKING:
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.cli.terminal.target import Target
    from deliverywatch.operate.account.aws import Cloud
    from deliverywatch.operate.account.deployment import Deployment
    from deliverywatch.operate.incidents.aws_incidents import Alarms, MuteRules
    from deliverywatch.operate.incidents.mutes import Mute
    from deliverywatch.storage.s3 import Bucket


@dataclass(frozen=True, slots=True)
class Session:
    """A deployed stack at one moment."""

    cloud: Cloud
    stack: Deployment
    lake: Bucket
    alarms: Alarms
    rules: MuteRules
    clock: Clock
    now: datetime

    def time(self, moment: datetime) -> str:
        """Return a time as the readers' clock shows it, with the day unless it is today."""
        return self.clock.day_time(moment, self.now)

    def mute_line(self, mute: Mute, *, with_start: bool) -> str:
        """Return how many alarms a rule mutes, when, why, and its name."""
        when = f"until {self.time(mute.end)}" if mute.end else f"again and again, {mute.duration} each time"
        begin = f"from {self.time(mute.start)} " if with_start and mute.start else ""
        return f"{counted(len(mute.alarms), 'alarm')} {begin}{when}: {mute.reason or 'no reason given'} ({mute.name})"


def open_session(target: Target) -> Session:
    """Return the stack that the options name, now."""
    return session_of(*target.find())


def session_of(cloud: Cloud, stack: Deployment) -> Session:
    """Return a stack, now.

    Raises:
        CloudRefused: It has no lake, as it was never deployed whole.
    """
    from deliverywatch.alerting.mail import formatting
    from deliverywatch.operate.incidents import aws_incidents

    clock = formatting.clock(stack.parameters.get("TimeZone", "UTC"))
    alarms, rules = aws_incidents.Alarms(cloud), aws_incidents.MuteRules(cloud)
    return Session(cloud, stack, aws_incidents.lake(cloud, stack), alarms, rules, clock, datetime.now(UTC))


def plain(text: str) -> str:
    """Return a text of a mail for a terminal: without no-break spaces."""
    return text.replace("\u00a0", " ")
