"""The pace of requests: halved by a refusal, slowly growing again, and never beyond the time that is left."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress

import pytest
from clicksend_world import Time
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.sms.clicksend.pace import Pace


def pace(time: Time, in_flight: int = 8) -> Pace:
    return Pace(in_flight, time.remaining_seconds, clock=time.clock, sleep=time.sleep, random=lambda: 0.5)


def refuse(time: Time, paced: Pace, count: int = 1) -> None:
    for _ in range(count):
        paced.throttled(1.0)
        time.sleep(2.0)


def test_a_refusal_halves_the_requests_under_way() -> None:
    time = Time()
    paced = pace(time)
    allowed = [paced.allowed]
    for _ in range(5):
        refuse(time, paced)
        allowed.append(paced.allowed)
    assert allowed == [8, 4, 2, 1, 1, 1]


def test_requests_that_are_refused_together_halve_once() -> None:
    paced = pace(Time())
    for _ in range(8):
        paced.throttled(20.0)
    assert paced.allowed == 4


def test_it_grows_by_one_per_round_of_answers() -> None:
    time = Time()
    paced = pace(time)
    refuse(time, paced, 2)
    rounds = []
    for _ in range(6):
        for _ in range(paced.allowed + 1):
            paced.succeeded()
        rounds.append(paced.allowed)
    assert rounds == [3, 4, 5, 6, 7, 8]


@given(events=st.lists(st.sampled_from(["throttled", "succeeded"]), max_size=60))
def test_the_pace_stays_between_one_and_its_limit(events: list[str]) -> None:
    time = Time(budget_seconds=1e9)
    paced = pace(time)
    for event in events:
        paced.succeeded() if event == "succeeded" else refuse(time, paced)
        assert 1 <= paced.allowed <= 8


def test_no_more_than_allowed_are_under_way() -> None:
    time = Time()
    paced = pace(time, in_flight=2)
    abandoned, inside = threading.Event(), threading.Semaphore(0)

    def request() -> None:
        with paced.turn(abandoned):
            inside.release()
            abandoned.wait(5)

    threads = [threading.Thread(target=lambda: swallow(request)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert [inside.acquire(timeout=wait) for wait in (5, 5, 0.05)] == [True, True, False]
    abandoned.set()
    for thread in threads:
        thread.join(5)


def swallow(request: Callable[[], None]) -> None:
    with suppress(CancelledError):
        request()


def test_a_pause_is_given_up_with_the_reading() -> None:
    time = Time()
    paced = pace(time)
    paced.throttled(60.0)
    abandoned = threading.Event()
    abandoned.set()
    with pytest.raises(CancelledError), paced.turn(abandoned):
        pass
    assert time.slept_seconds() == 1.0


def test_a_place_is_free_again_after_a_request_that_failed() -> None:
    paced = pace(Time(), in_flight=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), paced.turn(threading.Event()):
            raise ZeroDivisionError
