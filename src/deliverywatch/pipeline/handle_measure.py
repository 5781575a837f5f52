"""The Lambda `pipeline-measure`: a schedule -> the age of each pipeline's oldest running execution."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.pipeline import aws
from deliverywatch.pipeline.measure import Ports, measure
from deliverywatch.pipeline.outputs import unhandled
from deliverywatch.pipeline.settings import from_environment
from deliverywatch.storage.s3 import Bucket

_LINE = {"event": "pipeline_measure"}


@filled_in
def handler(event: object, context: Any) -> dict[str, float]:
    """Emit the ages, and print them, or first what went wrong and then raise it."""
    settings = from_environment(os.environ)
    now, store = datetime.now(UTC), Bucket(settings.bucket)
    ports = Ports(aws.StateMachines(_machines(context.invoked_function_arn)), store, _emit)
    try:
        # Not the scheduled time: a run that comes late sees what runs when it looks.
        ages = measure(settings.pipelines, ports, now, settings.environment)
    except DeliveryWatchError as error:
        handling = unhandled.handling_of(event, context, settings.pipelines, now)
        unhandled.write_down_failure(store, handling, error)
        print(json.dumps(_LINE | error.as_fields()), flush=True)
        raise
    print(json.dumps(_LINE | {"oldest_run_seconds": ages}), flush=True)
    return ages


def _machines(function_arn: str) -> str:
    """Return what the ARNs of this account's state machines begin with."""
    _, partition, _, region, account, *_ = function_arn.split(":")
    return f"arn:{partition}:states:{region}:{account}:stateMachine:"


def _emit(line: str) -> None:
    print(line, flush=True)
