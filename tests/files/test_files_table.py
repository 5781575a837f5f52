"""The adapter to DynamoDB decides as the rule in Python does, whatever is written in whatever order."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from files_world import BUCKET, KEEP, NOON, MemoryTable, sqs_event
from hypothesis import given, settings
from hypothesis import strategies as st

from deliverywatch.errors import MessageMalformed, TableUnavailable
from deliverywatch.files import aws
from deliverywatch.files.records import items
from deliverywatch.files.records.events import Details, ObjectEvent, State, padded
from deliverywatch.files.records.failures import failure
from deliverywatch.files.records.sqs import messages_of

if TYPE_CHECKING:
    from files_stack import Intake


def event(second: int, sequencer: str, state: State, *, details: bool) -> ObjectEvent:
    there = state is State.PRESENT
    return ObjectEvent(
        bucket=BUCKET,
        key="a",
        version="null",
        state=state,
        name="ObjectCreated:Put" if there else "ObjectRemoved:Delete",
        time=NOON + timedelta(seconds=second),
        sequencer=padded(sequencer),
        size_bytes=second if there else None,
        etag=f"e{second % 3}" if there else None,
        details=Details("text/csv", {"by": "jo"}, {"CRC32": "x"}) if details else None,
    )


def listed(
    second: int, age_seconds: int, state: State = State.PRESENT, *, is_latest: bool | None = None
) -> ObjectEvent:
    there = state is State.PRESENT
    return ObjectEvent(
        bucket=BUCKET,
        key="a",
        version="null",
        state=state,
        name="Listed",
        time=NOON + timedelta(seconds=second - age_seconds),
        sequencer="",
        size_bytes=second if there else None,
        etag=f"e{second % 3}" if there else None,
        listed_at=NOON + timedelta(seconds=second),
        is_latest=is_latest,
    )


EVENTS = st.one_of(
    st.builds(
        event,
        st.integers(0, 9),
        st.sampled_from(["0A", "0A1", "0B", "0B00", "0C"]),
        st.sampled_from([State.PRESENT, State.REMOVED]),
        details=st.booleans(),
    ),
    st.builds(
        listed,
        st.integers(0, 9),
        st.integers(0, 3),
        st.sampled_from([State.PRESENT, State.REMOVED]),
        is_latest=st.sampled_from([None, True, False]),
    ),
)


@settings(max_examples=40)
@given(st.lists(EVENTS, min_size=1, max_size=6))
def test_the_condition_of_the_write_is_the_rule(intake: Intake, events: list[ObjectEvent]) -> None:
    table, memory = aws.Table(intake.client("dynamodb"), intake.outputs["FilesTable"]), MemoryTable()
    name = f"{BUCKET}/{uuid.uuid4().hex}"
    for number, each in enumerate(events):
        item = items.item(each, f"m{number}", NOON, KEEP) | {"object": name}
        only_over = number % 3 == 2
        write = (table.replace, memory.replace) if only_over else (table.keep, memory.keep)
        assert write[0](item) == write[1](item)
        assert stored(intake, name) == memory.items.get((name, "null"))


def stored(intake: Intake, name: str) -> dict[str, Any]:
    key = {"object": {"S": name}, "version": {"S": "null"}}
    answer = intake.client("dynamodb").get_item(TableName=intake.outputs["FilesTable"], Key=key, ConsistentRead=True)
    return aws.plain(answer["Item"])


def test_a_missing_table_is_reported_in_a_sentence(intake: Intake) -> None:
    table = aws.Table(intake.client("dynamodb"), "nowhere")
    with pytest.raises(TableUnavailable, match="DynamoDB could not be used for nowhere: ResourceNotFoundException"):
        table.keep(items.item(event(0, "0A", State.PRESENT, details=False), "m", NOON, KEEP))


def test_a_listing_never_brings_back_what_was_removed_after_it() -> None:
    memory = MemoryTable()
    for each in (event(5, "0B", State.REMOVED, details=False), listed(4, 1)):
        memory.keep(items.item(each, "m", NOON, KEEP))
    assert memory.items[f"{BUCKET}/a", "null"]["state"] == "removed"


def test_a_listing_fixes_what_was_missed_and_a_late_event_from_before_it_changes_nothing() -> None:
    memory = MemoryTable()
    for each in (
        event(1, "0A", State.PRESENT, details=False),
        listed(9, 1),
        event(4, "0B", State.REMOVED, details=False),
    ):
        memory.keep(items.item(each, "m", NOON, KEEP))
    item = memory.items[f"{BUCKET}/a", "null"]
    assert (item["state"], item["size_bytes"]) == ("present", 9)
    assert not memory.keep(items.item(event(1, "0A", State.PRESENT, details=False), "m", NOON, KEEP))
    assert memory.keep(items.item(event(9, "0C", State.REMOVED, details=False), "m", NOON, KEEP))


class BusyDynamoDB:
    """DynamoDB when it is short of capacity: it leaves the last item of each call undone, `leaves` times."""

    def __init__(self, leaves: int) -> None:
        self.leaves = leaves
        self.kept: list[str] = []

    def batch_write_item(self, RequestItems: dict[str, list[Any]]) -> dict[str, Any]:  # noqa: N803 - its name for it
        ((name, puts),) = RequestItems.items()
        left = puts[-1:] if self.leaves else []
        self.leaves -= bool(left)
        self.kept += [put["PutRequest"]["Item"]["message_id"]["S"] for put in puts[: len(puts) - len(left)]]
        return {"UnprocessedItems": {name: left} if left else {}}


@pytest.mark.parametrize(
    ("leaves", "kept", "logged"), [(1, ["m0", "m1", "m2"], ""), (9, ["m0", "m1"], "of 1 failures")]
)
def test_reasons_that_dynamodb_leaves_undone_are_written_again_or_logged(
    leaves: int, kept: list[str], logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    dynamodb = BusyDynamoDB(leaves)
    messages = messages_of(sqs_event("", "", ""))
    aws.Failures(dynamodb, "reasons").record([failure(each, (), MessageMalformed("x"), NOON) for each in messages])
    assert dynamodb.kept == kept
    assert bool(logged) == bool(caplog.text)
    assert logged in caplog.text
