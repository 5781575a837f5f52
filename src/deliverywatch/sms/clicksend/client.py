"""A range of sending time -> the pages of ClickSend's message history, several requests in flight, none lost unnoticed.

`GET /v3/sms/history` (developers.clicksend.com) has no cursor: pages are numbered, and a row that appears or vanishes
while they are read shifts all later ones. Therefore the range is frozen, the order is by date, and the distinct
messages that were read are compared with the `total` that every page states.
"""

from __future__ import annotations

import math
import random as random_module
import threading
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError, InvalidHeader, ReadTimeoutError

from deliverywatch.errors import ConfigurationError, SourceThrottled, SourceUnavailable
from deliverywatch.sms.clicksend.pace import Pace
from deliverywatch.sms.clicksend.pages import Page, Tally, check_status, parse_page

if TYPE_CHECKING:
    from urllib3.response import BaseHTTPResponse

    from deliverywatch.sms.clicksend.credentials import Credentials

    _Answer = BaseHTTPResponse | SourceUnavailable | None

_PATH = "/v3/sms/history"
_IN_FLIGHT = 8

# A request that failed is tried this often; a refused or malformed one never again.
_ATTEMPTS = 4

# Rows a page, of the first and the second reading. 100 is ClickSend's maximum; another size moves the edges between
# pages, where rows of one second may change places: `date` has no tie-breaker, and campaigns go out within a second.
_PAGE_SIZES = (100, 90)

# Between the two readings, so that what is just appearing has appeared.
_SETTLE_SECONDS = 3.0


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
        read_seconds: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = random_module.random,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            credentials: Sent with HTTP Basic authentication.
            base_url: Address without path; https, or http to this machine.
            remaining_seconds: Returns how much time the caller has left; no pause goes beyond it.
            in_flight: Most requests under way at once, and most pages read ahead.
            connect_seconds: Time-out of a connection.
            read_seconds: Time-out of an answer.
            clock: Measures pauses.
            sleep: Sleeps them.
            random: Spreads the retries of several clients.

        Raises:
            ConfigurationError: The address would send the key in clear text, or is none.
        """
        self._url = checked_address(base_url) + _PATH
        self._in_flight = in_flight
        self._remaining_seconds = remaining_seconds
        self._timeout_seconds = (connect_seconds, read_seconds)
        self._sleep = sleep
        self._pace = Pace(in_flight, remaining_seconds, clock=clock, sleep=sleep, random=random)
        self._http = urllib3.PoolManager(maxsize=in_flight + 1, headers=headers(credentials), retries=False)

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Read what was sent in a range, in order of date.

        Whether ClickSend's edges are inclusive is undocumented, so a second more is requested on both sides: rows
        outside of the range are the caller's to drop. If pages shifted while they were read, all of them come once
        more: rows are the caller's to de-duplicate.

        Args:
            start: Begin of the range, inclusive; aware.
            end: End of the range, exclusive; aware, not in the future, so that the range stands still.

        Raises:
            SourceRefused: The key (401) or the access (403) is refused.
            SourceThrottled: 429 for longer than there is time.
            SourceUnavailable: No usable answer after several tries, or pages shifted in both readings (kind
                `incomplete`).
            SourceMalformed: The answer is not a page of history.
        """
        earlier: Tally | None = None
        for size in _PAGE_SIZES:
            tally = Tally()
            for page in self._reading(_query(start, end, size)):
                tally.add(page)
                yield page
            if tally.is_complete(earlier):
                return
            earlier = tally
            self._sleep(_SETTLE_SECONDS)
        message = f"ClickSend's pages shifted while they were read, twice: {tally.difference()}."
        raise SourceUnavailable(message, kind="incomplete")

    def _reading(self, query: Mapping[str, str]) -> Iterator[Page]:
        """Yield all pages in order, fetched by threads that are never more than `in_flight` ahead of the consumer."""
        abandoned = threading.Event()
        first = self._page(query, 1, abandoned)
        yield first
        if first.last_page < 2:
            return
        threads = ThreadPoolExecutor(self._in_flight, thread_name_prefix="clicksend")
        ahead: deque[Future[_Answer]] = deque()
        try:
            for number in range(2, first.last_page + 1):
                while len(ahead) < self._in_flight and number + len(ahead) <= first.last_page:
                    ahead.append(threads.submit(self._request, query, number + len(ahead), abandoned))
                yield self._page(query, number, abandoned, ahead.popleft())
        finally:
            abandoned.set()
            threads.shutdown(wait=True, cancel_futures=True)

    def _page(
        self, query: Mapping[str, str], number: int, abandoned: threading.Event, ahead: Future[_Answer] | None = None
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
                if failure_count == _ATTEMPTS:
                    raise
                self._pace.back_off(failure_count)
            else:
                self._pace.succeeded()
                return page

    def _request(self, query: Mapping[str, str], number: int, abandoned: threading.Event) -> _Answer:
        """Do one request; a failure that may pass is an answer too, judged when it is this page's turn; 429 is none."""
        with self._pace.turn(abandoned):
            try:
                response = self._get({**query, "page": str(number)})
            except SourceUnavailable as failure:
                return failure
            if response.status != 429:
                return response
            # At once, as it slows down the requests of all threads.
            self._pace.throttled(_retry_after_seconds(response))
            return None

    def _get(self, query: Mapping[str, str]) -> BaseHTTPResponse:
        remaining_seconds = max(0.1, self._remaining_seconds())
        connect_seconds, read_seconds = (min(seconds, remaining_seconds) for seconds in self._timeout_seconds)
        timeout = urllib3.Timeout(connect=connect_seconds, read=read_seconds)
        try:
            # Neither retried nor redirected by urllib3: its pauses know no budget, and the key stays with one address.
            return self._http.request("GET", self._url, fields=query, timeout=timeout, retries=False, redirect=False)
        except ReadTimeoutError as error:
            message = f"ClickSend is not available: it did not answer within {read_seconds:g} s."
            raise SourceUnavailable(message) from error
        except HTTPError as error:
            host = urlsplit(self._url).netloc  # never credentials: such an address is refused
            message = f"ClickSend is not available: the connection to {host} failed ({type(error).__name__})."
            raise SourceUnavailable(message) from error


def _page_of(answer: BaseHTTPResponse | SourceUnavailable) -> Page:
    if isinstance(answer, SourceUnavailable):
        raise answer
    check_status(answer.status)
    return parse_page(answer.data)


def _retry_after_seconds(response: BaseHTTPResponse) -> float | None:
    value = response.headers.get("Retry-After")
    try:
        return None if value is None else urllib3.Retry().parse_retry_after(value)
    except (InvalidHeader, ValueError, OverflowError):
        return None


def _query(start: datetime, end: datetime, size: int) -> dict[str, str]:
    return {
        "limit": str(size),
        "date_from": str(math.floor(start.timestamp()) - 1),
        "date_to": str(math.ceil(end.timestamp())),
        "order_by": "date:asc",
    }


def headers(credentials: Credentials) -> dict[str, str]:
    """Return what every request carries."""
    # Not urllib3's make_headers: it encodes as Latin-1 and fails on other letters.
    pair = b64encode(f"{credentials.username}:{credentials.api_key}".encode()).decode()
    # ClickSend asks for a content type, though a GET has no content.
    return {"Authorization": f"Basic {pair}", "Content-Type": "application/json", "User-Agent": "DeliveryWatch"}


def checked_address(base_url: str) -> str:
    """Return an address without a slash at its end.

    Raises:
        ConfigurationError: It would send the key in clear text, or is none.
    """
    try:
        address = urlsplit(base_url)
        named = address.hostname and address.port != 0 and not (address.query or address.fragment)
    except ValueError:
        named = None
    if not named or address.scheme not in {"https", "http"}:
        raise ConfigurationError("The ClickSend address is not one like https://rest.clicksend.com.")
    if address.username is not None or address.password is not None:
        raise ConfigurationError("The ClickSend address holds credentials; they belong into their own settings.")
    if address.scheme != "https" and address.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ConfigurationError("The ClickSend address is not https, so that the API key would travel in clear text.")
    return base_url.rstrip("/")
