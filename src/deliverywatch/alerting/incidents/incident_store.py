"""The incident records of the lake: read, and changed so that concurrent writers lose nothing.

The notifier, its sweep and a person who acknowledges may write at the same time: whoever loses the race reads again.
`incidents/<watch>/current.json` is the last incident; before another replaces it, it is copied to
`incidents/<watch>/past/YYYY-MM-DD-<id>.json`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import from_json, parsed, to_json
from deliverywatch.storage.records import update_record
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.storage.store import Store

_FOLDER = "incidents/"
_RECORD = "/current.json"


def incident_key(watch: str) -> str:
    """Return the key of a watch's incident record."""
    return f"{_FOLDER}{watch}{_RECORD}"


def earlier_key(incident: Incident) -> str:
    """Return the key of an incident's copy once the next one opens; it has the year, as ids repeat every year."""
    return f"{_FOLDER}{incident.watch}/past/{incident.opened_at:%Y-%m-%d}-{incident.id}.json"


def recorded_watches(store: Store) -> list[str]:
    """Return the names of the watches that ever had an incident."""
    keys = store.keys(_FOLDER)
    return [key.removeprefix(_FOLDER).removesuffix(_RECORD) for key in keys if key.endswith(_RECORD)]


def read(store: Store, watch: str) -> Incident | None:
    """Return a watch's last incident; None if it had none or its record is unreadable."""
    stored = store.read(incident_key(watch))
    incident = from_json(stored.body) if stored else None
    return incident if incident and incident.id else None


def earlier_keys(store: Store, watch: str) -> list[str]:
    """Return the keys of a watch's earlier incidents, oldest first."""
    return sorted(store.keys(f"{_FOLDER}{watch}/past/"))


def change(store: Store, watch: str, after: Callable[[Incident | None], Incident | None]) -> Incident | None:
    """Change a watch's incident, and return it.

    `after` gets the last incident and returns what it becomes, the same for no change. It is called again after a lost
    race, with what the winner wrote. A record that cannot be read is set aside, and the incident begun anew.
    """

    def changed(present: Incident | None) -> Change[Incident | None]:
        incident = after(present)
        if incident is None or incident == present:
            return Change(None, incident)
        if present is not None and present.id not in ("", incident.id):
            # Copied before it is overwritten; if two open an incident at once, both write the same copy.
            store.write(earlier_key(present), to_json(present))
        return Change(to_json(incident), incident)

    return update_record(store, incident_key(watch), parsed, changed)
