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
from deliverywatch.files.aws_objects import Objects
from deliverywatch.files.records import mail_context
from deliverywatch.files.records.layout import Layout
from deliverywatch.files.records.sqs import messages_of
from deliverywatch.files.settings import from_environment
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.storage.s3 import account_of, owned_by


@filled_in
def handler(event: object, context: Any) -> dict[str, Any]:
    """Process a batch and answer with the messages to redeliver.

    Raises:
        TableUnavailable: No message could be stored, but all may be later: raised so that Lambda slows down.
    """
    settings = from_environment(os.environ)
    ports = _ports(account_of(context), settings.layout, has_pusher=settings.has_pusher)
    report = process.process(messages_of(event), datetime.now(UTC), ports, settings, aws.has_time(context))
    frame = {"system": "files", "environment": os.environ["DELIVERYWATCH_ENVIRONMENT"]}
    for result in report.results:
        if result.failure:
            line = {**frame, "level": "ERROR", "event": "message_failed", **result.failure.as_fields()}
            print(json.dumps(line | ({"error": result.error} if result.error else {})), flush=True)
    print(json.dumps({**frame, "level": "INFO", "event": "batch_processed", **report.counts}), flush=True)
    process.raise_if_nothing_works(report)
    return report.answer


@cache
def _ports(account: str, layout: Layout, *, has_pusher: bool) -> process.Ports:
    dynamodb, s3 = aws.client("dynamodb"), _s3(account)
    return process.Ports(
        table=aws.Table(dynamodb, os.environ["DELIVERYWATCH_TABLE"], layout),
        failures=aws.Failures(dynamodb, os.environ["DELIVERYWATCH_FAILURES_TABLE"]),
        lake=aws.Lake(s3, os.environ["DELIVERYWATCH_BUCKET"], mail_context.KEY),
        objects=Objects(s3, everything=has_pusher),
        queue=aws.Queue(aws.client("sqs"), os.environ["DELIVERYWATCH_QUEUE_URL"]),
        spread=ThreadPoolExecutor(aws.WRITERS).map,
    )


def _s3(account: str) -> Any:
    """The bucket may be a given one: by its name alone it could be somebody else's by now."""
    return owned_by(aws.client("s3"), account)
