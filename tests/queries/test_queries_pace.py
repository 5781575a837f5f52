"""Calls go out within the service's rates, from however many threads."""

import threading
import time
from bisect import bisect_left

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from queries_world import GROUP, FakeService

from deliverywatch.errors import ServiceBusy
from deliverywatch.queries.aws import Scheduler
from deliverywatch.queries.schedule.pace import Pace


@given(st.floats(1, 300), st.integers(1, 50), st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_no_second_has_more_calls_than_the_rate_and_the_burst(rate: float, burst: int, idle: list[float]) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    pace, moments = Pace(rate, burst, clock=lambda: now[0], sleep=sleep), []
    for seconds in idle:
        now[0] += seconds
        pace.wait()
        moments.append(now[0])
    most = max(bisect_left(moments, moment + 1) - at for at, moment in enumerate(moments))
    assert most <= rate + burst + 1


def test_threads_share_the_rate() -> None:
    pace, moments = Pace(500, 1, clock=time.monotonic, sleep=time.sleep), []

    def call() -> None:
        for _ in range(10):
            pace.wait()
            moments.append(time.monotonic())

    threads = [threading.Thread(target=call) for _ in range(5)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # 50 calls at 500 a second take a tenth of a second, whoever makes them.
    assert max(moments) - begin >= 0.09


def test_a_service_that_cannot_be_reached_may_be_reached_later() -> None:
    service = FakeService(lambda *_: EndpointConnectionError(endpoint_url="https://scheduler"))
    with pytest.raises(ServiceBusy, match="cannot be reached"):
        Scheduler(service, GROUP).get("pn-daily")
