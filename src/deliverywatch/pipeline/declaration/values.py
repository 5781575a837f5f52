"""Values of untrusted JSON -> what they ought to be; whatever is missing or of another type reads as nothing."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from deliverywatch.messages import untrusted

# Above this an epoch is in milliseconds: as seconds it would be the year 5138.
_MILLISECONDS_FROM = 1e11


def text(value: object) -> str:
    """Return the value if it is text, else nothing."""
    return value.strip() if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """Return the value if it is a finite number; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def moment(value: object) -> datetime | None:
    """Return a time given as ISO 8601 text, epoch seconds, epoch milliseconds or a datetime; UTC, None for others."""
    epoch = number(value)
    if epoch is None:
        return untrusted.moment(value)
    try:
        return datetime.fromtimestamp(epoch / 1000 if epoch > _MILLISECONDS_FROM else epoch, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def decoded(value: object) -> Any:
    """Return the JSON that a text holds, or the value itself where it is no such text."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
