"""A change of an incident -> who gets its mail, and why.

`AlertRecipients` get every mail. `CriticalRecipients` get the mails of an incident from the change on that made it
critical: whoever learns that it is critical also learns that it is over. The addresses that a watch's context names
replace both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deliverywatch.messages.level import Level

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.alerting.inputs.settings import Settings


@dataclass(frozen=True, slots=True)
class Audience:
    """Who gets a mail; `why` is true for each of them and says how to be taken off."""

    addresses: tuple[str, ...]
    why: str


def audience(settings: Settings, incident: Incident, change: Change, named: tuple[str, ...] = ()) -> Audience:
    """Return who gets a change's mail: the addresses that its context names, else the stack's."""
    if named:
        return Audience(named, _why_named(settings, incident))
    until = [earlier for earlier in incident.timeline if earlier.seq <= change.seq]
    was_critical = any(Level.CRITICAL in (entry.level, entry.before) for entry in [*until, change])
    return audience_of_level(settings, Level.CRITICAL if was_critical else change.level)


def audience_of_level(settings: Settings, level: Level) -> Audience:
    """Return who gets a mail of a level."""
    addresses = of_level(settings, level)
    is_wider = len(addresses) > len(set(settings.recipients))
    further = ", or among those of its critical incidents" if is_wider else ""
    return Audience(
        addresses,
        f"You get this mail because your address is among the alert recipients of the stack {settings.prefix}"
        f"{further}. To be taken off, ask whoever runs that stack.",
    )


def of_level(settings: Settings, level: Level) -> tuple[str, ...]:
    """Return the addresses of a mail of a level, without duplicates."""
    further = settings.critical_recipients if level is Level.CRITICAL else ()
    return tuple(dict.fromkeys([*settings.recipients, *further]))


def _why_named(settings: Settings, incident: Incident) -> str:
    name = f"'{incident.title}' ({incident.watch})" if incident.title else incident.watch
    return (
        f"You get this mail because your address is set as a recipient of {name}, which has recipients of its own in "
        f"the stack {settings.prefix}. To be taken off, ask whoever set it up, or whoever runs that stack."
    )
