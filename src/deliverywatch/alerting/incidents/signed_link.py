"""A link that lets its holder do one thing to one incident until it expires: signed in a mail, verified by the page.

The path of a link is `/<payload>.<signature>`: base64url of `["ack","sms-failures","INC-1121-1204",1764442800]`, and
HMAC-SHA256 of the stack's id and the payload. Nothing of a payload is read before its signature is verified. Any of the
keys verifies and the first one signs, so that a key can be replaced while older links stay valid.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from deliverywatch.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

# A shorter key could be guessed by whoever has a link: 32 characters of hex are 128 bits.
KEY_MINIMUM_CHARACTERS = 32
KEY_LIMIT = 4
# A path has some 150 characters; a watch's name of 120 that are not ASCII makes it longer.
_PATH_LIMIT = 4000
# What is signed begins with it, so that no other signature of these keys is one of a link.
_PURPOSE = b"deliverywatch link 1"
# Lambda's clocks differ by much less.
_CLOCK_SKEW = timedelta(minutes=5)


class Action(StrEnum):
    """What a link lets its holder do."""

    ACKNOWLEDGE = "ack"
    MUTE = "mute"


class LinkRefused(Exception):
    """Not a link of this stack: nothing is said of why, which would help only who made it up."""


class LinkExpired(Exception):
    """A link of this stack, which was valid once."""


@dataclass(frozen=True, slots=True)
class Link:
    """What one link is for."""

    action: Action
    watch: str
    incident: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Signer:
    """Makes and verifies the links of one stack.

    Attributes:
        stack: What no two stacks share: a link of another stack is refused even if it has the same keys.
        keys: The first one signs.
        lifetime: How long links live; one that claims to live longer is refused, so that lowering it counts at once.
    """

    stack: str
    keys: Sequence[bytes]
    lifetime: timedelta

    def path(self, action: Action, watch: str, incident: str, now: datetime) -> str:
        """Return the path of a new link, without a slash before it."""
        expires = int((now + self.lifetime).timestamp())
        payload = json.dumps([action.value, watch, incident, expires], separators=(",", ":")).encode()
        encoded = _encoded(payload)
        return f"{encoded}.{self._signature(encoded, self.keys[0])}"

    def verified(self, path: str, now: datetime) -> Link:
        """Return the link of a path.

        Raises:
            LinkRefused: It is none of this stack's.
            LinkExpired: It was one.
        """
        encoded, _, signature = path.removeprefix("/").partition(".")
        if len(path) > _PATH_LIMIT or not self._is_signed(encoded, signature):
            raise LinkRefused
        action, watch, incident, expires = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
        link = Link(Action(action), watch, incident, datetime.fromtimestamp(expires, UTC))
        if not now - _CLOCK_SKEW <= link.expires_at <= now + self.lifetime + _CLOCK_SKEW:
            raise LinkExpired
        return link

    def _is_signed(self, encoded: str, signature: str) -> bool:
        given = signature.encode(errors="replace")
        # All keys are tried, whichever fits: the time that it takes says nothing.
        fits = [hmac.compare_digest(self._signature(encoded, key).encode(), given) for key in self.keys]
        return any(fits)

    def _signature(self, encoded: str, key: bytes) -> str:
        signed = b"\n".join((_PURPOSE, self.stack.encode(), encoded.encode(errors="replace")))
        return _encoded(hmac.new(key, signed, hashlib.sha256).digest())


def keys_of(value: str) -> tuple[bytes, ...]:
    """Return the keys of a parameter, which holds one, or several separated by commas, the one that signs first.

    Raises:
        ConfigurationError: There is none, one is too short, or there are too many.
    """
    keys = [key.strip() for key in value.split(",") if key.strip()]
    if not 0 < len(keys) <= KEY_LIMIT or any(len(key) < KEY_MINIMUM_CHARACTERS for key in keys):
        raise ConfigurationError(
            f"The key of links must be 1 to {KEY_LIMIT} keys of at least {KEY_MINIMUM_CHARACTERS} characters, "
            "separated by commas.",
            next_step="Store one: aws ssm put-parameter --overwrite --type SecureString --name NAME "
            '--value "$(openssl rand -hex 32)".',
        )
    return tuple(key.encode() for key in keys)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
