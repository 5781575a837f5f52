"""The Lambda `queries-reconcile`: an event of EventBridge Scheduler -> one round of `reconcile`.

Event: `{"scheduled_time": "2026-11-21T12:10:00Z"}`; without it the clock counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deliverywatch import emf
from deliverywatch.queries import aws, aws_lake, reconcile, settings
from deliverywatch.queries.config.http_source import HttpSource
from deliverywatch.queries.config.source import Packaged
from deliverywatch.queries.run.record import NAMESPACE

if TYPE_CHECKING:
    from deliverywatch.queries.config.source import Source
    from deliverywatch.queries.settings import Reconciliation

# Written into the zip by cfn/build.py.
PACKAGED = Path(__file__).with_name("schedules.json")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do a round and return what it did; a round that changes nothing because something is wrong raises."""
    chosen = settings.reconciliation(os.environ)
    due = event.get("scheduled_time")
    now = datetime.fromisoformat(due).astimezone(UTC) if due else datetime.now(UTC)

    def emit(metrics: Mapping[str, tuple[float, str]], stamp: datetime, properties: Mapping[str, Any]) -> None:
        print(emf.document(NAMESPACE, {"Environment": chosen.environment}, metrics, stamp, properties), flush=True)

    ports = reconcile.Ports(
        source=_source(chosen),
        lake=aws_lake.Lake(chosen.bucket, aws.client("s3")),
        schedules=aws.Scheduler(aws.client("scheduler"), chosen.group),
        log=print,
        publish=aws.Topic(aws.client("sns"), os.environ["DELIVERYWATCH_ALERTS_TOPIC"]).publish,
        emit=emit,
        pause=time.sleep,
        seconds_left=lambda: float(context.get_remaining_time_in_millis()) / 1000,
    )
    return reconcile.run(now, chosen, ports)


def _source(chosen: Reconciliation) -> Source:
    if chosen.url.startswith("s3://"):
        return aws_lake.S3File(aws.client("s3"), chosen.url)
    if chosen.url:
        return HttpSource(chosen.url, lambda: aws.token(chosen.token_parameter), aws.http(), time.sleep)
    return Packaged(PACKAGED)
