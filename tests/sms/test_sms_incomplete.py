"""Ranges of which rows are missing: noted, said, read again a few times, and taken off when they are complete."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sms_world import NOW, World, at, row

from deliverywatch.sms.clicksend.pages import Gap, Page
from deliverywatch.sms.lake import incomplete
from deliverywatch.sms.lake.incomplete import Incomplete, IncompleteRange, read_incomplete
from deliverywatch.thresholds import INCOMPLETE_REREADS_COUNT

HOUR = timedelta(hours=1)
GAP = Gap(at("10:30"), at("10:40"), 12, 621)
NOTED = Incomplete().after(at("10:00"), at("11:00"), GAP, NOW, is_sweep=False)


def test_a_gap_is_noted_with_its_counts() -> None:
    assert NOTED.ranges == (IncompleteRange(at("10:30"), at("10:40"), 12, 621, since=NOW),)


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        ("10:00", "11:00", []),
        ("10:30", "10:40", []),
        ("10:35", "11:00", [("10:30", "10:35")]),
        ("10:00", "10:35", [("10:35", "10:40")]),
        ("10:33", "10:34", [("10:30", "10:33"), ("10:34", "10:40")]),
        ("10:40", "11:00", [("10:30", "10:40")]),
        ("09:00", "10:00", [("10:30", "10:40")]),
    ],
)
def test_a_complete_reading_takes_off_what_it_covers(start: str, end: str, left: list[tuple[str, str]]) -> None:
    after = NOTED.after(at(start), at(end), None, NOW, is_sweep=False)
    assert [(each.start, each.end) for each in after.ranges] == [(at(first), at(last)) for first, last in left]


def test_sweeps_read_it_again_a_few_times_and_then_no_more() -> None:
    noted = NOTED
    for number in range(INCOMPLETE_REREADS_COUNT):
        assert noted.is_due(at("10:00"), at("11:00")), number
        noted = noted.after(at("10:00"), at("11:00"), GAP, NOW + HOUR, is_sweep=True)
    assert not noted.is_due(at("10:00"), at("11:00"))
    assert [each.since for each in noted.ranges] == [NOW]
    assert noted.sentence(NOW)


def test_what_nothing_reads_again_is_forgotten_in_time() -> None:
    later = NOW + timedelta(hours=80)
    assert NOTED.after(later - HOUR, later, None, later, is_sweep=False).ranges == ()


@pytest.mark.parametrize(
    ("gap", "sentence"),
    [
        (GAP, "12 of 621 rows of 10:30 to 10:40 UTC could not be read"),
        (
            Gap(at("10:30"), at("10:30") + timedelta(seconds=1), 1, 1300),
            "1 of 1,300 rows of 10:30 UTC could not be read",
        ),
        (
            Gap(at("2026-11-20T10:30"), at("2026-11-20T10:31"), 2, 3),
            "2 of 3 rows of 2026-11-20 10:30 UTC could not be read",
        ),
    ],
)
def test_it_is_said_in_numbers(gap: Gap, sentence: str) -> None:
    assert Incomplete().after(gap.start, gap.end, gap, NOW, is_sweep=False).sentence(NOW) == sentence


def test_of_many_ranges_the_newest_are_named() -> None:
    ranges = tuple(IncompleteRange(at("10:00") + n * HOUR, at("10:01") + n * HOUR, 1, 9, NOW) for n in range(6))
    said = Incomplete(ranges).sentence(NOW)
    assert said.startswith("1 of 9 rows of 15:00 UTC; 1 of 9 rows of 14:00 UTC; ")
    assert said.endswith("; 3 older ranges could not be read")


def test_nothing_missing_is_nothing_to_say() -> None:
    assert Incomplete().sentence(NOW) == ""


def test_a_record_keeps_what_a_later_version_stored() -> None:
    body = b'{"ranges": [{"start": "2026-11-21T10:00:00Z", "end": "2026-11-21T10:10:00Z"}, {}, 7], "later": 1}'
    read = incomplete.parse(body)
    assert [(each.missing_count, each.reread_count) for each in read.ranges] == [(0, 0)]
    assert incomplete.parse(read.as_body()) == read
    assert read.others == {"later": 1}


times = st.integers(0, 200).map(lambda minutes: at("08:00") + timedelta(minutes=minutes))


@given(st.lists(st.tuples(times, st.integers(1, 60), st.booleans()), max_size=12))
def test_the_list_is_what_the_newest_reading_of_each_minute_says(readings: list[tuple[datetime, int, bool]]) -> None:
    noted, missing = Incomplete(), dict[datetime, bool]()
    for start, minutes, is_gap in readings:
        end = start + timedelta(minutes=minutes)
        gap = Gap(start, end, 1, 2) if is_gap else None
        noted = noted.after(start, end, gap, NOW, is_sweep=False)
        missing.update({start + timedelta(minutes=minute): is_gap for minute in range(minutes)})
    listed = {
        each.start + timedelta(minutes=minute)
        for each in noted.ranges
        for minute in range(int((each.end - each.start).total_seconds() // 60))
    }
    assert listed == {minute for minute, is_missing in missing.items() if is_missing}


def gap_page(start: datetime) -> Page:
    return Page(0, 0, 0, [], gap=Gap(start, start + timedelta(minutes=1), 1, 2))


def test_a_run_goes_on_past_a_gap_and_sweeps_read_that_hour_a_few_times() -> None:
    world = World()
    world.history.rows = [row("A", at("09:05"))]
    world.history.gaps = {at("09:00"): gap_page(at("09:05"))}
    world.run(at("09:10"))
    assert (world.watermark(), world.run_count()) == (at("09:10"), 1)
    assert world.not_read() == "1 of 2 rows of 09:05 UTC could not be read"
    world.run(at("11:10"))
    counts = [world.run(at("12:10") + number * HOUR).settling_count for number in range(INCOMPLETE_REREADS_COUNT + 1)]
    assert counts == [*[1] * INCOMPLETE_REREADS_COUNT, 0]
    assert read_incomplete(world.store).ranges


def test_a_sweep_that_reads_the_hour_completely_takes_it_off() -> None:
    world = World()
    world.history.gaps = {at("09:00"): gap_page(at("09:05"))}
    world.run(at("09:10"))
    world.run(at("11:10"))
    world.history.gaps = {}
    assert world.run(at("12:10")).settling_count == 1
    assert world.not_read(), "written before the sweep"
    world.run(at("12:20"))
    assert not world.not_read()


def test_a_reading_by_hand_completes_it() -> None:
    from deliverywatch.sms import plan

    world = World()
    world.history.gaps = {at("11:00"): gap_page(at("11:30"))}
    world.run()
    assert read_incomplete(world.store).ranges
    world.history.gaps = {}
    world.run(by_hand=plan.window(NOW, at("11:00"), at("12:00"), 10))
    assert read_incomplete(world.store).ranges == ()
