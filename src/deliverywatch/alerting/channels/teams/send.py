"""A card -> the webhook of a workflow of Teams, which answers 202 and posts it later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.alerting.channels.protocol import answers
from deliverywatch.alerting.channels.protocol.http import checked

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.http import Http
    from deliverywatch.alerting.channels.protocol.notification import Delivery, Result

_NAME = "Teams"


def send(payload: bytes, secret: str, http: Http, delivery: Delivery) -> Result:
    """Post a card; its signature is part of the address, which is the secret."""
    checked(secret, "Teams")
    return answers.attempt(
        lambda: http.post(secret, payload, {"Content-Type": "application/json"}), _NAME, delivery.time
    )[1]
