"""The comparison of a bucket with the table: what is missing, stale, too much, too young to tell or expired."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from files_world import KEEP, NOON, MemoryTable

from deliverywatch.files.admission import Filters
from deliverywatch.files.records import items, messages
from deliverywatch.files.records.events import Details, State, as_text
from deliverywatch.files.verify import Differences, Listed, Watched, bodies, compare, repairs

HOUR = timedelta(hours=1)


def listed(key: str, etag: str | None = "e", state: State = State.PRESENT, age: timedelta = HOUR) -> Listed:
    return Listed(key, "v1", state, etag, 1, NOON - age, NOON)


def item(key: str, etag: str | None = "e", state: State = State.PRESENT, age: timedelta = HOUR) -> dict[str, Any]:
    return {"key": key, "version": "v1", "state": state.value, "etag": etag, "event_time": as_text(NOON - age)}


class Listing:
    def __init__(self, *found: Listed) -> None:
        self.found = found

    def listing(self, prefix: str) -> Iterator[Listed]:
        return (each for each in self.found if each.key.startswith(prefix))


class Table:
    def __init__(self, *found: dict[str, Any]) -> None:
        self.found = found

    def of_bucket(self, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
        assert bucket == "in"
        return (each for each in self.found if each["key"].startswith(prefix))


class Objects:
    """A bucket in which keys say of what type their objects are."""

    def details(self, bucket: str, key: str, version: str) -> Details | None:
        assert (bucket, version) == ("in", "v1")
        return Details(f"text/{key.rpartition('.')[2]}")

    def state(self, bucket: str, key: str, version: str) -> tuple[State, str]:
        raise AssertionError(f"Nobody wants the state of {bucket}/{key} {version}.")


def compared(
    bucket: Listing, table: Table, kept_since: datetime | None = None, filters: Filters | None = None
) -> Differences:
    return compare(bucket, table, "", NOON, Watched("in", filters or Filters(), Objects(), kept_since))


def test_what_is_the_same_is_right() -> None:
    marker = State.DELETE_MARKER
    found = compared(
        Listing(listed("a"), listed("b", None, marker)),
        Table(item("a"), item("b", None, marker), item("c", state=State.REMOVED)),
    )
    assert found.is_right
    assert found.same_count == 2


def test_missing_stale_and_extra_are_distinguished() -> None:
    found = compared(
        Listing(listed("missing"), listed("removed"), listed("etag"), listed("marker", None, State.DELETE_MARKER)),
        Table(item("removed", state=State.REMOVED), item("etag", "other"), item("marker"), item("extra")),
    )
    assert [each.key for each in found.missing] == ["missing", "removed"]
    assert [each.key for each in found.stale] == ["etag", "marker"]
    assert [each["key"] for each in found.extra] == ["extra"]
    assert found.as_fields(1)["missing"] == [{"key": "missing", "version": "v1"}]


def test_what_is_young_may_be_on_its_way() -> None:
    young = timedelta(minutes=4)
    found = compared(
        Listing(listed("a", age=young), listed("b", "new", age=young)), Table(item("b"), item("c", age=young))
    )
    assert found.is_right
    assert found.on_the_way_count == 3


def test_what_has_expired_from_the_table_is_not_missing() -> None:
    found = compared(
        Listing(listed("old", age=timedelta(days=9)), listed("new")),
        Table(),
        kept_since=NOON - timedelta(days=7),
    )
    assert [each.key for each in found.missing] == ["new"]


def test_the_messages_make_the_table_right() -> None:
    memory = MemoryTable()
    there = [listed("a"), listed("b", "new"), listed("m", None, State.DELETE_MARKER)]

    def take(texts: list[str]) -> None:
        for text in texts:
            for event in messages.read(text).events:
                memory.keep(items.item(event, "m", NOON, KEEP))

    earlier = [
        Listed("b", "v1", State.PRESENT, "old", 1, NOON - 2 * HOUR, NOON - 2 * HOUR),
        Listed("x", "v1", State.PRESENT, "e", 1, NOON - 2 * HOUR, NOON - 2 * HOUR),
    ]
    take(list(bodies("in", earlier)))
    found = compared(Listing(*there), Table(*memory.items.values()))
    assert not found.is_right
    take(repairs("in", found, NOON))
    assert compared(Listing(*there), Table(*memory.items.values())).is_right
    assert memory.items["in/x", "v1"]["state"] == "removed"


def test_a_message_holds_25_versions_of_one_part_of_the_listing() -> None:
    later = [Listed("z", "v1", State.PRESENT, "e", 1, NOON - HOUR, NOON + HOUR)]
    listings = [json.loads(text)["listing"] for text in bodies("in", [*(listed(f"k{n}") for n in range(30)), *later])]
    assert [len(each["objects"]) for each in listings] == [25, 5, 1]
    assert len({each["listed_at"] for each in listings}) == 2


ONLY_CSV = Filters(prefix="in/", content_types=("text/csv",), maximum_megabytes=1)


def test_what_the_filters_leave_out_is_neither_missing_nor_extra() -> None:
    big = Listed("in/big.csv", "v1", State.PRESENT, "e", 2_000_000, NOON - HOUR, NOON)
    found = compared(
        Listing(big, listed("in/a.csv"), listed("in/a.png"), listed("out/a.csv"), listed("in/kept.png")),
        Table(item("out/a.csv", "other"), item("out/gone.csv"), item("in/kept.png")),
        filters=ONLY_CSV,
    )
    assert [each.key for each in found.missing] == ["in/a.csv"]
    assert (found.stale, found.extra, found.left_out_count, found.same_count) == ([], [], 3, 1)


def test_an_item_whose_object_another_one_that_is_left_out_took_the_place_of_is_extra() -> None:
    found = compared(Listing(listed("in/a.png", "new")), Table(item("in/a.png")), filters=ONLY_CSV)
    assert [each["key"] for each in found.extra] == ["in/a.png"]
    (text,) = repairs("in", found, NOON)
    assert [event.state for event in messages.read(text).events] == [State.REMOVED]
