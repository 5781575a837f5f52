"""The Lambda `pipeline-report`: the end of an execution, or the call of a state machine for help -> `report`."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.pipeline import aws
from deliverywatch.pipeline.outputs import error_metric, unhandled
from deliverywatch.pipeline.report import Ports, report
from deliverywatch.pipeline.settings import from_environment
from deliverywatch.storage.s3 import Bucket, account_of

_LINE = {"event": "pipeline_report"}


@filled_in
def handler(event: object, context: Any) -> dict[str, Any]:
    """Publish what failed and why, or that it is well again; print the diagnosis, or what went wrong and raise it."""
    settings = from_environment(os.environ)
    left, store, now = aws.seconds_left(context), Bucket(settings.bucket), datetime.now(UTC)
    ports = Ports(
        executions=aws.StepFunctions(seconds_left=left),
        artifacts=aws.Artifacts(account=account_of(context), seconds_left=left),
        store=store,
        topic=aws.AlertsTopic(settings.topic),
        environment=settings.environment,
    )
    handling = unhandled.handling_of(event, context, settings.pipelines, now)
    try:
        with unhandled.written_down(store, handling):
            done = report(event, settings.pipelines, ports, now, settings.catalogue())
    except DeliveryWatchError as error:
        print(json.dumps(_LINE | error.as_fields()), flush=True)
        raise
    if counted := error_metric.line_of(done, settings.pipelines, settings.environment, now):
        print(counted, flush=True)
    print(json.dumps(_LINE | done), flush=True)
    return done
