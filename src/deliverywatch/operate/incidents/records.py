"""An id such as INC-1121-1204 -> the incident's record, open or over, and what its watch's system knows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents import incident_store
from deliverywatch.alerting.incidents.incident import from_json
from deliverywatch.errors import InputError
from deliverywatch.messages import context

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deliverywatch.alerting.incidents.incident import Incident
    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.mail.formatting import Clock
    from deliverywatch.messages.context import Context
    from deliverywatch.storage.store import Store


def last_incidents(store: Store) -> list[Incident]:
    """Return the last incident of every watch: those that are open first, then the newest."""
    read = [incident_store.read(store, watch) for watch in incident_store.recorded_watches(store)]
    incidents = [incident for incident in read if incident is not None]
    return sorted(
        incidents, key=lambda incident: (not incident.is_open, -incident.level.rank, -incident.changed_at.timestamp())
    )


def find(store: Store, incident_id: str, watch: str = "") -> Incident:
    """Return the incident of an id: the open one, or else the newest that bore it.

    Raises:
        InputError: There is none, or there are several and no watch is named.
    """
    wanted = incident_id.strip().upper()
    last = last_incidents(store)
    candidates = [incident for incident in last if incident.id == wanted] or _earlier(store, wanted)
    of_watch = [incident for incident in candidates if watch in ("", incident.watch)]
    if not of_watch:
        newest = ", ".join(incident.id for incident in last[:3]) or "none yet"
        raise InputError(f"There is no incident {wanted}.", next_step=f"The last ones are: {newest}.")
    if len({incident.watch for incident in of_watch}) > 1:
        names = " or ".join(sorted({incident.watch for incident in of_watch}))
        raise InputError(f"{wanted} is the id of several incidents.", next_step=f"Add --watch: {names}.")
    return max(of_watch, key=lambda incident: incident.opened_at)


def _earlier(store: Store, incident_id: str) -> list[Incident]:
    keys = [
        key for watch in incident_store.recorded_watches(store) for key in incident_store.earlier_keys(store, watch)
    ]
    stored = [store.read(key) for key in keys if key.endswith(f"-{incident_id}.json")]
    read = [from_json(record.body) for record in stored if record]
    return [incident for incident in read if incident is not None]


def owner(incident: Incident, clock: Clock, now: datetime) -> str:
    """Return who took an incident on last, when and with which note; empty if nobody did."""
    if not incident.acks:
        return ""
    last = incident.acks[-1]
    return f"{last.by} has taken it on, at {clock.day_time(last.time, now)}{f': {last.note}' if last.note else ''}"


def context_of(store: Store, watch: str, declared: Iterable[Watch] = ()) -> Context:
    """Return what the watch's system left: where the stack declares it, else under the watch's or its system's name."""
    names = (watch, watch.partition("-")[0], watch.partition(".")[0])
    keys = [one.context for one in declared if one.name == watch and one.context] or map(context.key_of, names)
    for key in keys:
        stored = store.read(key)
        if stored is not None:
            return context.from_json(stored.body)
    return context.from_json(None)
