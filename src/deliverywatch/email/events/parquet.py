"""Rows of columns -> a Parquet file, in groups, so that memory does not grow with the file.

pyarrow is imported here and nowhere else in the room: the transform's function does not ship it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from deliverywatch.email.events.glue_types import GlueType, parsed

# The default pool keeps freed memory for later.
pa.set_memory_pool(pa.system_memory_pool())

# Rows held as Python objects: about 10 MB.
GROUP_ROWS = 4_000

# Rows of one group of a merged file, held by Arrow: about 30 MB.
MERGED_ROWS = 16_000

# Columns that only a later version knows.
Others = Sequence[pa.Field]

Codec = Literal["gzip", "snappy", "zstd"]

_TYPES = {
    "string": pa.string(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("ms", "UTC"),
    "date": pa.date32(),
}


def arrow_type(kind: GlueType) -> pa.DataType:
    """Return Arrow's type of a Glue type."""
    inner = [arrow_type(part) for part in kind.inner]
    if kind.name == "array":
        return pa.list_(inner[0])
    if kind.name == "map":
        return pa.map_(*inner)
    if kind.name == "struct":
        return pa.struct(list(zip(kind.fields, inner, strict=True)))
    if kind.name.startswith("decimal("):
        precision, _, scale = kind.name.removeprefix("decimal(").removesuffix(")").partition(",")
        return pa.decimal128(int(precision), int(scale or 0))
    return _TYPES.get(kind.name, pa.string())


def schema(columns: Sequence[tuple[str, str]]) -> pa.Schema:
    """Return Arrow's schema of columns: name and Glue type."""
    return pa.schema([(name, arrow_type(parsed(kind))) for name, kind in columns])


class Writer:
    """Collects rows into one Parquet file."""

    def __init__(
        self, sink: Path | BinaryIO, columns: Sequence[tuple[str, str]], codec: Codec, others: Others = ()
    ) -> None:
        """Open the file; columns are name and Glue type, in the order of the rows' values, before the other ones."""
        self._schema = pa.schema([*schema(columns), *others])
        self._file = pq.ParquetWriter(
            sink,
            self._schema,
            compression=codec,
            compression_level={"zstd": 9, "gzip": 6}.get(codec),
            # Queries skip by day only; the other statistics would be a tenth of a small file.
            write_statistics=["event_time"],
            store_schema=False,
        )
        self._rows: list[Sequence[Any]] = []
        self._tables: list[pa.Table] = []

    def add(self, row: Sequence[Any]) -> None:
        """Append a row; times are milliseconds."""
        self._rows.append(row)
        if len(self._rows) >= GROUP_ROWS:
            self._flush()

    def add_table(self, table: pa.Table) -> None:
        """Append an Arrow table with these columns."""
        self._tables.append(table)
        if sum(table.num_rows for table in self._tables) >= MERGED_ROWS:
            self._flush_tables()

    def close(self) -> None:
        """Finish the file."""
        self._flush()
        self._flush_tables()
        self._file.close()

    def _flush_tables(self) -> None:
        if self._tables:
            self._file.write_table(pa.concat_tables(self._tables).combine_chunks())
        self._tables = []

    def _flush(self) -> None:
        if self._rows:
            values = zip(*self._rows, strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(values, self._schema, strict=True)]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._rows = []


def rows(source: Path | BinaryIO, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Yield these columns of a file's rows; one that the file does not have yet is None, as in Athena."""
    with pq.ParquetFile(source) as file:
        present = [name for name in names if name in file.schema_arrow.names]
        for batch in file.iter_batches(GROUP_ROWS, columns=present):
            columns = {name: batch.column(name).to_pylist() for name in present}
            empty = [None] * batch.num_rows
            yield from zip(*(columns.get(name, empty) for name in names), strict=True)


def others_of(body: bytes, columns: Sequence[tuple[str, str]]) -> list[pa.Field]:
    """Return the columns of a file that only a later version knows: whoever merges the file keeps them.

    Raises:
        ValueError: The file cannot be read.
    """
    known = {name for name, _ in columns}
    return [field for field in pq.read_schema(pa.BufferReader(body)).remove_metadata() if field.name not in known]


def is_whole(body: bytes) -> bool:
    """Whether a file can be read to its end."""
    try:
        with pq.ParquetFile(pa.BufferReader(body)) as file:
            return all(batch is not None for batch in file.iter_batches(GROUP_ROWS))
    except (ValueError, OSError, TypeError):  # pyarrow's own errors are among them
        return False


def tables(body: bytes, columns: Sequence[tuple[str, str]], others: Others = ()) -> Iterator[pa.Table]:
    """Yield the rows of a file in Arrow, with exactly these columns and these others; what the file lacks is null.

    Firehose writes times as INT96, which Arrow reads with nanoseconds and no zone: they become what we write.
    """
    wanted = pa.schema([*schema(columns), *others])
    with pq.ParquetFile(pa.BufferReader(body)) as file:
        present = file.schema_arrow.names
        for batch in file.iter_batches(GROUP_ROWS):
            arrays = [
                batch.column(field.name).cast(field.type, safe=False)
                if field.name in present
                else pa.nulls(batch.num_rows, field.type)
                for field in wanted
            ]
            yield pa.Table.from_arrays(arrays, schema=wanted)
