"""What the notifier talks to; `aws` has the adapters, `dry_run` those without AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.observe import Alarms
    from deliverywatch.alerting.mail.send import Fallback, Mailer
    from deliverywatch.storage.store import Store


class Charts(Protocol):
    """Pictures of metrics."""

    def png(self, widget: str) -> bytes:
        """Return the picture of a widget definition, or raise MetricsUnavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What the notifier talks to."""

    alarms: Alarms
    store: Store
    mailer: Mailer
    fallback: Fallback
    charts: Charts
