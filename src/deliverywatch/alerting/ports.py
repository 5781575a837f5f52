"""What the notifier talks to; `aws` has the adapters, `dry_run` those without AWS."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from deliverywatch.errors import MetricsUnavailable

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.http import Http
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.observe import Alarms, Stack
    from deliverywatch.alerting.incidents.outbox import Record
    from deliverywatch.alerting.incidents.signed_link import Signer
    from deliverywatch.alerting.mail.send import Fallback, Mailer
    from deliverywatch.storage.store import Store


class Charts(Protocol):
    """Pictures of metrics."""

    def png(self, widget: str) -> bytes:
        """Return the picture of a widget definition, or raise MetricsUnavailable."""


class Secrets(Protocol):
    """The secrets of channels."""

    def read(self, parameter: str) -> str:
        """Return the secret of an SSM parameter, or raise ChannelUnavailable, which does not repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPorts:
    """What channels beside mail talk to; `clock` measures seconds."""

    secrets: Secrets
    http: Http
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class NoCharts:
    """Pictures where nobody sees them, as in a chat."""

    def png(self, _widget: str) -> bytes:
        """Raise MetricsUnavailable: none is drawn."""
        raise MetricsUnavailable("No picture is drawn.")


class StableStack:
    """A stack that nobody changes: for what runs without CloudFormation."""

    def is_changing(self) -> bool:
        """Return that nobody changes it."""
        return False

    def deleted_at(self) -> None:
        """Return that nobody deletes it."""


@dataclass(frozen=True, slots=True)
class Mailed:
    """An incident as it was mailed, and when, by the real clock."""

    incident: Incident
    at: datetime


@dataclass(slots=True)
class Unrecorded:
    """What was mailed while S3 was out of reach, until it is recorded; a warm function keeps it between invocations.

    Attributes:
        incidents: By watch, as they became; their mails are due until they are recorded.
        mails: The outbox records that could not be marked as sent, by their keys, with the mails.
    """

    incidents: dict[str, Mailed] = field(default_factory=dict)
    mails: dict[str, tuple[Record, bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the notifier talks to, and what it could not write down; without `channels` there is mail alone.

    Attributes:
        signer: Returns who signs links, at a time; it raises ConfigurationError. None where mails have no such links.
    """

    alarms: Alarms
    store: Store
    mailer: Mailer
    fallback: Fallback
    charts: Charts
    stack: Stack = field(default_factory=StableStack)
    signer: Callable[[datetime], Signer] | None = None
    unrecorded: Unrecorded = field(default_factory=Unrecorded)
    channels: ChannelPorts | None = None
