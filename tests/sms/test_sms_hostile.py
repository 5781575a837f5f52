"""24 scheduled runs against a ClickSend that misbehaves: all succeed, the lake is true, and so is what was emitted."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from clicksend_world import API_KEY, Time, client
from sms_world import KEY, World

from deliverywatch.errors import SourceUnavailable
from deliverywatch.local.clicksend.faults import Fault
from deliverywatch.local.clicksend.history import DELIVERED, Message, Messages, failure
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.sms import ingest
from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.lake import incomplete
from deliverywatch.sms.lake.slots import floor
from deliverywatch.sms.ports import Ports, Source

BEGIN = datetime.fromisoformat("2026-11-21T08:00:00+00:00")
SLOT = timedelta(minutes=10)
RUNS = [BEGIN + number * SLOT for number in range(1, 25)]
# Every tenth message fails, late; a campaign of 150 goes out within one second of the second hour.
ABSENT = failure("12", "Absent Subscriber. The subscriber is offline.")


def message(number: int, second: int) -> Message:
    sent_at = BEGIN + timedelta(seconds=second)
    outcome, minutes = (ABSENT, 25) if number % 10 == 0 else (DELIVERED, 1)
    return Message(f"MESSAGE-{number:05}", sent_at, ((sent_at + timedelta(minutes=minutes), outcome),))


SECONDS = [*range(0, 4 * 3600 - 1800, 60), *[3600 + 1234] * 150]
SENT = [message(number, second) for number, second in enumerate(SECONDS)]
# By hand: what an honest account would have counted.
TOTALS = Counter(floor(each.sent_at, 10) for each in SENT)
FAILED = Counter(floor(each.sent_at, 10) for each in SENT if each.outcomes[0][1] is ABSENT)
COUNTS = {slot: (total, FAILED[slot]) for slot, total in TOTALS.items()}


@dataclass
class HostileWorld(World):
    """A world whose account is a server on loopback, as at the time of each run."""

    clicksend: ClickSendServer = field(default_factory=ClickSendServer)
    time: Time = field(default_factory=lambda: Time(budget_seconds=100_000))

    def ports(self) -> Ports:
        ports = super().ports()
        source = Source(client(self.clicksend, self.time), Recipients(KEY))
        return Ports(connect=lambda: source, store=ports.store, emit=ports.emit, seconds_left=ports.seconds_left)

    def run_all(self) -> None:
        for now in RUNS:
            self.clicksend.now = now
            self.run(now)


@pytest.fixture
def world() -> Iterator[HostileWorld]:
    with ClickSendServer(Messages(SENT), username="somebody", api_key=API_KEY) as clicksend:
        yield HostileWorld(clicksend=clicksend)


def assert_counted(world: HostileWorld, counts: dict[datetime, tuple[int, int]] = COUNTS) -> None:
    assert (world.run_count(), world.watermark()) == (24, RUNS[-1])
    assert world.counted() == counts, "the lake"
    assert {slot: each for slot, each in world.emitted().items() if any(each)} == counts, "what was emitted"


def test_without_a_fault_everything_is_counted_and_nothing_is_noted(world: HostileWorld) -> None:
    world.run_all()
    assert_counted(world)
    assert incomplete.KEY not in world.store.objects
    assert world.context()["problem"] is None


# Faults that leave every row in some answer, and those after which more seems to be missing than is.
WHOLE = [
    *(Fault.TIES_AT_RANDOM, Fault.TIES_PER_LIMIT, Fault.TIES_PER_PAGE, Fault.EDGES_SWAP, Fault.SHIFTS_ONCE),
    *(Fault.LISTED_TWICE, Fault.LISTED_TWICE_UNCOUNTED, Fault.TOTAL_LESS),
    *(Fault.LAST_PAGE_FIRST, Fault.LAST_PAGE_FAR, Fault.LAST_PAGE_REPEATED, Fault.LIMIT_CAPPED),
    *(Fault.LONE_SURROGATE, Fault.INVALID_UTF8, Fault.CUT_EMOJI, Fault.CONTROL_CHARACTERS, Fault.BYTE_ORDER_MARK),
    *(Fault.NOT_A_NUMBER, Fault.LARGE_FIELD, Fault.NO_HTTP_CODE, Fault.NO_CODE, Fault.GZIP),
    *(Fault.ROWS_BY_PLACE, Fault.ISO_DATES),
]
CLAIMED = [Fault.WRONG_TOTAL, Fault.TOTAL_FAR, Fault.ROWS_OF_NOTHING]
# Faults with which an answer without messages is no evidence that there are none.
SILENT = [Fault.NO_NUMBERS, Fault.NO_PAGINATOR]


@pytest.mark.parametrize("fault", [*WHOLE, *CLAIMED])
def test_every_run_succeeds_and_counts_what_an_honest_server_would_give(world: HostileWorld, fault: Fault) -> None:
    world.clicksend.add_fault(fault, times=None)
    world.run_all()
    assert_counted(world)
    assert bool(world.not_read()) == (fault in CLAIMED)
    assert len(world.clicksend.queries) < 24 * 60


@pytest.mark.parametrize("fault", SILENT)
def test_rows_are_counted_whatever_is_said_about_them(world: HostileWorld, fault: Fault) -> None:
    for number, now in enumerate(RUNS):
        if number == 6:  # from now on there are messages in every range
            world.clicksend.add_fault(fault, times=None)
        world.clicksend.now = now
        world.run(now)
    assert_counted(world)
    assert world.not_read() == ""


def test_a_total_that_is_wrong_for_a_while_is_noted_until_it_is_right(world: HostileWorld) -> None:
    world.clicksend.add_fault(Fault.WRONG_TOTAL, times=40)
    noted = []
    for now in RUNS:
        world.clicksend.now = now
        world.run(now)
        noted.append(bool(world.not_read()))
    assert_counted(world)
    assert noted == sorted(noted, reverse=True)
    assert (noted[0], noted[-1]) == (True, False)
    assert json.loads(world.store.objects[incomplete.KEY]) == {"ranges": []}


@pytest.mark.parametrize("fault", [Fault.POISON, Fault.POISON_TRUNCATED])
def test_a_message_that_breaks_every_answer_costs_itself_and_is_named(world: HostileWorld, fault: Fault) -> None:
    poison = Message("POISON-1", BEGIN + timedelta(hours=2, minutes=31, seconds=30))
    world.clicksend.history = Messages([*SENT, poison])
    world.clicksend.add_fault(fault, times=None)
    world.run_all()
    assert_counted(world)
    assert re.fullmatch(r"1 of \d\d rows of 10:31 UTC could not be read", world.not_read())


@pytest.mark.parametrize("fault", [Fault.DRIP, Fault.DRIP_HEADERS, Fault.DELAY])
def test_a_server_that_never_comes_to_an_end_is_told_before_the_function_ends(
    world: HostileWorld, fault: Fault
) -> None:
    world.clicksend.now = RUNS[0]
    world.clicksend.add_fault(fault, times=None)
    ends_at = time.monotonic() + 1
    reader = client(world.clicksend, remaining_seconds=lambda: ends_at - time.monotonic(), answer_seconds=20.0)
    source = Source(reader, Recipients(KEY))
    ports = replace(world.ports(), connect=lambda: source)
    with pytest.raises(SourceUnavailable):
        ingest.run(RUNS[0], world.settings, ports, token="run")
    assert world.context()["problem"]["kind"] == "unavailable"
