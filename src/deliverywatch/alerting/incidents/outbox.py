"""One object per mail, `mails/dt=YYYY-MM-DD/<incident>-<watch>-<seq>.json`: who may send it, and that it was sent.

A mail is claimed before sending, by a conditional create, and marked afterwards: so a message that comes three times is
mailed once, and a mail whose claimant died is sent by the next invocation. Each object is one line of JSON: the folder
is the audit trail and the Athena table `mails`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import StoreConflict
from deliverywatch.messages.untrusted import moment, other_members
from deliverywatch.storage.records import UNREADABLE, document_of, update_record
from deliverywatch.storage.store import Change as StoreChange

if TYPE_CHECKING:
    from deliverywatch.alerting.incidents.incident import Change, Incident
    from deliverywatch.storage.store import Store

# After this time a function that sends a mail has finished or died.
CLAIM_LASTS = timedelta(minutes=5)

# The columns of the Athena table: the fields of Record, in Athena's types.
COLUMNS = (
    ("incident", "string", "id of the incident"),
    ("watch", "string", "what was watched"),
    ("seq", "int", "number of the mail within its incident"),
    ("event", "string", "OPENED, ESCALATED, DOWNGRADED, RESOLVED, QUIET, UNSEEN, REMINDER, CLOSED, NOTICE or TEST"),
    ("level", "string", "level after the change: ok, blind, warning, alarm or critical"),
    ("time", "string", "time of the change, UTC, ISO 8601"),
    ("value", "double", "newest value of the alarm, in its own unit"),
    ("failed", "bigint", "failed messages of the alarm's window, or of the whole incident once it is resolved"),
    ("total", "bigint", "messages of the same time"),
    ("subject", "string", "subject of the mail"),
    ("recipients", "int", "number of addresses it went to"),
    ("channel", "string", "ses, or fallback if SES would not take it; null until it is sent"),
    ("message_id", "string", "id that SES or SNS gave it"),
    ("problem", "string", "why SES would not take it"),
    ("claimed_by", "string", "request id of the function that sends it"),
    ("claimed_at", "string", "time of the claim, UTC, ISO 8601"),
    ("sent_at", "string", "time of sending, UTC, ISO 8601; null until it is sent"),
)


class Claim(StrEnum):
    """The state of a mail: ours to send, being sent by another invocation, or sent already."""

    OURS = "ours"
    THEIRS = "theirs"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class Record:
    """One mail's line in the audit trail; `COLUMNS` explains the fields."""

    incident: str
    watch: str
    seq: int
    event: str
    level: str
    time: datetime
    claimed_by: str
    claimed_at: datetime
    value: float | None = None
    failed: int | None = None
    total: int | None = None
    subject: str | None = None
    recipients: int | None = None
    channel: str | None = None
    message_id: str | None = None
    problem: str | None = None
    sent_at: datetime | None = None


_NAMES = tuple(part.name for part in fields(Record))


def record_of(incident: Incident, change: Change, invocation: str, now: datetime) -> Record:
    """Return the record of a change whose mail this invocation wants to send."""
    return Record(
        incident=incident.id,
        watch=incident.watch,
        seq=change.seq,
        event=change.event.value,
        level=change.level.value,
        time=change.time,
        value=change.value,
        failed=None if change.failed is None else round(change.failed),
        total=None if change.total is None else round(change.total),
        claimed_by=invocation,
        claimed_at=now,
    )


def record_key(record: Record) -> str:
    """Return the key of the record; it has the watch, because two watches can open in the same minute."""
    return f"mails/dt={record.time:%Y-%m-%d}/{record.incident}-{record.watch}-{record.seq}.json"


def body_key(record: Record) -> str:
    """Return the key of the mail itself."""
    return f"mail-bodies/dt={record.time:%Y-%m-%d}/{record.incident}-{record.watch}-{record.seq}.eml"


def claim(store: Store, record: Record) -> Claim:
    """Try to claim a mail, and return its state.

    A claim is taken over from the same invocation (Lambda retries a failed one with the same request id) and if it is
    older than CLAIM_LASTS.
    """
    try:
        store.write_if_unchanged(record_key(record), to_json(record), None)
    except StoreConflict:
        return _taken_over(store, record_key(record), record)
    return Claim.OURS


def mark_sent(store: Store, record: Record, now: datetime) -> None:
    """Record that the mail was sent."""
    sent = replace(record, sent_at=now)

    def marked(before: Mapping[str, Any] | None) -> StoreChange[None]:
        return StoreChange(to_json(sent, before), None)

    update_record(store, record_key(record), document_of, marked)


def to_json(record: Record, before: Mapping[str, Any] | None = None) -> bytes:
    """Return the record as one line of JSON, with what a later version stored there before."""
    document = asdict(record) | other_members(before or {}, _NAMES)
    line = json.dumps(document, default=lambda value: value.isoformat(), ensure_ascii=False)
    return f"{line}\n".encode(errors="replace")


def from_json(body: bytes) -> Record | None:
    """Return the record of a line, or None for one that cannot be read."""
    try:
        line = document_of(body)
        values = {"watch": "", "claimed_by": "", "claimed_at": line["time"], "level": "", "event": "", "seq": 0}
        values |= {name: line[name] for name in _NAMES if name in line}
        times = {name: values[name] for name in ("time", "claimed_at", "sent_at") if values.get(name)}
        return Record(**values | {name: datetime.fromisoformat(value) for name, value in times.items()})
    except UNREADABLE:
        return None


def _taken_over(store: Store, key: str, record: Record) -> Claim:
    def claimed(present: Mapping[str, Any] | None) -> StoreChange[Claim]:
        # A damaged record does not prove that the mail was sent: better twice than never.
        verdict = Claim.OURS if present is None else _judged(present, record)
        return StoreChange(to_json(record, present) if verdict is Claim.OURS else None, verdict)

    return update_record(store, key, document_of, claimed)


def _judged(present: Mapping[str, Any], record: Record) -> Claim:
    if present.get("sent_at"):
        return Claim.SENT
    claimed_at = moment(present.get("claimed_at"))
    is_old = claimed_at is None or record.claimed_at - claimed_at > CLAIM_LASTS
    return Claim.OURS if is_old or present.get("claimed_by") == record.claimed_by else Claim.THEIRS
