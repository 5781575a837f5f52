"""The lake outlives a release: a lake of the last one is read and corrected, columns of a later one are kept."""

import io
import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sms_world import KEY, NOW, World, at, row

from deliverywatch.messages import context
from deliverywatch.sms import compact
from deliverywatch.sms.assessments import balances, usual
from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.lake import forget, incomplete, merge, seal, volumes
from deliverywatch.sms.lake.columns import COLUMNS
from deliverywatch.sms.lake.slots import HOUR, day_key_of, day_of, key_of
from deliverywatch.sms.lake.watermark import WATERMARK

STORED = Path(__file__).parents[1] / "storage/stored"
RELEASES = sorted(path.name for path in STORED.iterdir())
LATER = {
    "region": pa.array(["west", None]),
    "seen_at": pa.array([datetime(2026, 11, 21, 12, tzinfo=UTC)] * 2, pa.timestamp("us", "UTC")),
    "tags": pa.array([["a", "b"], None], pa.list_(pa.string())),
}


def rewritten(body: bytes, **columns: pa.Array) -> bytes:
    """The object with columns set, or without those that are None."""
    table = pq.read_table(io.BytesIO(body))
    for name, values in columns.items():
        if name in table.schema.names:
            table = table.drop_columns([name])
        if values is not None:
            table = table.append_column(name, values)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def rows(body: bytes) -> dict[str, dict[str, Any]]:
    return {each["message_id"]: each for each in pq.read_table(io.BytesIO(body)).to_pylist()}


def values(body: bytes) -> dict[str, list[Any]]:
    """What each message has in the later columns."""
    return {key: [each[name] for name in LATER] for key, each in rows(body).items()}


def later_world() -> World:
    """A world whose one hour was written by a later version."""
    world = World()
    world.history.rows = [row("A", at("12:01"), "pending"), row("B", at("12:02"))]
    world.run()
    key = key_of(at("12:00"))
    world.store.objects[key] = rewritten(world.store.objects[key], **LATER)
    return world


@pytest.mark.parametrize("release", RELEASES)
def test_a_lake_of_a_release_goes_on_where_it_was(release: str) -> None:
    world = World()
    for path in (STORED / release).rglob("*"):
        if path.is_file():
            world.store.objects[path.relative_to(STORED / release).as_posix()] = path.read_bytes()
    for key, body in world.lake().items():
        world.store.stored_metadata[key] = seal.beside(body) if key.startswith("sms/") else {}
    before = {key: len(rows(body)) for key, body in world.lake().items() if key.startswith("sms/")}
    late = "00000000-0000-0000-0000-000000000023"
    world.history.rows = [row(late, at("10:50"), "failed"), row("new", at("12:15"), "failed")]
    world.run(NOW + HOUR)
    assert world.emitted()[at("10:50")] == (0, 1)
    assert world.emitted()[at("12:10")] == (1, 1)
    assert {key: len(rows(world.store.objects[key])) for key in before} == before
    assert rows(world.store.objects[key_of(at("10:00"))])[late]["outcome"] == "failed"


@pytest.mark.parametrize("name", [column.name for column in COLUMNS])
def test_an_object_that_lacks_a_column_is_corrected_unless_its_rows_are_none_without_it(name: str) -> None:
    world = later_world()
    key = key_of(at("12:00"))
    world.store.objects[key] = rewritten(world.store.objects[key], **{name: None})
    world.history.rows[0] = row("A", at("12:01"), "failed")
    records = Recorder(NOW + HOUR, Recipients(KEY)).records([world.history.rows], at("12:00"), at("13:00"))
    taken = {record.message_id: record for record in records}
    try:
        merged = merge.merge(world.store.objects[key], taken, token="t")
    except KeyError:
        assert name in {
            "message_id",
            "sent_at",
            "outcome",
            "fault",
            "status",
            "recipient_hash",
            "recipient",
            "observed_at",
        }
    else:
        assert merged.body is not None
        assert rows(merged.body)["A"]["outcome"] == "failed"


def test_columns_of_a_later_version_stay_with_their_rows() -> None:
    world = later_world()
    world.history.rows = [row("A", at("12:01"), "failed"), row("C", at("12:03"))]
    world.run(NOW + timedelta(minutes=10))
    body = world.store.objects[key_of(at("12:00"))]
    seen = LATER["seen_at"][0].as_py()
    assert values(body) == {"A": ["west", seen, ["a", "b"]], "B": [None, seen, None], "C": [None, None, None]}
    assert rows(body)["A"]["outcome"] == "failed"


def test_columns_of_a_later_version_reach_the_object_of_their_day() -> None:
    world = later_world()
    world.history.rows.append(row("D", at("08:01")))
    world.run(at("09:00"))
    before = values(world.store.objects[key_of(at("12:00"))])
    then = NOW + timedelta(days=5)
    done = compact.compact(compact.due(world.store.sizes("sms/"), then), world.store, token="c")
    assert (done.day_count, done.failures) == (1, {})
    body = world.store.objects[day_key_of(day_of(NOW))]
    assert values(body) == before | {"D": [None, None, None]}
    stray = later_world().store.objects[key_of(at("12:00"))]
    added = seal.absorbed(body, stray=rewritten(stray, message_id=pa.array(["X", "Y"])), token="d").body
    assert added is not None
    assert values(added) == values(body) | {"X": before["A"], "Y": before["B"]}


def test_a_recipient_is_forgotten_without_the_later_columns_of_the_row() -> None:
    body = later_world().store.objects[key_of(at("12:00"))]
    blanked = forget.without(body, forget.traces("+61400000001", Recipients(KEY)), "t").body
    assert blanked is not None
    assert values(blanked) == values(body)
    assert {each["recipient_hash"] for each in rows(blanked).values()} == {None}


def test_a_column_of_another_type_is_what_this_version_writes() -> None:
    body = later_world().store.objects[key_of(at("12:00"))]
    wide = rewritten(
        body,
        message_parts=pa.array([1, 2], pa.int64()),
        observed_at=pq.read_table(io.BytesIO(body))["observed_at"].cast(pa.timestamp("us", "UTC")),
    )
    assert [*merge.rows(wide, ("message_parts", "observed_at"))] == [
        (parts, at_) for parts, (_, at_) in zip((1, 2), merge.rows(body, ("message_parts", "observed_at")), strict=True)
    ]
    assert rows(seal.sealed(wide, "t").body or b"")["A"]["message_parts"] == 1


STATE = {
    WATERMARK: b'{"covered_until": "2026-11-21T12:10:00Z", "counted_from": "2026-11-21T09:10:00Z"}',
    context.key_of("sms"): b"{}",
    incomplete.KEY: b'{"ranges": [{"start": "2026-11-21T11:30:00Z", "end": "2026-11-21T11:40:00Z"}]}',
    volumes.KEY: b"{}",
    usual.KEY: b"{}",
}


def run_with(state: dict[str, bytes]) -> World:
    """A run over an account with traffic that finds these documents."""
    world = World()
    sent = [row(f"M{number}", at("09:15") + timedelta(minutes=4 * number)) for number in range(60)]
    world.history.rows = sent[:44]
    world.run()
    world.store.objects |= state
    world.history.rows = sent
    world.run(at("13:20"))
    return world


@pytest.mark.parametrize("key", STATE)
def test_a_run_keeps_what_a_later_version_wrote_into_its_documents(key: str) -> None:
    later = {"of_a_later_version": {"deep": [1, None]}}
    world = run_with({key: json.dumps(json.loads(STATE[key]) | later).encode()})
    after = json.loads(world.store.objects[key])
    assert after | later == after


# At the edges of the calendar and of numbers, without a zone, and half of a character.
ODD = [
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "9999-12-31", "2026-11-21", "2099-01-01T00:00:00Z"),
    *("\ud800", {"\ud800": "\ud800"}, 1e308, -1, 10**400, math.inf, math.nan, None, [[]]),
]


def with_odd_values(document: Any) -> Iterator[Any]:
    """The document with one value replaced: each that is not deeper than three levels, and one more member."""
    yield from ODD
    if isinstance(document, dict):
        for name, value in list(document.items())[:20]:
            yield from (document | {name: odd} for odd in with_odd_values(value))
        yield from (document | {odd: [1] * 144, "later": odd} for odd in ODD if isinstance(odd, str))


@pytest.mark.parametrize("key", STATE)
def test_no_value_in_a_document_stops_the_runs(key: str) -> None:
    world = run_with(STATE)
    before, time = json.loads(world.store.objects[key]), at("13:20")
    documents = [*with_odd_values(before)]
    for odd in documents[:: len(documents) // 150 + 1]:
        world.store.objects[key] = json.dumps(odd).encode()
        time += timedelta(minutes=10)
        world.run(time)
    assert world.watermark() == time


@pytest.mark.parametrize(
    "rewritten", [lambda body: usual.parse(body).as_body(), lambda body: balances.to_json(balances.from_json(body))]
)
def test_what_is_learned_keeps_what_a_later_version_wrote(rewritten: Callable[[bytes], bytes]) -> None:
    later = {"of_a_later_version": {"deep": [1, None]}}
    after = json.loads(rewritten(json.dumps(later).encode()))
    assert after | later == after
    assert len(after) > len(later)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{", b"[" * 100_000], ids=range(5))
@pytest.mark.parametrize("key", STATE)
def test_a_run_sets_a_damaged_document_aside_and_does_all_else(key: str, body: bytes) -> None:
    world = run_with({key: body})
    assert world.watermark() == at("13:20")
    assert world.run_count() == 2
    assert len(world.outcomes()) == len([one for one in world.history.rows if one["date"] >= at("11:10").timestamp()])
    # What nothing has changed is not written, and so still there.
    left = world.store.objects.get(f"damaged/{key}", world.store.objects[key])
    assert left == body


def test_a_side_that_only_a_later_version_knows_stops_no_run() -> None:
    world = World()
    world.history.rows = [row(name, at("12:05"), "failed") for name in ("A", "B")]
    world.run()
    key = key_of(at("12:00"))
    world.store.objects[key] = rewritten(world.store.objects[key], fault=pa.array(["satellite", "satellite"]))
    world.history.rows = []
    world.run(NOW + timedelta(minutes=10))
    assert world.context()["window"]["reasons"][0]["fault"] == "satellite"
    assert world.context()["steps"]
