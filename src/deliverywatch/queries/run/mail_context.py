"""What the reconciler knows -> `state/queries.json`, from which the mails of its alarms take their words.

The shape is that of `deliverywatch.alerting.inputs.context`.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import DeliveryWatchError

if TYPE_CHECKING:
    from deliverywatch.queries.schedule.apply import Result

KEY = "state/queries.json"
_NAMED = 5
_NOUN = "scheduled queries"

_STEPS = [
    "Run 'deliverywatch queries plan --config FILE', FILE being the file of queries: it shows what should be changed.",
    "Read the last lines of the log of the function queries-reconcile: SUMMARY and ERROR say what happened.",
    "A query that failed has a mail of its own, with the reason and a link to Athena.",
]


def of_result(result: Result, problem: DeliveryWatchError | None, now: datetime) -> bytes:
    """Return the document after a reconciliation.

    Args:
        result: What it did.
        problem: Why it worked with the last good copy, if it did.
        now: Aware.
    """
    sentence, step = _trouble(result, problem)
    found = _problem("reconcile", sentence, [step, *_STEPS[1:]]) if sentence else None
    return _document(now, found)


def of_failure(error: Exception, now: datetime) -> bytes:
    """Return the document after a reconciliation that changed nothing, because of this."""
    if isinstance(error, DeliveryWatchError):
        return _document(now, _problem(error.kind, str(error), [error.next_step, *_STEPS[1:]]))
    return _document(now, _problem("error", f"The reconciler failed: {type(error).__name__}.", _STEPS[1:]))


def _trouble(result: Result, problem: DeliveryWatchError | None) -> tuple[str, str]:
    if problem is not None:
        return f"The file of queries cannot be had: {problem}", problem.next_step
    if result.failed:
        names = list(result.failed.items())[:_NAMED]
        told = " ".join(f"{name}: {reason}" for name, reason in names)
        return f"{len(result.failed)} schedules could not be brought to what the file says. {told}", _STEPS[0]
    if result.guard:
        step = (
            "FILE is the file of queries. Look with 'deliverywatch queries plan --config FILE'. "
            "If it is meant, run 'deliverywatch queries apply --config FILE --allow-deletes'."
        )
        return result.guard, step
    return "", ""


def _problem(kind: str, sentence: str, steps: list[str]) -> dict[str, Any]:
    return {"kind": kind, "sentence": sentence, "steps": steps}


def _document(now: datetime, problem: dict[str, Any] | None) -> bytes:
    known: dict[str, Any] = {"noun": _NOUN, "updated_at": now.isoformat(), "steps": _STEPS}
    return json.dumps(known | ({"problem": problem} if problem else {}), ensure_ascii=False).encode()
