"""A day of small objects becomes one, without losing a row, whenever the run is killed."""

import io
import json
import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from email_world import DOCUMENTED, event, line
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.cli import main
from deliverywatch.email import land
from deliverywatch.email.compact import compact
from deliverywatch.email.events.columns import COLUMNS
from deliverywatch.email.events.streams import Stream
from deliverywatch.local.cloud.mail.ses_events import Sent
from deliverywatch.storage import memory
from deliverywatch.storage.folder import Folder
from deliverywatch.storage.store import read_listed

RELEASES = sorted((Path(__file__).parents[1] / "storage/stored").iterdir())
DAY = date(2026, 11, 20)
START = datetime(2026, 11, 20, tzinfo=UTC)
FOLDER = "events/newsletter/dt=2026-11-20/"


class Memory(memory.Memory):
    """Objects in memory, that can be killed after some changes."""

    def __init__(self, objects: dict[str, bytes], lives: int = 10**9) -> None:
        super().__init__(dict(objects))
        self._lives = lives

    def delete(self, key: str) -> None:
        self._live()
        super().delete(key)

    def _put(self, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self._live()
        super()._put(key, body, metadata)

    def _live(self) -> None:
        self._lives -= 1
        if self._lives < 0:
            raise KeyboardInterrupt


def landed(store: Any, lines: list[bytes], number: int, partitions: str = "day") -> None:
    token = f"object-{number:03d}"
    moment = START + timedelta(minutes=15 * number)
    land.land(lambda: lines, land.Settings(Stream.NEWSLETTER, moment, token, partitions=partitions), store)


def opens(numbers: list[int]) -> list[bytes]:
    return [line(event("Open", timestamp=f"2026-11-20T10:00:{number:02d}.000Z")) for number in numbers]


def ids(store: Any) -> list[str]:
    tables = [pq.read_table(io.BytesIO(read_listed(store, key))) for key in store.keys("events/")]
    return sorted(each for table in tables for each in table.column("event_id").to_pylist())


def test_many_objects_become_one_with_the_same_rows() -> None:
    store = Memory({})
    for number in range(4):
        landed(store, [line(each) for each in DOCUMENTED[number * 2 : number * 2 + 3]], number)
    before = set(ids(store))
    (done,) = compact(store, [DAY])
    assert (done.folder, done.objects, done.rows, done.copies) == (FOLDER, 4, 9, 3)
    (key,) = store.keys("events/")
    assert key.startswith(f"{FOLDER}compacted-")
    assert ids(store) == sorted(before)
    table = pq.read_table(io.BytesIO(read_listed(store, key)))
    assert table.column_names == [column.name for column in COLUMNS]
    assert table.column("tags")[0].as_py()


def test_a_day_that_is_one_object_is_left_alone() -> None:
    store = Memory({})
    landed(store, [line(event("Send"))], 1)
    before = dict(store.objects)
    assert compact(store, [DAY, DAY + timedelta(days=1)]) == []
    assert store.objects == before


def test_the_other_layout_is_merged_too() -> None:
    store = Memory({})
    for number in (1, 2):
        landed(store, opens([number]), number, "year-month-day")
    (done,) = compact(store, [DAY])
    assert done.folder == "events/newsletter/year=2026/month=11/day=20/"


def test_a_dry_run_changes_nothing_and_tells_the_same() -> None:
    store = Memory({})
    for number in (1, 2):
        landed(store, opens([number]), number)
    before = dict(store.objects)
    assert compact(store, [DAY], dry_run=True)[0].rows == 2
    assert store.objects == before


@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=4), min_size=2, max_size=5), st.integers(0, 12))
@settings(max_examples=25, deadline=None)
def test_a_run_that_is_killed_anywhere_loses_nothing_and_the_next_one_ends_it(
    batches: list[list[int]], lives: int
) -> None:
    store = Memory({})
    for number, numbers in enumerate(batches):
        landed(store, opens(numbers), number)
    expected = set(ids(store))
    dying = Memory(store.objects, lives)
    try:
        compact(dying, [DAY])
    except KeyboardInterrupt:
        assert set(ids(dying)) == expected
    late = Memory(dying.objects)
    landed(late, opens([42]), 90)
    compact(late, [DAY])
    assert len(late.keys("events/")) == 1
    assert len(ids(late)) == len(expected) + 1


def test_what_firehose_writes_is_merged_whatever_arrow_calls_its_parts() -> None:
    # Times as INT96, and the inner names of parquet-mr.
    store = Memory({})
    landed(store, opens([1]), 1)
    landed(store, opens([2]), 2)
    key = store.keys(FOLDER)[0]
    table = pq.read_table(io.BytesIO(read_listed(store, key)))
    sink = io.BytesIO()
    pq.write_table(table, sink, use_deprecated_int96_timestamps=True, store_schema=False)
    store.write(key, sink.getvalue())
    compact(store, [DAY])
    merged = pq.read_table(io.BytesIO(read_listed(store, store.keys("events/")[0])))
    assert merged.schema.field("event_time").type == pa.timestamp("ms", "UTC")
    assert {each.as_py().second for each in merged.column("event_time")} == {1, 2}


def test_an_object_from_before_a_column_was_added_is_merged_with_nulls() -> None:
    store = Memory({})
    landed(store, opens([1]), 1)
    landed(store, opens([2]), 2)
    key = store.keys(FOLDER)[0]
    sink = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(read_listed(store, key))).drop_columns(["campaign", "link_tags"]), sink)
    store.write(key, sink.getvalue())
    assert compact(store, [DAY])[0].rows == 2


def test_a_column_of_a_later_version_stays_with_its_rows() -> None:
    store = Memory({})
    landed(store, opens([1]), 1)
    landed(store, opens([2]), 2)
    _, second = store.keys(FOLDER)
    sink = io.BytesIO()
    table = pq.read_table(io.BytesIO(read_listed(store, second)))
    pq.write_table(table.append_column("tomorrow", pa.array(["x"])), sink)
    store.write(second, sink.getvalue())
    assert compact(store, [DAY])[0].rows == 2
    (key,) = store.keys(FOLDER)
    assert pq.read_table(io.BytesIO(read_listed(store, key)))["tomorrow"].to_pylist() == [None, "x"]
    landed(store, opens([3]), 3)
    assert compact(store, [DAY])[0].rows == 3


@pytest.mark.parametrize("body", [b"", b"PAR1 and no more", b"x" * 1000])
def test_an_object_that_cannot_be_read_is_set_aside_and_the_others_are_merged(body: bytes) -> None:
    store = Memory({})
    landed(store, opens([1]), 1)
    landed(store, opens([2]), 2)
    broken = f"{FOLDER}broken.parquet"
    store.write(broken, body)
    before = dict(store.objects)
    compact(store, [DAY], dry_run=True)
    assert store.objects == before
    assert compact(store, [DAY])[0].rows == 2
    assert store.objects[f"damaged/{broken}"] == body
    assert len(store.keys(FOLDER)) == 1


@pytest.mark.parametrize("release", RELEASES)
def test_an_object_of_a_release_is_merged_with_those_of_this_one(release: Path) -> None:
    store = Memory({})
    (sample,) = (path.read_bytes() for path in release.rglob("events/newsletter/*/*.parquet"))
    store.write(f"{FOLDER}sample.parquet", sample)
    landed(store, opens([1]), 1)
    (done,) = compact(store, [DAY])
    assert (done.objects, done.rows) == (2, pq.read_table(io.BytesIO(sample)).num_rows + 1)


def day_of_events(count: int) -> list[bytes]:
    """Newsletters as they are: each mail has a recipient and an id of its own."""
    draw = random.Random(1)
    lines = []
    for number in range(count // 3):
        moment = START + timedelta(seconds=number * 40)
        person = f"person{draw.randrange(10**6)}@example.{draw.choice(['com', 'net', 'org'])}"
        message_id = f"0100{draw.getrandbits(96):024x}-{draw.getrandbits(48):012x}-000000"
        mail = Sent(message_id, moment, "news", (person,), "Issue 12", tags={"campaign": "issue-12"})
        opened = mail.visit("Open", moment + timedelta(minutes=5), "Unlikely")
        lines += map(line, (mail.event("Send", moment), mail.delivery(moment + timedelta(seconds=2)), opened))
    return lines


def test_a_day_of_2000_events_becomes_one_object_of_at_most_a_sixth_of_the_raw_json() -> None:
    store = Memory({})
    lines = day_of_events(2001)
    for number in range(23):
        landed(store, lines[number * 87 : number * 87 + 87], number)
    (done,) = compact(store, [DAY])
    assert done.rows == 2001
    assert done.bytes_after * 6 <= sum(map(len, lines))


def test_a_person_merges_a_folder_by_hand(tmp_path: Path) -> None:
    for number in (1, 2):
        landed(Folder(tmp_path), opens([number]), number)
    command = ["email", "compact", "--lake", str(tmp_path), "--day", "2026-11-20"]
    told = CliRunner().invoke(main, [*command, "--dry-run"]).stdout
    assert "would become one of" in told
    document = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)
    assert document["days"][0]["objects"] == 2
    assert "Nothing to merge" in CliRunner().invoke(main, command).stdout
