"""Many small objects of a day -> one: what a day costs to store, and most of all to read, falls to a tenth.

The merged object gets a name of its own, made of what it was merged from, and is written before anything is deleted. So
a run that is killed leaves rows twice and never loses one, and two runs at once do no harm: copies are told by their
`event_id` and taken out by the next run, and by the view until then.
"""

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from deliverywatch.email.events.columns import COLUMNS
from deliverywatch.email.events.streams import Stream, table_folder
from deliverywatch.storage.store import Store, read_listed

_COLUMNS = [(column.name, column.athena_type) for column in COLUMNS]


@dataclass(frozen=True, slots=True)
class Compacted:
    """What became of a day of a stream.

    Attributes:
        folder: The day's folder.
        objects: How many there were; now it is one.
        copies: Rows that were there more than once, and are no more.
    """

    folder: str
    objects: int
    rows: int
    copies: int
    bytes_before: int
    bytes_after: int


def day_folders(day: date) -> list[str]:
    """Return what the folder of a day may be called, in each of the layouts."""
    return [f"dt={day:%Y-%m-%d}/", f"year={day:%Y}/month={day:%m}/day={day:%d}/"]


def compact(store: Store, days: Iterable[date], *, dry_run: bool = False) -> list[Compacted]:
    """Merge the objects of some days, for both streams; a day that is one object already is left as it is.

    Args:
        store: Where they are.
        days: UTC days of arrival, that are over: of the present one Firehose still writes.
        dry_run: Whether to merge in memory only, to see what would come of it.
    """
    folders = [f"{table_folder(stream)}{name}" for day in days for stream in Stream for name in day_folders(day)]
    done = (_compact(store, folder, dry_run=dry_run) for folder in folders)
    return [each for each in done if each]


def _compact(store: Store, folder: str, *, dry_run: bool) -> Compacted | None:
    keys = [key for key in store.keys(folder) if key.endswith(".parquet")]
    if len(keys) < 2:
        return None
    body, rows, copies, size = _merged(store, keys)
    if not dry_run:
        store.write(_name(folder, keys), body)
        for key in keys:
            store.delete(key)
    return Compacted(folder, len(keys), rows, copies, size, len(body))


def _name(folder: str, keys: Sequence[str]) -> str:
    return f"{folder}compacted-{hashlib.sha256(chr(10).join(keys).encode()).hexdigest()[:24]}.parquet"


def _merged(store: Store, keys: Sequence[str]) -> tuple[bytes, int, int, int]:
    # Imported here: it brings pyarrow, which a day without small objects does not need.
    from deliverywatch.email.events import parquet

    sink = io.BytesIO()
    writer = parquet.Writer(sink, _COLUMNS, "zstd")
    seen: set[bytes] = set()
    rows = copies = size = 0
    for key in keys:
        body = read_listed(store, key)
        size += len(body)
        for table in parquet.tables(body, _COLUMNS, key):
            fresh = [_is_new(bytes.fromhex(each), seen) for each in table.column("event_id").to_pylist()]
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
