"""The ClickSend client against a ClickSend server on loopback, faults and all."""

import logging
import threading
import traceback
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from time import monotonic

import pytest
from clicksend_world import API_KEY, END, START, Time, client, ids, messages

from deliverywatch.errors import (
    ConfigurationError,
    DeliveryWatchError,
    Retryable,
    SourceMalformed,
    SourceRefused,
    SourceThrottled,
    SourceUnavailable,
)
from deliverywatch.local.clicksend.faults import Fault
from deliverywatch.local.clicksend.history import Message, Messages
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.sms.clicksend.credentials import Credentials

BASIC = "c29tZWJvZHk6"  # "somebody:" in base64


@pytest.fixture
def clicksend() -> Iterator[ClickSendServer]:
    with ClickSendServer(Messages(messages(950)), now=END, username="somebody", api_key=API_KEY) as clicksend:
        yield clicksend


def test_all_pages_come_in_order_of_date(clicksend: ClickSendServer) -> None:
    assert ids(client(clicksend)) == [f"MESSAGE-{number:05}" for number in range(950)]


def test_pages_have_100_rows_and_know_their_place(clicksend: ClickSendServer) -> None:
    pages = list(client(clicksend).pages(START, END))
    assert [(page.number, len(page.rows)) for page in pages] == [*((number, 100) for number in range(1, 10)), (10, 50)]
    assert {(page.total, page.last_page) for page in pages} == {(950, 10)}


def test_an_empty_range_is_one_page_without_rows(clicksend: ClickSendServer) -> None:
    (page,) = client(clicksend).pages(START - timedelta(days=1), END - timedelta(days=1))
    assert (page.rows, page.total, page.last_page) == ([], 0, 0)


def test_one_page_is_requested_once(clicksend: ClickSendServer) -> None:
    clicksend.history = Messages(messages(7))
    assert len(ids(client(clicksend))) == 7
    assert len(clicksend.queries) == 1


def test_the_range_is_frozen_and_a_second_wider_on_both_sides(clicksend: ClickSendServer) -> None:
    ids(client(clicksend))
    edges = {(query.date_from, query.date_to) for query in clicksend.queries}
    assert edges == {(int(START.timestamp()) - 1, int(END.timestamp()))}


def test_several_pages_are_in_flight_and_never_more_than_allowed(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.DELAY, times=None, seconds=0.05)
    assert len(ids(client(clicksend, in_flight=4))) == 950
    assert clicksend.most_under_way == 4


def test_nothing_runs_further_ahead_of_the_consumer_than_the_window(clicksend: ClickSendServer) -> None:
    pages = client(clicksend, in_flight=3).pages(START, END)
    for _ in range(4):
        next(pages)
    settle(clicksend, 6)
    assert max(query.page for query in clicksend.queries) == 6
    pages.close()


def settle(clicksend: ClickSendServer, count: int) -> None:
    """Wait until so many requests have arrived, and a moment longer for one too many."""
    ticker = threading.Event()
    for _ in range(100):
        if len(clicksend.queries) >= count:
            break
        ticker.wait(0.02)
    ticker.wait(0.05)


def test_a_reading_that_is_given_up_ends_at_once(clicksend: ClickSendServer) -> None:
    pages = client(clicksend).pages(START, END)
    next(pages)
    next(pages)
    pages.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("clicksend")]


@pytest.mark.parametrize(
    ("fault", "error", "kind", "requests"),
    [
        (Fault.UNAUTHORIZED, SourceRefused, "unauthorized", 1),
        (Fault.FORBIDDEN, SourceRefused, "forbidden", 1),
        (Fault.REDIRECT, SourceMalformed, "malformed", 2),
    ],
)
def test_a_refusal_ends_the_reading_at_once(
    clicksend: ClickSendServer, fault: Fault, error: type[DeliveryWatchError], kind: str, requests: int
) -> None:
    clicksend.add_fault(fault, times=None)
    with pytest.raises(error) as raised:
        ids(client(clicksend))
    assert raised.value.kind == kind
    assert len(clicksend.queries) == requests


def test_a_wrong_key_is_refused(clicksend: ClickSendServer) -> None:
    with pytest.raises(SourceRefused, match="refuses the API key"):
        ids(client(clicksend, api_key="wrong"))


PASSING = [
    Fault.SERVER_ERROR,
    Fault.BAD_GATEWAY,
    Fault.ERROR_INSIDE,
    Fault.THROTTLED_INSIDE,
    Fault.TRUNCATED,
    Fault.CUT_OFF,
    Fault.EMPTY,
]


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("page", [1, 5])
def test_a_passing_fault_costs_nothing_but_a_pause(clicksend: ClickSendServer, fault: Fault, page: int) -> None:
    clicksend.add_fault(fault, page=page, times=3)
    time = Time()
    assert len(set(ids(client(clicksend, time)))) == 950
    assert time.pauses == [0.75, 1.5, 3.0]


@pytest.mark.parametrize("fault", PASSING)
def test_a_lasting_fault_is_raised_after_four_tries_and_one_of_another_range(
    clicksend: ClickSendServer, fault: Fault
) -> None:
    clicksend.add_fault(fault, page=1, times=None)
    with pytest.raises(Retryable, match=r"ClickSend is not available|too many requests"):
        ids(client(clicksend))
    assert len(clicksend.queries) == (4 if fault is Fault.THROTTLED_INSIDE else 5)


def test_pages_before_a_lasting_fault_are_still_handed_over(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.SERVER_ERROR, page=4, times=None)
    pages = client(clicksend).pages(START, END)
    assert [next(pages).number for _ in range(3)] == [1, 2, 3]


def test_an_answer_that_comes_too_late_is_requested_again(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.DELAY, page=2)
    assert len(ids(client(clicksend, answer_seconds=0.1))) == 950


def test_a_server_that_never_answers_is_reported_with_the_time_waited(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.DELAY, times=None)
    with pytest.raises(SourceUnavailable, match=r"did not answer in full within 0\.05 s"):
        ids(client(clicksend, answer_seconds=0.05))


def test_a_missing_server_is_reported(clicksend: ClickSendServer) -> None:
    with pytest.raises(SourceUnavailable, match=r"the connection to 127\.0\.0\.1:9 failed"):
        ids(client(clicksend, url="http://127.0.0.1:9"))


def test_no_wait_for_an_answer_goes_beyond_the_budget(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.DELAY, times=None)
    began = monotonic()
    with pytest.raises(SourceUnavailable):
        ids(client(clicksend, Time(budget_seconds=0.1), answer_seconds=20.0))
    assert monotonic() - began < 10


def test_no_request_starts_when_the_time_is_up(clicksend: ClickSendServer) -> None:
    with pytest.raises(SourceUnavailable, match="not read to its end in the time"):
        ids(client(clicksend, Time(budget_seconds=0.0)))
    assert clicksend.queries == []


@pytest.mark.parametrize(("retry_after", "slept_seconds"), [("20", 20.5), ("0", 0.5), (None, 1.5), ("soon", 1.5)])
def test_429_pauses_for_as_long_as_clicksend_asks_or_a_little(
    clicksend: ClickSendServer, retry_after: str | None, slept_seconds: float
) -> None:
    clicksend.add_fault(Fault.THROTTLED, retry_after=retry_after)
    time = Time()
    assert len(ids(client(clicksend, time))) == 950
    assert time.slept_seconds() == slept_seconds


def test_429_without_retry_after_pauses_longer_each_time(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.THROTTLED, times=4)
    time = Time()
    ids(client(clicksend, time))
    assert time.slept_seconds() == 0.75 * (2 + 4 + 8 + 16)


def test_429_is_refused_at_once_when_the_pause_goes_beyond_the_budget(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.THROTTLED, retry_after="39", times=None)
    time = Time(budget_seconds=30)
    with pytest.raises(SourceThrottled, match=r"asks to wait 39 s, longer than the 30 s"):
        ids(client(clicksend, time))
    assert time.pauses == []


@pytest.mark.parametrize(
    ("retry_after", "told"),
    [("86400", "86400"), ("9" * 400, "1000000000"), ("Fri, 31 Dec 9999 23:59:59 GMT", "1000000000")],
)
def test_a_pause_is_told_as_it_was_asked_for(clicksend: ClickSendServer, retry_after: str, told: str) -> None:
    clicksend.add_fault(Fault.THROTTLED, retry_after=retry_after, times=None)
    with pytest.raises(SourceThrottled, match=f"asks to wait {told} s"):
        ids(client(clicksend))


def test_429_for_ever_ends_with_the_budget(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.THROTTLED, times=None)
    time = Time(budget_seconds=120)
    with pytest.raises(SourceThrottled):
        ids(client(clicksend, time))
    assert 60 < time.slept_seconds() <= 120


def test_429_in_the_middle_loses_no_page(clicksend: ClickSendServer) -> None:
    for page in (3, 5, 8):
        clicksend.add_fault(Fault.THROTTLED, page=page, retry_after="7", times=2)
    assert ids(client(clicksend)) == [f"MESSAGE-{number:05}" for number in range(950)]


@pytest.mark.parametrize("fault", [Fault.APPEARS, Fault.VANISHES])
@pytest.mark.parametrize("page", [2, 10])
def test_a_page_that_shifts_while_it_is_read_is_read_once_more(
    clicksend: ClickSendServer, fault: Fault, page: int
) -> None:
    clicksend.add_fault(fault, page=page)
    read = ids(client(clicksend, in_flight=1))
    there = clicksend.history.between(0, 2**40, END)
    assert len(read) > 950, "a second reading"
    assert len(set(read) - {"MESSAGE-00000"}) == len(there) - (fault is Fault.APPEARS)


def test_the_second_reading_has_other_page_edges_and_some_time_to_settle(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.WRONG_TOTAL)
    time = Time()
    ids(client(clicksend, time))
    assert [query.limit for query in clicksend.queries] == [100] * 10 + [90] * 11
    assert time.slept_seconds() == 3.0


def test_rows_without_an_id_count_as_messages(clicksend: ClickSendServer) -> None:
    nameless = [Message(None, START + timedelta(minutes=5)) for _ in range(3)]
    clicksend.history = Messages([*messages(10), *nameless])
    rows = [row for page in client(clicksend).pages(START, END) for row in page.rows]
    assert len(rows) == 13


class LosingTies(Messages):
    """Rows of one second that change places from page to page: the last of a page may be the first of the next."""

    def rows(self, positions: Sequence[int], now: datetime) -> list[bytes]:
        rows = super().rows(positions, now)
        return [rows[0], *rows[:-1]] if len(positions) == 100 else rows


def test_what_one_reading_loses_between_ties_the_other_finds(clicksend: ClickSendServer) -> None:
    campaign = [Message(f"MESSAGE-{number:05}", START) for number in range(180)]
    clicksend.history = LosingTies(campaign)
    assert set(ids(client(clicksend))) == {message.message_id for message in campaign}


@pytest.mark.parametrize(
    "url",
    [
        "http://rest.clicksend.com",
        "https://u:p@rest.clicksend.com",
        "rest.clicksend.com",
        "",
        "ftp://x",
        "https://[::1",
        "https://x:999999",
        "https://x?a=b",
    ],
)
def test_an_address_that_would_show_the_key_is_refused(clicksend: ClickSendServer, url: str) -> None:
    with pytest.raises(ConfigurationError, match="ClickSend address"):
        client(clicksend, url=url)


def test_the_key_is_never_shown(clicksend: ClickSendServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    shown = [repr(Credentials("somebody", API_KEY))]
    for fault in Fault:
        clicksend.clear_faults()
        clicksend.add_fault(fault, times=None, retry_after="9999")
        try:
            ids(client(clicksend, answer_seconds=0.02))
        except DeliveryWatchError as error:
            shown += [*traceback.format_exception(error), error.next_step]
    shown += [record.getMessage() for record in caplog.records]
    assert len(shown) > len(Fault)
    assert not [line for line in shown if API_KEY in line or BASIC in line]


def test_rows_are_never_shown_in_an_error(clicksend: ClickSendServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    clicksend.add_fault(Fault.TRUNCATED, times=None)
    with pytest.raises(SourceUnavailable) as raised:
        ids(client(clicksend))
    shown = "".join(traceback.format_exception(raised.value)) + caplog.text
    assert "+61491570156" not in shown
    assert "please ignore" not in shown
