"""What every channel gets and answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.inputs.channel_settings import Channel
    from deliverywatch.alerting.mail.view import View


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A change of an incident, as every channel renders it.

    Attributes:
        id: Of this change, the same at every attempt, so that a receiver knows what it has already.
        stack: The prefix of the stack.
        number: Of the change within its incident.
        view: The words of the mail about the same change.
    """

    id: str
    stack: str
    environment: str
    watch: str
    incident: str
    number: int
    event: str
    level: Level
    before: Level
    opened_at: datetime
    time: datetime
    view: View
    value: float | None = None
    failed: float | None = None
    total: float | None = None
    peak: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether an incident is going on; nothing is in a test."""
        return self.level is not Level.OK and self.event != "TEST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What `send` needs beyond payload and secret.

    Attributes:
        id: Of the notification.
        time: Of this attempt.
        thread: What `send` returned for the incident's first message; empty for the first.
    """

    id: str
    time: datetime
    channel: Channel
    thread: str = ""


class Outcome(StrEnum):
    """What became of an attempt; only SENT is known to have arrived, UNCONFIRMED may have, UNMADE was not sent."""

    SENT = "sent"
    UNAVAILABLE = "unavailable"
    UNCONFIRMED = "unconfirmed"
    REFUSED = "refused"
    UNMADE = "unmade"


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to an attempt.

    Attributes:
        problem: One sentence for a mail, without anything of the secret; empty if it was sent.
        thread: What later messages of the incident refer to; empty if they cannot.
        retry_after_seconds: How long the service wants to be left alone; None if it does not say.
    """

    outcome: Outcome
    problem: str = ""
    thread: str = ""
    retry_after_seconds: float | None = None


def notification_of(incident: Incident, change: Change, view: View, *, stack: str, environment: str) -> Notification:
    """Return what channels get of a change of an incident."""
    # Ids of incidents repeat every year.
    name = f"{stack} {incident.watch} {incident.id} {incident.opened_at.isoformat()} {change.seq}"
    return Notification(
        id=f"evt_{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:32]}",
        stack=stack,
        environment=environment,
        watch=incident.watch,
        incident=incident.id,
        number=change.seq,
        event=change.event.value,
        level=change.level,
        before=change.before,
        opened_at=incident.opened_at,
        time=change.time,
        view=view,
        value=change.value,
        failed=change.failed,
        total=change.total,
        peak=incident.peak,
    )
