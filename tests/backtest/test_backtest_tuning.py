"""What a recommendation rests on: incidents that chance does not bring, and files of them."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.recommend_world import DAY, Counts, during, traffic
from deliverywatch.backtest.results.recommendation import Incident
from deliverywatch.backtest.results.result import Night, Span
from deliverywatch.backtest.tuning import marked
from deliverywatch.backtest.tuning.change_points import Detected, climbs, detect
from deliverywatch.backtest.tuning.slots import Slots
from deliverywatch.errors import InputError

# A Monday.
START = datetime(2026, 3, 2, tzinfo=UTC)


def detected(counts: Counts, zone: str = "UTC") -> Detected:
    begins = np.asarray([int(START.timestamp()) + 600 * slot for slot in range(len(counts))])
    total, failed = (np.asarray([float(one[part]) for one in counts]) for part in (0, 1))
    return detect(Slots(10, begins, total, failed), zone)


def slots_of(incident: Incident) -> range:
    first, last = ((time - START) // timedelta(minutes=10) for time in (incident.span.start, incident.span.end))
    return range(first, last)


@pytest.mark.parametrize("usual", [0.002, 0.01, 0.05, 0.2])
@pytest.mark.parametrize("volume", [2, 20])
def test_chance_alone_is_hardly_ever_an_incident(usual: float, volume: int) -> None:
    # One of ten histories may show one.
    seen = [detected(traffic(15, during({}, usual), lambda _: volume, seed)).incidents for seed in range(4)]
    assert sum(map(len, seen)) <= 1


@settings(max_examples=15)
@given(begin=st.integers(300, 1500), length=st.integers(3, 40), share=st.floats(0.2, 1), seed=st.integers(0, 50))
def test_an_outage_is_detected_where_it_is(begin: int, length: int, share: float, seed: int) -> None:
    outage = range(begin, begin + length)
    found = detected(traffic(13, during({outage: share}), seed=seed)).incidents
    assert len(found) == 1
    # To the slot, unless chance has a failure or two beside it.
    assert set(outage) <= set(slots_of(found[0])) | {outage[0], outage[-1]}
    assert len(slots_of(found[0])) <= length + 4


def test_what_fails_each_evening_is_usual_in_the_evening() -> None:
    seen = detected(traffic(28, lambda slot: 0.08 if 108 <= slot % DAY < 126 else 0.01))
    assert seen.incidents == ()


def test_an_account_that_scatters_more_than_chance_is_measured_by_its_own_scatter() -> None:
    dice = random.Random(1)
    shares = [max(0.0, dice.gauss(0.05, 0.03)) for _ in range(20 * DAY)]
    seen = detected(traffic(20, lambda slot: shares[slot]))
    assert seen.scatter > 1.2
    assert len(seen.incidents) <= 1


def test_one_giant_incident_is_one() -> None:
    giant = range(10 * DAY, 18 * DAY)
    (incident,) = detected(traffic(30, during({giant: 0.6}))).incidents
    assert abs(len(slots_of(incident)) - len(giant)) <= 4


def test_a_change_that_lasts_is_the_new_usual() -> None:
    seen = detected(traffic(60, lambda slot: 0.01 if slot < 40 * DAY else 0.09, lambda _: 20))
    assert seen.incidents == ()
    assert [one.span.start.date().isoformat() for one in seen.new_usuals] == ["2026-04-11"]


def test_a_history_without_a_message_has_no_incident() -> None:
    assert detected([(0, 0)] * 100).incidents == ()
    assert detected([]).incidents == ()


@given(gains=st.lists(st.floats(-5, 5), max_size=60), height=st.floats(1, 10))
def test_a_climb_gains_its_height_from_foot_to_top(gains: list[float], height: float) -> None:
    before = -1
    for foot, top, peak in climbs(gains, height):
        assert before < foot <= top
        assert peak >= height
        assert sum(gains[foot : top + 1]) == pytest.approx(peak, abs=1e-6)
        before = top


ROWS = st.lists(
    st.tuples(
        st.datetimes(START.replace(tzinfo=None), START.replace(tzinfo=None, year=2030)),
        st.integers(-90, 90),
        st.text(max_size=12),
    ),
    max_size=12,
)


@given(
    rows=ROWS,
    noise=st.lists(
        st.text(st.characters(exclude_characters="\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"), max_size=30), max_size=5
    ),
)
def test_every_row_of_a_file_is_an_incident_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[datetime, int, str]], noise: list[str]
) -> None:
    path = tmp_path_factory.mktemp("marks") / "marks.csv"
    good = [
        f"{begin:%Y-%m-%dT%H:%M}Z,{begin + timedelta(minutes=5 + abs(length)):%Y-%m-%dT%H:%M}+00:00"
        for begin, length, _ in rows
    ]
    noise = [line.replace('"', "") for line in noise]
    path.write_text("\n".join(["from,until", *good, *noise]), encoding="utf-8")
    try:
        read = marked.read(path)
    except InputError:
        assert not rows
        return
    assert len(read.incidents) >= len(rows)
    assert len(read.incidents) + sum(note.startswith("Row ") for note in read.notes) == len(good) + sum(
        bool(line.replace(",", "").replace("\0", "").strip()) for line in noise
    )
    assert all(incident.span.start < incident.span.end for incident in read.incidents)


@given(rows=ROWS)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[datetime, int, str]]
) -> None:
    incidents = [
        Incident(
            Span(*(time.replace(second=0, microsecond=0, tzinfo=UTC) for time in (begin, begin + timedelta(hours=2)))),
            # Line breaks and blanks at the ends are not kept, nor an apostrophe of a person's own before a formula.
            "".join(letter for letter in name if letter.isprintable() and letter != "'").strip(),
            abs(count),
            0,
        )
        for begin, count, name in rows
    ]
    path = tmp_path_factory.mktemp("marks") / "marks.csv"
    marked.write(path, incidents)
    assert list(marked.read(path).incidents) == sorted(incidents, key=lambda incident: incident.span.start)


@pytest.mark.parametrize(
    "text",
    [
        "from;until;name\n2026-11-21T11:00;2026-11-21T12:00;x\n",
        "name,until,from\nx,2026-11-21T13:00+01:00,2026-11-21 11:00\n",
        "2026-11-21T11:00Z,2026-11-21T12:00Z,x",
        "sep=;\nfrom;until;name\n2026-11-21T11:00;2026-11-21T12:00;x\n",
        "from\tuntil\tname\n2026-11-21T11:00\t2026-11-21T12:00\tx\n",
        "\ufeffFrom, Until, Name\n\n2026-11-21T06:00-05:00, 2026-11-21T12:00, x\n",
    ],
)
def test_a_file_of_any_spreadsheet_is_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(text, encoding="utf-8")
    span = Span(datetime(2026, 11, 21, 11, tzinfo=UTC), datetime(2026, 11, 21, 12, tzinfo=UTC))
    assert marked.read(path).incidents == (Incident(span, "x"),)


@pytest.mark.parametrize("time", ["21.11.2026 11:00", "11/21/2026 11:00 AM", "46347.4583", "=NOW()"])
def test_a_file_of_which_no_row_can_be_used_is_not_taken_as_no_incident(tmp_path: Path, time: str) -> None:
    path = tmp_path / "marks.csv"
    path.write_text(f"from,until\n{time},{time}\n")
    with pytest.raises(InputError, match="no row that can be used"):
        marked.read(path)


def test_times_without_an_offset_and_many_bad_rows_are_said_in_a_few_sentences(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_text("from,until\n2026-11-21T11:00,2026-11-21T12:00Z\n" + "x,y\n" * 2000)
    notes = marked.read(path).notes
    assert len(notes) == 12
    assert notes[-2:] == (
        "1,990 more rows of marks.csv are left out.",
        "Times of marks.csv without an offset are taken as UTC.",
    )


@given(rows=ROWS)
def test_incidents_that_overlap_are_one(rows: list[tuple[datetime, int, str]]) -> None:
    spans = [
        Span(begin.replace(tzinfo=UTC), begin.replace(tzinfo=UTC) + timedelta(minutes=1 + abs(length)))
        for begin, length, _ in rows
    ]
    joined = [one.span for one in marked.apart(map(Incident, spans))]
    assert all(before.end <= after.start for before, after in pairwise(joined))
    assert all(any(one.start <= span.start and span.end <= one.end for one in joined) for span in spans)


def test_a_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="cannot be read"):
        marked.read(path)


@pytest.mark.parametrize(
    ("night", "hours"),
    [
        (Night("UTC", 22, 6), {22, 23, 0, 1, 2, 3, 4, 5}),
        (Night("UTC", 1, 3), {1, 2}),
        (Night("Asia/Tokyo", 0, 2), {15, 16}),
    ],
)
def test_night_is_the_hours_that_are_named_where_the_readers_are(night: Night, hours: set[int]) -> None:
    assert {hour for hour in range(24) if night.holds(START + timedelta(hours=hour, minutes=59))} == hours
