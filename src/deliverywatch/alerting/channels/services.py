"""A channel's name -> its module, imported then: only those who use a channel pay for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from deliverywatch.alerting.inputs.channel_settings import Kind

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.http import Http
    from deliverywatch.alerting.channels.protocol.notification import Delivery, Notification, Result


class Service(Protocol):
    """The module of a channel."""

    @property
    def NAME(self) -> str:  # noqa: N802 - a constant of the module
        """How sentences call it."""

    @property
    def IS_IDEMPOTENT(self) -> bool:  # noqa: N802 - as above
        """Whether its receiver recognises by the id of the notification what comes again."""

    def render(self, notification: Notification) -> bytes:
        """Return the payload, within the service's limits; texts of others are only text in it."""

    def send(self, payload: bytes, secret: str, http: Http, delivery: Delivery) -> Result:
        """Make one attempt; ConfigurationError if the secret is none for this service."""


def service_of(kind: Kind) -> Service:
    """Return a channel's module."""
    match kind:
        case Kind.SLACK:
            from deliverywatch.alerting.channels import slack

            return slack
        case Kind.TEAMS:
            from deliverywatch.alerting.channels import teams

            return teams
        case Kind.WEBHOOK:
            from deliverywatch.alerting.channels import webhook

            return webhook
