"""A change of an incident -> who gets its mail.

`AlertRecipients` get every mail. `CriticalRecipients` get the mails of incidents that became critical, from that change
on: who got the mail that it is critical also gets the one that it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.inputs.settings import Settings


def recipients(settings: Settings, incident: Incident, change: Change) -> tuple[str, ...]:
    """Return the addresses of a change's mail, each once."""
    until = [earlier for earlier in incident.timeline if earlier.seq <= change.seq]
    was_critical = any(Level.CRITICAL in (entry.level, entry.before) for entry in [*until, change])
    return of_level(settings, Level.CRITICAL if was_critical else change.level)


def of_level(settings: Settings, level: Level) -> tuple[str, ...]:
    """Return the addresses that a mail of a level goes to, each once."""
    further = settings.critical_recipients if level is Level.CRITICAL else ()
    return tuple(dict.fromkeys([*settings.recipients, *further]))
