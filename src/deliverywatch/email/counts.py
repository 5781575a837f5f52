"""A batch and the shares of a stream -> metrics.

How many were sent is SES's own metric of the configuration set, an independent witness of silence; the shares divide
what the events say of the same mails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deliverywatch import emf

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from deliverywatch.email.judge import Share
    from deliverywatch.email.transform import Batch

NAMESPACE = "DeliveryWatch/Email"


def documents(environment: str, batch: Batch) -> list[str]:
    """Return the EMF documents of a batch, one line each.

    Refusals are emitted only if there are any, because a metric is billed by the hours in which it has data.
    """
    documents = [_sends(environment, batch)] if batch.tally.types["Send"] else []
    documents += [_misfits(environment, batch)] if batch.misfits else []
    return [*documents, *([_refused(environment, batch)] if batch.refusals else [])]


def of_shares(environment: str, shares: Iterable[Share], now: datetime) -> list[str]:
    """Return the EMF documents of shares that were judged at `now`, with the counts of their mails for the log."""
    return [
        emf.document(
            NAMESPACE,
            {"Environment": environment, "Stream": share.stream.value},
            {share.metric: (round(share.percent, 3), share.unit)},
            share.at or now,
            share.details,
        )
        for share in shares
    ]


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
