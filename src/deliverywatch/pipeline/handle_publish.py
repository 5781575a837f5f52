"""The Lambda `pipeline-publish`: the end of an execution, as EventBridge reports it -> one run of `publish`."""

import json
import os
from typing import Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.pipeline import aws
from deliverywatch.pipeline.publish import Ports, publish
from deliverywatch.pipeline.settings import from_environment
from deliverywatch.storage.s3 import Bucket, account_of

_LINE = {"event": "pipeline_publish"}


@filled_in
def handler(event: object, context: Any) -> dict[str, Any]:
    """Emit the metrics of the execution that has ended; print a summary, or first what went wrong and then raise it."""
    settings = from_environment(os.environ)
    ports = Ports(
        executions=aws.StepFunctions(),
        artifacts=aws.Artifacts(account=account_of(context)),
        store=Bucket(settings.bucket),
        emit=_emit,
    )
    try:
        done = publish(event, settings.pipelines, ports, settings.environment)
    except DeliveryWatchError as error:
        print(json.dumps(_LINE | error.as_fields()), flush=True)
        raise
    print(json.dumps(_LINE | done), flush=True)
    return done


def _emit(line: str) -> None:
    print(line, flush=True)
