"""An incident -> the people whom it kept from getting a message, and who got none since.

The records of its mails say when it was. Whether somebody was reached later is asked of the lake, by the hash of
the number; the number itself, if it is wanted, of ClickSend at that moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import InputError
from deliverywatch.sms.clicksend.outcomes import Outcome
from deliverywatch.sms.clicksend.recipients import masked
from deliverywatch.sms.clicksend.redaction import printable
from deliverywatch.sms.lake import day_objects
from deliverywatch.sms.lake.slots import HOUR, as_text, day_of, folder_of, from_milliseconds, hour_of, steps
from deliverywatch.sms.mail_context.recent_statistics import words
from deliverywatch.thresholds import OUTAGE_WINDOW_SECONDS, OVERDUE_TO_MINUTES

if TYPE_CHECKING:
    from deliverywatch.sms.ports import History
    from deliverywatch.storage.store import Store

COLUMNS = ("message_id", "sent_at", "recipient", "country", "carrier", "code", "reason", "failed_messages")

_NAMES = (
    *("sent_at", "outcome", "message_id", "recipient_hash", "recipient", "country", "carrier", "error_code"),
    *("status", "status_text"),
)
_LONGEST_WORD = 40


@dataclass(frozen=True, slots=True)
class Period:
    """When messages of an incident were sent; aware."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who was not reached: the newest message that failed, and how many did.

    Attributes:
        known_as: The hash of the number; the message's id where there is none.
        number: As ClickSend has it; none unless it was looked up.
    """

    known_as: str
    message_id: str
    sent_at: int
    recipient: str
    country: str
    carrier: str
    code: str
    reason: str
    failed_count: int = 1
    number: str | None = None

    def values(self) -> tuple[Any, ...]:
        """Return the values of COLUMNS."""
        when = as_text(from_milliseconds(self.sent_at))
        return (
            *(self.message_id, when, self.recipient, self.country, self.carrier),
            *(self.code, self.reason, self.failed_count),
        )


def period_of(store: Store, incident: str, now: datetime) -> Period:
    """Return when the messages of an incident were sent, by the records of its mails."""
    records = [
        json.loads(stored.body)
        for key in store.keys("mails/")
        if f"/{incident}-" in key and (stored := store.read(key)) is not None
    ]
    if not records:
        raise InputError(
            f"No mail of {incident} is recorded.",
            next_step="The id is in the subject of its mails; or give the time with --since and --until.",
        )
    records.sort(key=lambda record: int(record["seq"]))
    opened, last = records[0], records[-1]
    start = datetime.fromisoformat(opened["time"]) - _window(str(opened["watch"]))
    return Period(start, datetime.fromisoformat(last["time"]) if last["event"] in ("RESOLVED", "CLOSED") else now)


def _window(watch: str) -> timedelta:
    """How far the alarm looked back when it went off: what it saw is part of the incident."""
    return timedelta(minutes=OVERDUE_TO_MINUTES) if "overdue" in watch else timedelta(seconds=OUTAGE_WINDOW_SECONDS)


def unreached(store: Store, period: Period, now: datetime) -> list[Person]:
    """Return who was not reached in a span and not since, those first whose message failed last."""
    people: dict[str, Person] = {}
    for row in rows(store, period.start, period.end, _NAMES):
        if row[1] == Outcome.FAILED:
            person = _person(row)
            earlier = people.get(person.known_as)
            newest = person if earlier is None or person.sent_at >= earlier.sent_at else earlier
            people[person.known_as] = replace(newest, failed_count=1 + (earlier.failed_count if earlier else 0))
    for row in rows(store, period.start, now + HOUR, _NAMES):
        failed = people.get(row[3] or "")
        if failed and row[1] == Outcome.DELIVERED and row[0] > failed.sent_at:
            del people[failed.known_as]
    return sorted(people.values(), key=lambda person: (-person.sent_at, person.message_id))


def looked_up(people: Iterable[Person], history: History) -> Iterator[Person]:
    """Yield the people with their numbers, as ClickSend gives them now; none of it is kept."""
    by_hour: dict[datetime, dict[str, Person]] = {}
    for person in people:
        by_hour.setdefault(hour_of(from_milliseconds(person.sent_at)), {})[person.message_id] = person
    for hour, wanted in by_hour.items():
        numbers: dict[str, str] = {}
        for page in history.pages(hour, hour + HOUR):
            listed = (row for row in page.rows if row.get("message_id") in wanted)
            numbers.update((row["message_id"], str(row.get("to") or "")) for row in listed)
        for message_id, person in wanted.items():
            yield replace(person, number=numbers.get(message_id) or None)


def rows(store: Store, start: datetime, end: datetime, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield some columns, `sent_at` first, of what was sent in [start, end), times in milliseconds."""
    from deliverywatch.sms.lake import merge  # brings pyarrow

    first, last = (int(moment.timestamp()) * 1000 for moment in (start, end))
    for day in steps(day_of(start), end, 24 * 60):
        for key, body in day_objects.bodies(store, folder_of(day)):
            with day_objects.readable(key):
                yield from (row for row in merge.rows(body, names) if first <= row[0] < last)


def _person(row: tuple[Any, ...]) -> Person:
    sent_at, _, message_id, known_as, recipient, country, carrier, error, status, text = row
    return Person(
        # Without a number nobody knows whose it was: the message counts as a recipient of its own.
        known_as=known_as or message_id,
        message_id=message_id,
        sent_at=sent_at,
        recipient=masked(recipient),
        country=printable(country or "", _LONGEST_WORD),
        carrier=printable(carrier or "", _LONGEST_WORD),
        code=printable(error or "", _LONGEST_WORD),
        reason=words(error, status, text),
    )
