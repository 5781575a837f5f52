"""Statistics of the newest hours -> `state/sms.json`: what a mail needs beyond the alarm.

The shape is shared with the notifier, which knows no system: tests/events/sms_context.json has every field.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import DeliveryWatchError
from deliverywatch.sms.clicksend.outcomes import Outcome
from deliverywatch.sms.lake.slots import as_text, steps
from deliverywatch.sms.mail_context import runbook
from deliverywatch.thresholds import OVERDUE_PERCENT, WINDOW_SECONDS

if TYPE_CHECKING:
    from deliverywatch.sms.mail_context.recent_statistics import RecentStatistics

KEY = "state/sms.json"

# How far a mail looks back: the incident's begin and the healthy time before it.
HOURS = 3


def document(statistics: RecentStatistics, now: datetime, end: datetime, slot_minutes: int) -> bytes:
    """Return the context after a run that succeeded.

    Args:
        statistics: Of the rows from `HOURS` before `end`.
        now: The time of the run; aware.
        end: End of the newest slot.
        slot_minutes: Length of a slot.
    """
    reasons = statistics.top_reasons()
    pending, total = statistics.overdue
    percent = round(statistics.overdue_percent, 1)
    context = {
        **_frame(now, slot_minutes),
        "slots": _slots(statistics, end, slot_minutes),
        "window": {
            "minutes": WINDOW_SECONDS // 60,
            "reasons": reasons,
            "groups": statistics.top_groups(),
            "samples": statistics.samples(),
        },
        "overdue": {"pending": pending, "total": total, "percent": percent},
        "problem": None,
        "steps": runbook.steps(reasons[0]["fault"] if reasons else None, is_overdue=percent > OVERDUE_PERCENT),
    }
    return _body(context)


def with_problem(previous: bytes | None, error: Exception, now: datetime, slot_minutes: int) -> bytes:
    """Return the earlier context with why nothing newer is known; `since` is when that reason first showed."""
    context = _frame(now, slot_minutes) | _read(previous)
    problem = _problem(error, now)
    earlier = context.get("problem")
    if isinstance(earlier, dict) and earlier.get("kind") == problem["kind"]:
        problem["since"] = earlier.get("since", problem["since"])
    return _body(context | {"problem": problem})


def _problem(error: Exception, now: datetime) -> dict[str, Any]:
    if isinstance(error, DeliveryWatchError):
        return {"kind": error.kind, "since": as_text(now), "sentence": str(error), "steps": [error.next_step]}
    # A foreign error's text may hold anything, also people's numbers: only its name goes into a mail.
    sentence = f"The run that reads ClickSend failed with {type(error).__name__}."
    return {"kind": "error", "since": as_text(now), "sentence": sentence, "steps": [DeliveryWatchError.next_step]}


def _frame(now: datetime, slot_minutes: int) -> dict[str, Any]:
    """A context without any message."""
    return {
        "deliverywatch": 1,
        "system": "sms",
        "noun": "SMS",
        "updated_at": as_text(now),
        "slot_minutes": slot_minutes,
        "slots": [],
        "window": {"minutes": WINDOW_SECONDS // 60, "reasons": [], "groups": {}, "samples": []},
        "overdue": {"pending": 0, "total": 0, "percent": 0.0},
        "problem": None,
        "steps": [],
        "links": list(runbook.LINKS),
    }


def _slots(statistics: RecentStatistics, end: datetime, slot_minutes: int) -> list[dict[str, Any]]:
    length = slot_minutes * 60_000
    people = Counter(sent_at - sent_at % length for sent_at in statistics.last_failures.values())
    slots = []
    for start in steps(end - timedelta(hours=HOURS), end, slot_minutes):
        key = int(start.timestamp()) * 1000
        counts = statistics.slots.get(key, Counter())
        outcomes = {name.value: counts[name] for name in Outcome if name != Outcome.EXCLUDED}
        slots.append(
            {"start": as_text(start), "total": counts.total(), **outcomes, "recipients_last_failed": people[key]}
        )
    return slots


def _read(body: bytes | None) -> dict[str, Any]:
    try:
        context = json.loads(body or b"{}")
    except ValueError:
        return {}
    return context if isinstance(context, dict) else {}


def _body(context: dict[str, Any]) -> bytes:
    return json.dumps(context, ensure_ascii=False, indent=1).encode()
