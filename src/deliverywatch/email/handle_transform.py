"""The Lambda `email-transform`: a batch of Firehose -> its answer, its metrics, and the context of mails about it.

Event and answer: docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from deliverywatch.email import counts
from deliverywatch.email.rates.record import digest_of
from deliverywatch.email.rates.rules import Limits
from deliverywatch.email.transform import reasons_object, transformed
from deliverywatch.environment import limits
from deliverywatch.errors import Retryable
from deliverywatch.messages.scheduled import filled_in

if TYPE_CHECKING:
    from deliverywatch.email.transform import Batch

_PREFIX = "DELIVERYWATCH_"


@filled_in
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer each record on its own; no record can make the function fail."""
    batch = transformed(event, os.environ["DELIVERYWATCH_CAMPAIGN_TAG"])
    environment = os.environ["DELIVERYWATCH_ENVIRONMENT"]
    for document in counts.documents(environment, batch):
        print(document, flush=True)
    try:
        _keep(batch, digest_of(event), context.aws_request_id, environment)
    except Retryable as error:
        # The records are safe, which is what counts: Firehose keeps those that failed, and the log has the reasons.
        print(json.dumps({"event": "email_context_not_kept", "error": str(error)}), flush=True)
    return {"records": batch.answers}


def _keep(batch: Batch, digest: str, token: str, environment: str) -> None:
    if not (batch.refusals or batch.tally.minutes):
        return
    # boto3 is imported only where it is needed: a batch of opens starts a third of a second sooner.
    from deliverywatch.email.judge import Addition, Judge
    from deliverywatch.storage.s3 import Bucket

    if batch.refusals:
        Bucket(os.environ["DELIVERYWATCH_EMAIL_BUCKET"]).write(*reasons_object(batch, token))
    if batch.tally.minutes:
        lake = Bucket(os.environ["DELIVERYWATCH_BUCKET"])
        chosen = limits(Limits, os.environ, lambda name: f"{_PREFIX}{name.upper()}")
        added = Addition(tally=batch.tally, digest=digest)
        shares = Judge(lake, chosen, environment).judge(batch.stream, batch.arrived_at, added)
        for document in counts.of_shares(environment, shares, batch.arrived_at):
            print(document, flush=True)
