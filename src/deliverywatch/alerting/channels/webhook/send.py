"""A payload -> a signed POST, as the specification of Standard Webhooks has it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import TYPE_CHECKING

from deliverywatch.alerting.channels.protocol import answers
from deliverywatch.alerting.channels.protocol.http import checked
from deliverywatch.errors import ConfigurationError

if TYPE_CHECKING:
    from deliverywatch.alerting.channels.protocol.http import Http
    from deliverywatch.alerting.channels.protocol.notification import Delivery, Result

_NAME = "The webhook"
_PREFIX = "whsec_"
# What the specification asks for.
_KEY_BYTES = range(24, 65)


def send(payload: bytes, secret: str, http: Http, delivery: Delivery) -> Result:
    """Post a payload, signed with every key of the secret: while a key is being replaced, there are two."""
    url, *keys = secret.split() or [""]
    checked(url, "the webhook")
    signatures = [signature(key_of(key), delivery.id, int(delivery.time.timestamp()), payload) for key in keys]
    if not signatures:
        raise ConfigurationError("The secret of the webhook holds no key: ADDRESS, a blank, and whsec_KEY.")
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "DeliveryWatch",
        "webhook-id": delivery.id,
        "webhook-timestamp": str(int(delivery.time.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
    return answers.attempt(lambda: http.post(url, payload, headers), _NAME, delivery.time)[1]


def signature(key: bytes, name: str, timestamp: int, payload: bytes) -> str:
    """Return the signature of an attempt: of the id, the time and the payload."""
    signed = f"{name}.{timestamp}.".encode() + payload
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def key_of(word: str) -> bytes:
    """Return the key of a word `whsec_...`, or raise ConfigurationError, which does not repeat it."""
    try:
        key = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not word.startswith(_PREFIX) or len(key) not in _KEY_BYTES:
        raise ConfigurationError("The key of the webhook is not whsec_ and 24 to 64 bytes in Base64.")
    return key
