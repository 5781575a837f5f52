"""A fault of listing -> the rows in the order, and with the numbers, in which the server then shows them.

ClickSend's pages are numbered and `date` has no tie-breaker: rows of one second may stand in another order at each
request, a row may stand on two pages or on none, and `total` and `last_page` may be wrong.
"""

from __future__ import annotations

from itertools import groupby
from random import Random
from typing import TYPE_CHECKING

from deliverywatch.local.clicksend.answers import Listing, Query
from deliverywatch.local.clicksend.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deliverywatch.local.clicksend.history import History

# Far more than there are: a client that believes them asks for ever.
_FAR_PAGE, _FAR_TOTAL = 9_999, 999_999

# A server that caps `limit` below ClickSend's documented 100.
_CAPPED_LIMIT = 50


def listing_of(fault: Fault, query: Query, history: History, positions: range, serial: int) -> Listing:
    """Return what the pages of a query are cut from under a fault; honest if it is another kind of fault.

    Args:
        fault: Any.
        query: The request.
        history: Says in which second each message was sent.
        positions: What matches the query, in order of date.
        serial: Number of the request: what is to differ from request to request depends on it.
    """
    ordered = positions[::-1] if query.descending else positions
    seeds = {Fault.TIES_AT_RANDOM: serial, Fault.TIES_PER_LIMIT: query.limit, Fault.TIES_PER_PAGE: query.page}
    if fault in seeds:
        return Listing(_shuffled(ordered, history, seeds[fault]))
    if fault in {Fault.LISTED_TWICE, Fault.LISTED_TWICE_UNCOUNTED}:
        twice = [*ordered[:1], *ordered]
        return Listing(twice, total=len(ordered) if fault is Fault.LISTED_TWICE_UNCOUNTED else None)
    if fault is Fault.EDGES_SWAP:
        return Listing(_swapped(ordered, query.limit) if query.page % 2 == 0 else ordered)
    if fault is Fault.SHIFTS_ONCE:
        return Listing([*ordered[1:], *ordered[-1:]] if query.page > 1 else ordered)
    return _misstated(fault, query, ordered)


def _misstated(fault: Fault, query: Query, ordered: range) -> Listing:
    """Return the rows with a total, a last page or a page that is wrong."""
    count = len(ordered)
    last_page = max(1, -(-count // query.limit))
    misstated = {
        Fault.WRONG_TOTAL: Listing(ordered, total=count + 1),
        Fault.TOTAL_LESS: Listing(ordered, total=max(0, count - 1)),
        Fault.TOTAL_FAR: Listing(ordered, total=_FAR_TOTAL),
        Fault.LAST_PAGE_FIRST: Listing(ordered, last_page=1),
        Fault.LAST_PAGE_FAR: Listing(ordered, last_page=_FAR_PAGE),
        Fault.LAST_PAGE_REPEATED: Listing(ordered, last_page=_FAR_PAGE, page=min(query.page, last_page)),
        Fault.PAGE_IGNORED: Listing(ordered, page=1),
        Fault.LIMIT_CAPPED: Listing(ordered, limit=min(query.limit, _CAPPED_LIMIT)),
    }
    return misstated.get(fault, Listing(ordered))


def _shuffled(ordered: range, history: History, seed: int) -> list[int]:
    """Return the positions with those of one second in an order that depends on the seed."""
    shuffled = []
    for _, ties in groupby(ordered, key=history.second):
        group = list(ties)
        Random(seed).shuffle(group)  # noqa: S311 - no secret
        shuffled += group
    return shuffled


def _swapped(ordered: Sequence[int], limit: int) -> list[int]:
    """Return the positions with the last of each page and the first of the next in each other's place."""
    swapped = list(ordered)
    for edge in range(limit, len(swapped), limit):
        swapped[edge - 1], swapped[edge] = swapped[edge], swapped[edge - 1]
    return swapped
