"""A query of ClickSend's history -> the answer: a paginator in ClickSend's envelope, or one of its error bodies.

Protocol: developers.clicksend.com, GET /v3/sms/history; error bodies as recorded from the live API.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import parse_qsl

import orjson

from deliverywatch.local.clicksend.history import History

_FOR_EVER = 2**40

_JSON = "application/json"
_HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n"


class Drip(StrEnum):
    """Which part of an answer comes a byte at a time, for ever."""

    NONE = "none"
    BODY = "body"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes over the wire; a body may be announced longer than it is, or come a byte at a time."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = _JSON
    missing_bytes: int = 0
    drip: Drip = Drip.NONE


@dataclass(frozen=True, slots=True)
class Query:
    """One request for a page of history."""

    page: int = 1
    limit: int = 15
    date_from: int = 0
    date_to: int = _FOR_EVER
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What the pages of a query are cut from, and what they say of it; honest unless a fault made it.

    Attributes:
        positions: All rows in their order, those that match the query.
        total, last_page: As stated; None states what is true.
        page, limit: Which page is shown and how many rows it has; None for what is requested.
    """

    positions: Sequence[int]
    total: int | None = None
    last_page: int | None = None
    page: int | None = None
    limit: int | None = None


class BadQueryError(ValueError):
    """A parameter is out of range; ClickSend says which in `data`."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def parse_query(text: str) -> Query:
    """Return the query of a URL.

    Raises:
        BadQueryError: A parameter is out of its documented range.
    """
    parameters = dict(parse_qsl(text))
    order = parameters.get("order_by", "date:asc")
    if order not in {"date:asc", "date:desc"}:
        raise BadQueryError("order_by", "Only date:asc and date:desc are supported here.")
    return Query(
        page=_number(parameters, "page", 1, 1, _FOR_EVER),
        limit=_number(parameters, "limit", 15, 15, 100),
        date_from=_number(parameters, "date_from", 0, 0, _FOR_EVER),
        date_to=_number(parameters, "date_to", _FOR_EVER, 0, _FOR_EVER),
        descending=order == "date:desc",
    )


def page(query: Query, history: History, now: datetime, listing: Listing | None = None) -> Answer:
    """Return the requested page of history, or that page of a listing."""
    matching = history.between(query.date_from, query.date_to, now)
    listing = listing or Listing(matching[::-1] if query.descending else matching)
    limit = listing.limit or query.limit
    first = ((listing.page or query.page) - 1) * limit
    rows = history.rows(listing.positions[first : first + limit], now)
    paginator = _paginator(query, listing, limit, len(rows))
    # The rows are JSON already: decoding and encoding them again would make this server slower than what it serves.
    head = orjson.dumps(paginator)[:-1]
    return Answer(200, b'%s%s,"data":[%s]}}' % (_SUCCESS, head, b",".join(rows)))


@dataclass(frozen=True, slots=True)
class Wallet:
    """What an account can pay with.

    Attributes:
        balance: In the account's currency, at `spends_from`; it falls by the price of what is sent from then on.
        spends_from: Aware; None for a balance that stands still.
        low_balance: Below this ClickSend warns, and charges the account if `recharges`.
    """

    balance: float = 42.5
    spends_from: datetime | None = None
    low_balance: float = 5.0
    recharges: bool = False

    def left(self, history: History, now: datetime) -> float:
        """Return the balance after what was sent until now."""
        if self.spends_from is None:
            return self.balance
        sent = history.between(int(self.spends_from.timestamp()), int(now.timestamp()), now)
        return self.balance - history.price(sent)


def account(username: str, api_key: str, wallet: Wallet, balance: float) -> Answer:
    """Return the account of the caller; ClickSend's own answer holds the key too."""
    data = {
        "username": username,
        "balance": f"{balance:.6f}",
        "low_credit_amount": f"{wallet.low_balance:.2f}",
        "auto_recharge": int(wallet.recharges),
        "active": 1,
        "banned": 0,
        "timezone": "Etc/UTC",
        "_subaccount": {"api_username": username, "api_key": api_key},
    }
    return Answer(200, _SUCCESS + orjson.dumps(data) + b"}")


def error(status: int, word: str, message: str, data: object = None, headers: dict[str, str] | None = None) -> Answer:
    """Return ClickSend's envelope of an error."""
    envelope = {"http_code": status, "response_code": word, "response_msg": message, "data": data}
    return Answer(status, orjson.dumps(envelope), headers or {})


NOT_FOUND = error(404, "NOT_FOUND", "Invalid endpoint. Please try again.")  # also for a wrong method
UNAUTHORIZED = error(401, "UNAUTHORIZED", "Authorization failed.")  # without a `WWW-Authenticate` header
FORBIDDEN = error(403, "FORBIDDEN", "You do not have access to this resource.")
SERVER_ERROR = error(500, "INTERNAL_SERVER_ERROR", "Something went wrong.")
# A gateway knows no envelope.
BAD_GATEWAY = Answer(502, _HTML, content_type="text/html")


def bad_request(problem: BadQueryError) -> Answer:
    """400, with the parameter that is wrong."""
    return error(400, "BAD_REQUEST", "Invalid input.", {problem.parameter: str(problem)})


def throttled(retry_after: str | None) -> Answer:
    """429, with ClickSend's real word for it."""
    headers = {} if retry_after is None else {"Retry-After": retry_after, "ratelimit-reset": retry_after}
    return error(429, "HTTP_TOO_MANY_REQUESTS", "Too many attempts.", headers=headers)


_SUCCESS = b'{"http_code":200,"response_code":"SUCCESS","response_msg":"Here are your data.","data":'


def _paginator(query: Query, listing: Listing, limit: int, count: int) -> dict[str, int | str | None]:
    total = len(listing.positions) if listing.total is None else listing.total
    last_page = math.ceil(total / limit) if listing.last_page is None else listing.last_page
    first = (query.page - 1) * limit
    return {
        "total": total,
        "per_page": limit,
        "current_page": query.page,
        "last_page": last_page,
        "next_page_url": f"/?page={query.page + 1}" if query.page < last_page else None,
        "prev_page_url": f"/?page={query.page - 1}" if query.page > 1 else None,
        "from": first + 1 if count else None,
        "to": first + count if count else None,
    }


def _number(parameters: dict[str, str], name: str, default: int, least: int, most: int) -> int:
    text = parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise BadQueryError(name, f"The {name} must be a number from {least} to {most}.")
    return int(text)
