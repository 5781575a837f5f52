"""A change of an incident -> who gets its mail.

`AlertRecipients` get every mail. `CriticalRecipients` get the mails of an incident from the change on that made it
critical: whoever learns that it is critical also learns that it is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.inputs.settings import Settings


def recipients(settings: Settings, incident: Incident, change: Change) -> tuple[str, ...]:
    """Return the addresses of a change's mail, without duplicates."""
    until = [earlier for earlier in incident.timeline if earlier.seq <= change.seq]
    was_critical = any(Level.CRITICAL in (entry.level, entry.before) for entry in [*until, change])
    return of_level(settings, Level.CRITICAL if was_critical else change.level)


def of_level(settings: Settings, level: Level) -> tuple[str, ...]:
    """Return the addresses of a mail of a level, without duplicates."""
    further = settings.critical_recipients if level is Level.CRITICAL else ()
    return tuple(dict.fromkeys([*settings.recipients, *further]))
