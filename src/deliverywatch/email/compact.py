"""Many small objects of a day -> one: what a day costs to store, and above all to read, falls to a tenth.

The merged object is named after what it was merged from and written before anything is deleted. So a run that is killed
may leave rows twice but never loses one, and two runs at once do no harm: copies share their `event_id`, and the next
run removes them, as the view does until then.

An object that cannot be read is set aside under `damaged/`: no query over its day could be answered. A column that only
a later version knows stays.
"""

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from deliverywatch.email.events.columns import TABLE_COLUMNS
from deliverywatch.email.events.streams import Stream, table_folders
from deliverywatch.storage.records import set_aside
from deliverywatch.storage.store import Store, read_listed


@dataclass(frozen=True, slots=True)
class Compacted:
    """A merged day of a stream: how many objects became one, and how many rows were `copies` and are removed."""

    folder: str
    objects: int
    rows: int
    copies: int
    bytes_before: int
    bytes_after: int


def day_folders(day: date) -> list[str]:
    """Return the names that the folder of a day has in the two layouts."""
    return [f"dt={day:%Y-%m-%d}/", f"year={day:%Y}/month={day:%m}/day={day:%d}/"]


def compact(store: Store, days: Iterable[date], *, dry_run: bool = False) -> list[Compacted]:
    """Merge the objects of some days, for both streams; a day that is one object already is left as it is.

    Args:
        store: Where they are.
        days: UTC days of arrival, only past ones: Firehose still writes into today's.
        dry_run: Whether to merge in memory only.
    """
    tables = [folder for stream in Stream for folder in table_folders(stream)]
    folders = [f"{table}{name}" for day in days for table in tables for name in day_folders(day)]
    return [day for folder in folders if (day := _compact(store, folder, dry_run=dry_run))]


def _compact(store: Store, folder: str, *, dry_run: bool) -> Compacted | None:
    keys = [key for key in store.keys(folder) if key.endswith(".parquet")]
    if len(keys) < 2:
        return None
    damaged, others = _examined(store, keys)
    body, rows, copies, size = _merged(store, [key for key in keys if key not in damaged], others)
    if not dry_run:
        for key, unreadable in damaged.items():
            set_aside(store, key, unreadable)

        name = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:24]
        store.write(f"{folder}compacted-{name}.parquet", body)
        for key in keys:
            store.delete(key)
    return Compacted(folder, len(keys), rows, copies, size, len(body))


def _examined(store: Store, keys: Sequence[str]) -> tuple[dict[str, bytes], list[Any]]:
    """Return the objects that cannot be read, and the columns of the others that only a later version knows."""
    # Imported here: it brings pyarrow, which a day without small objects does not need.
    from deliverywatch.email.events import parquet

    damaged: dict[str, bytes] = {}
    others: dict[str, Any] = {}
    for key in keys:
        body = read_listed(store, key)
        if not parquet.is_whole(body):
            damaged[key] = body
            continue
        for field in parquet.others_of(body, TABLE_COLUMNS):
            others.setdefault(field.name, field)
    return damaged, [*others.values()]


def _merged(store: Store, keys: Sequence[str], others: Sequence[Any]) -> tuple[bytes, int, int, int]:
    from deliverywatch.email.events import parquet

    sink = io.BytesIO()
    writer = parquet.Writer(sink, TABLE_COLUMNS, "zstd", others)
    seen: set[bytes] = set()
    rows = copies = size = 0
    for key in keys:
        body = read_listed(store, key)
        size += len(body)
        for table in parquet.tables(body, TABLE_COLUMNS, others):
            fresh = [_is_new(bytes.fromhex(event_id), seen) for event_id in table.column("event_id").to_pylist()]
            rows += sum(fresh)
            copies += len(fresh) - sum(fresh)
            writer.add_table(table if all(fresh) else table.filter(fresh))
    writer.close()
    return sink.getvalue(), rows, copies, size


def _is_new(event_id: bytes, seen: set[bytes]) -> bool:
    if event_id in seen:
        return False
    seen.add(event_id)
    return True
