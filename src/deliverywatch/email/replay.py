"""What lies under the error prefix -> what is wrong with it, and the records that can be read, sent again.

Firehose keeps a failed record as `rawData` in base64. A record that the transform refused is there as it came; one that
did not fit the table is there as the row that the transform made, whose `raw` holds the event.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from deliverywatch.email.events import rows
from deliverywatch.email.events.refusals import RefusedError
from deliverywatch.email.events.streams import Stream, error_folder
from deliverywatch.email.firehose import delivery
from deliverywatch.storage.store import Store, read_listed

# PutRecordBatch takes 500 records and 4 MiB at a time.
_BATCH_RECORDS = 100
_BATCH_BYTES = 3 * 2**20
_KINDS = (delivery.PROCESSING_FAILED, delivery.CONVERSION_FAILED)


@dataclass(slots=True)
class Replayed:
    """What became of the records of a stream's error prefix.

    Attributes:
        records: All of them.
        sent: Those that can be read and were sent; in a dry run, that would be.
        refused: Those that stay, by reason.
        examples: The first sentence of each reason.
    """

    stream: Stream
    objects: int = 0
    records: int = 0
    sent: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)


def replay(
    store: Store, stream: Stream, send: Callable[[Sequence[bytes]], Sequence[int]], *, dry_run: bool = False
) -> Replayed:
    """Send what can be read again, and leave the rest where it is.

    An object is rewritten with what stays only after its records were taken; a run that is killed in between sends them
    twice, and `event_id` tells copies.

    Args:
        store: Where the error objects are.
        stream: Whose.
        send: Takes at most 100 records of 3 MiB together; returns the places of those that were not taken.
        dry_run: Whether to send and rewrite nothing.
    """
    result = Replayed(stream)
    for kind in _KINDS:
        for key in store.keys(f"{error_folder(stream)}{kind}/"):
            result.objects += 1
            _replay(store, key, result, send, dry_run=dry_run)
    return result


def event_in(line: bytes) -> bytes:
    """Return the event that a line of an error object holds, as it should be sent again.

    Raises:
        ValueError: The line is no error record of Firehose.
    """
    record: dict[str, Any] = orjson.loads(line)
    data = b64decode(record["rawData"])
    if record.get("dataCatalogTable"):
        data = orjson.loads(data)["raw"].encode()
    return data if data.endswith(b"\n") else data + b"\n"


def _replay(
    store: Store, key: str, result: Replayed, send: Callable[[Sequence[bytes]], Sequence[int]], *, dry_run: bool
) -> None:
    lines = read_listed(store, key).splitlines(keepends=True)
    good = dict(_readable(lines, result))
    result.records += len(lines)
    if dry_run:
        result.sent += len(good)
        return
    taken = {index for batch in _batches(good) for index in _taken(batch, good, send)}
    result.sent += len(taken)
    stays = [line for index, line in enumerate(lines) if index not in taken]
    if not stays:
        store.delete(key)
    elif taken:
        store.write(key, b"".join(stays))


def _readable(lines: Sequence[bytes], result: Replayed) -> Iterator[tuple[int, bytes]]:
    for index, line in enumerate(lines):
        try:
            event = event_in(line)
            rows.row(rows.parse(event), "", "")
        except RefusedError as error:
            _refuse(result, error.reason, str(error))
        except (ValueError, KeyError, TypeError, AttributeError):
            _refuse(result, "not_an_error_record", "The line is no error record of Firehose.")
        else:
            yield index, event


def _refuse(result: Replayed, reason: str, sentence: str) -> None:
    result.refused[reason] = result.refused.get(reason, 0) + 1
    result.examples.setdefault(reason, sentence)


def _batches(good: Mapping[int, bytes]) -> Iterator[Sequence[int]]:
    batch: list[int] = []
    size = 0
    for index, event in good.items():
        if batch and (len(batch) == _BATCH_RECORDS or size + len(event) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(index)
        size += len(event)
    if batch:
        yield batch


def _taken(batch: Sequence[int], good: dict[int, bytes], send: Callable[[Sequence[bytes]], Sequence[int]]) -> list[int]:
    not_taken = set(send([good[index] for index in batch]))
    return [index for number, index in enumerate(batch) if number not in not_taken]
