"""Which version is current: S3's own word before any clock, and what nothing tells apart is said to be undecided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from files_world import NOON

from deliverywatch.cli import main
from deliverywatch.errors import StoreUnavailable
from deliverywatch.files.find import find
from deliverywatch.files.records import items
from deliverywatch.files.records.events import State
from deliverywatch.files.verify import Listed

if TYPE_CHECKING:
    from files_stack import Intake

MARKER, PRESENT, REMOVED = "delete_marker", "present", "removed"


def by_event(version: str, second: float, state: str = PRESENT) -> dict[str, Any]:
    """An item of an event; as S3 does, later ones have higher sequencers."""
    return {"version": version, "state": state, "event_time": moment(second), "sequencer": f"{round(second * 1e3):08X}"}


def by_listing(version: str, second: int, *, at: int = 60, latest: bool | None, state: str = PRESENT) -> dict[str, Any]:
    word = {} if latest is None else {"is_latest": latest}
    time = {"event_time": moment(second), "listed_at": moment(at)}
    return {"version": version, "state": state, "sequencer": "", **time, **word}


def moment(second: float) -> str:
    return f"{NOON:%Y-%m-%dT%H}:{int(second) // 60:02}:{second % 60:06.3f}Z"


# It may have begun before any other.
IN_PARTS = {"event": "ObjectCreated:CompleteMultipartUpload"}

CASES = {
    "events: the higher sequencer, whatever their clocks say": (
        [by_event("v1", 10.0) | {"event_time": moment(50)}, by_event("v2", 10.1)],
        "v2",
    ),
    "an upload over one in parts that had ended before": (
        [by_event("v1", 10.0) | IN_PARTS, by_event("v2", 10.1)],
        "v2",
    ),
    "a listing's latest over one in parts": (
        [by_event("v1", 50.0) | IN_PARTS, by_listing("v2", 40, latest=True)],
        "v2",
    ),
    "a listing's latest, listed in the same second as another": (
        [by_listing("v1", 10, latest=True), by_listing("v2", 10, latest=False)],
        "v1",
    ),
    "a delete marker in the second of what it hides": (
        [by_listing("v1", 10, latest=False), by_listing("v2", 10, latest=True, state=MARKER)],
        None,
    ),
    "a listing's latest over an event of a later part of its second": (
        [by_event("v1", 10.2), by_listing("v2", 10, latest=True)],
        "v2",
    ),
    "an event after the listing": ([by_event("v2", 62.0), by_listing("v1", 10, latest=True)], "v2"),
    "an event in the second of the listing": ([by_event("v2", 60.2), by_listing("v1", 10, latest=True)], "v2"),
    "the later of two listings": (
        [by_listing("v1", 10, at=20, latest=True), by_listing("v2", 10, at=60, latest=True)],
        "v2",
    ),
    "what is uncovered by a removal": (
        [by_event("v1", 1.0), by_event("v2", 2.0), by_event("v3", 3.0, REMOVED)],
        "v2",
    ),
    "different seconds without a word of S3": (
        [by_event("v1", 9.9), by_listing("v2", 10, latest=None)],
        "v2",
    ),
    "nothing": ([], None),
    "removed for good": ([by_event("v1", 1.0, REMOVED)], None),
}


@pytest.mark.parametrize(("versions", "wanted"), CASES.values(), ids=CASES)
def test_s3s_word_comes_before_any_clock(versions: list[dict[str, Any]], wanted: str | None) -> None:
    for order in (versions, versions[::-1]):
        current = items.current(order)
        assert (current and current["version"], items.undecided(order)) == (wanted, [])


@pytest.mark.parametrize(
    ("one", "other", "likely"),
    [
        (by_event("v1", 10.2), by_listing("v2", 10, latest=None), "v2"),
        (by_event("v1", 10.2), by_listing("v2", 10, latest=None, state=MARKER), None),
        (by_listing("v1", 10, latest=None), by_listing("v2", 10, latest=None, state=MARKER), None),
        (by_event("v1", 10.0), by_event("v2", 20.0) | IN_PARTS, "v2"),
    ],
)
def test_what_may_be_of_one_moment_is_undecided(one: dict[str, Any], other: dict[str, Any], likely: str | None) -> None:
    for order in ([one, other], [other, one]):
        assert {item["version"] for item in items.undecided(order)} == {"v1", "v2"}
        current = items.current(order)
        assert (current and current["version"]) == likely


class Bucket:
    def __init__(self, answer: Listed | StoreUnavailable | None) -> None:
        self.answer = answer

    def latest(self, key: str) -> Listed | None:
        assert key == "a"
        if isinstance(self.answer, StoreUnavailable):
            raise self.answer
        return self.answer


def latest(version: str, state: State = State.PRESENT) -> Bucket:
    return Bucket(Listed("a", version, state, None, None, NOON, NOON, is_latest=True))


BOTH = [by_event("v1", 10.0), by_event("v2", 11.0)]
ONE_MOMENT = [by_event("v1", 10.2), by_listing("v2", 10, latest=None, state=MARKER)]
DOWN = Bucket(StoreUnavailable("S3 is down."))


@pytest.mark.parametrize(
    ("versions", "bucket", "current", "sentence", "is_uncertain"),
    [
        (BOTH, latest("v1"), "v1", "in/a is there.", False),
        (BOTH, latest("v3", State.DELETE_MARKER), None, "in/a is not there now.", False),
        (BOTH, latest("v9"), None, "in/a is there in version v9, which the table does not have: ", False),
        (BOTH, Bucket(None), None, "in/a is not there now.", False),
        (BOTH, DOWN, "v2", "in/a is there.", False),
        ([], DOWN, None, "in/a is not known.", False),
        (ONE_MOMENT, latest("v1"), "v1", "in/a is there.", False),
        (ONE_MOMENT, DOWN, None, "in/a: the newest version is undecided: nothing tells v1 and v2 apart", True),
    ],
)
def test_the_bucket_is_asked_before_the_table(
    versions: list[dict[str, Any]], bucket: Bucket, current: str | None, sentence: str, is_uncertain: bool
) -> None:
    found = find("a", versions, bucket)
    assert (found.current and found.current["version"], found.is_uncertain) == (current, is_uncertain)
    assert found.sentence("in/a").startswith(sentence)


def test_versions_of_one_second_that_only_a_listing_knows_are_told_apart(intake: Intake) -> None:
    written = [str(intake.put("one second.csv", body)["VersionId"]) for body in (b"1", b"22", b"333")]
    hidden = intake.put("hidden.csv")["VersionId"]
    marker = intake.delete("hidden.csv")["VersionId"]
    intake.client("sqs").purge_queue(QueueUrl=intake.outputs["FilesQueueUrl"])
    run = CliRunner().invoke
    assert run(main, ["files", "reprocess", "--prefix", ""]).exit_code == 0
    intake.settle()
    assert {item["is_latest"] for item in intake.versions("one second.csv")} == {True, False}
    current = items.current(intake.versions("one second.csv"))
    assert current is not None
    assert current["version"] == written[-1]
    assert {item["version"] for item in intake.versions("hidden.csv")} == {hidden, marker}
    assert items.current(intake.versions("hidden.csv")) is None
    found = json.loads(run(main, ["files", "find", "one second.csv", "--json"]).stdout)
    assert (found["decided_by"], found["current"]["version"]) == ("s3", written[-1])
