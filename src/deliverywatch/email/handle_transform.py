"""The Lambda `email-transform`: a batch of Firehose -> its answer, its metrics, and the reasons of its refusals.

Event and answer: docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
"""

from __future__ import annotations

import json
import os
from typing import Any

from deliverywatch.email import counts
from deliverywatch.email.transform import reasons_object, transformed
from deliverywatch.errors import StoreUnavailable


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer each record on its own; nothing that a record holds makes the function fail."""
    batch = transformed(event, os.environ["DELIVERYWATCH_CAMPAIGN_TAG"])
    for document in counts.documents(os.environ["DELIVERYWATCH_ENVIRONMENT"], batch):
        print(document, flush=True)
    if batch.refusals:
        _keep_reasons(*reasons_object(batch, context.aws_request_id))
    return {"records": batch.answers}


def _keep_reasons(key: str, body: bytes) -> None:
    # boto3 is imported for refusals only: a batch without one starts a third of a second sooner.
    from deliverywatch.email.aws import Bucket

    try:
        Bucket(os.environ["DELIVERYWATCH_EMAIL_BUCKET"]).write(key, body)
    except StoreUnavailable as error:
        # The records themselves are safe: Firehose keeps them. The reasons stand in the log as well.
        print(json.dumps({"event": "email_reasons_not_kept", "error": str(error)}), flush=True)
