"""Whether what the systems remember could be read, and what ClickSend sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from deliverywatch.operate.doctor.check import Check, ok, some, warning
from deliverywatch.storage.records import DAMAGED

if TYPE_CHECKING:
    from datetime import datetime

    from deliverywatch.sms.lake.incomplete import Incomplete


def damaged(keys: Sequence[str], bucket: str) -> Check:
    """Return whether records were set aside because they could not be read."""
    if not keys:
        return ok("records", "Every stored record could be read.")
    names = some([key.removeprefix(DAMAGED) for key in keys])
    return warning(
        "records",
        f"Could not be read, and was begun anew: {names}.",
        f"deliverywatch reconcile --dry-run; look at them, then aws s3 rm --recursive s3://{bucket}/{DAMAGED}",
    )


def incomplete(ranges: Incomplete, now: datetime) -> Check:
    """Return whether ClickSend gave all rows that it announced."""
    sentence = ranges.sentence(now)
    if not sentence:
        return ok("clicksend-rows", "Every row that ClickSend announced was read.")
    fix = "Nothing to do now: the runs read them again; if they persist, ask ClickSend's support."
    return warning("clicksend-rows", f"{sentence}.", fix)
