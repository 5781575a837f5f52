"""The Lambda `sms-ingest`: an event of EventBridge Scheduler -> one run of `ingest`.

Event: `{"scheduled_time": "2026-11-21T12:10:00Z"}`, filled in by the schedule (`<aws.scheduler.scheduled-time>`), so
that an event that comes late or twice gives the same result. Without it the clock counts.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import SourceRefused
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.messages.untrusted import mapping
from deliverywatch.sms import aws, counts, ingest, plan
from deliverywatch.sms.ports import Ports, Settings
from deliverywatch.storage.s3 import Bucket

if TYPE_CHECKING:
    from deliverywatch.sms.counts import Datapoint


@filled_in
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Do a run and return what it did, in numbers; a run that fails raises, so that Lambda's Errors rises."""
    prefix = "DELIVERYWATCH_"
    setting = {name.removeprefix(prefix): value for name, value in os.environ.items() if name.startswith(prefix)}
    settings = Settings.of(setting)
    clock = datetime.now(UTC)
    now = plan.due(mapping(event).get("scheduled_time"), clock, settings.slot_minutes)

    def seconds_left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    def reading_seconds_left() -> float:
        return seconds_left() - ingest.RESERVE_SECONDS

    def emit(points: Sequence[Datapoint]) -> None:
        print(counts.documents(setting["ENVIRONMENT"], points), end="", flush=True)

    ports = Ports(
        connect=partial(aws.source, setting, reading_seconds_left),
        store=Bucket(setting["BUCKET"]),
        emit=emit,
        seconds_left=seconds_left,
        notify=aws.AlertsTopic(setting["ALERTS_TOPIC"]).publish,
    )
    try:
        summary = ingest.run(now, settings, ports, token=uuid.uuid4().hex, clock=clock).as_fields()
    except SourceRefused:
        aws.account.cache_clear()  # whoever fixes the key shall not have to wait for a new container
        raise
    print(json.dumps({"event": "sms_ingest", "scheduled_time": now.isoformat(), **summary}), flush=True)
    return summary
