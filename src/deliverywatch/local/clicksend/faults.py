"""What the ClickSend server can do wrong: faults seen or documented of ClickSend and of what is before it.

429 carries `Retry-After` (20 s and 39 s seen) and the word HTTP_TOO_MANY_REQUESTS; Cloudflare and an API gateway can
answer HTML; rows appear and vanish while pages are read.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from deliverywatch.local.clicksend import answers
from deliverywatch.local.clicksend.answers import Answer


class Fault(StrEnum):
    """One way to answer wrongly."""

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
class PlannedFault:
    """A fault for later requests: for a number of `times`, or all (None); for one page, or any (None).

    `retry_after` is the header of a 429, `seconds` how long an answer is delayed.
    """

    fault: Fault
    times: int | None = 1
    page: int | None = None
    retry_after: str | None = None
    seconds: float = 30.0


_REFUSALS = {
    Fault.UNAUTHORIZED: answers.UNAUTHORIZED,
    Fault.FORBIDDEN: answers.FORBIDDEN,
    Fault.SERVER_ERROR: answers.SERVER_ERROR,
    Fault.BAD_GATEWAY: answers.BAD_GATEWAY,
    Fault.ERROR_INSIDE: replace(answers.SERVER_ERROR, status=200),
    Fault.THROTTLED_INSIDE: replace(answers.throttled(None), status=200),
    Fault.REDIRECT: Answer(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}),
}


def refusal(planned: PlannedFault) -> Answer | None:
    """Return what is answered instead of a page, if the fault is one that answers something else."""
    throttled = planned.fault is Fault.THROTTLED
    return answers.throttled(planned.retry_after) if throttled else _REFUSALS.get(planned.fault)


def damaged(answer: Answer, fault: Fault) -> Answer:
    """Return the answer as this fault leaves it."""
    half = answer.body[: len(answer.body) // 2]
    if fault is Fault.TRUNCATED:
        return replace(answer, body=half)
    if fault is Fault.CUT_OFF:
        return replace(answer, body=half, missing_bytes=len(answer.body) - len(half))
    return replace(answer, body=b"") if fault is Fault.EMPTY else answer
