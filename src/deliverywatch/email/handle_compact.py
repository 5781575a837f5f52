"""The Lambda `email-compact`: merges the objects of the two days before, once a night.

Two days, because Firehose may deliver for up to 24 hours after a failure. Event: `{"scheduled_time": "..."}`, filled in
by EventBridge Scheduler; the current time if it is missing.
"""

import json
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from deliverywatch.email.compact import compact
from deliverywatch.messages.scheduled import filled_in, scheduled_at
from deliverywatch.storage.s3 import Bucket


@filled_in
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Merge and return what was merged."""
    now = scheduled_at(event, datetime.now(UTC))
    days = [now.date() - timedelta(days=back) for back in (1, 2)]
    done = [asdict(day) for day in compact(Bucket(os.environ["DELIVERYWATCH_EMAIL_BUCKET"]), days)]
    print(json.dumps({"event": "email_compact", "days": done}), flush=True)
    return {"compacted": done}
