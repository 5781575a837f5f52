"""The signer of a stack's links, with the keys that a SecureString in SSM holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from deliverywatch.alerting.aws import Secrets
from deliverywatch.environment import required

if TYPE_CHECKING:
    from deliverywatch.alerting import ports
    from deliverywatch.alerting.incidents.signed_link import Signer

# A key that is replaced counts after this time; a warm function asks SSM no more often, which is free of charge.
_KEPT = timedelta(minutes=5)
_NAMES = ("LINK_KEY_PARAMETER", "STACK_ID", "LINK_HOURS")


@dataclass(slots=True)
class Signers:
    """Who signs a stack's links, at a time.

    Attributes:
        parameter: The name of the SSM parameter with the keys.
        stack: The stack's id.
    """

    secrets: ports.Secrets
    parameter: str
    stack: str
    lifetime: timedelta
    _kept: tuple[datetime, Signer] | None = None

    def __call__(self, now: datetime) -> Signer:
        """Return the signer; ChannelUnavailable if the key cannot be read, ConfigurationError if it is none."""
        if self._kept is None or now - self._kept[0] > _KEPT:
            # Imported here: only a mail with links pays for it.
            from deliverywatch.alerting.incidents.signed_link import Signer, keys_of

            keys = keys_of(self.secrets.read(self.parameter))
            self._kept = now, Signer(self.stack, keys, self.lifetime)
        return self._kept[1]


def signers(environ: Mapping[str, str]) -> Signers:
    """Return what signs and verifies the links of a function's stack."""
    key, stack, hours = (required(environ, f"DELIVERYWATCH_{name}") for name in _NAMES)
    return Signers(Secrets(), key, stack, timedelta(hours=int(hours)))
