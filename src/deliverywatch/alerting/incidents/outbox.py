"""One object per mail, `mails/dt=YYYY-MM-DD/<incident>-<watch>-<seq>.json`: who may send it, and that it was sent.

A message of another channel has its line in `channels/dt=YYYY-MM-DD/<incident>-<watch>-<seq>-<channel>.json`, the table
`channel_messages`.

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

# The columns of the Athena table: the fields of Record that are about mails, in Athena's types.
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

# Those of the messages of other channels.
CHANNEL_COLUMNS = (
    ("incident", "string", "id of the incident"),
    ("watch", "string", "what was watched"),
    ("seq", "int", "number of the change within its incident"),
    ("event", "string", "OPENED, ESCALATED, DOWNGRADED, RESOLVED, QUIET, UNSEEN, REMINDER, CLOSED or TEST"),
    ("level", "string", "level after the change: ok, blind, warning, alarm or critical"),
    ("time", "string", "time of the change, UTC, ISO 8601"),
    ("channel", "string", "slack, teams or webhook"),
    ("subject", "string", "its headline"),
    ("message_id", "string", "id of the event, the same at every attempt"),
    ("attempts", "int", "how often it was tried"),
    ("problem", "string", "why the channel did not take it at the last attempt"),
    ("claimed_at", "string", "time of the last attempt, UTC, ISO 8601"),
    ("retry_at", "string", "before this time it is not tried again, UTC, ISO 8601"),
    ("sent_at", "string", "time of sending, UTC, ISO 8601; null until it is sent"),
    ("given_up_at", "string", "time at which it was given up, UTC, ISO 8601; null if it was not"),
)

# The folder of the messages of other channels.
CHANNELS = "channels"
# Where a mail goes; what is not in it is another channel.
_MAIL = frozenset([None, "ses", "fallback"])


class Claim(StrEnum):
    """The state of a mail: ours to send, being sent by another invocation, or sent already."""

    OURS = "ours"
    THEIRS = "theirs"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the audit trail; `COLUMNS` explains the fields of a mail.

    Attributes:
        attempts: How often a channel beside mail was tried.
        retry_at: Before this time it is not tried again.
        given_up_at: When its message was given up.
    """

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
    attempts: int | None = None
    retry_at: datetime | None = None
    given_up_at: datetime | None = None

    @property
    def is_mail(self) -> bool:
        """Whether it is about a mail, and not about a message of another channel."""
        return self.channel in _MAIL


_NAMES = tuple(part.name for part in fields(Record))
_TIMES = ("time", "claimed_at", "sent_at", "retry_at", "given_up_at")


def record_of(incident: Incident, change: Change, invocation: str, now: datetime, channel: str | None = None) -> Record:
    """Return the record of a change whose mail, or whose message to a channel, this invocation wants to send."""
    return Record(
        channel=channel,
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
    folder, name = ("mails", "") if record.is_mail else (CHANNELS, f"-{record.channel}")
    return f"{folder}/dt={record.time:%Y-%m-%d}/{record.incident}-{record.watch}-{record.seq}{name}.json"


def body_key(record: Record) -> str:
    """Return the key of the mail itself, or of a channel's payload."""
    name = ".eml" if record.is_mail else f"-{record.channel}.json"
    return f"mail-bodies/dt={record.time:%Y-%m-%d}/{record.incident}-{record.watch}-{record.seq}{name}"


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
    mark(store, replace(record, sent_at=now))


def mark(store: Store, record: Record) -> None:
    """Write a record down as it is."""

    def marked(before: Mapping[str, Any] | None) -> StoreChange[None]:
        return StoreChange(to_json(record, before), None)

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
        times = {name: values[name] for name in _TIMES if values.get(name)}
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
    if present.get("sent_at") or present.get("given_up_at"):
        return Claim.SENT
    retry_at = moment(present.get("retry_at"))
    if retry_at is not None:  # a channel's attempt that is over
        return Claim.OURS if record.claimed_at >= retry_at else Claim.THEIRS
    claimed_at = moment(present.get("claimed_at"))
    is_old = claimed_at is None or record.claimed_at - claimed_at > CLAIM_LASTS
    return Claim.OURS if is_old or present.get("claimed_by") == record.claimed_by else Claim.THEIRS
