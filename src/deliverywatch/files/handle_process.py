"""The Lambda `files-process`: a batch of SQS messages -> items in DynamoDB.

Event: docs.aws.amazon.com/lambda/latest/dg/with-sqs.html. Each failure is printed as one line of JSON with the level
ERROR, which a metric filter counts.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import Any

from deliverywatch.files import aws, process
from deliverywatch.files.records import mail_context
from deliverywatch.files.records.items import Retention
from deliverywatch.files.records.sqs import messages_of
from deliverywatch.messages.scheduled import filled_in


@filled_in
def handler(event: object, _context: Any) -> dict[str, Any]:
    """Process a batch and answer with the messages to redeliver.

    Raises:
        TableUnavailable: No message could be stored, but all may be later: raised so that Lambda slows down.
    """
    report = process.process(messages_of(event), datetime.now(UTC), _ports(), _settings())
    frame = {"system": "files", "environment": os.environ["DELIVERYWATCH_ENVIRONMENT"]}
    for result in report.results:
        if result.failure:
            line = {**frame, "level": "ERROR", "event": "message_failed", **result.failure.as_fields()}
            print(json.dumps(line | ({"error": result.error} if result.error else {})), flush=True)
    print(json.dumps({**frame, "level": "INFO", "event": "batch_processed", **report.counts}), flush=True)
    process.raise_if_nothing_works(report)
    return report.answer


def _settings() -> process.Settings:
    days = (int(os.environ[f"DELIVERYWATCH_{name}_DAYS"]) for name in ("ITEM", "TOMBSTONE"))
    return process.Settings(Retention(*days), int(os.environ["DELIVERYWATCH_RECEIVE_COUNT"]))


@cache
def _ports() -> process.Ports:
    dynamodb = aws.client("dynamodb")
    return process.Ports(
        table=aws.Table(dynamodb, os.environ["DELIVERYWATCH_TABLE"]),
        failures=aws.Failures(dynamodb, os.environ["DELIVERYWATCH_FAILURES_TABLE"]),
        lake=aws.Lake(aws.client("s3"), os.environ["DELIVERYWATCH_BUCKET"], mail_context.KEY),
        queue=aws.Queue(aws.client("sqs"), os.environ["DELIVERYWATCH_QUEUE_URL"]),
        spread=ThreadPoolExecutor(aws.WRITERS).map,
    )
