"""The incident records of the lake: read, and changed so that of two writers neither loses what the other wrote.

The notifier, its sweep and a person who acknowledges may write at once: each reads, changes and writes under the
condition that nobody wrote meanwhile, and whoever loses reads again. `incidents/<watch>/current.json` is the last
incident; before another takes its place it is kept as `incidents/<watch>/past/YYYY-MM-DD-<id>.json`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents.incident import from_json, to_json
from deliverywatch.errors import StoreConflict

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.outbox import Store

# Two writers at once are rare, and a handful is unheard of: after so many lost races something else is wrong.
ATTEMPTS = 8
_FOLDER = "incidents/"
_RECORD = "/current.json"


def incident_key(watch: str) -> str:
    """Return the key of a watch's incident record."""
    return f"{_FOLDER}{watch}{_RECORD}"


def past_key(incident: Incident) -> str:
    """Return the key under which an incident is kept when the next one opens; ids come again after a year."""
    return f"{_FOLDER}{incident.watch}/past/{incident.opened_at:%Y-%m-%d}-{incident.id}.json"


def recorded_watches(store: Store) -> list[str]:
    """Return the names of the watches that ever had an incident."""
    keys = store.keys(_FOLDER)
    return [key.removeprefix(_FOLDER).removesuffix(_RECORD) for key in keys if key.endswith(_RECORD)]


def read(store: Store, watch: str) -> tuple[Incident | None, str | None]:
    """Return a watch's last incident and the version of its record; None for what is not there or not readable."""
    stored = store.read(incident_key(watch))
    return (from_json(stored.body), stored.version) if stored else (None, None)


def past(store: Store, watch: str) -> list[str]:
    """Return the keys of a watch's earlier incidents, the oldest first."""
    return sorted(store.keys(f"{_FOLDER}{watch}/past/"))


def change(store: Store, watch: str, after: Callable[[Incident | None], Incident | None]) -> Incident | None:
    """Return a watch's incident as it is written after a change.

    Args:
        store: The bucket.
        watch: The watch's name.
        after: Gets the last incident and returns what it becomes, the same for no change. Called again after a lost
            race, with what the winner wrote.

    Raises:
        StoreConflict: Others won every race.
        StoreUnavailable: S3 cannot be reached.
    """
    for _ in range(ATTEMPTS):
        incident, version = read(store, watch)
        changed = after(incident)
        try:
            if changed is not None and changed != incident:
                _keep(store, incident, changed)
                _write(store, changed, version)
        except StoreConflict:
            continue
        return changed
    raise StoreConflict(f"The incident of {watch} was changed by others {ATTEMPTS} times in a row.")


def _keep(store: Store, incident: Incident | None, changed: Incident) -> None:
    """Keep what is overwritten; written twice, by two who open at once, it is the same."""
    if incident is not None and incident.id != changed.id:
        store.write(past_key(incident), to_json(incident))


def _write(store: Store, incident: Incident, version: str | None) -> None:
    key, body = incident_key(incident.watch), to_json(incident)
    if version is None:
        store.create(key, body)
    else:
        store.replace(key, body, version)
