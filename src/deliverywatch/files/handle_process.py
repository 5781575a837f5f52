"""The Lambda `files-process`: a batch of SQS messages -> items in DynamoDB.

Event: docs.aws.amazon.com/lambda/latest/dg/with-sqs.html. What fails is printed as one line of JSON with the level
ERROR, which a metric filter counts.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import Any

from deliverywatch.files import aws, process
from deliverywatch.files.items import Retention


def handler(event: object, _context: Any) -> dict[str, Any]:
    """Process a batch and answer with the messages to deliver again.

    Raises:
        TableUnavailable: No message could be kept, and all may be later: raised, so that Lambda slows down.
    """
    retention = Retention(int(os.environ["DELIVERYWATCH_ITEM_DAYS"]), int(os.environ["DELIVERYWATCH_TOMBSTONE_DAYS"]))
    report = process.process(process.batch(event), datetime.now(UTC), _ports(), retention)
    frame = {"system": "files", "environment": os.environ["DELIVERYWATCH_ENVIRONMENT"]}
    for result in report.results:
        if result.failure:
            told = {**frame, "level": "ERROR", "event": "message_failed", **result.failure.as_fields()}
            print(json.dumps(told | ({"error": result.error} if result.error else {})), flush=True)
    print(json.dumps({**frame, "level": "INFO", "event": "batch_processed", **report.counts}), flush=True)
    process.raise_if_nothing_works(report)
    return report.answer


@cache
def _ports() -> process.Ports:
    dynamodb = aws.client("dynamodb")
    failures = aws.Failures(dynamodb, os.environ["DELIVERYWATCH_FAILURES_TABLE"])
    spread = ThreadPoolExecutor(aws.WRITERS).map
    return process.Ports(aws.Table(dynamodb, os.environ["DELIVERYWATCH_TABLE"]), failures, spread)
