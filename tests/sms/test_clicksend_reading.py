"""Whatever the server does with ties, totals and pages: what it has is read, what is missing is said, and it ends."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from clicksend_world import API_KEY, END, START, Time, client
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.errors import SourceUnavailable
from deliverywatch.local.clicksend.faults import Fault
from deliverywatch.local.clicksend.history import Message, Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.sms.clicksend.pages import Gap, Page, Tally
from deliverywatch.sms.clicksend.reading import Evidence, Part, Query, Reading, cut, judged


def campaign(count: int, batch: int, second: int = 1800) -> list[Message]:
    """So many messages, evenly over the hour, and a batch within one second."""
    times = [*(number * 3600 // count for number in range(count)), *(second for _ in range(batch))]
    return [Message(f"MESSAGE-{number:05}", START + timedelta(seconds=time)) for number, time in enumerate(times)]


SENT = campaign(321, 300)
IDS = {message.message_id for message in SENT}


@pytest.fixture
def clicksend() -> Iterator[ClickSendServer]:
    with ClickSendServer(Messages(SENT), now=END, username="somebody", api_key=API_KEY) as clicksend:
        yield clicksend


def read(clicksend: ClickSendServer, time: Time | None = None) -> tuple[set[str], Gap | None]:
    pages = list(client(clicksend, time).pages(START, END))
    gaps = [page.gap for page in pages if page.gap]
    assert len(gaps) <= 1
    return {row["message_id"] for page in pages for row in page.rows}, gaps[0] if gaps else None


# Fault, and the most requests that a reading of 621 messages, 300 of them of one second, may cost under it.
WHOLE = {
    Fault.TIES_AT_RANDOM: 90,
    Fault.TIES_PER_LIMIT: 8,
    Fault.TIES_PER_PAGE: 90,
    Fault.EDGES_SWAP: 30,
    Fault.SHIFTS_ONCE: 30,
    Fault.LISTED_TWICE: 30,
    Fault.LISTED_TWICE_UNCOUNTED: 8,
    Fault.TOTAL_LESS: 16,
    Fault.LAST_PAGE_FIRST: 8,
    Fault.LAST_PAGE_FAR: 9,
    Fault.LAST_PAGE_REPEATED: 9,
    Fault.LIMIT_CAPPED: 15,
    Fault.NO_HTTP_CODE: 8,
}


@pytest.mark.parametrize(("fault", "most_requests"), WHOLE.items())
def test_what_is_listed_wrongly_is_read_whole(clicksend: ClickSendServer, fault: Fault, most_requests: int) -> None:
    clicksend.add_fault(fault, times=None)
    assert read(clicksend) == (IDS, None)
    assert len(clicksend.queries) <= most_requests


@pytest.mark.parametrize("fault", [Fault.WRONG_TOTAL, Fault.TOTAL_FAR])
def test_a_total_that_is_too_large_for_ever_is_a_gap_by_claim_after_two_readings(
    clicksend: ClickSendServer, fault: Fault
) -> None:
    clicksend.add_fault(fault, times=None)
    announced = 622 if fault is Fault.WRONG_TOTAL else 999_999
    assert read(clicksend) == (IDS, Gap(START, END, announced - 621, announced))
    assert len(clicksend.queries) <= 40


@pytest.mark.parametrize("fault", [Fault.POISON, Fault.POISON_TRUNCATED])
@pytest.mark.parametrize("second", [0, 1234, 3599])
def test_a_message_that_breaks_its_page_costs_no_other_one(
    clicksend: ClickSendServer, fault: Fault, second: int
) -> None:
    poison = Message("POISON-1", START + timedelta(seconds=second))
    clicksend.history = Messages([*campaign(300, 0), poison])
    clicksend.add_fault(fault, times=None)
    time = Time()
    ids, gap = read(clicksend, time)
    lost = {message.message_id for message in campaign(300, 0)} - ids
    assert gap
    assert gap.start <= poison.sent_at < gap.end
    assert gap.missing_count in {1, 1 + len(lost)}, "at least so many: where no page came, none was announced"
    assert len(lost) <= 1, "beside the poison, what was sent within a second of it"
    assert (gap.end - gap.start).total_seconds() <= 4
    assert len(clicksend.queries) <= 75
    assert time.slept_seconds() < 60


def tally(*pages: tuple[int, list[str | None]]) -> Tally:
    counted = Tally()
    for total, ids in pages:
        counted.add(Page(1, total, 1, [{"message_id": each} for each in ids]))
    return counted


TWO_OF_THREE = tally((3, ["A", "B"]), (3, ["B"]))


@pytest.mark.parametrize(
    ("readings", "evidence"),
    [
        ([tally((3, ["A", "B"]), (3, ["C"]))], Evidence.COMPLETE),
        ([tally((0, []))], Evidence.COMPLETE),
        ([tally((3, ["A", None]), (3, [None]))], Evidence.COMPLETE),
        ([tally((3, ["A", "A", "B"]))], Evidence.COMPLETE),
        ([tally((1, ["A", "B"]))], Evidence.COMPLETE),
        ([TWO_OF_THREE], Evidence.UNSURE),
        ([tally((0, ["C"])), TWO_OF_THREE], Evidence.COMPLETE),
        ([tally((0, ["A"])), TWO_OF_THREE], Evidence.UNSURE),
        ([TWO_OF_THREE, TWO_OF_THREE], Evidence.COMPLETE),
        ([tally((3, ["A", "B"]), (2, ["C"]))], Evidence.UNSURE),
        ([tally((4, ["A", "B"]))], Evidence.UNSURE),
        ([tally((4, ["A", "B"])), tally((4, ["B", "A"]))], Evidence.SHORT),
        ([tally((4, ["A", "B"])), tally((4, ["B", "C"]))], Evidence.UNSURE),
    ],
)
def test_readings_are_judged_by_what_they_brought(readings: list[Tally], evidence: Evidence) -> None:
    assert judged(readings) is evidence


@given(times=st.lists(st.integers(-1, 20), max_size=60), end=st.integers(1, 20))
def test_a_cut_leaves_two_parts_that_make_up_the_whole_and_are_smaller(times: list[int], end: int) -> None:
    reading = Tally()
    reading.add(Page(1, len(times), 1, [{"date": 1_800_000_000 + time} for time in times if time <= end]))
    whole = Part(1_800_000_000, 1_800_000_000 + end)
    parts = cut(whole, reading)
    if parts is None:
        return
    left, right = parts
    assert (left.start, left.end, right.end) == (whole.start, right.start, whole.end)
    assert left.start < left.end < right.end
    if reading.row_count:
        queried = [sum(part.start - 1 <= second <= part.end for second in reading.seconds.elements()) for part in parts]
        assert max(queried) < reading.row_count


def test_a_second_with_a_campaign_is_cut_out_with_little_beside_it() -> None:
    reading = Tally()
    rows = [{"date": int(message.sent_at.timestamp())} for message in SENT]
    reading.add(Page(1, len(rows), 1, rows))
    part, campaign_at = Part(int(START.timestamp()), int(END.timestamp())), int(START.timestamp()) + 1800
    while halves := cut(part, reading):
        part = next(half for half in halves if half.start <= campaign_at < half.end)
        reading.seconds = Counter(
            {second: n for second, n in reading.seconds.items() if part.start - 1 <= second <= part.end}
        )
    assert part.end - part.start <= 20
    assert reading.seconds.total() <= 302


@dataclass
class Server:
    """A server without HTTP, whose rows of one second stand in another order at each request."""

    seconds: list[int]
    random: Random
    fails_percent: int = 0
    wobbles_percent: int = 0
    is_exclusive: bool = False
    count: int = 0

    def pages(self, query: Query) -> Iterator[Page]:
        for number in range(1, 100):
            page = self._page(query, number)
            yield page
            if len(page.rows) < query.size:
                return

    def _page(self, query: Query, number: int) -> Page:
        self.count += 1
        if self.random.random() * 100 < self.fails_percent:
            raise SourceUnavailable("5xx")
        first, last = query.part.start - 1 + self.is_exclusive, query.part.end - self.is_exclusive
        listed = [
            {"message_id": str(index), "date": EPOCH + second}
            for index, second in enumerate(self.seconds)
            if first <= EPOCH + second <= last
        ]
        self.random.shuffle(listed)
        listed.sort(key=lambda row: int(str(row["date"])), reverse=query.descending)
        total = len(listed) + (self.random.random() * 100 < self.wobbles_percent)
        begin = (number - 1) * query.size
        return Page(number, total, -(-total // query.size), listed[begin : begin + query.size])

    def read(self) -> tuple[set[str], Gap | None]:
        reading = Reading(self.pages, lambda _: None, lambda: True)
        start, end = (datetime.fromtimestamp(second, UTC) for second in (EPOCH, EPOCH + 600))
        pages = list(reading.pages(start, end))
        gaps = [page.gap for page in pages if page.gap]
        return {str(row["message_id"]) for page in pages for row in page.rows}, gaps[0] if gaps else None


EPOCH = int(START.timestamp())
bursts = st.lists(st.tuples(st.integers(0, 599), st.integers(1, 260)), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(
    bursts=bursts,
    seed=st.integers(),
    fails=st.sampled_from([0, 0, 2, 20]),
    wobbles=st.sampled_from([0, 0, 10, 100]),
    is_exclusive=st.booleans(),
)
def test_what_is_said_to_be_whole_is_whole_and_every_reading_ends(
    bursts: list[tuple[int, int]], seed: int, fails: int, wobbles: int, is_exclusive: bool
) -> None:
    seconds = [second for second, count in bursts for _ in range(count)]
    server = Server(seconds, Random(seed), fails, wobbles, is_exclusive)
    try:
        read, gap = server.read()
    except SourceUnavailable:
        assert fails
    else:
        assert gap or len(read) == len(seconds)
        assert gap is None or 0 < gap.missing_count <= gap.announced_count
    assert server.count <= 650


def test_a_thousand_messages_of_one_second_in_any_order_are_read_whole() -> None:
    server = Server([300] * 1000, Random(1))
    assert server.read() == ({str(index) for index in range(1000)}, None)
    assert server.count < 300
