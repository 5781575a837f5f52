"""The objects under the error prefix -> what is wrong with their records, and those that can be read, sent again.

Firehose keeps a failed record as `rawData` in base64. A record that the transform refused is kept as it came; one that
did not fit the table is kept as the transform's row, whose `raw` holds the event. A record of several events, or of an
envelope with one, is sent as its events.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from deliverywatch.email.events import rows
from deliverywatch.email.events.envelopes import event_in
from deliverywatch.email.events.files import numbered
from deliverywatch.email.events.refusals import Reason, RefusedError
from deliverywatch.email.events.streams import Stream, error_folder
from deliverywatch.email.firehose import delivery
from deliverywatch.email.firehose.batches import batches
from deliverywatch.storage.store import Store, read_listed

# PutRecordBatch takes 500 records and 4 MiB at a time.
_BATCH_RECORDS = 100
_BATCH_BYTES = 3 * 2**20
_KINDS = (delivery.PROCESSING_FAILED, delivery.CONVERSION_FAILED)


@dataclass(slots=True)
class Replayed:
    """What became of the records under a stream's error prefix.

    Attributes:
        sent: Records that can be read and were sent; in a dry run, that would be.
        refused: Records that stay, by reason.
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
    twice, and copies share their `event_id`.

    Args:
        store: Where the error objects are.
        stream: The stream whose records are sent.
        send: Takes at most 100 records of 3 MiB together; returns the positions of those that were not taken.
        dry_run: Whether to send and rewrite nothing.
    """
    result = Replayed(stream)
    for kind in _KINDS:
        for key in store.keys(f"{error_folder(stream)}{kind}/"):
            result.objects += 1
            _replay(store, key, result, send, dry_run=dry_run)
    return result


def record_in(line: bytes) -> bytes:
    """Return the record in a line of an error object as it came; ValueError if it is not an error record."""
    record: dict[str, Any] = orjson.loads(line)
    data = b64decode(record["rawData"])
    if record.get("dataCatalogTable"):
        return str(orjson.loads(data)["raw"]).encode()
    return data


def _replay(
    store: Store, key: str, result: Replayed, send: Callable[[Sequence[bytes]], Sequence[int]], *, dry_run: bool
) -> None:
    lines = read_listed(store, key).splitlines(keepends=True)
    good = [*_readable(lines, result)]
    result.records += len(lines)
    readable = {index for index, _ in good}
    if dry_run:
        result.sent += len(readable)
        return
    stays = set(range(len(lines))) - readable
    for batch in batches(good, _BATCH_RECORDS, _BATCH_BYTES):
        not_taken = send([event for _, event in batch])
        stays |= {index for position, (index, _) in enumerate(batch) if position in not_taken}
    result.sent += len(readable - stays)
    if not stays:
        store.delete(key)
    elif readable - stays:
        store.write(key, b"".join(lines[index] for index in sorted(stays)))


def _readable(lines: Sequence[bytes], result: Replayed) -> Iterator[tuple[int, bytes]]:
    for index, line in enumerate(lines):
        try:
            events = _events_in(record_in(line))
        except RefusedError as error:
            _refuse(result, error.reason, str(error))
        except (ValueError, KeyError, TypeError, AttributeError):
            _refuse(result, "not_an_error_record", "The line is not an error record of Firehose.")
        else:
            yield from ((index, event.rstrip(b"\n") + b"\n") for event in events)


def _events_in(record: bytes) -> list[bytes]:
    """Return the events in a record, or raise RefusedError if one of them could not be a row."""
    events = [document.data for document in numbered(record.splitlines(keepends=True))]
    for event in events:
        rows.row(event_in(event), "", "")
    if not events:
        raise RefusedError(Reason.NO_EVENT, "The record holds no event.")
    return events


def _refuse(result: Replayed, reason: str, sentence: str) -> None:
    result.refused[reason] = result.refused.get(reason, 0) + 1
    result.examples.setdefault(reason, sentence)
