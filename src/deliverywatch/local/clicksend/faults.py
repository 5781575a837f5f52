"""What the ClickSend server does wrong when told to: faults seen or documented of ClickSend and of what is before it.

429 carries `Retry-After` (20 s and 39 s seen) and the word HTTP_TOO_MANY_REQUESTS; Cloudflare and an API gateway can
answer HTML; rows appear and vanish while pages are read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from deliverywatch.local.clicksend import answers
from deliverywatch.local.clicksend.answers import Answer


class Fault(StrEnum):
    """One way to misbehave."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    THROTTLED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502 with HTML"
    ERROR_INSIDE = "200 with 500 inside"
    THROTTLED_INSIDE = "200 with 429 inside"
    DELAY = "an answer that comes late"
    TRUNCATED = "half of the JSON"
    CUT_OFF = "a connection that breaks within the body"
    EMPTY = "an empty body"
    REDIRECT = "a redirect to somewhere else"
    WRONG_TOTAL = "a total of one message more"
    APPEARS = "a message that appears before this page"
    VANISHES = "a message that vanishes before this page"


@dataclass(slots=True)
class Misbehaviour:
    """A fault on order.

    Attributes:
        fault: What to do.
        times: How many requests more; None for all.
        page: Only for requests of this page.
        retry_after: The header of a 429.
        seconds: How long an answer is delayed.
    """

    fault: Fault
    times: int | None = 1
    page: int | None = None
    retry_after: str | None = None
    seconds: float = 0.0


class Misbehaviours:
    """The faults that are on order; safe to use from several threads."""

    def __init__(self) -> None:
        self._orders: list[Misbehaviour] = []
        self._lock = threading.Lock()

    def order(self, misbehaviour: Misbehaviour) -> None:
        """Put a fault behind those that are on order."""
        with self._lock:
            self._orders.append(misbehaviour)

    def clear(self) -> None:
        """Forget all orders."""
        with self._lock:
            self._orders.clear()

    def take(self, page: int) -> Misbehaviour | None:
        """Return the first order for a request of this page and count it as done once."""
        with self._lock:
            for order in self._orders:
                if order.page in {None, page}:
                    return self._once(order)
        return None

    def _once(self, order: Misbehaviour) -> Misbehaviour:
        if order.times is not None:
            order.times -= 1
            if order.times == 0:
                self._orders.remove(order)
        return order


_REFUSALS: dict[Fault, Callable[[Misbehaviour], Answer]] = {
    Fault.UNAUTHORIZED: lambda _: answers.unauthorized(),
    Fault.FORBIDDEN: lambda _: answers.forbidden(),
    Fault.THROTTLED: lambda order: answers.throttled(order.retry_after),
    Fault.SERVER_ERROR: lambda _: answers.server_error(),
    Fault.BAD_GATEWAY: lambda _: answers.bad_gateway(),
    Fault.ERROR_INSIDE: lambda _: replace(answers.server_error(), status=200),
    Fault.THROTTLED_INSIDE: lambda _: replace(answers.throttled(None), status=200),
    Fault.REDIRECT: lambda _: Answer(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}),
}


def refusal(order: Misbehaviour) -> Answer | None:
    """Return what is answered instead of a page, if the fault is one that answers something else."""
    return _REFUSALS[order.fault](order) if order.fault in _REFUSALS else None


def damaged(answer: Answer, fault: Fault) -> Answer:
    """Return the answer as this fault leaves it."""
    half = answer.body[: len(answer.body) // 2]
    if fault is Fault.TRUNCATED:
        return replace(answer, body=half)
    if fault is Fault.CUT_OFF:
        return replace(answer, body=half, missing_bytes=len(answer.body) - len(half))
    return replace(answer, body=b"") if fault is Fault.EMPTY else answer
