"""An answer of HTTP -> what became of the attempt; the problem is worded here, never taken from the service."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

from deliverywatch.alerting.channels.protocol.http import Answer, NotConfirmed, NotSent
from deliverywatch.alerting.channels.protocol.notification import Outcome, Result
from deliverywatch.thresholds import CHANNEL_GIVE_UP_HOURS

# The service has too much to do, or something before it failed: later it may take the same request.
_LATER = frozenset({408, 425, 429})
_SUCCESSES, _SERVER_ERROR = range(200, 300), 500
_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_LONGEST_SECONDS = CHANNEL_GIVE_UP_HOURS * 3600.0
_MEANINGS = {
    401: "it does not take the key",
    403: "it does not allow the message",
    404: "there is no such address",
    410: "the address is revoked",
    413: "the message is too large for it",
    429: "it has too many messages to take",
}


def attempt(request: Callable[[], Answer], name: str, now: datetime) -> tuple[Answer | None, Result]:
    """Make a request, and return the answer, if one came, with what it means by its status."""
    try:
        answer = request()
    except NotSent as error:
        return None, Result(Outcome.UNAVAILABLE, f"{name} could not be reached: {error}.")
    except NotConfirmed as error:
        return None, Result(Outcome.UNCONFIRMED, f"{name} may have taken the message, and did not confirm it: {error}.")
    return answer, by_status(answer, name, now)


def by_status(answer: Answer, name: str, now: datetime) -> Result:
    """Return what an answer means by its status; redirects are not followed, as the secret stays with one address."""
    if answer.status in _SUCCESSES:
        return Result(Outcome.SENT)
    meaning = _MEANINGS.get(answer.status, "")
    problem = f"{name} answered {answer.status}{': ' if meaning else ''}{meaning}."
    if answer.status in _LATER or answer.status >= _SERVER_ERROR:
        return Result(Outcome.UNAVAILABLE, problem, retry_after_seconds=retry_after(answer, now))
    return Result(Outcome.REFUSED, problem)


def retry_after(answer: Answer, now: datetime) -> float | None:
    """Return the seconds of Retry-After, as a number or a date, at most a day; None if it says none."""
    seconds = _seconds(answer.headers.get("retry-after", "").strip(), now)
    return None if seconds is None else min(max(0.0, seconds), _LONGEST_SECONDS)


def _seconds(value: str, now: datetime) -> float | None:
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for a year of twenty digits
        return None
    return (until - now).total_seconds() if until.tzinfo else None
