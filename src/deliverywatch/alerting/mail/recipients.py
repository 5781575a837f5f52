"""A change of an incident -> who gets its mail.

`AlertRecipients` get every mail. `CriticalRecipients` get the mails of incidents that became critical, from that change
on: who was told that it is critical is also told that it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.inputs.settings import Settings


def recipients(settings: Settings, incident: Incident, change: Change) -> tuple[str, ...]:
    """Return the addresses of a change's mail, each once."""
    until = [one for one in incident.timeline if one.seq <= change.seq]
    was_critical = any(Level.CRITICAL in (one.level, one.before) for one in [*until, change])
    return of_level(settings, Level.CRITICAL if was_critical else change.level)


def of_level(settings: Settings, level: Level) -> tuple[str, ...]:
    """Return the addresses that a mail of a level goes to, each once."""
    further = settings.critical_recipients if level is Level.CRITICAL else ()
    return tuple(dict.fromkeys([*settings.recipients, *further]))
