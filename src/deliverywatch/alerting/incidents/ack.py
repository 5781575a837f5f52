"""Somebody says "I have it" -> a line in the incident's record, which every later mail and `status` show.

It changes neither the level nor what is mailed. Mail scanners follow links: opening one acknowledges nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from deliverywatch.alerting.incidents import incident_store
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Ack, Incident
    from deliverywatch.storage.store import Store

# An incident has a handful; a script in a loop must not grow the record without end.
ACK_LIMIT = 20


def acknowledge(store: Store, watch: str, incident_id: str, ack: Ack) -> Incident:
    """Record an acknowledgement and return the incident; InputError if it is over or has too many of them.

    What is recorded already, because somebody clicked twice, is not recorded again.
    """

    def noted(incident: Incident | None) -> Incident:
        if incident is None or incident.id != incident_id or not incident.is_open:
            raise InputError(
                f"{incident_id} is over, so there is nothing to acknowledge.",
                next_step=f"'deliverywatch explain {incident_id}' shows what it was.",
            )
        if any(_says_the_same(earlier, ack) for earlier in incident.acks):
            return incident
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


def _says_the_same(earlier: Ack, ack: Ack) -> bool:
    rule = ack.others.get("mute_rule")
    is_same_rule = earlier.others.get("mute_rule") == rule
    return is_same_rule and (rule is not None or (earlier.by.casefold(), earlier.note) == (ack.by.casefold(), ack.note))
