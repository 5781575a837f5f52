"""A receiver of Standard Webhooks: it checks signature and time, and takes a message once, whatever comes again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from deliverywatch.local.channels.receiver import Receiver, Reply, Request

# What the specification advises: an older attempt may be somebody's recording.
_TOLERANCE_SECONDS = 300
_REAL_TIME: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731 - a default that is a function


class WebhookServer(Receiver):
    """A receiver with one key.

    Attributes:
        messages: The bodies that it took, without those that came again.
        is_revoked: Whether it answers 410 to everything.
    """

    def __init__(self, key: bytes = b"a made-up key of 24 bytes", now: Callable[[], datetime] = _REAL_TIME) -> None:
        super().__init__(self._taken)
        self.messages: list[dict[str, Any]] = []
        self.is_revoked = False
        self._key, self._now = key, now
        self._ids: set[str] = set()

    @property
    def secret(self) -> str:
        """What its SSM parameter holds."""
        return f"{self.url}/hook whsec_{base64.b64encode(self._key).decode()}"

    def _taken(self, request: Request) -> Reply:
        if self.is_revoked:
            return Reply(410, b"gone")
        name, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "0")
        digest = hmac.digest(self._key, f"{name}.{stamp}.".encode() + request.body, hashlib.sha256)
        signature = f"v1,{base64.b64encode(digest).decode()}"
        if signature not in request.headers.get("webhook-signature", "").split():
            return Reply(401, b"bad signature")
        if abs(self._now().timestamp() - int(stamp)) > _TOLERANCE_SECONDS:
            return Reply(400, b"too old")
        if name not in self._ids:
            self._ids.add(name)
            self.messages.append(json.loads(request.body))
        return Reply(204, b"")
