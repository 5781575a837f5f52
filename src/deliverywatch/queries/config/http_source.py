"""An https URL -> the file there, over HTTP with ETag: tried again while that helps, else refused with a reason.

Answers: docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api (304, 403 and 429).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from deliverywatch.errors import SourceRefused, SourceThrottled, SourceUnavailable
from deliverywatch.queries.config.file import LONGEST_BYTES
from deliverywatch.queries.config.source import Fetched, revision_of
from deliverywatch.queries.config.source_url import request

if TYPE_CHECKING:
    from deliverywatch.errors import DeliveryWatchError
    from deliverywatch.queries.config.source_url import Request

_ATTEMPTS = 4
_PAUSE_SECONDS = 1.0
# A host that asks for more than this is left alone until the next run, five minutes later.
_LONGEST_PAUSE_SECONDS = 20.0

_OK, _NOT_MODIFIED, _TOO_MANY = 200, 304, 429
_PASSING = {408, 500, 502, 503, 504}
_REDIRECTS = range(301, 309)
_NEXT_STEP = "Schedules stay as the last good copy of the file wants them; nothing is lost."
_CHECK = (
    "Check QueriesConfigUrl (host, repository, branch, path), and for a private repository the token in the SSM "
    "parameter that QueriesTokenParameter names."
)


class Response(Protocol):
    """An answer of urllib3."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class Http(Protocol):
    """urllib3's pool; raises what urllib3 raises."""

    def request(self, method: str, url: str, **options: Any) -> Response:
        """Send a request and return the answer."""


class HttpSource:
    """A file in a Git repository, or anywhere on the web."""

    def __init__(self, url: str, token: Callable[[], str], http: Http, pause: Callable[[float], None]) -> None:
        self.url = url
        self._token, self._http, self._pause = token, http, pause

    def fetch(self, etag: str) -> Fetched | None:
        """Return the file, or None if it is the one with this etag.

        Raises SourceUnavailable (no answer, or an error of the host's own), SourceThrottled (it asks for more patience
        than a run has) or SourceRefused (no such file, or not for us).
        """
        wanted = request(self.url, self._token(), etag)
        failure: DeliveryWatchError | None = None
        for attempt in range(_ATTEMPTS):
            answer = self._answer(wanted)
            if isinstance(answer, SourceUnavailable):
                failure, seconds = answer, _PAUSE_SECONDS * 2**attempt
            elif answer.status in (_OK, _NOT_MODIFIED):
                return self._fetched(answer)
            else:
                failure, seconds = self._failure(answer), _pause_of(answer, attempt)
            if isinstance(failure, SourceRefused) or seconds > _LONGEST_PAUSE_SECONDS or attempt == _ATTEMPTS - 1:
                break
            self._pause(seconds * random.uniform(1, 1.25))  # noqa: S311 (it only spreads retries)
        raise failure or SourceUnavailable(f"{self.url} was not asked.")

    def _answer(self, wanted: Request) -> Response | SourceUnavailable:
        from urllib3.exceptions import HTTPError  # with boto3 in Lambda; the command line's --help does without

        try:
            return self._http.request("GET", wanted.url, headers=wanted.headers, redirect=False, retries=False)
        except HTTPError as error:
            return SourceUnavailable(
                f"{self.url} cannot be reached: {type(error).__name__}.", kind="unreachable", next_step=_NEXT_STEP
            )

    def _fetched(self, answer: Response) -> Fetched | None:
        if answer.status == _NOT_MODIFIED:
            return None
        body = answer.data
        if len(body) > LONGEST_BYTES or body.lstrip()[:1] == b"<":
            raise SourceRefused(
                f"{self.url} answers with a web page or more than {LONGEST_BYTES // 2**20} MB, and not with the file.",
                kind="not-a-file",
                next_step=_CHECK,
            )
        return Fetched(body, revision_of(body), answer.headers.get("ETag", ""))

    def _failure(self, answer: Response) -> DeliveryWatchError:
        if answer.status == _TOO_MANY or _is_limited(answer):
            return SourceThrottled(
                f"{self.url} asks for patience (HTTP {answer.status}).",
                next_step=f"{_NEXT_STEP} A token in the SSM parameter raises the host's limit.",
            )
        if answer.status in _PASSING:
            return SourceUnavailable(f"{self.url} answers HTTP {answer.status}.", next_step=_NEXT_STEP)
        return SourceRefused(
            f"{self.url} answers HTTP {answer.status}{_meaning(answer)}.",
            kind=f"http-{answer.status}",
            next_step=_CHECK,
        )


def _pause_of(answer: Response, attempt: int) -> float:
    seconds = answer.headers.get("Retry-After", "")
    if seconds.isdigit():
        return float(seconds)
    return _PAUSE_SECONDS * (5 if answer.status == _TOO_MANY else 2**attempt)


def _is_limited(answer: Response) -> bool:
    """GitHub says 403 instead of 429 when an hour's requests are used up."""
    return answer.status == 403 and (
        answer.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in answer.headers
    )


def _meaning(answer: Response) -> str:
    if answer.status in _REDIRECTS:
        return ": it has moved, or asks for a login"
    return {
        401: ": the token is not accepted",
        403: ": the token may not read it",
        404: ": no such file, or not for us",
    }.get(answer.status, "")
