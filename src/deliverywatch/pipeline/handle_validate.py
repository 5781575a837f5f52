"""The Lambda `pipeline-validate`: the task of a state machine that checks what a run wrote -> `validate`."""

import json
import os
from datetime import UTC, datetime
from typing import Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.pipeline import aws
from deliverywatch.pipeline.checks.validation import document
from deliverywatch.pipeline.settings import from_environment
from deliverywatch.pipeline.validate import task_of, validate

_LINE = {"event": "pipeline_validate"}


@filled_in
def handler(event: object, context: Any) -> dict[str, Any]:
    """Check the tables and return the report; a DeliveryWatchError is printed before it is raised."""
    settings = from_environment(os.environ)
    try:
        task = task_of(event, settings.pipelines, datetime.now(UTC))
        report = document(validate(task, aws.Athena(settings.workgroup, aws.seconds_left(context))))
    except DeliveryWatchError as error:
        print(json.dumps(_LINE | error.as_fields()), flush=True)
        raise
    counted = {name: report[name] for name in ("pipeline", "passed", "failed_checks", "scores", "counts")}
    print(json.dumps(_LINE | counted), flush=True)
    return report
