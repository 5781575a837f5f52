"""The Lambda `sms-compact`: once a day, the lake's old hours -> one object per day.

Event: anything; EventBridge Scheduler sends `{"scheduled_time": ...}`, but what is due is decided by the clock.
"""

import json
import os
import uuid
from datetime import UTC, datetime
from typing import Any

from deliverywatch.errors import StoreUnavailable
from deliverywatch.messages.scheduled import filled_in
from deliverywatch.sms import compact
from deliverywatch.storage.s3 import Bucket

# A day of a million rows takes half of it; one that is begun with less left might be killed, and begun anew.
_DAY_SECONDS = 300


@filled_in
def handler(_event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Compact what is due and return what was done, in numbers; a day that fails raises after all others are done."""
    store = Bucket(os.environ["DELIVERYWATCH_BUCKET"])
    summary = compact.compact(
        compact.due(store.sizes("sms/"), datetime.now(UTC)),
        store,
        token=uuid.uuid4().hex,
        has_time=lambda: context.get_remaining_time_in_millis() > _DAY_SECONDS * 1000,
    )
    print(json.dumps({"event": "sms_compact", **summary.as_fields()}), flush=True)
    if summary.failures:
        raise StoreUnavailable(
            f"Not compacted: {' '.join(f'{day}: {reason}' for day, reason in summary.failures.items())}",
            next_step="No row is lost, and the next run tries again.",
        )
    return summary.as_fields()
