"""The Lambda `email-judge`: an event of EventBridge Scheduler -> the state of both streams, judged anew.

Event: `{"scheduled_time": "2026-11-21T12:10:00Z"}`, filled in by the schedule. Without it the clock counts.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from deliverywatch.email import counts
from deliverywatch.email.events.streams import Stream
from deliverywatch.email.judge import Judge
from deliverywatch.email.rates.rules import Limits
from deliverywatch.environment import limits
from deliverywatch.messages.scheduled import filled_in, scheduled_at
from deliverywatch.storage.s3 import Bucket

_PREFIX = "DELIVERYWATCH_"


@filled_in
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Judge both streams, and return their shares; a stream whose document cannot be written fails the run."""
    now = scheduled_at(event, datetime.now(UTC))
    environment = os.environ["DELIVERYWATCH_ENVIRONMENT"]
    chosen = limits(Limits, os.environ, lambda name: f"{_PREFIX}{name.upper()}")
    lake = Bucket(os.environ["DELIVERYWATCH_BUCKET"])
    shares, failures = Judge(lake, chosen, environment).run(Stream, now)
    for document in counts.of_shares(environment, shares, now):
        print(document, flush=True)
    for failure in failures:
        raise failure
    return {"shares": {f"{share.stream} {share.metric}": share.percent for share in shares}}
