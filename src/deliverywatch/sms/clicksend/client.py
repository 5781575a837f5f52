"""A query of ClickSend's message history -> its pages: several requests in flight, paced, tried again.

`GET /v3/sms/history` (developers.clicksend.com). What makes a whole range of these pages is `reading`.
"""

from __future__ import annotations

import email.utils
import math
import random as random_module
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.errors import SourceMalformed, SourceThrottled, SourceUnavailable
from deliverywatch.sms.clicksend.pace import Pace
from deliverywatch.sms.clicksend.pages import Page, check_status, parse_page
from deliverywatch.sms.clicksend.reading import Query, Reading
from deliverywatch.sms.clicksend.transport import Answer, Transport

if TYPE_CHECKING:
    from deliverywatch.sms.clicksend.credentials import Credentials

    _Answer = Answer | SourceUnavailable | SourceMalformed | None

_PATH = "/v3/sms/history"
_IN_FLIGHT = 8

# Half a million messages within one range: whoever sends more pages than this sends them for ever.
_MOST_PAGES = 5_000

# The most seconds that are shown: thirty years say as much as any longer time.
_LONGEST_RETRY_SECONDS = 1e9


class ClickSend:
    """A client of ClickSend's message history; one at a time may read, from one thread."""

    def __init__(
        self,
        credentials: Credentials,
        base_url: str = "https://rest.clicksend.com",
        *,
        remaining_seconds: Callable[[], float],
        in_flight: int = _IN_FLIGHT,
        connect_seconds: float = 5.0,
        answer_seconds: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            credentials: Sent with HTTP Basic authentication.
            base_url: Address without path, or with `/v3`; https, or http to this machine.
            remaining_seconds: Returns how much time the caller has left; no pause goes beyond it.
            in_flight: Most requests under way at once, and most pages read ahead.
            connect_seconds: Time-out of a connection.
            answer_seconds: Time for an answer, from the request to its last byte.
            clock: Measures pauses.
            sleep: Sleeps them.
            random: Spreads the retries of several clients.

        Raises:
            ConfigurationError: The address would send the key in clear text or is none, or no such proxy can be used.
        """
        self._transport = Transport(credentials, base_url, connections=in_flight + 1)
        self._in_flight = in_flight
        self._remaining_seconds = remaining_seconds
        self._timeout_seconds = (connect_seconds, answer_seconds)
        self._sleep = sleep
        self._pace = Pace(in_flight, remaining_seconds, clock=clock, sleep=sleep, random=random)

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Read what was sent in a range, in order of date; what cannot be read comes as the gap of a last page.

        Whether ClickSend's edges are inclusive is undocumented, so a second more is requested on both sides: rows
        outside of the range are the caller's to drop. If rows and what was announced did not agree, some come once
        more: rows are the caller's to de-duplicate.

        Args:
            start: Begin of the range, inclusive; aware.
            end: End of the range, exclusive; aware, not in the future, so that the range stands still.

        Raises:
            SourceRefused: The key (401) or the access (403) is refused.
            SourceThrottled: 429 for longer than there is time.
            SourceUnavailable: No usable answer to anything after several tries.
            SourceMalformed: No answer is a page of history.
        """
        reading = Reading(self._reading, self._sleep, lambda: self._remaining_seconds() > 0)
        return reading.pages(start, end)

    def _reading(self, query: Query) -> Iterator[Page]:
        """Yield all pages in order, fetched by threads that are never more than `in_flight` ahead of the consumer.

        The end is a page without rows or one that repeats the one before, or the one with which all announced rows have
        come: `last_page` is not to be trusted in either direction.
        """
        abandoned = threading.Event()
        threads = ThreadPoolExecutor(self._in_flight, thread_name_prefix="clicksend")
        ahead: deque[Future[_Answer]] = deque()
        parameters, extent, page = _parameters(query), _Extent(query.size), None
        try:
            for number in range(1, _MOST_PAGES):
                while page and len(ahead) < self._in_flight and number + len(ahead) <= extent.last_page:
                    ahead.append(threads.submit(self._request, parameters, number + len(ahead), abandoned))
                page = self._page(parameters, number, abandoned, query.attempts, ahead.popleft() if ahead else None)
                if not extent.adds(page, number):
                    return
                yield page
                if extent.is_reached(page, number):
                    return
        finally:
            abandoned.set()
            threads.shutdown(wait=True, cancel_futures=True)

    def _page(
        self,
        query: Mapping[str, str],
        number: int,
        abandoned: threading.Event,
        attempts: int,
        ahead: Future[_Answer] | None = None,
    ) -> Page:
        """Return a page, requested until it comes; the first time it may have been read ahead."""
        failure_count = 0
        while True:
            answer = ahead.result() if ahead else self._request(query, number, abandoned)
            ahead = None
            if answer is None:
                continue
            try:
                # Here and not in the threads: made in eight of them, its objects cost 5 MB and more time.
                page = _page_of(answer)
            except (SourceThrottled, SourceUnavailable):
                failure_count += 1
                if failure_count == attempts:
                    raise
                self._pace.back_off(failure_count)
            else:
                self._pace.succeeded()
                return page

    def _request(self, query: Mapping[str, str], number: int, abandoned: threading.Event) -> _Answer:
        """Do one request; a failure that may pass is an answer too, judged when it is this page's turn; 429 is none."""
        with self._pace.turn(abandoned):
            try:
                answer = self._get({**query, "page": str(number)})
            except (SourceUnavailable, SourceMalformed) as failure:
                return failure
            if answer.status != 429:
                return answer
            # At once, as it slows down the requests of all threads.
            self._pace.throttled(_retry_after_seconds(answer.retry_after))
            return None

    def _get(self, query: Mapping[str, str]) -> Answer:
        remaining_seconds = max(0.1, self._remaining_seconds())
        connect_seconds, answer_seconds = (min(seconds, remaining_seconds) for seconds in self._timeout_seconds)
        return self._transport.get(_PATH, query, connect_seconds, answer_seconds)


def _page_of(answer: Answer | SourceUnavailable | SourceMalformed) -> Page:
    if isinstance(answer, SourceUnavailable | SourceMalformed):
        raise answer
    check_status(answer.status, answer.body)
    return parse_page(answer.body)


def _retry_after_seconds(value: str | None) -> float | None:
    """Return what the header says, as a number or as the time until its date; None if that is neither."""
    try:
        seconds = float(value or "") if (value or "").strip().isdecimal() else _seconds_until(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return min(max(0.0, seconds), _LONGEST_RETRY_SECONDS)


def _seconds_until(date: str) -> float:
    return email.utils.parsedate_to_datetime(date).timestamp() - time.time()


def _parameters(query: Query) -> dict[str, str]:
    return {
        "limit": str(query.size),
        "date_from": str(query.part.start - 1),
        "date_to": str(query.part.end),
        "order_by": "date:desc" if query.descending else "date:asc",
    }


@dataclass(slots=True)
class _Extent:
    """How far the pages of one reading go, by what comes rather than by what is said of it.

    `last_page` is what may be read ahead: no page beyond it is expected, though one may exist.
    """

    size: int
    last_page: int = 1
    row_count: int = 0
    previous: list[Any] = field(default_factory=list)

    def adds(self, page: Page, number: int) -> bool:
        """Whether a page has rows that the one before had not; the first one always counts."""
        ids = [row.get("message_id") for row in page.rows]
        is_more = number == 1 or (bool(page.rows) and ids != self.previous)
        self.previous = ids
        self.row_count += len(page.rows) + page.strange_count
        if number == 1 and page.rows:
            self.last_page = math.ceil(page.total / len(page.rows))
        return is_more

    def is_reached(self, page: Page, number: int) -> bool:
        """Whether the page is the last: it is not full, all announced rows have come, and no other page is announced.

        A total of one less would else hide a row on a page that nobody requests.
        """
        is_short = len(page.rows) + page.strange_count < self.size
        return not page.rows or (is_short and self.row_count >= page.total and number >= page.last_page)
