"""A message that is scheduled counts once, when it is due, whatever ClickSend's `date` means for it and lists it by."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from clicksend_world import client
from hypothesis import given, settings
from hypothesis import strategies as st
from sms_world import History, World, at, row

from deliverywatch.local.clicksend.history import ACCEPTED, DELIVERED, Message, Messages, failure
from deliverywatch.local.clicksend.server import ClickSendServer
from deliverywatch.sms.clicksend.pages import Page
from deliverywatch.sms.lake import merge
from deliverywatch.sms.lake.slots import from_milliseconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SLOT = timedelta(minutes=10)
HELD = {**ACCEPTED, "status": "Scheduled"}
FAILED = failure("14", "Recipient network error or congestion")


def scheduled(
    created_at: datetime, due_at: datetime, outcome: Mapping[str, Any], *, listed_by: str = "created", number: int = 1
) -> Message:
    """A message with an outcome 20 minutes after it was due; `listed_by` is what `date` means and is listed by."""
    seconds = {"created": created_at, "due": due_at, "listed by schedule": created_at}
    fields = {"schedule": str(int(due_at.timestamp())), "date": int(seconds[listed_by].timestamp())}
    fates = ((created_at, HELD), (due_at, ACCEPTED), (due_at + timedelta(minutes=20), outcome))
    return Message(f"M{number}", created_at if listed_by == "created" else due_at, fates, fields)


@pytest.fixture
def account() -> Iterator[ClickSendServer]:
    with ClickSendServer(Messages(), username="somebody", api_key="KEY-0123-SECRET") as server:
        yield server


def runs(account: ClickSendServer, start: str, end: str, *messages: Message) -> World:
    """A world after runs from start to end, in which the account sent the messages."""
    account.history = Messages(messages)
    world = World(history=client(account))  # type: ignore[arg-type]
    go_on(world, account, at(start), at(end))
    return world


def go_on(world: World, account: ClickSendServer, now: datetime, end: datetime) -> None:
    while now <= end:
        account.now = now
        world.run(now)
        now += SLOT


def counted(world: World) -> dict[str, tuple[float, float]]:
    return {f"{slot:%H:%M}": sums for slot, sums in world.emitted().items() if sums != (0, 0)}


@pytest.mark.parametrize("listed_by", ["created", "due", "listed by schedule"])
@pytest.mark.parametrize("created", ["2026-11-20T09:17", "2026-11-21T09:00", "2026-11-21T11:59", "2026-11-21T12:31"])
def test_it_counts_once_in_the_slot_in_which_it_is_due(account: ClickSendServer, listed_by: str, created: str) -> None:
    message = scheduled(at(created), at("12:34"), FAILED, listed_by=listed_by)
    world = runs(account, "2026-11-20T09:10", "2026-11-21T12:30", message)
    assert counted(world) == {}
    go_on(world, account, at("12:40"), at("12:40"))
    assert counted(world) == {"12:30": (1, 0)}
    go_on(world, account, at("12:50"), at("13:00"))
    assert counted(world) == {"12:30": (1, 1)}
    go_on(world, account, at("13:10"), at("16:00"))
    assert counted(world) == {"12:30": (1, 1)}
    assert world.outcomes() == {"M1": "failed"}
    assert world.counted() == {at("12:30"): (1, 1)}


def test_what_is_scheduled_for_a_later_day_is_left_out_until_then(account: ClickSendServer) -> None:
    message = scheduled(at("09:00"), at("2026-11-23T09:00"), DELIVERED)
    world = runs(account, "09:10", "12:00", message)
    assert world.outcomes() == {"M1": "excluded"}
    assert counted(world) == {}


def test_a_late_outcome_of_a_scheduled_message_is_found_by_the_hourly_reading(account: ClickSendServer) -> None:
    late = Message(
        "M1",
        at("2026-11-20T09:00"),
        ((at("2026-11-20T09:00"), HELD), (at("12:30"), ACCEPTED), (at("17:00"), FAILED)),
        {"schedule": str(int(at("12:30").timestamp()))},
    )
    world = runs(account, "2026-11-20T09:10", "2026-11-21T16:50", late)
    assert counted(world) == {"12:30": (1, 0)}
    go_on(world, account, at("17:00"), at("18:10"))
    assert counted(world) == {"12:30": (1, 1)}


def test_a_campaign_of_one_moment_is_read_once_a_run_and_one_that_was_cancelled_never_counts(
    account: ClickSendServer,
) -> None:
    created, due = at("2026-11-20T09:17"), at("12:34")
    sent = [scheduled(created, due, DELIVERED, number=number) for number in range(2, 30)]
    cancelled = {**failure("5", "Cancelled"), "status": "Cancelled"}
    fates = ((created, HELD), (created + timedelta(hours=1), cancelled))
    gone = Message("M1", created, fates, {"schedule": str(int(due.timestamp()))})
    world = runs(account, "2026-11-20T09:10", "2026-11-21T12:30", gone, *sent)
    account.queries.clear()
    go_on(world, account, at("12:40"), at("12:40"))
    assert counted(world) == {"12:30": (28, 0)}
    minutes = [query.date_from for query in account.queries if query.date_from < at("11:00").timestamp()]
    assert len(minutes) == 1


def test_a_mistaken_schedule_hides_no_message(account: ClickSendServer) -> None:
    fields = {"schedule": str(int(at("2031-01-01T00:00").timestamp()))}
    world = runs(account, "12:00", "12:10", Message("M1", at("12:03"), ((at("12:04"), DELIVERED),), fields))
    assert counted(world) == {"12:00": (1, 0)}


def test_rows_that_an_earlier_release_kept_by_their_date_move_and_count_once(account: ClickSendServer) -> None:
    created, due = at("11:05"), at("12:34")
    early = Message("M1", created, ((created, ACCEPTED),))
    world = runs(account, "12:00", "12:00", early)
    assert counted(world) == {"11:00": (1, 0)}
    account.history = Messages([scheduled(created, due, DELIVERED)])
    go_on(world, account, at("12:10"), at("12:40"))
    assert counted(world) == {"12:30": (1, 0)}
    assert world.counted() == {at("12:30"): (1, 0)}


def test_the_lake_knows_when_an_outcome_was_first_seen_unless_nobody_was_there(account: ClickSendServer) -> None:
    slow = Message("slow", at("12:03"), ((at("12:27"), DELIVERED),))
    prompt = Message("prompt", at("12:03"), ((at("12:04"), DELIVERED),))
    missed = Message("missed", at("11:25"), ((at("11:26"), DELIVERED),))
    pending = Message("pending", at("12:04"))
    world = runs(account, "12:10", "12:40", slow, prompt, missed, pending)
    go_on(world, account, at("13:00"), at("13:00"))
    rows = [row for hour in ("11:00", "12:00") for row in world.rows_of(at(hour))]
    seen = {row["message_id"]: row["outcome_at"] and from_milliseconds(row["outcome_at"]) for row in rows}
    assert seen == {"slow": at("12:30"), "prompt": at("12:10"), "missed": None, "pending": None}


def test_a_changed_word_does_not_change_when_an_outcome_was_first_seen(account: ClickSendServer) -> None:
    fates = ((at("12:04"), FAILED), (at("12:14"), {**FAILED, "status_text": "Other words"}), (at("12:24"), DELIVERED))
    world = runs(account, "12:10", "12:30", Message("M1", at("12:03"), fates))
    (row,) = world.rows_of(at("12:00"))
    assert (row["outcome"], from_milliseconds(row["outcome_at"])) == ("delivered", at("12:10"))


class ListedBy(History):
    """A history that lists rows by a time of the test's choice, whatever their `date` says."""

    def pages(self, start: datetime, end: datetime) -> Iterator[Page]:
        first, last = start.timestamp() - 1, end.timestamp() + 1
        rows = [
            {name: value for name, value in row.items() if name != "at"}
            for row in self.rows
            if first <= row["at"] <= last
        ]
        yield Page(1, len(rows), 1, rows)


BEGIN = at("08:00")
plans = st.tuples(
    st.integers(-1300, 150),
    st.integers(0, 1500),
    st.sampled_from(["created", "due", "listed by schedule"]),
    st.lists(st.sampled_from(["pending", "delivered", "failed", "temporary"]), min_size=1, max_size=3),
)


def seen_at(now: datetime, planned: list[tuple[int, int, str, list[str]]]) -> list[dict[str, Any]]:
    """What history shows: a message is scheduled until it is due, and its outcome changes every quarter of an hour."""
    rows = []
    for number, (minute, wait, listed_by, outcomes) in enumerate(planned):
        created = BEGIN + timedelta(minutes=minute)
        due = created + timedelta(minutes=wait)
        date = due if listed_by == "due" else created
        age = (now - due).total_seconds() // 60
        outcome = "scheduled" if age < 0 else outcomes[min(len(outcomes) - 1, int(age // 15))]
        if created < now:
            shown = row(f"M{number}", date, outcome, schedule=str(int(due.timestamp())))
            rows.append(shown | {"at": (created if listed_by == "created" else due).timestamp()})
    return rows


@settings(max_examples=15)
@given(st.lists(plans, max_size=6), st.sets(st.integers(1, 22)))
def test_whatever_was_scheduled_is_one_row_and_counts_once_when_it_is_due(
    planned: list[tuple[int, int, str, list[str]]], skipped: set[int]
) -> None:
    world = World(history=ListedBy(rows=seen_at(BEGIN - timedelta(hours=24), planned)))
    for number in range(-24, 1):
        world.history.rows = seen_at(BEGIN + timedelta(hours=number), planned)
        world.run(BEGIN + timedelta(hours=number))
    for number in range(1, 25):
        if number not in skipped:
            now = BEGIN + number * SLOT
            world.history.rows = seen_at(now, planned)
            world.run(now)
    end = BEGIN + 24 * SLOT
    ids = [name for body in world.lake().values() for (name,) in merge.rows(body, ("message_id",))]
    assert len(ids) == len(set(ids))
    due_times = {f"M{number}": BEGIN + timedelta(minutes=plan[0] + plan[1]) for number, plan in enumerate(planned)}
    counted_ids = {name for name, outcome in world.outcomes().items() if outcome != "excluded"}
    watched = {name for name, due in due_times.items() if BEGIN - timedelta(hours=22) <= due < end}
    assert watched <= counted_ids
    assert not {name for name in counted_ids if due_times[name] >= end}
    sums = {slot: each for slot, each in world.emitted().items() if each != (0, 0)}
    assert {slot: each for slot, each in world.counted().items() if each != (0, 0) and slot >= BEGIN} == {
        slot: each for slot, each in sums.items() if slot >= BEGIN
    }
