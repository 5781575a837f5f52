"""Records -> batches, as large as Firehose takes them and hands them to its function."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

Name = TypeVar("Name")


def batches(
    records: Iterable[tuple[Name, bytes]], most_records: int, most_bytes: int
) -> Iterator[list[tuple[Name, bytes]]]:
    """Yield records by their names in batches, in their order; one that is larger than a batch comes alone."""
    batch: list[tuple[Name, bytes]] = []
    size_bytes = 0
    for name, record in records:
        if batch and (len(batch) == most_records or size_bytes + len(record) > most_bytes):
            yield batch
            batch, size_bytes = [], 0
        batch.append((name, record))
        size_bytes += len(record)
    if batch:
        yield batch
