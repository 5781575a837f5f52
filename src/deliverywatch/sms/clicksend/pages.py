"""The body of one answer -> one page of message history, or the error that says what came instead; and their tally.

Format: developers.clicksend.com, GET /v3/sms/history: an envelope (`http_code`, `response_code`, `data`) around a
Laravel paginator (`total`, `current_page`, `last_page`) around the rows. Numbers come as numbers or as text; an empty
list has `last_page: 0`. What is said about the rows is worth less than they are: where it cannot be used, they are
read all the same. Nothing of a row ever gets into an error.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from deliverywatch.errors import (
    DeliveryWatchError,
    SourceMalformed,
    SourceRefused,
    SourceThrottled,
    SourceUnavailable,
)
from deliverywatch.sms.clicksend.values import milliseconds, whole

# Of a ClickSend user: what reading the history needs, and the form of all their names.
_RIGHTS = ("access_reporting", "access_sms")
_RIGHT = re.compile(rb"\baccess_[a-z]{1,30}\b")
_FORBIDDEN_BYTES = 10_000

# A page of 100 rows has 100 KB. Of a larger one, texts are cut: nothing that ClickSend documents comes near this.
_LARGE_BYTES = 400_000
_LONGEST_VALUE = 2_000

# Longer ones are numbers of nothing that ClickSend counts.
_LONGEST_INTEGER = 30
_COUNT_BITS = 50

_ADDRESS_STEP = "Check the ClickSend address: it is https://rest.clicksend.com unless you changed it."


class Gap(NamedTuple):
    """Rows of a range that could not be read, though ClickSend announced them.

    Attributes:
        start, end: The narrowest part of the range that holds them all; end is exclusive.
        missing_count: How many these are, at least.
        announced_count: How many rows ClickSend announced for the whole range.
    """

    start: datetime
    end: datetime
    missing_count: int
    announced_count: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of history.

    Attributes:
        number: From 1.
        total: Rows in all pages of the reading, as ClickSend counts them.
        last_page: Number of the last page; 0 when there are no rows.
        rows: As they came, in order of `date`.
        strange_count: What stood among the rows and is none.
        gap: What of a range could not be read; such a page has no rows.
    """

    number: int
    total: int
    last_page: int
    rows: list[dict[str, Any]]
    strange_count: int = 0
    gap: Gap | None = None


@dataclass(slots=True)
class Tally:
    """What one reading of all pages brought, to be compared with what ClickSend says there is.

    Attributes:
        fingerprints: One number per message id, again for each time that it was read: 8 bytes each instead of 100.
        totals: All totals that the pages stated.
        anonymous_count: Rows without an id.
        page_count, row_count: What came.
        seconds: Rows per second of sending, if `counts_seconds`: not needed, and not cheap, where all is well.
        failure: What ended the reading before its end.
    """

    counts_seconds: bool = True
    fingerprints: array[int] = field(default_factory=lambda: array("q"))
    totals: set[int] = field(default_factory=set)
    anonymous_count: int = 0
    page_count: int = 0
    row_count: int = 0
    seconds: Counter[int] = field(default_factory=Counter)
    failure: DeliveryWatchError | None = None

    @property
    def announced_count(self) -> int:
        """How many rows there are, as ClickSend says; the largest number if it says several."""
        return max(self.totals, default=0)

    def add(self, page: Page) -> None:
        """Count the page's messages; those without an id by themselves."""
        self.totals.add(page.total)
        self.page_count += 1
        self.row_count += len(page.rows) + page.strange_count
        ids = [message_id for row in page.rows if (message_id := row.get("message_id")) and type(message_id) is str]
        self.fingerprints.extend(map(hash, ids))
        self.anonymous_count += len(page.rows) + page.strange_count - len(ids)
        if self.counts_seconds:
            times = (milliseconds(row.get("date")) for row in page.rows)
            self.seconds.update(time // 1000 for time in times if time is not None)

    def ids(self) -> frozenset[int]:
        """Return the fingerprints, each once."""
        return frozenset(self.fingerprints)

    def agrees(self, other: Tally) -> bool:
        """Whether both readings came to their end and brought the same."""
        if self.failure or other.failure or self.totals != other.totals or len(self.totals) != 1:
            return False
        return self.row_count == other.row_count and self.ids() == other.ids()


def parse_page(body: bytes) -> Page:
    """Return the page that a body with HTTP status 200 holds.

    Raises:
        SourceUnavailable: The body is not JSON: HTML of a gateway, a truncated answer, nothing; or it says 5xx inside.
        SourceThrottled: It says 429 inside.
        SourceRefused: It says 401 or 403 inside.
        SourceMalformed: It is JSON, but not a page of history.
    """
    envelope = _object(_json(body), "answer")
    check_status(_status(envelope), body)
    if envelope.get("response_code") != "SUCCESS":
        raise SourceMalformed(f"ClickSend answered {_word(envelope)} instead of SUCCESS.")
    paginator = _paginator(envelope.get("data"))
    listed = _rows(paginator.get("data"))
    rows = [row for row in listed if isinstance(row, dict)]
    if len(body) > _LARGE_BYTES:
        rows = [_shortened(row) for row in rows]
    return Page(
        number=_count(paginator.get("current_page")) or 0,
        total=_total(paginator, rows),
        last_page=_count(paginator.get("last_page")) or 0,
        rows=rows,
        strange_count=len(listed) - len(rows),
    )


def check_status(status: int, body: bytes = b"", subject: str = "the message history") -> None:
    """Return if the status is 200, otherwise raise the error that it stands for.

    Args:
        status: Of HTTP, or inside of an envelope.
        body: Of the answer: that of a 403 may name a right.
        subject: What was requested, as a part of a sentence.

    Raises:
        SourceRefused: 401 (kind `unauthorized`) or 403 (kind `forbidden`).
        SourceThrottled: 429.
        SourceUnavailable: 5xx, or 408: worth another try.
        SourceMalformed: Anything else.
    """
    if status == 401:
        raise SourceRefused("ClickSend refuses the API key (401).")
    if status == 403:
        raise _forbidden(body, subject)
    if status == 429:
        raise SourceThrottled("ClickSend answers that there were too many requests (429).")
    if status == 408 or status >= 500:
        raise SourceUnavailable(f"ClickSend is not available: it answered {status}.")
    if status != 200:
        message = f"ClickSend answered {status} to the request for {subject}."
        raise SourceMalformed(message, next_step=_ADDRESS_STEP)


def _forbidden(body: bytes, subject: str) -> SourceRefused:
    """Return the error of a 403 with the right that is missing: the one that ClickSend names, or those it takes."""
    named = sorted({right.decode() for right in _RIGHT.findall(body[:_FORBIDDEN_BYTES])})
    lacks = f"it says that {' and '.join(named)} is missing" if named else f"{' or '.join(_RIGHTS)} is missing"
    rights = " and ".join(named or _RIGHTS)
    return SourceRefused(
        f"ClickSend accepts the API key but forbids reading {subject} (403): {lacks}.",
        kind="forbidden",
        next_step=f"Give this ClickSend user the rights {rights}, under Subaccounts in ClickSend's dashboard.",
    )


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _lenient_json(body)


def _lenient_json(body: bytes) -> Any:
    """Return JSON that a strict reader refuses: texts that were cut within a letter, a byte order mark, NaN."""
    try:
        return _whole_letters(_LENIENT.decode(body.decode("utf-8-sig", "replace")))
    except (ValueError, RecursionError):
        # Without the decoder's own words: its exception carries the document, and with it people's numbers.
        is_html = body.lstrip().startswith(b"<")
        impression = "a gateway in front of it answered with HTML" if is_html else "its answer is truncated or no JSON"
        if not body.strip():
            impression = "its answer is empty"
        raise SourceUnavailable(f"ClickSend is not available: {impression}.") from None


def _whole_letters(value: Any) -> Any:
    """Return decoded JSON in which halves of pairs of surrogates are replaced: nothing could write them."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole_letters(inner) for inner in value]
    if isinstance(value, dict):
        return {_whole_letters(name): _whole_letters(inner) for name, inner in value.items()}
    return value


def _integer(digits: str) -> int | float:
    """Return a number of any length; as an exact one, Python refuses thousands of digits."""
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


# Without NaN and Infinity, which no column could take, and with control characters in texts.
_LENIENT = json.JSONDecoder(strict=False, parse_constant=lambda _: None, parse_int=_integer)


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SourceMalformed(f"ClickSend's {name} is not an object.")
    return value


def _shortened(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with texts that are no longer than what is looked at: some stay in memory for the whole run."""
    return {
        name[:_LONGEST_VALUE]: value[:_LONGEST_VALUE] if isinstance(value, str) else value
        for name, value in row.items()
    }


def _paginator(value: Any) -> dict[str, Any]:
    """Return the paginator, or what stands for it around a mere list of rows."""
    return {"data": value} if isinstance(value, list) and value else _object(value, "data")


def _rows(value: Any) -> list[Any]:
    """Return the rows, also of an object by their places: what PHP makes of a list that does not begin with 0."""
    if isinstance(value, dict) and all(map(str.isdecimal, value)):
        return [*value.values()]
    if not isinstance(value, list):
        raise SourceMalformed("ClickSend's data.data is not a list of messages.")
    return value


def _total(paginator: dict[str, Any], rows: list[dict[str, Any]]) -> int:
    """Return how many rows there are, as ClickSend says; 0 if it does not: the rows are read until none come."""
    total = _count(paginator.get("total"))
    if total is None and not rows:
        raise SourceMalformed("ClickSend's total is not a count, and it lists no messages.")
    return total or 0


def _status(envelope: dict[str, Any]) -> int:
    """Return the status that an envelope states; 200, which HTTP said, if it states none.

    ClickSend's own example has `status` in place of `http_code`.
    """
    stated = (_count(envelope.get(name)) for name in ("http_code", "status"))
    return next((status for status in stated if status is not None), 200)


def _count(value: Any) -> int | None:
    """Return a count, as a number or as text; None for anything else."""
    number = None if isinstance(value, bool) else whole(value, _COUNT_BITS)
    return number if number is not None and number >= 0 else None


def _word(envelope: dict[str, Any]) -> str:
    """Return the machine word of an envelope, if it is one: free text could hold anything."""
    word = envelope.get("response_code")
    return word if isinstance(word, str) and re.fullmatch(r"[A-Z0-9_]{1,60}", word) else "no known word"
