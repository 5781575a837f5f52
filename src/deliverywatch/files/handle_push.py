"""The Lambda `files-push`: an event of S3 or EventBridge -> messages in the queue, with the object's own details.

Events: docs.aws.amazon.com/lambda/latest/dg/with-s3.html and AmazonS3/latest/userguide/ev-events.html. It catches
nothing: Lambda retries an event that it cannot forward, and then puts it aside.
"""

import json
import os
from dataclasses import asdict
from functools import cache
from typing import Any

from deliverywatch.files import aws_push, push
from deliverywatch.files.admission import Filters
from deliverywatch.files.aws_objects import Objects
from deliverywatch.files.records.layout import Layout
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.storage.s3 import account_of, owned_by

_client = cache(aws_push.client)


@filled_in
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Forward an event and return how many of its records were sent and how many were left out."""
    # With this X-Ray follows the message to the processor; Lambda sets it anew for each run.
    trace = os.environ.get("_X_AMZN_TRACE_ID", "")
    queue = aws_push.Queue(_client("sqs"), os.environ["DELIVERYWATCH_QUEUE_URL"], trace)
    objects = Objects(_s3(account_of(context)))
    layout = Layout(os.environ["DELIVERYWATCH_TABLE_LAYOUT"])
    summary = asdict(push.push(event, Filters.from_environment(os.environ), objects, queue, layout))
    print(json.dumps({"system": "files", "level": "INFO", "event": "pushed", **summary}), flush=True)
    return summary


@cache
def _s3(account: str) -> Any:
    """The bucket may be a given one: by its name alone it could be somebody else's by now."""
    return owned_by(aws_push.client("s3"), account)
