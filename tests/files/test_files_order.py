"""Whatever is repeated, reordered or killed on the way, the table ends in the state of the newest event."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from files_world import BUCKET, MemoryTable, body, run, s3_record, sqs_event
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.errors import TableUnavailable
from deliverywatch.files.records.items import Item, current

if TYPE_CHECKING:
    from deliverywatch.files import process

# Of one key, oldest first; S3's differ in length, and the shorter is filled up with zeros on its right.
SEQUENCERS = ("0055AED6DCD90281E5", "0055AED6DCD90281E5A", "0055AED6DCD9028", "0055AED6DCD9029", "0055AED6DCDA")
ASCENDING = sorted(SEQUENCERS, key=lambda each: each.ljust(64, "0"))
NAMES = {"put": "ObjectCreated:Put", "delete": "ObjectRemoved:Delete"}


def histories(length: int) -> list[list[tuple[str, str]]]:
    """Every history of so many events on a key, and each again with one of its events sent twice."""
    plain = [list(zip(kinds, ASCENDING, strict=False)) for kinds in itertools.product(("put", "delete"), repeat=length)]
    shorter = [
        list(zip(kinds, ASCENDING, strict=False)) for kinds in itertools.product(("put", "delete"), repeat=length - 1)
    ]
    doubled = [[*history, again] for history in shorter for again in history]
    return [*plain, *doubled]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_every_order_of_up_to_five_events_ends_in_the_newest(length: int) -> None:
    for history in histories(length):
        kind, newest = max(history, key=lambda each: each[1].ljust(64, "0"))
        bodies = [body(s3_record("a", sequencer, NAMES[name])) for name, sequencer in history]
        ends = {"put": ("present", f"etag-{newest}"), "delete": ("removed", None)}
        for order in itertools.permutations(bodies):
            table = MemoryTable()
            run(sqs_event(*order), table)
            (item,) = table.items.values()
            assert (item["state"], item.get("etag")) == ends[kind]


def test_a_sequencer_may_be_written_in_small_letters() -> None:
    table = MemoryTable()
    run(sqs_event(body(s3_record("a", "00ff")), body(s3_record("a", "00FE"))), table)
    (item,) = table.items.values()
    assert item["etag"] == "etag-00ff"


class Killed(BaseException):
    """The process ends between two steps."""


@dataclass
class Fragile(MemoryTable):
    """A table whose user is killed, or that refuses, at some of its calls: before the write or after it."""

    troubles: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def keep(self, item: Item) -> bool:
        trouble = self.troubles.pop(0) if self.troubles else ""
        if trouble == "killed before":
            raise Killed
        if trouble == "refused":
            raise TableUnavailable("DynamoDB could not be used for items: ThrottlingException.")
        kept = super().keep(item)
        if trouble == "killed after":
            raise Killed
        if trouble == "answer lost":
            raise TableUnavailable("DynamoDB could not be used for items: ReadTimeoutError.")
        return kept


TROUBLES = st.lists(
    st.sampled_from(["", "", "killed before", "killed after", "refused", "answer lost"]), max_size=40
)  # fmt: skip


def delivered(messages: dict[str, str], table: process.Table, data: st.DataObject) -> None:
    """Be SQS: deliver in batches of any order, again what was not deleted, and some of what was."""
    waiting = dict(messages)
    while waiting:
        chosen = data.draw(st.lists(st.sampled_from(sorted(messages)), min_size=1, max_size=5))
        ids = [*chosen, next(iter(waiting))]
        event = {"Records": [{"messageId": each, "body": messages[each]} for each in ids]}
        try:
            report = run(event, table)
        except Killed:
            continue
        failed = {each["itemIdentifier"] for each in report.answer["batchItemFailures"]}
        for each in set(ids) - failed:
            waiting.pop(each, None)


HAPPENINGS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["put", "delete"])), min_size=1, max_size=12)


@settings(max_examples=150)
@given(HAPPENINGS, TROUBLES, st.data())
def test_many_keys_end_in_their_newest_state_whoever_is_killed_when(
    happenings: list[tuple[str, str]], troubles: list[str], data: st.DataObject
) -> None:
    table, messages, wanted = Fragile(troubles=list(troubles)), {}, {}
    records: list[dict[str, Any]] = []
    for number, (key, kind) in enumerate(happenings):
        sequencer = f"{0x55AED6DC + number:010X}" + "A" * (number % 3)
        records.append(s3_record(key, sequencer, NAMES[kind]))
        wanted[f"{BUCKET}/{key}"] = ("present", f"etag-{sequencer}") if kind == "put" else ("removed", None)
    size = data.draw(st.integers(1, 3))
    for first in range(0, len(records), size):
        messages[f"m{first}"] = body(*records[first : first + size])
    delivered(messages, table, data)
    assert {item["object"]: (item["state"], item.get("etag")) for item in table.items.values()} == wanted


@dataclass
class VersionedBucket:
    """A bucket that keeps versions, for one key: the stack of its versions, and the notifications it sends."""

    versions: list[tuple[str, str]] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)

    def do(self, kind: str, which: int) -> None:
        sequencer = f"{0x55AED6DC + len(self.sent):010X}"
        version = f"v{len(self.sent)}"
        name = "ObjectCreated:Put"
        if kind == "delete":
            name = "ObjectRemoved:DeleteMarkerCreated"
        if kind == "remove" and self.versions:
            version, _ = self.versions.pop(which % len(self.versions))
            name = "ObjectRemoved:Delete"
        else:
            self.versions.append((version, name))
        self.sent.append(s3_record("a", sequencer, name, version, second=len(self.sent)))

    @property
    def current(self) -> str | None:
        version, name = self.versions[-1] if self.versions else ("", "")
        return version if name == "ObjectCreated:Put" else None


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(["put", "delete", "remove"]), st.integers(0, 9)), min_size=1, max_size=9),
    TROUBLES,
    st.data(),
)
def test_the_current_version_is_the_one_that_s3_would_give(
    doings: list[tuple[str, int]], troubles: list[str], data: st.DataObject
) -> None:
    bucket, table = VersionedBucket(), Fragile(troubles=list(troubles))
    for kind, which in doings:
        bucket.do("put" if kind == "remove" and not bucket.versions else kind, which)
    delivered({f"m{number}": body(record) for number, record in enumerate(bucket.sent)}, table, data)
    found = current(table.versions("a"))
    assert (found["version"] if found else None) == bucket.current
