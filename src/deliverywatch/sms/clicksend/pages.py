"""The body of one answer -> one page of message history, or the error that says what came instead; and their tally.

Format: developers.clicksend.com, GET /v3/sms/history: an envelope (`http_code`, `response_code`, `data`) around a
Laravel paginator (`total`, `current_page`, `last_page`) around the rows. Numbers come as numbers or as text; an empty
list has `last_page: 0`. Nothing of a row ever gets into an error.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import Any

import orjson

from deliverywatch.errors import SourceMalformed, SourceRefused, SourceThrottled, SourceUnavailable

_FORBIDDEN_STEP = "Give this ClickSend user access to the API and to reporting (Developers > API credentials)."
_ADDRESS_STEP = "Check the ClickSend address: it is https://rest.clicksend.com unless you changed it."


@dataclass(frozen=True, slots=True)
class Page:
    """One page of history.

    Attributes:
        number: From 1.
        total: Rows in all pages of the reading, as ClickSend counts them.
        last_page: Number of the last page; 0 when there are no rows.
        rows: As they came, in order of `date`.
    """

    number: int
    total: int
    last_page: int
    rows: list[dict[str, Any]]


@dataclass(slots=True)
class Tally:
    """What one reading of all pages brought, to be compared with what ClickSend says there is.

    Attributes:
        fingerprints: One number per message id, again for each time that it was read: 8 bytes each instead of 100.
        totals: All totals that the pages stated.
        anonymous_count: Rows without an id.
    """

    fingerprints: array[int] = field(default_factory=lambda: array("q"))
    totals: set[int] = field(default_factory=set)
    anonymous_count: int = 0

    def add(self, page: Page) -> None:
        """Count the page's messages; those without an id by themselves."""
        self.totals.add(page.total)
        ids = [message_id for row in page.rows if (message_id := row.get("message_id")) and type(message_id) is str]
        self.fingerprints.extend(map(hash, ids))
        self.anonymous_count += len(page.rows) - len(ids)

    def is_complete(self, earlier: Tally | None) -> bool:
        """Whether every page states the same total, and as many were read: in this reading or with the earlier one."""
        if self.totals == {self._count(self.fingerprints)}:
            return True
        return earlier is not None and self.totals == {self._count(self.fingerprints + earlier.fingerprints)}

    def difference(self) -> str:
        """What does not fit, as a part of a sentence."""
        stated = " or ".join(str(total) for total in sorted(self.totals))
        return f"{self._count(self.fingerprints)} messages were read and {stated} announced"

    def _count(self, fingerprints: array[int]) -> int:
        return len(set(fingerprints)) + self.anonymous_count


def parse_page(body: bytes) -> Page:
    """Return the page that a body with HTTP status 200 holds.

    Raises:
        SourceUnavailable: The body is not JSON: HTML of a gateway, a truncated answer, nothing; or it says 5xx inside.
        SourceThrottled: It says 429 inside.
        SourceRefused: It says 401 or 403 inside.
        SourceMalformed: It is JSON, but not a page of history.
    """
    envelope = _object(_json(body), "answer")
    check_status(_count(envelope, "http_code"))
    if envelope.get("response_code") != "SUCCESS":
        raise SourceMalformed(f"ClickSend answered {_word(envelope)} instead of SUCCESS.")
    paginator = _object(envelope.get("data"), "data")
    return Page(
        number=_count(paginator, "current_page"),
        total=_count(paginator, "total"),
        last_page=_count(paginator, "last_page"),
        rows=_rows(paginator.get("data")),
    )


def check_status(status: int) -> None:
    """Return if the status is 200, otherwise raise the error that it stands for.

    Raises:
        SourceRefused: 401 (kind `unauthorized`) or 403 (kind `forbidden`).
        SourceThrottled: 429.
        SourceUnavailable: 5xx, or 408: worth another try.
        SourceMalformed: Anything else.
    """
    if status == 401:
        raise SourceRefused("ClickSend refuses the API key (401).")
    if status == 403:
        message = "ClickSend accepts the API key but forbids reading the message history (403)."
        raise SourceRefused(message, kind="forbidden", next_step=_FORBIDDEN_STEP)
    if status == 429:
        raise SourceThrottled("ClickSend answers that there were too many requests (429).")
    if status == 408 or status >= 500:
        raise SourceUnavailable(f"ClickSend is not available: it answered {status}.")
    if status != 200:
        message = f"ClickSend answered {status} to the request for message history."
        raise SourceMalformed(message, next_step=_ADDRESS_STEP)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # Without the decoder's own words: its exception carries the document, and with it people's numbers.
        is_html = body.lstrip().startswith(b"<")
        impression = "a gateway in front of it answered with HTML" if is_html else "its answer is truncated or no JSON"
        if not body.strip():
            impression = "its answer is empty"
        raise SourceUnavailable(f"ClickSend is not available: {impression}.") from None


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SourceMalformed(f"ClickSend's {name} is not an object.")
    return value


def _rows(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not set(map(type, value)) <= {dict}:
        raise SourceMalformed("ClickSend's data.data is not a list of messages.")
    return value


def _count(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise SourceMalformed(f"ClickSend's {name} is not a count.")


def _word(envelope: dict[str, Any]) -> str:
    """Return the machine word of an envelope, if it is one: free text could hold anything."""
    word = envelope.get("response_code")
    return word if isinstance(word, str) and re.fullmatch(r"[A-Z0-9_]{1,60}", word) else "no known word"
