"""The format of the lake: types, ways there and back, and what stays out of the process."""

import io
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st
from sms_world import KEY, NOW, World, at, row

from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.lake import seal
from deliverywatch.sms.lake.columns import COLUMNS
from deliverywatch.sms.lake.parquet import SCHEMA, Writer, batch_of, batches_of, columns_of, records_of

ROOT = Path(__file__).parents[2]
TYPES = {"string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "timestamp": pa.timestamp("ms", "UTC")}


def batch(*rows: dict[str, Any]) -> pa.RecordBatch:
    return batch_of([*Recorder(NOW, Recipients(KEY)).records([rows], NOW - timedelta(hours=1), NOW)])


def written(*batches: pa.RecordBatch, **metadata: str) -> bytes:
    writer = Writer()
    for one in batches:
        writer.add(one)
    return writer.close(metadata)


def test_a_reader_that_knows_nothing_of_us_sees_the_declared_columns() -> None:
    table = pq.read_table(io.BytesIO(written(batch(row("A", at("12:05"))))))
    expected = {column.name: TYPES.get(column.athena_type, pa.decimal128(12, 6)) for column in COLUMNS}
    assert {field.name: field.type for field in table.schema} == expected
    (first,) = table.to_pylist()
    assert first["sent_at"] == at("12:05")
    assert (str(first["message_price"]), first["message_parts"], first["carrier"]) == ("0.079200", 1, "Telstra")
    assert first["observed_at"] == NOW


def test_the_footer_keeps_what_is_said_beside_the_object() -> None:
    assert pq.ParquetFile(io.BytesIO(written(batch(row("A", at("12:05"))), unsettled="3"))).metadata.metadata == {
        b"unsettled": b"3"
    }


def test_a_batch_is_read_as_it_was_written() -> None:
    fields = [
        {},
        {"message_price": "-1.5", "list_id": 7},
        {"to": None, "message_price": None, "user_id": -1},
        {"new": 1},
    ]
    made = batch(*(row(f"{index}", at("12:05"), "pending", **values) for index, values in enumerate(fields)))
    body = written(made.slice(0, 1), made.slice(1))
    again = [values for one in batches_of(body) for values in records_of(one)]
    assert again == records_of(made)
    prices = [Decimal("0.0792"), Decimal("-1.5"), None, Decimal("0.0792")]
    assert [record.message_price for record in again] == prices


def test_a_slice_is_read_from_where_it_begins() -> None:
    prices = [None, "0.1", "0.2", None, "0.3"]
    made = batch(*(row(f"{index}", at("12:05"), message_price=price) for index, price in enumerate(prices)))
    assert columns_of(made.slice(2, 3), ("message_price",)) == [[Decimal("0.2"), None, Decimal("0.3")]]


def without(body: bytes, *names: str) -> bytes:
    """The object as it was before these columns were added."""
    sink = io.BytesIO()
    table = pq.read_table(io.BytesIO(body))
    pq.write_table(table.drop_columns([*names]).replace_schema_metadata({"unsettled": "0"}), sink)
    return sink.getvalue()


ADDED = ("carrier", "message_price", "user_id", "scheduled_at", "extra")


def test_an_object_from_before_a_column_was_added_is_read_merged_sealed_and_joined() -> None:
    """Who adds a column must not make the stored history unreadable: it is null there, as in Athena."""
    world = World()
    world.history.rows = [row("A", at("12:05")), row("B", at("12:06"), "failed")]
    world.run()
    (key,) = world.lake()
    old = without(world.store.objects[key], *ADDED)
    world.store.objects[key] = old
    emitted = len(world.points)
    world.history.rows = [row("A", at("12:05")), row("C", at("12:07"))]
    world.run(NOW + timedelta(minutes=10))
    assert world.outcomes() == {"A": "delivered", "B": "failed", "C": "delivered"}
    assert sum(point.metrics["Total"][0] for point in world.points[emitted:] if "Total" in point.metrics) == 1
    table = pq.read_table(io.BytesIO(world.store.objects[key]))
    assert dict(zip(*table.select(["message_id", "carrier"]).to_pydict().values(), strict=True))["A"] == "Telstra"
    made = seal.joined([seal.sealed(old, "t").body or b""], "t").body or b""
    assert pq.read_table(io.BytesIO(made)).schema.names == SCHEMA.names
    assert seal.is_whole(old)
    assert not seal.is_whole(without(old, "outcome"))


def test_some_columns_can_be_read_alone() -> None:
    (one,) = batches_of(written(batch(row("A", at("12:05")))), ("outcome", "message_id"))
    assert columns_of(one, ("message_id", "outcome")) == [["A"], ["delivered"]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["delivered", "failed", "unknown"]),
            st.none() | st.decimals(-999, 999, places=6).map(str),
            st.none() | st.sampled_from(["AU", "NZ", ""]),
            st.none() | st.integers(-(2**63), 2**63 - 1),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_value_finds_its_row(values: list[tuple[str, str | None, str | None, int | None]]) -> None:
    rows = [
        row(f"{index}", at("12:05"), outcome, message_price=price, country=country, user_id=user)
        for index, (outcome, price, country, user) in enumerate(values)
    ]
    made = columns_of(batch(*rows), ("outcome", "message_price", "country", "user_id"))
    expected = [
        (outcome, None if price is None else Decimal(price), country or None, user)
        for outcome, price, country, user in values
    ]
    assert [*zip(*made, strict=True)] == expected


def test_a_whole_run_does_without_numpy_pandas_and_the_compute_functions() -> None:
    script = """if True:
        import sys
        sys.modules["numpy"] = sys.modules["pandas"] = None  # cannot be imported, as in the function's zip
        sys.path.insert(0, "tests/sms")
        from sms_world import *
        world = World()
        world.history.rows = [row(str(index), at("12:05"), "pending") for index in range(300)]
        world.run()
        world.history.rows = [row(str(index), at("12:05"), "failed") for index in range(0, 400, 2)]
        world.run(NOW + timedelta(minutes=10))
        print(len(world.rows_of(at("12:00"))), "pyarrow" in sys.modules, "pyarrow.compute" in sys.modules)
    """
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["350", "True", "False"]


def test_a_run_without_messages_does_not_even_load_pyarrow() -> None:
    script = """if True:
        import sys
        from datetime import UTC, datetime
        from deliverywatch.sms import ingest, handle_ingest
        from deliverywatch.storage.folder import Folder
        from deliverywatch.sms.ports import Ports, Settings, Source
        from deliverywatch.sms.clicksend.recipients import Recipients
        from pathlib import Path
        class Empty:
            def pages(self, start, end):
                return iter(())
        source = Source(Empty(), Recipients(b"k"))
        ports = Ports(connect=lambda: source, store=Folder(Path(sys.argv[1])), emit=lambda points: None)
        ingest.run(datetime(2026, 11, 21, 12, 10, tzinfo=UTC), Settings(), ports, token="t")
        print("pyarrow" in sys.modules, "aiohttp" in sys.modules)
    """
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", script, folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
