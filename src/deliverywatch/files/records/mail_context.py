"""Messages that became dead letters -> `state/files.json`: what a mail needs beyond the alarm.

It is written only when a message fails for the last time. Besides the context it holds, as `dead`, the newest dead
letters, from which the context is made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.files.records.events import as_text
from deliverywatch.messages.context import Context, decoded, key_of, to_json
from deliverywatch.messages.untrusted import objects

if TYPE_CHECKING:
    from deliverywatch.files.records.failures import Failure

KEY = key_of("files")

# Half a day of dead letters explains the present; a mail shows five of each.
_WINDOW = timedelta(hours=12)
_KEPT_COUNT = 200
_SHOWN_COUNT = 5
_NAME_LENGTH = 40
_COLUMNS = ("Sent (UTC)", "Message", "About", "Kind")

_STEPS = (
    "See why each failed: deliverywatch files dlq list",
    "If the cause is fixed, process them again: deliverywatch files dlq redrive --dry-run, then without --dry-run.",
    "If a message can never be processed, delete it in the SQS console; the incident ends when the queue is empty.",
)


def final(failures: Iterable[Failure], most_receives: int) -> list[Failure]:
    """Return the failures after which SQS puts their messages aside."""
    return [failure for failure in failures if failure.receive_count >= most_receives]


def document(previous: bytes | None, failures: Sequence[Failure], now: datetime) -> bytes:
    """Return the document with these dead letters added; an unreadable one is begun anew."""
    since = as_text(now - _WINDOW)
    before = [dict(entry) for entry in objects(decoded(previous).get("dead")) if "message_id" in entry]
    entries = [*before, *(failure.as_fields() for failure in failures)]
    recent = {entry["message_id"]: entry for entry in entries if str(entry.get("failed_at")) >= since}
    dead = sorted(recent.values(), key=lambda entry: str(entry["failed_at"]))[-_KEPT_COUNT:]
    context = Context(
        system="files",
        noun="messages about files",
        updated_at=now,
        facts=_reasons(dead),
        table=(_COLUMNS, *(_row(entry) for entry in reversed(dead[-_SHOWN_COUNT:]))),
        steps=_STEPS,
    )
    return to_json(context, previous, dead=dead)


def _reasons(dead: Sequence[dict[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return each reason with the number of messages it stopped, most frequent first."""
    counts = Counter(str(entry.get("problem")) for entry in dead).most_common(_SHOWN_COUNT)
    return tuple(
        (f"Reason {number}", f"{problem} ({count} of the last {len(dead)})")
        for number, (problem, count) in enumerate(counts, start=1)
    )


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of `_COLUMNS`; of a long name the end, which tells more than the beginning."""
    name = str(entry.get("objects") or "nothing that can be read")
    shown = name if len(name) <= _NAME_LENGTH else f"...{name[-_NAME_LENGTH:]}"
    sent_at = str(entry.get("sent_at"))[5:16].replace("T", " ")
    return sent_at, str(entry["message_id"])[:8], shown, str(entry.get("kind"))
