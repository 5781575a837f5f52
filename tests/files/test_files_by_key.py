"""A table with one item per key shows what is in the bucket, in whatever order its events come, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from files_world import (
    BUCKET,
    KEEP,
    NOON,
    MemoryFailures,
    MemoryLake,
    MemoryTable,
    body,
    s3_record,
    sqs_event,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.files import process
from deliverywatch.files.admission import Current, Filters
from deliverywatch.files.records.events import Details, State
from deliverywatch.files.records.layout import Layout
from deliverywatch.files.records.sqs import messages_of
from deliverywatch.files.verify import Listed, Watched, bodies, compare

if TYPE_CHECKING:
    from deliverywatch.files.records.items import Item

KEYS = "ab"


class TableByKey(MemoryTable):
    def place(self, item: Item) -> tuple[str, str]:
        return item["s3_key"], ""


@dataclass
class Bucket:
    """A bucket of two keys, newest version last; without versions it holds at most one, called `null`."""

    has_versions: bool = True
    versions: dict[str, list[tuple[str, State]]] = field(default_factory=lambda: {key: [] for key in KEYS})
    sent: list[dict[str, Any]] = field(default_factory=list)

    def do(self, kind: str, key: str, which: int) -> None:
        """Upload, delete as people do, or remove a version for good; and notify."""
        held = self.versions[key]
        if kind == "remove" and self.has_versions and held:
            version, _ = held.pop(which % len(held))
            self._notify("ObjectRemoved:Delete", key, version)
        elif kind == "put":
            self._add(key, State.PRESENT, "ObjectCreated:Put")
        elif kind == "in parts":
            self._add(key, State.PRESENT, "ObjectCreated:CompleteMultipartUpload")
            # It had begun before the one that was the newest until now, and stays below it.
            held[-2:] = held[-2:][::-1]
        elif self.has_versions:
            self._add(key, State.DELETE_MARKER, "ObjectRemoved:DeleteMarkerCreated")
        elif held:
            held.clear()
            self._notify("ObjectRemoved:Delete", key, "null")

    def _add(self, key: str, state: State, name: str) -> None:
        version = f"v{len(self.sent)}" if self.has_versions else "null"
        self.versions[key][:] = [*(self.versions[key] if self.has_versions else []), (version, state)]
        self._notify(name, key, version)

    def _notify(self, name: str, key: str, version: str) -> None:
        sequencer = f"{0x55AED6DC + len(self.sent):010X}"
        wanted = version if self.has_versions else None
        self.sent.append(s3_record(key, sequencer, name, wanted, second=len(self.sent)))

    def current(self, bucket: str, key: str, version: str = "") -> Current:
        assert (bucket, version) == (BUCKET, "")
        version, state = self.versions[key][-1] if self.versions[key] else ("", State.REMOVED)
        return Current(state, version)

    def details(self, bucket: str, key: str, version: str) -> Details | None:
        assert bucket == BUCKET
        return Details("text/csv") if (version, State.PRESENT) in self.versions[key] else None

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        raise AssertionError(f"{bucket}/{key} {version} is no old event.")


def processed(records: list[dict[str, Any]], table: MemoryTable, bucket: Bucket) -> process.Report:
    return processed_body(body(*records), table, bucket)


def processed_body(text: str, table: MemoryTable, bucket: Bucket) -> process.Report:
    ports = process.Ports(table=table, failures=MemoryFailures(), lake=MemoryLake(), objects=bucket)
    wanted = process.Settings(KEEP, most_receives=5, watched_bucket=BUCKET, layout=Layout.S3_KEY)
    return process.process(messages_of(sqs_event(text)), NOON, ports, wanted)


def shown(table: MemoryTable, key: str) -> tuple[str, str]:
    """The state of a key in the table, and the version where there is one."""
    item = table.items.get((key, ""), {"state": "removed"})
    return item["state"], item["version"] if item["state"] != "removed" else ""


DOINGS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "in parts", "delete", "remove"]), st.sampled_from(KEYS), st.integers(0, 9)
    ),
    max_size=9,
)


@settings(max_examples=300)
@given(DOINGS, st.booleans(), st.data())
def test_a_table_by_key_ends_in_what_the_bucket_holds(
    doings: list[tuple[str, str, int]], has_versions: bool, data: st.DataObject
) -> None:
    bucket, table = Bucket(has_versions), TableByKey()
    for doing in doings:
        bucket.do(*doing)
        for record in data.draw(st.lists(st.sampled_from(bucket.sent), max_size=2) if bucket.sent else st.just([])):
            processed([record], table, bucket)
    for record in data.draw(st.permutations(bucket.sent)):
        processed([record], table, bucket)
    for key in KEYS:
        now = bucket.current(BUCKET, key)
        assert shown(table, key) == (now.state, now.version)


def test_a_version_that_a_removal_uncovers_is_there_again() -> None:
    bucket, table = Bucket(), TableByKey()
    for kind, which in (("put", 0), ("put", 0), ("remove", 1)):
        bucket.do(kind, "a", which)
    processed(bucket.sent[::-1], table, bucket)
    assert shown(table, "a") == ("present", "v0")


def test_an_upload_in_parts_stays_below_what_came_after_its_beginning() -> None:
    bucket, table = Bucket(), TableByKey()
    for kind in ("put", "in parts"):
        bucket.do(kind, "a", 0)
        processed(bucket.sent[-1:], table, bucket)
    assert shown(table, "a") == ("present", "v0")


def test_the_key_of_another_bucket_is_refused_and_takes_no_place() -> None:
    table, record = TableByKey(), s3_record("a")
    record["s3"]["bucket"]["name"] = "another"
    (result,) = processed([record], table, Bucket()).results
    assert result.failure is not None
    assert result.failure.problem == "The table has one item per key of incoming, and the event is about another."
    assert (result.failure.is_retryable, table.items) == (False, {})


def listed(version: str, *, is_latest: bool, state: State = State.PRESENT) -> Listed:
    return Listed("a", version, state, "e", 1, NOON - timedelta(days=1), NOON, is_latest=is_latest)


class Listing:
    """A bucket in which v2 is newer than v1."""

    def listing(self, prefix: str) -> Iterator[Listed]:
        yield from (each for each in (listed("v2", is_latest=True), listed("v1", is_latest=False)) if prefix == "")


class Kept:
    """A table with one item."""

    def __init__(self, version: str, state: str = "present") -> None:
        self.item = {"key": "a", "version": version, "state": state, "etag": "e", "event_time": "2026-11-01"}

    def of_bucket(self, bucket: str, prefix: str) -> Iterator[Item]:
        yield from ([self.item] if (bucket, prefix) == (BUCKET, "") else [])


@pytest.mark.parametrize(
    ("table", "differences"),
    [
        (Kept("v2"), (1, [], [])),
        (Kept("v1"), (0, [], ["v2"])),
        (Kept("v3", "delete_marker"), (0, [], ["v2"])),
        (Kept("v2", "removed"), (0, ["v2"], [])),
    ],
)
def test_only_the_latest_version_is_compared_with_a_table_by_key(
    table: Kept, differences: tuple[int, list[str], list[str]]
) -> None:
    found = compare(Listing(), table, "", NOON, Watched(BUCKET, Filters(), Bucket(), layout=Layout.S3_KEY))
    assert (
        found.same_count,
        [one.version for one in found.missing],
        [one.version for one in found.stale],
    ) == differences
    assert not found.extra


def test_a_listing_brings_the_latest_version_only_into_a_table_by_key() -> None:
    table, bucket = TableByKey(), Bucket(versions={"a": [("v1", State.PRESENT), ("v2", State.PRESENT)]})
    both = [listed("v2", is_latest=True), listed("v1", is_latest=False)]
    processed_body(next(bodies(BUCKET, both)), table, bucket)
    assert shown(table, "a") == ("present", "v2")


@pytest.mark.parametrize(("layout", "key"), [(Layout.VERSIONS, ("object", "version")), (Layout.S3_KEY, ("s3_key",))])
def test_a_layout_is_a_key_of_fields(layout: Layout, key: tuple[str, ...]) -> None:
    assert layout.key == key
