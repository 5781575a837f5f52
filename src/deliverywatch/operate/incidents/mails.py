"""The outbox in the lake -> the mails of a time or of an incident, and one of them as text.

Every mail has one line, `mails/dt=YYYY-MM-DD/*.json`, from the moment it is claimed; what was never sent is there too.
"""

from __future__ import annotations

import email
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from email import policy
from typing import TYPE_CHECKING, Any

from deliverywatch.alerting.incidents.outbox import CLAIM_LASTS, Record, body_key, from_json
from deliverywatch.errors import InputError

if TYPE_CHECKING:
    from deliverywatch.storage.store import Store

# One object is a request of 20 ms: this many at once keep a month of mails under a second.
_AT_ONCE = 8
_FOLDER = "mails/dt="


def mails(store: Store, since: datetime, until: datetime) -> list[Record]:
    """Return the mails of a time, the oldest first."""
    first, last = f"{_FOLDER}{since:%Y-%m-%d}/", f"{_FOLDER}{until:%Y-%m-%d}0"
    keys = [key for month in _months(since, until) for key in store.keys(month) if first <= key < last]
    return [record for record in _read(store, keys) if since <= record.time <= until]


def of_incident(store: Store, incident: str, opened: datetime, until: datetime, folder: str = "mails") -> list[Record]:
    """Return the mails of an incident, in order; an id alone may be that of two watches.

    Those of the folder `outbox.CHANNELS` are its messages to other channels.
    """
    months = _months(opened, until, f"{folder}/dt=")
    keys = [key for month in months for key in store.keys(month) if f"/{incident}-" in key]
    return sorted(
        (record for record in _read(store, keys) if record.incident == incident), key=lambda record: record.seq
    )


def text_of(store: Store, record: Record) -> str:
    """Return a mail as it was sent: its headers that matter, and its text."""
    stored = store.read(body_key(record))
    if stored is None:
        raise InputError(
            f"Mail {record.seq} of {record.incident} was claimed at {record.claimed_at:%Y-%m-%d %H:%M} UTC "
            "and is not known to be sent.",
            next_step="The sweep sends it within 10 minutes; 'deliverywatch mails' shows whether it did.",
        )
    message = email.message_from_bytes(stored.body, policy=policy.default)
    part = message.get_body(("plain",))
    headers = "".join(f"{name}: {message[name]}\n" for name in ("From", "To", "Subject", "Date"))
    return f"{headers}\n{part.get_content() if part else ''}"


def state_of(record: Record, now: datetime) -> str:
    """Return what became of a mail, in one or two words."""
    if record.sent_at is not None:
        return "by fallback" if record.channel == "fallback" else "sent"
    return "not sent" if now - record.claimed_at > CLAIM_LASTS else "being sent"


def document(record: Record, now: datetime) -> dict[str, Any]:
    """Return a mail as JSON has it."""
    times = {"time": record.time, "claimed_at": record.claimed_at, "sent_at": record.sent_at}
    return {
        "incident": record.incident,
        "watch": record.watch,
        "number": record.seq,
        "event": record.event,
        "level": record.level,
        "state": state_of(record, now),
        "subject": record.subject,
        "recipients": record.recipients,
        "channel": record.channel,
        "problem": record.problem,
        **{name: utc(moment) if moment else None for name, moment in times.items()},
    }


def utc(moment: datetime) -> str:
    """Return a time as every JSON document has it: 2026-11-21T12:04:00Z."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _read(store: Store, keys: Iterable[str]) -> list[Record]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        stored = list(pool.map(store.read, keys))
    records = [from_json(line.body) for line in stored if line]
    return sorted(filter(None, records), key=lambda record: (record.time, record.incident, record.seq))


def _months(since: datetime, until: datetime, folder: str = _FOLDER) -> list[str]:
    """Return the prefixes that hold every day of a time: one request lists a month."""
    months: list[str] = []
    month: date = since.date().replace(day=1)
    while month <= until.date():
        months.append(f"{folder}{month:%Y-%m-}")
        month = (month + timedelta(days=32)).replace(day=1)
    return months
