"""A row of ClickSend's history -> a record: one value per column of the lake, judged and without anything personal.

Rows: developers.clicksend.com, GET /v3/sms/history. Message bodies, names, e-mail addresses, user names and custom
strings are left behind here and get nowhere else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from deliverywatch.sms.columns import COLUMNS
from deliverywatch.sms.outcomes import Fault, Outcome, Verdict, judge
from deliverywatch.sms.values import as_json, millionths, milliseconds, text, whole
from deliverywatch.thresholds import SETTLE_HOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from deliverywatch.sms.recipients import Recipients

# One value per column, in the order of COLUMNS; times in milliseconds since 1970, prices in millionths.
Record = tuple[Any, ...]
INDEX = {column.name: index for index, column in enumerate(COLUMNS)}

# What ClickSend documents and the lake has no column for: most of it is personal.
_LEFT_BEHIND = {
    *("body", "first_name", "last_name", "from_email", "_api_username", "custom_string", "contact_id"),
    "is_shared_system_number",
}
_WORDS = ("direction", "status", "status_code", "status_text", "error_code", "error_text", "country", "carrier", "from")
_STEADY_FIELDS = (*_WORDS, "message_parts", "message_price", "user_id", "subaccount_id", "list_id")
_DOCUMENTED = {*_STEADY_FIELDS, *_LEFT_BEHIND, "message_id", "date", "to", "schedule"}
_PERSONAL = re.compile(
    r"body|name|mail|phone|mobile|number|address|recipient|contact|custom|message$|text$", re.IGNORECASE
)

# developers.clicksend.com/docs/testing: nothing is sent to these, nothing is charged.
TEST_NUMBERS = {
    *("+61411111111", "+61422222222", "+61433333333", "+61444444444"),
    *("+14055555555", "+14055555666", "+447777777777", "+8615555555555"),
}

# Most rows are alike in all but id, time and recipient: what they share is judged once. Cleared when it is full.
_REMEMBERED = 5_000


class Recorder:
    """Turns rows into records, as of one moment.

    Attributes:
        unreadable_count: Rows left out because they have no id or no time of sending.
    """

    def __init__(self, now: datetime, recipients: Recipients) -> None:
        """Make a recorder.

        Args:
            now: When the rows were read; aware. Decides what is due and what is settled.
            recipients: What is stored of a phone number.
        """
        self.unreadable_count = 0
        self._now = int(now.timestamp()) * 1000
        self._settled_until = self._now - SETTLE_HOURS * 3_600_000
        self._recipients = recipients
        self._steady: dict[tuple[Any, ...], tuple[tuple[Any, ...], tuple[Any, ...]]] = {}

    def records(self, rows: Iterable[dict[str, Any]], start: datetime, end: datetime) -> list[Record]:
        """Return the records of the rows that were sent in [start, end), in their order."""
        first, last = int(start.timestamp()) * 1000, int(end.timestamp()) * 1000
        found = []
        for row in rows:
            message_id, sent_at = text(row.get("message_id")), milliseconds(row.get("date"))
            if message_id is None or sent_at is None:
                self.unreadable_count += 1
            elif first <= sent_at < last:
                found.append(self._record(row, row.get, message_id, sent_at))
        return found

    def _record(self, row: dict[str, Any], get: Callable[[str], Any], message_id: str, sent_at: int) -> Record:
        scheduled_at, number = milliseconds(get("schedule")), text(get("to"))
        key = (
            *map(get, _STEADY_FIELDS),
            number in TEST_NUMBERS,
            (scheduled_at or sent_at) <= self._now,
            sent_at <= self._settled_until,
        )
        judged, counted = self._remembered(key)
        recipient = (None, None) if number is None else self._recipients[number]
        extra = None if row.keys() <= _DOCUMENTED else _extra(row)
        return (message_id, sent_at, *judged, *recipient, *counted, scheduled_at, self._now, extra)

    def _remembered(self, key: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        try:
            known = self._steady.get(key)
        except TypeError:  # a list or an object where a value should be
            return _steady(*key)
        if known is None:
            if len(self._steady) >= _REMEMBERED:
                self._steady.clear()
            known = self._steady[key] = _steady(*key)
        return known


def _steady(*key: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """The columns `outcome` to `sender` and `message_parts` to `list_id`."""
    *words, parts, price, user_id, subaccount_id, list_id, is_test_number, is_due, is_settled = key
    texts = tuple(map(text, words))
    direction, status, code, _, error = texts[:5]
    counts = (whole(parts, 32), millionths(price), whole(user_id, 64), whole(subaccount_id, 64), text(list_id))
    verdict = judge(direction=direction, status=status, code=code, error=error, is_due=is_due, is_settled=is_settled)
    if _is_test(verdict, counts[0], counts[1], is_test_number=is_test_number):
        verdict = (Outcome.EXCLUDED, Fault.NONE)
    return (verdict[0].value, verdict[1].value, *texts[1:6], direction, *texts[6:]), counts


def _is_test(verdict: Verdict, parts: int | None, price: int | None, *, is_test_number: bool) -> bool:
    """Whether nothing was really sent: free and without parts, or free and to a test number.

    A failure is none: what ClickSend blocked is free and without parts as well, and hiding it would hide an outage.
    """
    if verdict[0] == Outcome.FAILED or price:
        return False
    return is_test_number or (price == 0 and parts == 0)


def _extra(row: dict[str, Any]) -> str | None:
    """Fields that ClickSend does not document, unless their names sound personal."""
    return as_json(
        {name: value for name, value in row.items() if name not in _DOCUMENTED and not _PERSONAL.search(name)}
    )
