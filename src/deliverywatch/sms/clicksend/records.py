"""A row of ClickSend's history -> a record: judged, with the columns of the lake, and without anything personal.

Rows: developers.clicksend.com, GET /v3/sms/history. Message bodies, names, e-mail addresses, user names and custom
strings are left behind here and get nowhere else. `Recorder.record` is the whole way of one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from deliverywatch.sms.clicksend.judge import judge
from deliverywatch.sms.clicksend.outcomes import EXCLUDED
from deliverywatch.sms.clicksend.redaction import redacted, without_personal
from deliverywatch.sms.clicksend.values import as_json, milliseconds, price_of, text, whole
from deliverywatch.thresholds import SETTLE_HOURS

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.recipients import Recipients

Row = dict[str, Any]

# The fields that rows share with many others, in the order in which `_shared` takes them.
_SHARED = (
    *("status", "status_code", "status_text", "error_code", "error_text", "direction", "country", "carrier", "from"),
    *("message_parts", "message_price", "user_id", "subaccount_id", "list_id"),
)
# Documented fields that the lake has no column for: most of them are personal.
_LEFT_BEHIND = ("body", "first_name", "last_name", "from_email", "_api_username", "custom_string", "contact_id")
_DOCUMENTED = {*_SHARED, "message_id", "date", "to", "schedule", *_LEFT_BEHIND}

# A later time than this is no schedule but a mistake, and must not hide a message.
_LONGEST_SCHEDULE = 366 * 86_400_000

# developers.clicksend.com/docs/testing: nothing is sent to these, nothing is charged.
TEST_NUMBERS = {
    *("+61411111111", "+61422222222", "+61433333333", "+61444444444"),
    *("+14055555555", "+14055555666", "+447777777777", "+8615555555555"),
}


class Record(NamedTuple):
    """A message as the lake has it, in the order of `lake/columns`; times in milliseconds since 1970."""

    message_id: str
    sent_at: int
    outcome: str
    fault: str
    status: str | None
    status_code: str | None
    status_text: str | None
    error_code: str | None
    error_text: str | None
    direction: str | None
    country: str | None
    carrier: str | None
    sender: str | None
    recipient_hash: str | None
    recipient: str | None
    message_parts: int | None
    message_price: Decimal | None
    user_id: int | None
    subaccount_id: int | None
    list_id: str | None
    scheduled_at: int | None
    observed_at: int
    extra: str | None
    created_at: int | None
    outcome_at: int | None  # the lake knows when it first saw an outcome


class Recorder:
    """Turns rows into records, as of one time.

    Attributes:
        read_count: Records returned, those of a message that was read twice counted twice.
        unreadable_count: Rows left out because they have no id or no time of sending.
    """

    def __init__(self, now: datetime, recipients: Recipients, due_until: datetime | None = None) -> None:
        """Begin without rows, which were read `now`; what is scheduled for `due_until` (now) or later is not due."""
        self.read_count = self.unreadable_count = 0
        self._now = int(now.timestamp()) * 1000
        self._due_until = int((due_until or now).timestamp()) * 1000
        self._settled_until = self._now - SETTLE_HOURS * 3_600_000
        self._recipients = recipients

    def records(self, pages: Iterable[Iterable[Row]], start: datetime, end: datetime) -> Iterator[Record]:
        """Yield the records of the rows of [start, end), in their order.

        By which of its two times ClickSend lists a scheduled message is not documented: either will do, so that it is
        not lost. Where it belongs is its time of sending alone, whichever range it was read with.
        """
        first, last = int(start.timestamp()) * 1000, int(end.timestamp()) * 1000
        for rows in pages:
            for row in rows:
                record = self._record(row)
                if record is None:
                    self.unreadable_count += 1
                elif first <= (record.created_at or record.sent_at) < last or first <= record.sent_at < last:
                    self.read_count += 1
                    yield record

    def _record(self, row: Row) -> Record | None:
        """Return the row's record; none without an id or a time of sending."""
        message_id, date = text(row.get("message_id")), milliseconds(row.get("date"))
        if message_id is None or date is None:
            return None
        number, scheduled_at = text(row.get("to")), milliseconds(row.get("schedule"))
        hashed, shown = (self._recipients.hashed(number), self._recipients.shown(number)) if number else (None, None)
        is_later = scheduled_at is not None and date < scheduled_at <= date + _LONGEST_SCHEDULE
        sent_at, created_at = (scheduled_at or date, date) if is_later else (date, None)
        is_due, is_settled = not is_later or sent_at < self._due_until, sent_at <= self._settled_until
        fields, circumstances = tuple(map(row.get, _SHARED)), (number in TEST_NUMBERS, is_due, is_settled)
        try:
            words, numbers = _shared(fields, circumstances)
        except TypeError:  # a list or an object among the values: it cannot be looked up
            words, numbers = _shared.__wrapped__(fields, circumstances)
        extra = None if row.keys() <= _DOCUMENTED else _extra(row)
        kept = (*numbers, scheduled_at, self._now, extra, created_at, None)
        return Record._make((message_id, sent_at, *words, hashed, shown, *kept))


@lru_cache(5_000)
def _shared(fields: tuple[Any, ...], circumstances: tuple[bool, bool, bool]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Judge and convert what many rows share: 100,000 rows have some hundred combinations of it.

    Args:
        fields: The values of `_SHARED`.
        circumstances: Whether a message went to a test number, is due, and is settled: sent so long ago that no other
            outcome comes.

    Returns:
        The columns from `outcome` to `sender`, and those from `message_parts` to `list_id`.
    """
    *words, parts, price, user_id, subaccount_id, list_id = fields
    status, code, status_text, error, error_text, direction, *others = map(text, words)
    numbers = (whole(parts, 32), price_of(price), whole(user_id, 64), whole(subaccount_id, 64), text(list_id))
    is_test_number, is_due, is_settled = circumstances
    verdict = judge(
        direction=direction,
        status=status,
        code=code,
        error=error,
        status_text=status_text,
        error_text=error_text,
        is_due=is_due,
        is_settled=is_settled,
    )
    if is_test_number:  # never judged by price or parts: a message that ClickSend refused has none of either
        verdict = EXCLUDED
    outcome, fault = verdict[0].value, verdict[1].value
    texts = (status, code, redacted(status_text), error, redacted(error_text), direction, *others)
    return (outcome, fault, *texts), numbers


def _extra(row: Row) -> str | None:
    """Return the fields that ClickSend does not document, without what is personal in them."""
    unknown = {name: value for name, value in row.items() if name not in _DOCUMENTED}
    return as_json(without_personal(unknown))
