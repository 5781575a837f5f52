"""Messages -> the mails that they would cause, without AWS: the notifier's own flow over a memory that starts empty.

Without CloudWatch only the messages so far are known: a return to OK is taken as the end of an incident whose beginning
is unknown, and no assessment is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from deliverywatch.alerting.incidents.incident import to_json
from deliverywatch.alerting.incidents.incident_store import incident_key
from deliverywatch.alerting.inputs.alarm import Alarm, State
from deliverywatch.alerting.inputs.notice import parse
from deliverywatch.alerting.notify import Notifier, presumption, watch_for
from deliverywatch.alerting.ports import Ports
from deliverywatch.errors import MetricsUnavailable
from deliverywatch.storage.memory import Memory

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.inputs.settings import Settings
    from deliverywatch.alerting.notify import Outcome


@dataclass(frozen=True, slots=True)
class MessageAlarms:
    """Alarms as the messages described them, and Charts that cannot be drawn."""

    alarms: dict[str, Alarm] = field(default_factory=dict)

    def describe(self, names: Sequence[str]) -> list[Alarm]:
        """Return the alarms as the messages described them; of one that was in no message nothing is known."""
        return [self.alarms.get(name, Alarm(name, State.INSUFFICIENT_DATA)) for name in names]

    def newest(self, *_: object) -> dict[str, Any]:
        """Return no values."""
        return {}

    sums = newest

    def is_muted(self, *_: object) -> bool:
        """Return that nothing is muted."""
        return False

    def png(self, *_: object) -> NoReturn:
        """Raise MetricsUnavailable."""
        raise MetricsUnavailable("There is no CloudWatch here to draw a picture.")


@dataclass(frozen=True, slots=True)
class Pile:
    """Mailer and Fallback that keep what they get."""

    messages: list[bytes] = field(default_factory=list)

    def send(self, message: bytes, sender: str, recipients: Sequence[str]) -> str:
        """Keep the message."""
        self.messages.append(message)
        return f"{sender} to {len(recipients)}"

    def publish(self, subject: str, text: str) -> str:
        """Keep the text."""
        self.messages.append(f"Subject: {subject}\n\n{text}".encode())
        return subject


def dry_run(
    event: object, settings: Settings, watches: tuple[Watch, ...], context: bytes | None, received_at: datetime
) -> list[tuple[Outcome, list[bytes]]]:
    """Return for each message of an event its outcome and the mails that it caused.

    Args:
        event: The SNS-to-Lambda event, or a bare message.
        settings: How the mails look and where they would go.
        watches: The declared ones; any other alarm is a watch of its own.
        context: The context document of every watch.
        received_at: The time for messages without one.
    """
    store, pile, alarms = Memory(), Pile(), MessageAlarms()
    watches = tuple(replace(watch, is_assessed=False) for watch in watches)
    notifier = Notifier(
        Ports(alarms=alarms, store=store, mailer=pile, fallback=pile, charts=alarms), settings, watches, "dry-run"
    )
    results = []
    for notice in parse(event, received_at):
        watch = watch_for(notice, watches)
        if notice.alarm is not None:
            alarms.alarms[notice.alarm.name] = notice.alarm
        before = presumption(watch, notice)
        if before is not None and store.read(incident_key(watch.name)) is None:
            store.write(incident_key(watch.name), to_json(before))
        if context is not None and watch.context:
            store.write(watch.context, context)
        # A sample may be of any age: its mail is no late one.
        outcome = notifier.handle(replace(notice, received_at=notice.time))
        results.append((outcome, list(pile.messages)))
        pile.messages.clear()
    return results
