"""A range of sending time -> its pages, and what of it could not be read: no answer stops what comes after.

`GET /v3/sms/history` has no cursor: pages are numbered and `date` has no tie-breaker, so that a row may stand on two
pages or on none, and `total` may be wrong. What was read is therefore compared with what was announced. If they do not
agree, the range is read once more, and then cut into parts: a part that fits into one page has no edges to lose rows
at. All readings are united by the caller, who keeps a row once. What is missing in the end is a `Gap`: a range is kept
as far as it was read, marked, reported, and passed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from deliverywatch.errors import SourceMalformed, SourceUnavailable
from deliverywatch.sms.clicksend.pages import Gap, Page, Tally

# Rows a page, of the first reading, the second, and so on. 100 is ClickSend's maximum; another size moves the edges
# between pages, where rows of one second may change places: campaigns go out within a second. The sizes lie far apart
# and every other one is read backwards, so that each reading meets these rows at other places. In an order at random a
# reading misses a third of them: after ten, 1 in 60,000.
_PAGE_SIZES = (100, 90, 75, 60, 50, 40, 30, 95, 85, 70)

# Before the second reading, so that what is just appearing has appeared.
_SETTLE_SECONDS = 3.0

# What a range may cost beyond its first two readings: these requests and some more for each page that it has, up to a
# limit. One second in which thousands were sent needs several readings; a server that lies about everything must not
# cost more.
_BASE_REQUESTS, _REQUESTS_PER_PAGE, _MOST_REQUESTS = 100, 10, 500

# A request of the first two readings is tried this often; of a part less often, as one of its rows may be the reason.
_ATTEMPTS, _ATTEMPTS_OF_PART = 4, 2

_DAY_SECONDS = 86_400


class Part(NamedTuple):
    """Unix seconds in [start, end)."""

    start: int
    end: int


class Query(NamedTuple):
    """One reading of a part: `size` rows a page, each request tried up to `attempts` times."""

    part: Part
    size: int
    attempts: int = _ATTEMPTS
    descending: bool = False


class Evidence(StrEnum):
    """What the readings of a part say about its rows."""

    COMPLETE = "complete"
    SHORT = "short"  # the same rows each time, and fewer than announced: nothing more will come
    UNSURE = "unsure"


@dataclass(slots=True)
class Reading:
    """Reads ranges, one after the other.

    Attributes:
        request: Yields the pages of a query, in order, until there are no more.
        sleep: Sleeps seconds.
        has_time: Whether there is time for another request; without, what was not read yet is missing.
    """

    request: Callable[[Query], Iterator[Page]]
    sleep: Callable[[float], None]
    has_time: Callable[[], bool]
    _requests_left: int = 0
    _parts_missing: list[Part] = field(default_factory=list)
    _readings: list[Tally] = field(default_factory=list)

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Yield the pages of what was sent in [start, end); one more that holds the gap, if there is one.

        Rows outside of the range, and rows twice, are the caller's to drop.

        Raises:
            DeliveryWatchError: ClickSend refuses, throttles or is not available: not a matter of these rows.
        """
        whole = Part(math.floor(start.timestamp()), math.ceil(end.timestamp()))
        self._parts_missing, self._readings = [], []
        first, second = Tally(counts_seconds=False), Tally()
        yield from self._read(Query(whole, _PAGE_SIZES[0]), first)
        if judged([first]) is Evidence.COMPLETE:
            return
        if first.failure:
            self._check_that_it_answers(whole, first)
        self.sleep(_SETTLE_SECONDS)
        self._requests_left = min(_MOST_REQUESTS, _BASE_REQUESTS + _REQUESTS_PER_PAGE * first.page_count)
        yield from self._read(Query(whole, _PAGE_SIZES[1]), second)
        yield from self._concluded(whole, [first, second])
        if self._parts_missing:
            yield Page(0, 0, 0, [], gap=self._gap(max(first.announced_count, second.announced_count)))

    def _concluded(self, part: Part, readings: list[Tally]) -> Iterator[Page]:
        """Read on, by parts or again where a part cannot be cut, until there is evidence or nothing is left to try."""
        evidence = judged(readings)
        if evidence is Evidence.COMPLETE:
            return
        can_go_on = evidence is Evidence.UNSURE and self._requests_left > 0 and self.has_time()
        parts = cut(part, readings[-1]) if can_go_on else None
        if parts:
            for smaller in parts:
                yield from self._part(smaller)
        elif can_go_on and not readings[-1].failure and len(readings) < len(_PAGE_SIZES):
            yield from self._again(part, readings)
        else:
            self._parts_missing.append(part)

    def _part(self, part: Part) -> Iterator[Page]:
        reading = Tally()
        yield from self._read(Query(part, _PAGE_SIZES[0], _ATTEMPTS_OF_PART), reading)
        yield from self._concluded(part, [reading])

    def _again(self, part: Part, readings: list[Tally]) -> Iterator[Page]:
        reading = Tally()
        number = len(readings)
        query = Query(part, _PAGE_SIZES[number], _ATTEMPTS_OF_PART, descending=number % 2 == 1)
        yield from self._read(query, reading)
        yield from self._concluded(part, [*readings, reading])

    def _read(self, query: Query, tally: Tally) -> Generator[Page]:
        """Yield the pages and count them; a failure that may be a matter of the rows ends the reading, not the run."""
        try:
            for page in self.request(query):
                tally.add(page)
                yield page
        except (SourceUnavailable, SourceMalformed) as failure:
            tally.failure = failure
        self._requests_left -= tally.page_count + 1
        self._readings.append(tally)

    def _check_that_it_answers(self, part: Part, reading: Tally) -> None:
        """Raise the reading's failure unless ClickSend answers something: then one of these rows is the reason."""
        failure = reading.failure
        if failure and not self.has_time():
            raise failure
        elsewhere = Part(part.start - _DAY_SECONDS, part.start - _DAY_SECONDS + 1)
        pages = self._read(Query(elsewhere, _PAGE_SIZES[0], attempts=1), Tally())
        if failure and not reading.page_count and next(pages, None) is None:
            raise failure
        pages.close()

    def _gap(self, announced_count: int) -> Gap:
        read_count = _united_count(self._readings)
        missing_count = max(1, announced_count - read_count)
        start, end = min(part.start for part in self._parts_missing), max(part.end for part in self._parts_missing)
        return Gap(
            datetime.fromtimestamp(start, UTC),
            datetime.fromtimestamp(end, UTC),
            missing_count,
            max(announced_count, read_count + missing_count),
        )


def judged(readings: list[Tally]) -> Evidence:
    """Return what the readings of one part say, the newest last."""
    newest = readings[-1]
    if newest.failure or not newest.page_count:
        return Evidence.UNSURE
    if len(newest.totals) == 1 and newest.announced_count in {_united_count([newest]), _united_count(readings)}:
        return Evidence.COMPLETE
    # All rows of one page are of one moment: what it lists twice is listed twice, and not another row lost.
    if newest.page_count == 1 and newest.row_count >= newest.announced_count:
        return Evidence.COMPLETE
    if len(readings) < 2 or not newest.agrees(readings[-2]):
        return Evidence.UNSURE
    return Evidence.COMPLETE if newest.row_count >= newest.announced_count else Evidence.SHORT


def _united_count(readings: list[Tally]) -> int:
    """Return how many different rows the readings brought; those without an id are the same in each."""
    ids = frozenset[int]().union(*(reading.fingerprints for reading in readings))
    return len(ids) + max(reading.anonymous_count for reading in readings)


def cut(part: Part, reading: Tally) -> tuple[Part, Part] | None:
    """Return the part in two; None where that makes nothing smaller.

    A query is a second wider on both sides (`client`), so that the cut is best where few messages were sent: both
    halves read those of the seconds beside it. After a failure nobody knows where the rows are: the middle it is.
    """
    seconds = reading.seconds
    if part.end - part.start < 2:
        return None
    if reading.failure or not seconds:
        middle = (part.start + part.end) // 2
        return Part(part.start, middle), Part(middle, part.end)
    place, larger = _best_place(part, seconds)
    return (Part(part.start, place), Part(place, part.end)) if larger < seconds.total() else None


def _best_place(part: Part, seconds: Counter[int]) -> tuple[int, int]:
    """Return the second at which a cut leaves the fewest messages on its larger side, and how many these are."""
    total, before, best = seconds.total(), 0, (part.start + 1, seconds.total() + 1)
    before = sum(count for second, count in seconds.items() if second < part.start + 1)
    for place in range(part.start + 1, part.end):
        left = before + seconds[place]
        right = total - before + seconds[place - 1]
        if max(left, right) < best[1]:
            best = place, max(left, right)
        before = left
    return best
