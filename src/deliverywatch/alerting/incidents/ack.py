"""Somebody says "I have it" -> a line in the incident's record, which every later mail and `status` show.

It changes neither the level nor what is mailed. There is no link in the mails to do it: mail scanners follow links.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents import incident_store
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Ack, Incident
    from deliverywatch.storage.store import Store

# One incident has a handful; a loop that acknowledges must not grow the record without end.
ACK_LIMIT = 20


def acknowledge(store: Store, watch: str, incident_id: str, ack: Ack) -> Incident:
    """Return an open incident after an acknowledgement is in its record.

    Args:
        store: The bucket.
        watch: The watch whose incident it is.
        incident_id: The incident's id; it must be the one that is open.
        ack: Who, when, and what they say.

    Raises:
        InputError: The incident is over, or has too many acknowledgements.
        StoreConflict: Others won every race.
        StoreUnavailable: S3 cannot be reached.
    """

    def noted(incident: Incident | None) -> Incident:
        if incident is None or incident.id != incident_id or not incident.is_open:
            raise InputError(
                f"{incident_id} is over, so there is nothing to acknowledge.",
                next_step=f"'deliverywatch explain {incident_id}' tells what it was.",
            )
        if len(incident.acks) >= ACK_LIMIT:
            raise InputError(
                f"{incident_id} has {ACK_LIMIT} acknowledgements already.",
                next_step="'deliverywatch status' shows whose they are.",
            )
        return replace(incident, acks=(*incident.acks, ack))

    written = incident_store.change(store, watch, noted)
    if written is None:  # `noted` returns an incident or raises
        raise InputError(f"{incident_id} has no record.")
    return written
