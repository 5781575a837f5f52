"""Records <-> Arrow batches <-> Parquet, with the types of columns.py, in little memory and without pyarrow.compute.

The first use of a compute function (`cast`, `take`, `filter`, sorting) imports pyarrow.compute: 40 ms and 10 MiB.
Slices, views and the writer's own encodings do without. Texts that repeat are Arrow dictionaries: a row takes 4 bytes
for each.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from deliverywatch.sms.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from deliverywatch.sms.records import Record

# The default pool keeps freed memory for later; with the system's allocator a run's peak is 10 MiB lower.
pa.set_memory_pool(pa.system_memory_pool())

# Rows of a batch: as long as they are Python objects they take ten times the memory.
BATCH_ROWS = 1000

# Rows of a row group: 1,000 would cost 15 % more bytes, 100,000 would have to be held in memory.
_GROUP_ROWS = 16_384

_UNIQUE = {"message_id", "recipient_hash", "recipient", "extra"}
_TYPES = {
    "int": pa.int32(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("ms", "UTC"),
    "decimal(12,6)": pa.decimal128(12, 6),
}
_REPEATED = [column.name for column in COLUMNS if column.athena_type == "string" and column.name not in _UNIQUE]
NAMES = [column.name for column in COLUMNS]
SCHEMA = pa.schema(
    [
        (name, pa.dictionary(pa.int32(), pa.string()) if name in _REPEATED else _TYPES.get(kind, pa.string()))
        for name, kind in ((column.name, column.athena_type) for column in COLUMNS)
    ]
)


def batch_of(records: Sequence[Record]) -> pa.RecordBatch:
    """Return the records, at least one, as a batch."""
    columns = zip(*records, strict=True)
    arrays = [_array(values, field.type) for values, field in zip(columns, SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)


def columns_of(batch: pa.RecordBatch, names: Iterable[str]) -> list[list[Any]]:
    """Return some columns of a batch as Python values: times in milliseconds, prices in millionths."""
    return [_values(batch.column(name)) for name in names]


def records_of(batch: pa.RecordBatch) -> list[Record]:
    """Return a batch as the records it was made of."""
    return list(zip(*columns_of(batch, NAMES), strict=True))


def batches_of(body: bytes, names: Sequence[str] = NAMES) -> Iterator[pa.RecordBatch]:
    """Read some columns of a Parquet file, a batch at a time."""
    file = pq.ParquetFile(pa.BufferReader(body), read_dictionary=_REPEATED, pre_buffer=False)
    return file.iter_batches(BATCH_ROWS, columns=list(names), use_threads=False)  # type: ignore[no-any-return]


class Writer:
    """Collects batches into one Parquet file in memory."""

    def __init__(self) -> None:
        self._sink = pa.BufferOutputStream()
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._file = pq.ParquetWriter(
            self._sink,
            SCHEMA,
            compression="zstd",
            compression_level=1,
            use_dictionary=[
                name for name in NAMES if name not in {"message_id", "recipient_hash", "sent_at", "scheduled_at"}
            ],
            column_encoding=dict.fromkeys(("sent_at", "scheduled_at"), "DELTA_BINARY_PACKED"),
            store_decimal_as_integer=True,
            store_schema=False,
        )

    def add(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        if self._pending_rows >= _GROUP_ROWS:
            self._flush()

    def close(self, metadata: Mapping[str, str]) -> bytes:
        """Return the file, with the metadata in its footer."""
        self._flush()
        self._file.add_key_value_metadata(dict(metadata))
        self._file.close()
        return self._sink.getvalue().to_pybytes()  # type: ignore[no-any-return]

    def _flush(self) -> None:
        if self._pending:
            # One dictionary for the whole group: where it changes, the writer falls back to plain text.
            self._file.write_table(pa.Table.from_batches(self._pending).unify_dictionaries())
        self._pending, self._pending_rows = [], 0


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if not pa.types.is_decimal(kind):
        return pa.array(values, kind)
    # Decimal objects would cost five times as much: the millionths are laid out as 128-bit integers instead.
    narrow = pa.array(values, pa.int64())
    validity, low = narrow.buffers()
    wide = array("q", bytes(16 * len(values)))
    memoryview(wide)[::2] = memoryview(low).cast("q")[: len(values)]
    memoryview(wide)[1::2] = array("q", [-1 if value and value < 0 else 0 for value in values])
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(wide)])


def _values(column: pa.Array) -> list[Any]:
    if pa.types.is_dictionary(column.type):
        words = column.dictionary.to_pylist()
        return [None if index is None else words[index] for index in column.indices.to_pylist()]
    if pa.types.is_timestamp(column.type):
        return column.view(pa.int64()).to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_decimal(column.type):
        return _millionths(column)
    return column.to_pylist()  # type: ignore[no-any-return]


def _millionths(column: pa.Array) -> list[int | None]:
    validity, wide = column.buffers()
    first, last = column.offset, column.offset + len(column)
    low = memoryview(wide).cast("q")[2 * first : 2 * last : 2]
    if validity is None or not column.null_count:
        return [*low]
    bits = memoryview(validity)
    return [value if bits[row >> 3] >> (row & 7) & 1 else None for row, value in enumerate(low, first)]
