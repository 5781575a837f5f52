"""Records -> batches, as large as Firehose takes them and hands them to its function."""

from collections.abc import Iterable, Iterator


def batches(
    records: Iterable[tuple[int, bytes]], most_records: int, most_bytes: int
) -> Iterator[list[tuple[int, bytes]]]:
    """Yield numbered records in batches, in their order; one that is larger than a batch comes alone."""
    batch: list[tuple[int, bytes]] = []
    size_bytes = 0
    for number, record in records:
        if batch and (len(batch) == most_records or size_bytes + len(record) > most_bytes):
            yield batch
            batch, size_bytes = [], 0
        batch.append((number, record))
        size_bytes += len(record)
    if batch:
        yield batch
