"""What the ClickSend server can do wrong: faults seen or documented of ClickSend and of what is before it.

429 carries `Retry-After` (20 s and 39 s seen) and the word HTTP_TOO_MANY_REQUESTS; Cloudflare and an API gateway can
answer HTML; rows appear, vanish and change places while pages are read (`listings`); texts hold bytes that are no text.
"""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache

from deliverywatch.local.clicksend import answers
from deliverywatch.local.clicksend.answers import Answer, Drip


class Fault(StrEnum):
    """One way to answer wrongly; those of listing and of bytes leave every row in the answer."""

    UNAUTHORIZED = "401"
    FORBIDDEN = "403"
    THROTTLED = "429"
    SERVER_ERROR = "500"
    BAD_GATEWAY = "502 with HTML"
    ERROR_INSIDE = "200 with 500 inside"
    THROTTLED_INSIDE = "200 with 429 inside"
    REDIRECT = "a redirect to somewhere else"

    DELAY = "an answer that comes late"
    DRIP = "a body that comes a byte at a time, for ever"
    DRIP_HEADERS = "headers that come a byte at a time, for ever"
    TRUNCATED = "half of the JSON"
    CUT_OFF = "a connection that breaks within the body"
    EMPTY = "an empty body"

    APPEARS = "a message that appears before this page"
    VANISHES = "a message that vanishes before this page"
    TIES_AT_RANDOM = "messages of one second in another order at each request"
    TIES_PER_LIMIT = "messages of one second in an order that depends on the limit"
    TIES_PER_PAGE = "messages of one second in an order that depends on the page"
    EDGES_SWAP = "on every second page, messages at the edges of pages in each other's place"
    SHIFTS_ONCE = "from page 2 on all messages one place earlier, the last one twice: the total stays"
    LISTED_TWICE = "the first message twice, and counted twice"
    LISTED_TWICE_UNCOUNTED = "the first message twice, and counted once"
    WRONG_TOTAL = "a total of one message more"
    TOTAL_LESS = "a total of one message less"
    TOTAL_FAR = "a total, and with it a last page, far beyond what there is"
    LAST_PAGE_FIRST = "a last page of 1, whatever there is"
    LAST_PAGE_FAR = "a last page far beyond the last one; what follows is empty"
    LAST_PAGE_REPEATED = "a last page far beyond the last one, which is answered again in place of an empty one"
    PAGE_IGNORED = "page 1, whatever page is requested"
    LIMIT_CAPPED = "pages of 50 messages, whatever limit is requested"
    POISON = "a 500 for every page with a message whose id begins with POISON"
    POISON_TRUNCATED = "half of the JSON for every page with a message whose id begins with POISON"

    LONE_SURROGATE = "texts with half of a pair of surrogates, as an escape"
    INVALID_UTF8 = "texts in Latin-1"
    CUT_EMOJI = "texts that end within the bytes of an emoji"
    CONTROL_CHARACTERS = "texts with control characters that are not escaped"
    BYTE_ORDER_MARK = "a byte order mark before the JSON"
    NOT_A_NUMBER = "NaN and Infinity, which are no JSON"
    ROWS_OF_NOTHING = "null and a text in the list of messages, not counted"
    LARGE_FIELD = "an undocumented field of 1 MB without a blank"
    GZIP = "a compressed answer, though none was requested"
    GZIP_BOMB = "a compressed answer of 200 MB"
    NO_HTTP_CODE = "an envelope with `status` in place of `http_code`"
    NO_CODE = "an envelope with neither `http_code` nor `status`"
    NO_NUMBERS = "words in place of all numbers of the envelope and the paginator"
    NO_PAGINATOR = "a mere list of messages"
    ROWS_BY_PLACE = "from page 2 on the messages as an object, by their places: PHP's list that does not begin with 0"
    ISO_DATES = "times in ISO 8601"


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

# What is sent in place of the quote that ends each message's text; the texts are not what the rows are about.
_ENDINGS = {
    Fault.LONE_SURROGATE: rb"half an emoji \ud83d",
    Fault.INVALID_UTF8: "caf\u00e9".encode("latin-1"),
    Fault.CUT_EMOJI: "\U0001f600".encode()[:3],
    Fault.CONTROL_CHARACTERS: b"one line\nand another\x00",
}

_LARGE_FIELD = b'{"note_raw":"%s",' % (b"w" * 1_000_000)
_POISON = b'"message_id":"POISON'


def refusal(planned: PlannedFault) -> Answer | None:
    """Return what is answered instead of a page, if the fault is one that answers something else."""
    throttled = planned.fault is Fault.THROTTLED
    return answers.throttled(planned.retry_after) if throttled else _REFUSALS.get(planned.fault)


def damaged(answer: Answer, fault: Fault) -> Answer:
    """Return the answer to a request for a page as this fault leaves it."""
    if fault in _ENDINGS:
        return replace(answer, body=answer.body.replace(b', please ignore"', b'%s"' % _ENDINGS[fault]))
    damage = _DAMAGES.get(fault)
    return damage(answer) if damage else answer


def _truncated(answer: Answer) -> Answer:
    return replace(answer, body=answer.body[: len(answer.body) // 2])


def _cut_off(answer: Answer) -> Answer:
    half = _truncated(answer)
    return replace(half, missing_bytes=len(answer.body) - len(half.body))


def _poisoned(answer: Answer) -> Answer:
    return answers.SERVER_ERROR if _POISON in answer.body else answer


def _poisoned_half(answer: Answer) -> Answer:
    return _truncated(answer) if _POISON in answer.body else answer


def _replaced(before: bytes, after: bytes, count: int = -1) -> Callable[[Answer], Answer]:
    return lambda answer: replace(answer, body=answer.body.replace(before, after, count))


def _without_paginator(answer: Answer) -> Answer:
    document = json.loads(answer.body)
    return replace(answer, body=json.dumps(document | {"data": document["data"]["data"]}).encode())


def _by_place(answer: Answer) -> Answer:
    document = json.loads(answer.body)
    data = document["data"]
    first = (data["current_page"] - 1) * data["per_page"]
    data["data"] = {str(place): row for place, row in enumerate(data["data"], first)} if first else data["data"]
    return replace(answer, body=json.dumps(document).encode())


def _iso_dates(answer: Answer) -> Answer:
    def iso(match: re.Match[bytes]) -> bytes:
        return f'"date":"{datetime.fromtimestamp(int(match[1]), UTC).isoformat()}"'.encode()

    return replace(answer, body=re.sub(rb'"date":"?(\d+)"?', iso, answer.body))


def _without_numbers(answer: Answer) -> Answer:
    body = re.sub(rb'"(http_code|total|per_page|current_page|last_page)":\d+', rb'"\1":"many"', answer.body)
    return replace(answer, body=body)


def _not_a_number(answer: Answer) -> Answer:
    body = answer.body.replace(b'"list_id":null', b'"list_id":NaN')
    return replace(answer, body=body.replace(b'"contact_id":null', b'"contact_id":-Infinity'))


def _compressed(answer: Answer) -> Answer:
    return replace(answer, body=gzip.compress(answer.body), headers={"Content-Encoding": "gzip"})


def _bomb(answer: Answer) -> Answer:
    return replace(answer, body=_zeros(), headers={"Content-Encoding": "gzip"})


@cache
def _zeros() -> bytes:
    compressor = zlib.compressobj(1, wbits=31)
    megabyte = bytes(1_000_000)
    return b"".join([*(compressor.compress(megabyte) for _ in range(200)), compressor.flush()])


_DAMAGES: Mapping[Fault, Callable[[Answer], Answer]] = {
    Fault.TRUNCATED: _truncated,
    Fault.CUT_OFF: _cut_off,
    Fault.EMPTY: lambda answer: replace(answer, body=b""),
    Fault.DRIP: lambda answer: replace(answer, drip=Drip.BODY),
    Fault.DRIP_HEADERS: lambda answer: replace(answer, drip=Drip.HEADERS),
    Fault.POISON: _poisoned,
    Fault.POISON_TRUNCATED: _poisoned_half,
    Fault.BYTE_ORDER_MARK: lambda answer: replace(answer, body=b"\xef\xbb\xbf" + answer.body),
    Fault.NOT_A_NUMBER: _not_a_number,
    Fault.ROWS_OF_NOTHING: _replaced(b'"data":[', b'"data":[null,"text",', 1),
    Fault.LARGE_FIELD: _replaced(b'{"direction"', _LARGE_FIELD + b'"direction"', 1),
    Fault.GZIP: _compressed,
    Fault.GZIP_BOMB: _bomb,
    Fault.NO_HTTP_CODE: _replaced(b'"http_code":', b'"status":', 1),
    Fault.NO_CODE: _replaced(b'"http_code":200,', b"", 1),
    Fault.NO_NUMBERS: _without_numbers,
    Fault.NO_PAGINATOR: _without_paginator,
    Fault.ROWS_BY_PLACE: _by_place,
    Fault.ISO_DATES: _iso_dates,
}
