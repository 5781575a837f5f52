"""An assessed watch -> the newest that its system's data say about it, from the context document or a notice.

A notice only makes the notifier look: one that is lost, late or twice changes nothing that the document says.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from deliverywatch.errors import StoreUnavailable
from deliverywatch.messages import verdict
from deliverywatch.messages.untrusted import mapping
from deliverywatch.thresholds import ASSESSMENT_FRESH_MINUTES, FUTURE_MINUTES

if TYPE_CHECKING:
    from datetime import datetime

    from deliverywatch.alerting.incidents.severity import Watch
    from deliverywatch.alerting.inputs.notice import Notice
    from deliverywatch.messages.verdict import Assessment
    from deliverywatch.storage.store import Store

_FRESH = timedelta(minutes=ASSESSMENT_FRESH_MINUTES)
_FUTURE = timedelta(minutes=FUTURE_MINUTES)


def assessment_of(watch: Watch, notice: Notice | None, store: Store, now: datetime) -> Assessment | None:
    """Return what the system's data say about a watch now; None if that is unknown, stale or not yet true."""
    if not watch.is_assessed:
        return None
    written, noticed = _document(store, watch.context).get(watch.name), notice.assessment if notice else None
    fresh = [one for one in (written, noticed) if one and -_FUTURE <= now - one.as_of <= _FRESH]
    return max(fresh, key=lambda assessment: assessment.as_of, default=None)


def _document(store: Store, key: str) -> dict[str, Assessment]:
    try:
        stored = store.read(key) if key else None
        return verdict.assessments(mapping(json.loads(stored.body))) if stored else {}
    except (StoreUnavailable, ValueError, RecursionError):
        return {}
