"""The Lambda `queries-reconcile`: an event of EventBridge Scheduler -> one round of `reconcile`.

Event: `{"scheduled_time": "2026-11-21T12:10:00Z"}`; without it the clock counts.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deliverywatch.messages.scheduled import filled_in, scheduled_at
from deliverywatch.queries import aws, reconcile, settings
from deliverywatch.queries.config.http_source import HttpSource
from deliverywatch.queries.config.source import Packaged
from deliverywatch.storage.s3 import account_of, owned_by

if TYPE_CHECKING:
    from deliverywatch.queries.config.source import Source
    from deliverywatch.queries.settings import Reconciliation

# Written into the zip by cfn/build.py.
PACKAGED = Path(__file__).with_name("schedules.json")


@filled_in
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do a round and return what it did; a round that changes nothing because something is wrong raises."""
    chosen = settings.reconciliation(os.environ)
    now = scheduled_at(event, datetime.now(UTC))
    scheduler = aws.client("scheduler")
    ports = reconcile.Ports(
        source=_source(chosen, account_of(context)),
        lake=aws.Lake(chosen.bucket, aws.client("s3")),
        schedules=aws.Scheduler(scheduler, chosen.group),
        names_in=partial(aws.names_in, scheduler),
        log=lambda line: print(reconcile.log_line(line, datetime.now(UTC), context.aws_request_id)),
        publish=aws.Topic(aws.client("sns"), os.environ["DELIVERYWATCH_ALERTS_TOPIC"]).publish,
        emit=aws.emitter(chosen.environment, partial(print, flush=True)),
        pause=time.sleep,
        seconds_left=lambda: float(context.get_remaining_time_in_millis()) / 1000,
    )
    return reconcile.run(now, chosen, ports)


def _source(chosen: Reconciliation, account: str) -> Source:
    if chosen.url.startswith("s3://"):
        return aws.S3File(owned_by(aws.client("s3"), account), chosen.url)
    if chosen.url:
        return HttpSource(chosen.url, lambda: aws.token(chosen.token_parameter), aws.http(), time.sleep)
    return Packaged(PACKAGED)
