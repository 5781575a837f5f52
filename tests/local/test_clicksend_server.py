"""The ClickSend server speaks the documented protocol: envelopes, paging, errors, faults on order."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import urllib3

from deliverywatch.local.clicksend.answers import Wallet
from deliverywatch.local.clicksend.bulk import Bulk
from deliverywatch.local.clicksend.faults import Fault
from deliverywatch.local.clicksend.history import DELIVERED, Message, Messages, Shape, failure
from deliverywatch.local.clicksend.server import ClickSendServer

START = datetime(2026, 11, 21, 11, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def clicksend() -> Iterator[ClickSendServer]:
    messages = [Message(f"M{number}", START + number * SECOND) for number in range(40)]
    with ClickSendServer(Messages(messages), now=START + timedelta(hours=1)) as clicksend:
        yield clicksend


def ask(clicksend: ClickSendServer, path: str = "/v3/sms/history", auth: str = "demo:demo-key", **fields: Any) -> Any:
    headers = urllib3.make_headers(basic_auth=auth)
    return urllib3.request("GET", clicksend.url + path, fields=fields, headers=headers, retries=False)


def data(clicksend: ClickSendServer, **fields: Any) -> dict[str, Any]:
    answer = ask(clicksend, **fields).json()
    assert (answer["http_code"], answer["response_code"]) == (200, "SUCCESS")
    return answer["data"]  # type: ignore[no-any-return]


def ids(clicksend: ClickSendServer, **fields: Any) -> list[str]:
    return [row["message_id"] for row in data(clicksend, **fields)["data"]]


def test_a_page_has_laravels_paginator_around_its_rows(clicksend: ClickSendServer) -> None:
    page = data(clicksend, page=2)
    assert {name: value for name, value in page.items() if name != "data"} == {
        "total": 40, "per_page": 15, "current_page": 2, "last_page": 3,
        "next_page_url": "/?page=3", "prev_page_url": "/?page=1", "from": 16, "to": 30,
    }  # fmt: skip
    assert [row["message_id"] for row in page["data"]] == [f"M{number}" for number in range(15, 30)]


def test_an_empty_list_has_the_live_shape(clicksend: ClickSendServer) -> None:
    assert data(clicksend, date_from=1, date_to=2) == {
        "total": 0, "per_page": 15, "current_page": 1, "last_page": 0,
        "next_page_url": None, "prev_page_url": None, "from": None, "to": None, "data": [],
    }  # fmt: skip


def test_the_edges_of_the_range_are_inclusive(clicksend: ClickSendServer) -> None:
    second = int(START.timestamp())
    assert ids(clicksend, date_from=second + 2, date_to=second + 4) == ["M2", "M3", "M4"]


@pytest.mark.parametrize(("order", "first"), [("date:asc", "M0"), ("date:desc", "M39")])
def test_the_order_is_that_of_the_dates(clicksend: ClickSendServer, order: str, first: str) -> None:
    assert ids(clicksend, order_by=order)[0] == first


@pytest.mark.parametrize(
    ("name", "value"), [("limit", 14), ("limit", 101), ("page", 0), ("page", "x"), ("order_by", "q"), ("date_to", -1)]
)
def test_a_parameter_out_of_range_is_refused_by_name(clicksend: ClickSendServer, name: str, value: object) -> None:
    answer = ask(clicksend, **{name: value})
    assert answer.status == 400
    assert list(answer.json()["data"]) == [name]


@pytest.mark.parametrize("auth", ["demo:wrong", "other:demo-key", ":"])
def test_a_wrong_credential_is_401_without_a_challenge(clicksend: ClickSendServer, auth: str) -> None:
    answer = ask(clicksend, auth=auth)
    expected = {
        "http_code": 401,
        "response_code": "UNAUTHORIZED",
        "response_msg": "Authorization failed.",
        "data": None,
    }
    assert (answer.status, answer.json()) == (401, expected)
    assert "WWW-Authenticate" not in answer.headers


def test_an_unknown_path_is_404_before_credentials_are_read(clicksend: ClickSendServer) -> None:
    assert ask(clicksend, "/v3/other", auth="demo:wrong").status == 404


def test_a_wrong_method_is_404(clicksend: ClickSendServer) -> None:
    answer = urllib3.request("POST", clicksend.url + "/v3/sms/history", body=b"{}", retries=False)
    assert answer.json()["response_msg"] == "Invalid endpoint. Please try again."


def test_every_answer_carries_the_rate_limit(clicksend: ClickSendServer) -> None:
    assert {"x-ratelimit-limit", "x-ratelimit-remaining", "ratelimit-reset"} <= set(ask(clicksend).headers)


def test_a_connection_is_kept_for_the_next_request(clicksend: ClickSendServer) -> None:
    with urllib3.HTTPConnectionPool(clicksend.url.removeprefix("http://"), maxsize=1) as pool:
        for _ in range(3):
            pool.request("GET", "/v3/sms/history")
        assert pool.num_connections == 1


def test_only_this_machine_is_served(clicksend: ClickSendServer) -> None:
    assert clicksend.url.startswith("http://127.0.0.1:")
    port = int(clicksend.url.rpartition(":")[2])
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.2", port))


ABSENT = failure("12", "Absent Subscriber. The subscriber is offline.")


@pytest.mark.parametrize(
    ("seconds", "seen"),
    [(-1, None), (0, ("Sent", "200")), (4, ("Sent", "200")), (5, ("Sent", "201")), (9, ("Failed", "301"))],
)
def test_a_row_changes_as_time_passes(clicksend: ClickSendServer, seconds: int, seen: tuple[str, str] | None) -> None:
    fates = ((START + 5 * SECOND, DELIVERED), (START + 9 * SECOND, ABSENT))
    clicksend.history = Messages([Message("M", START, fates)])
    clicksend.now = START + seconds * SECOND
    rows = data(clicksend)["data"]
    assert [(row["status"], row["status_code"]) for row in rows] == ([seen] if seen else [])


def test_a_row_has_every_documented_field(clicksend: ClickSendServer) -> None:
    row = data(clicksend)["data"][0]
    assert len(row) == 25
    assert (type(row["date"]), type(row["schedule"]), type(row["message_parts"])) == (int, str, int)


def balance(clicksend: ClickSendServer, seconds: int) -> float:
    clicksend.now = START + seconds * SECOND
    return float(ask(clicksend, "/v3/account").json()["data"]["balance"])


def test_the_balance_stands_still_unless_it_is_spent(clicksend: ClickSendServer) -> None:
    assert {balance(clicksend, seconds) for seconds in (0, 20, 60)} == {42.5}


def test_the_balance_falls_with_what_is_sent_and_rises_with_a_top_up(clicksend: ClickSendServer) -> None:
    clicksend.wallet = Wallet(2.0, spends_from=START)
    assert [round(balance(clicksend, seconds), 4) for seconds in (-1, 0, 9, 60)] == [2.0, 1.9208, 1.208, -1.168]
    clicksend.wallet = replace(clicksend.wallet, balance=12.0)
    assert balance(clicksend, 60) == pytest.approx(8.832)


def test_a_message_that_was_refused_costs_nothing() -> None:
    history = Messages([Message("A", START), Message("B", START, fields={"message_price": "0.0000"})])
    assert Wallet(1.0, spends_from=START).left(history, START) == pytest.approx(1 - 0.0792)


def test_a_bulk_history_has_a_price() -> None:
    history = Bulk(START, hours=1, messages=10)
    assert history.price(history.between(0, 2**40, START + timedelta(hours=2))) == pytest.approx(9 * 0.0713 + 0.1426)


def test_an_old_row_has_texts_for_numbers_and_no_names() -> None:
    row = Message("M", START).row(START, Shape.OLD)
    assert (row["date"], row["message_parts"]) == (str(int(START.timestamp())), "1.00")
    assert not {"first_name", "last_name"} & row.keys()


STATUSES = {
    Fault.UNAUTHORIZED: 401, Fault.FORBIDDEN: 403, Fault.THROTTLED: 429, Fault.SERVER_ERROR: 500,
    Fault.BAD_GATEWAY: 502, Fault.ERROR_INSIDE: 200, Fault.THROTTLED_INSIDE: 200, Fault.REDIRECT: 302,
}  # fmt: skip


@pytest.mark.parametrize(("fault", "status"), STATUSES.items())
def test_a_fault_happens_as_often_as_ordered(clicksend: ClickSendServer, fault: Fault, status: int) -> None:
    clicksend.add_fault(fault, times=2)
    answers = [ask(clicksend) for _ in range(3)]
    assert [answer.status for answer in answers] == [status, status, 200]
    assert answers[0].data != answers[2].data


def test_429_says_when_to_come_again_if_the_fault_says_so(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.THROTTLED, retry_after="20")
    clicksend.add_fault(Fault.THROTTLED)
    first, second = ask(clicksend), ask(clicksend)
    assert first.headers["Retry-After"] == first.headers["ratelimit-reset"] == "20"
    assert "Retry-After" not in second.headers
    assert second.json()["response_code"] == "HTTP_TOO_MANY_REQUESTS"


def test_502_of_a_gateway_is_html(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.BAD_GATEWAY)
    answer = ask(clicksend)
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.data.startswith(b"<html>")


def test_a_truncated_page_is_no_json(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.TRUNCATED)
    with pytest.raises(json.JSONDecodeError):
        ask(clicksend).json()


def test_a_connection_that_breaks_off_is_noticed(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.CUT_OFF)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        ask(clicksend)


@pytest.mark.parametrize(("fault", "expected"), [(Fault.APPEARS, "M14"), (Fault.VANISHES, "M16")])
def test_a_shift_moves_the_rows_of_all_later_pages(clicksend: ClickSendServer, fault: Fault, expected: str) -> None:
    clicksend.add_fault(fault, page=2)
    assert ids(clicksend)[0] == "M0"
    assert ids(clicksend, page=2)[0] == expected


def test_a_fault_of_one_page_leaves_the_others_alone(clicksend: ClickSendServer) -> None:
    clicksend.add_fault(Fault.WRONG_TOTAL, page=2)
    assert [data(clicksend, page=page)["total"] for page in (1, 2, 2)] == [40, 41, 40]


def test_stopping_does_not_wait_for_a_delayed_answer() -> None:
    with ClickSendServer() as clicksend:
        clicksend.add_fault(Fault.DELAY, seconds=60)
        with pytest.raises(urllib3.exceptions.TimeoutError):
            urllib3.request("GET", clicksend.url + "/v3/sms/history", timeout=0.05, retries=False, headers=DEMO)


DEMO = urllib3.make_headers(basic_auth="demo:demo-key")


def test_a_bulk_history_has_the_same_rows_however_it_is_paged() -> None:
    with ClickSendServer(Bulk(START, 1, 250), now=START + timedelta(hours=2)) as clicksend:
        by_100 = [each for page in (1, 2, 3) for each in ids(clicksend, page=page, limit=100)]
        by_50 = [each for page in range(1, 6) for each in ids(clicksend, page=page, limit=50)]
    assert by_100 == by_50
    assert len(set(by_100)) == 250


@pytest.mark.parametrize("count", [1, 7, 250, 5000])
def test_a_bulk_history_shows_each_message_in_exactly_one_second(count: int) -> None:
    bulk = Bulk(START, 1, count)
    first, now = int(START.timestamp()), START + timedelta(hours=2)
    positions = [position for second in range(first, first + 3600) for position in bulk.between(second, second, now)]
    assert positions == list(range(count))


def test_a_bulk_history_is_the_same_for_the_same_seed_only() -> None:
    rows = [Bulk(START, 1, 10, seed).rows(range(3), START) for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_the_program_prints_its_address_first() -> None:
    command = [
        sys.executable,
        "-m",
        "deliverywatch.local.clicksend.server",
        "--messages",
        "20",
        "--hours",
        "1",
        "--day",
        "2026-11-20",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        try:
            assert urllib3.request("GET", url + "/v3/sms/history", headers=DEMO).json()["data"]["total"] == 20
        finally:
            program.terminate()
