"""A batch -> metrics: bounces and complaints per stream, and records that were refused.

How many were sent is SES's own metric of the configuration set, an independent witness for both rates and silence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch import emf

if TYPE_CHECKING:
    from deliverywatch.email.transform import Batch

NAMESPACE = "DeliveryWatch/Email"


def documents(environment: str, batch: Batch) -> list[str]:
    """Return the EMF documents of a batch, one line each.

    Zeros are data: a stream that bounces nothing says so with every batch. Refusals are emitted only if there are any,
    because a metric is billed by the hours in which it has data.
    """
    documents = [_of_stream(environment, batch)] if batch.tally.types else []
    documents += [_sends(environment, batch)] if batch.tally.types["Send"] else []
    documents += [_misfits(environment, batch)] if batch.misfits else []
    return [*documents, *([_refused(environment, batch)] if batch.refusals else [])]


def _of_stream(environment: str, batch: Batch) -> str:
    metrics = {"Bounced": (batch.tally.bounced, "Count"), "Complained": (batch.tally.complained, "Count")}
    dimensions = {"Environment": environment, "Stream": batch.stream.value}
    return emf.document(NAMESPACE, dimensions, metrics, batch.arrived_at, {"types": dict(batch.tally.types)})


def _sends(environment: str, batch: Batch) -> str:
    # Beside SES's own metric of what it sent. Other events may be of mails of last week.
    dimensions = {"Environment": environment, "Stream": batch.stream.value}
    return emf.document(NAMESPACE, dimensions, {"Sends": (batch.tally.types["Send"], "Count")}, batch.arrived_at, {})


def _refused(environment: str, batch: Batch) -> str:
    metrics = {"Refused": (len(batch.refusals), "Count")}
    reasons = [f"{refusal.reason}: {refusal.sentence}" for refusal in batch.refusals]
    properties = {"stream": batch.stream.value, "reasons": reasons}
    return emf.document(NAMESPACE, {"Environment": environment}, metrics, batch.arrived_at, properties)


def _misfits(environment: str, batch: Batch) -> str:
    metrics = {"Misfits": (batch.misfits.total(), "Count")}
    properties = {"stream": batch.stream.value, "fields": dict(batch.misfits)}
    return emf.document(NAMESPACE, {"Environment": environment}, metrics, batch.arrived_at, properties)
