"""The Lambda `queries-execute`: what a schedule sends -> one run of `execute`.

Event: `{"query_id": "daily", "scheduled_time": "2026-11-21T02:00:00Z"}`, filled in by the schedule, so that an event
that comes late or twice is the same run.
"""

import json
import os
import time
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import Any

from deliverywatch import athena
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.queries import aws, execute, settings


@filled_in
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do a run and return its record; what may work later raises, and Lambda starts it again."""
    chosen = settings.execution(os.environ)
    order = execute.order_of(event, datetime.now(UTC))
    ports = execute.Ports(
        athena=athena.Workgroup(aws.client("athena"), os.environ["WORKGROUP"], os.environ["DATABASE"], aws.translated),
        lake=aws.Lake(chosen.bucket, aws.client("s3")),
        publish=aws.Topic(aws.client("sns"), os.environ["DELIVERYWATCH_ALERTS_TOPIC"]).publish,
        emit=aws.emitter(os.environ["DELIVERYWATCH_ENVIRONMENT"], partial(print, flush=True)),
        pause=time.sleep,
        seconds_left=lambda: float(context.get_remaining_time_in_millis()) / 1000,
    )
    done = execute.run(order, chosen, ports)
    if done is None:
        line = {"event": "queries_execute", "query_id": order.query_id, "problem": "it is not in the file any more"}
        print(json.dumps(line), flush=True)
        return line
    return asdict(done)
