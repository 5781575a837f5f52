"""The Lambda `pipeline-publish`: the end of an execution, as EventBridge reports it -> one run of `publish`."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.pipeline import aws
from deliverywatch.pipeline.outputs import unhandled
from deliverywatch.pipeline.publish import Ports, publish
from deliverywatch.pipeline.settings import from_environment
from deliverywatch.storage.s3 import Bucket, account_of

_LINE = {"event": "pipeline_publish"}


@filled_in
def handler(event: object, context: Any) -> dict[str, Any]:
    """Emit the metrics of the execution that has ended; print a summary, or first what went wrong and then raise it."""
    settings = from_environment(os.environ)
    left, store, now = aws.seconds_left(context), Bucket(settings.bucket), datetime.now(UTC)
    ports = Ports(
        executions=aws.StepFunctions(seconds_left=left),
        artifacts=aws.Artifacts(account=account_of(context), seconds_left=left),
        store=store,
        emit=_emit,
    )
    handling = unhandled.handling_of(event, context, settings.pipelines, now)
    try:
        with unhandled.written_down(store, handling):
            done = publish(event, settings.pipelines, ports, settings.environment)
    except DeliveryWatchError as error:
        print(json.dumps(_LINE | error.as_fields()), flush=True)
        raise
    print(json.dumps(_LINE | done), flush=True)
    return done


def _emit(line: str) -> None:
    print(line, flush=True)
