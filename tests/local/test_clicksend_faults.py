"""The faults of listing and of bytes do what they say, and leave every row in some answer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from deliverywatch.local.clicksend.faults import Fault
from deliverywatch.local.clicksend.history import Message, Messages
from deliverywatch.local.clicksend.server import ClickSendServer

START = datetime(2026, 11, 21, 11, tzinfo=UTC)
# 40 of one second, then one a second.
SENT = [Message(f"M{number:02}", START + timedelta(seconds=max(0, number - 39))) for number in range(45)]
IDS = [message.message_id for message in SENT]


@pytest.fixture
def clicksend() -> Iterator[ClickSendServer]:
    with ClickSendServer(Messages(SENT), now=START + timedelta(hours=1)) as clicksend:
        yield clicksend


def body(clicksend: ClickSendServer, fault: Fault, page: int = 1, limit: int = 15) -> bytes:
    clicksend.clear_faults()
    clicksend.add_fault(fault)
    headers = urllib3.make_headers(basic_auth="demo:demo-key")
    url = clicksend.url + "/v3/sms/history"
    answer = urllib3.request("GET", url, fields={"page": page, "limit": limit}, headers=headers, retries=False)
    return answer.data


def ids(clicksend: ClickSendServer, fault: Fault, page: int = 1, limit: int = 15) -> list[str]:
    return [row["message_id"] for row in json.loads(body(clicksend, fault, page, limit))["data"]["data"]]


def numbers(clicksend: ClickSendServer, fault: Fault) -> tuple[int, int]:
    data = json.loads(body(clicksend, fault))["data"]
    return data["total"], data["last_page"]


def test_ties_at_random_differ_from_request_to_request(clicksend: ClickSendServer) -> None:
    first, second = (ids(clicksend, Fault.TIES_AT_RANDOM, limit=60) for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second) == IDS
    assert first[40:] == IDS[40:], "only those of one second change places"


def test_ties_per_limit_are_the_same_for_each_limit(clicksend: ClickSendServer) -> None:
    pages = [row for page in (1, 2, 3) for row in ids(clicksend, Fault.TIES_PER_LIMIT, page)]
    assert sorted(pages) == IDS
    assert ids(clicksend, Fault.TIES_PER_LIMIT, limit=16)[:15] != pages[:15]


@pytest.mark.parametrize("fault", [Fault.TIES_PER_PAGE, Fault.EDGES_SWAP, Fault.SHIFTS_ONCE])
def test_pages_lose_rows_though_the_total_stays(clicksend: ClickSendServer, fault: Fault) -> None:
    pages = [row for page in (1, 2, 3) for row in ids(clicksend, fault, page)]
    assert len(pages) == 45
    assert len(set(pages)) < 45


@pytest.mark.parametrize(
    ("fault", "stated"),
    [
        (Fault.WRONG_TOTAL, (46, 4)),
        (Fault.TOTAL_LESS, (44, 3)),
        (Fault.TOTAL_FAR, (999_999, 66_667)),
        (Fault.LISTED_TWICE, (46, 4)),
        (Fault.LISTED_TWICE_UNCOUNTED, (45, 3)),
        (Fault.LAST_PAGE_FIRST, (45, 1)),
        (Fault.LAST_PAGE_FAR, (45, 9_999)),
        (Fault.LAST_PAGE_REPEATED, (45, 9_999)),
    ],
)
def test_a_number_is_wrong(clicksend: ClickSendServer, fault: Fault, stated: tuple[int, int]) -> None:
    assert numbers(clicksend, fault) == stated
    assert {*IDS} == {row for page in (1, 2, 3, 4) for row in ids(clicksend, fault, page)}


def test_the_first_message_stands_twice(clicksend: ClickSendServer) -> None:
    assert ids(clicksend, Fault.LISTED_TWICE)[:3] == ["M00", "M00", "M01"]


def test_a_page_beyond_the_last_is_empty_or_repeats_it(clicksend: ClickSendServer) -> None:
    assert ids(clicksend, Fault.LAST_PAGE_FAR, page=7) == []
    assert ids(clicksend, Fault.LAST_PAGE_REPEATED, page=7) == IDS[30:]
    assert ids(clicksend, Fault.PAGE_IGNORED, page=7) == IDS[:15]


def test_a_capped_limit_makes_short_pages(clicksend: ClickSendServer) -> None:
    clicksend.history = Messages(Message(f"N{number:02}", START) for number in range(90))
    assert len(ids(clicksend, Fault.LIMIT_CAPPED, limit=100)) == 50
    assert len(ids(clicksend, Fault.LIMIT_CAPPED, page=2, limit=100)) == 40


@pytest.mark.parametrize("fault", [Fault.POISON, Fault.POISON_TRUNCATED])
def test_a_poisoned_message_takes_its_page_with_it(clicksend: ClickSendServer, fault: Fault) -> None:
    clicksend.history = Messages([*SENT, Message("POISON-1", START + timedelta(minutes=1))])
    assert ids(clicksend, fault, page=3) == IDS[30:45]
    assert b"POISON" not in body(clicksend, fault, page=4)


NO_JSON = [
    *(Fault.INVALID_UTF8, Fault.CUT_EMOJI, Fault.CONTROL_CHARACTERS),
    *(Fault.BYTE_ORDER_MARK, Fault.GZIP_BOMB),
]


@pytest.mark.parametrize("fault", NO_JSON)
def test_bytes_are_no_json(clicksend: ClickSendServer, fault: Fault) -> None:
    with pytest.raises(ValueError, match=r"decode|Invalid control|BOM|Expecting"):
        json.loads(body(clicksend, fault).decode())


@pytest.mark.parametrize(
    ("fault", "sign"),
    [
        (Fault.LONE_SURROGATE, rb"\ud83d"),
        (Fault.NOT_A_NUMBER, b"-Infinity"),
        (Fault.ROWS_OF_NOTHING, b'[null,"text",{'),
        (Fault.LARGE_FIELD, b"w" * 1_000_000),
        (Fault.NO_HTTP_CODE, b'"status":200,"response_code"'),
        (Fault.NO_CODE, b'{"response_code"'),
    ],
)
def test_an_answer_holds_what_the_fault_is_named_for(clicksend: ClickSendServer, fault: Fault, sign: bytes) -> None:
    assert sign in body(clicksend, fault)


@pytest.mark.parametrize("fault", [Fault.DRIP, Fault.DRIP_HEADERS])
def test_a_drip_never_ends(clicksend: ClickSendServer, fault: Fault) -> None:
    clicksend.add_fault(fault)
    headers = urllib3.make_headers(basic_auth="demo:demo-key")
    with pytest.raises(urllib3.exceptions.HTTPError):
        urllib3.request("GET", clicksend.url + "/v3/sms/history", headers=headers, retries=False, timeout=0.01)
