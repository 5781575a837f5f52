"""A file of raw events -> what would lie in the bucket: the whole way of transform, conversion and error records.

Nothing is taken on trust: after the landing the Parquet objects are read back, and every field of every event is looked
for in its row.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from deliverywatch.email.events import streams
from deliverywatch.email.events.columns import COLUMNS
from deliverywatch.email.events.fields import FieldCount
from deliverywatch.email.events.refusals import DROPPED, OK
from deliverywatch.email.firehose.landing import Destination, Landing
from deliverywatch.email.transform import Refusal, reasons_object, transformed
from deliverywatch.storage.store import Store, read_listed

if TYPE_CHECKING:
    from deliverywatch.email.events.streams import Stream

# What Firehose hands its function at a time: 1 MB, as the stack sets it, and never more than 500 records here.
BATCH_BYTES = 1024 * 1024
BATCH_RECORDS = 500

TABLE_COLUMNS = [(column.name, column.athena_type) for column in COLUMNS]
_NAMES = [column.name for column in COLUMNS]


@dataclass(frozen=True, slots=True)
class Settings:
    """How it lands.

    Attributes:
        stream: Whose table it goes to.
        arrived_at: When all of it arrived; its UTC day is the partition.
        token: Part of the objects' names.
    """

    stream: Stream
    arrived_at: datetime
    token: str
    campaign_tag: str = "campaign"
    environment: str = "prod"
    partitions: str = "day"


@dataclass(slots=True)
class Landed:
    """What became of the records.

    Attributes:
        results: How many records ended how.
        types: Events that landed, by type.
        refusals: The line each refused record stood in, counted from 1, and why.
        fields: Of the events that landed, against what was read back.
        keys: What was written.
    """

    results: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[int, Refusal]] = field(default_factory=list)
    fields: FieldCount = field(default_factory=FieldCount)
    keys: list[str] = field(default_factory=list)


def destination(settings: Settings) -> Destination:
    """Return the destination of a stream as the stack makes it."""
    stream = settings.stream
    return Destination(
        name=streams.delivery_stream(stream, settings.environment),
        prefix=streams.prefix(stream, settings.partitions),
        error_prefix=streams.error_prefix(stream),
        columns=TABLE_COLUMNS,
        table={"databaseName": f"email_events_db_{settings.environment}", "tableName": f"{stream}_events"},
        lambda_arn=f"arn:aws:lambda:::function:deliverywatch-{settings.environment}-email-transform",
    )


def land(lines: Callable[[], Iterable[bytes]], settings: Settings, store: Store) -> Landed:
    """Land a file of events, one JSON object a line, and check that nothing of it is missing.

    Args:
        lines: Opens the file; it is read twice.
        settings: How it lands.
        store: Where it lands.
    """
    landed = Landed()
    landing = Landing(destination(settings), settings.arrived_at, settings.token)
    did_land = bytearray()
    for number, batch in enumerate(_batches(lines(), settings)):
        _take(landed, landing, batch, did_land, settings, store, f"{settings.token}-{number}")
    objects = landing.objects()
    for key, body in objects.items():
        store.write(key, body)
    landed.keys += objects
    parquet = next((key for key in objects if key.endswith(".parquet")), None)
    if parquet:
        events = (line for line, is_there in zip(lines(), did_land, strict=True) if is_there)
        _check(landed, events, read_listed(store, parquet))
    return landed


def _take(
    landed: Landed,
    landing: Landing,
    records: list[dict[str, Any]],
    did_land: bytearray,
    settings: Settings,
    store: Store,
    token: str,
) -> None:
    event = {"deliveryStreamArn": f"/{destination(settings).name}", "records": records}
    batch = transformed(event, settings.campaign_tag)
    results = landing.take(records, batch.answers)
    failed = [
        len(did_land) + index + 1 for index, answer in enumerate(batch.answers) if answer["result"] not in (OK, DROPPED)
    ]
    landed.refusals += zip(failed, batch.refusals, strict=True)
    landed.results.update(results)
    landed.types.update(batch.tally.types)
    did_land.extend(result == OK for result in results)
    if batch.refusals:
        key, body = reasons_object(batch, token)
        store.write(key, body)
        landed.keys.append(key)


def _batches(lines: Iterable[bytes], settings: Settings) -> Iterator[list[dict[str, Any]]]:
    arrival = int(settings.arrived_at.timestamp() * 1000)
    batch: list[dict[str, Any]] = []
    size = 0
    for number, line in enumerate(lines):
        if batch and (len(batch) == BATCH_RECORDS or size + len(line) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        data = b64encode(line).decode()
        batch.append({"recordId": str(number), "approximateArrivalTimestamp": arrival, "data": data})
        size += len(line)
    if batch:
        yield batch


def _check(landed: Landed, events: Iterable[bytes], body: bytes) -> None:
    # Imported here: it brings pyarrow.
    from deliverywatch.email.events import parquet

    rows = parquet.rows(io.BytesIO(body), _NAMES)
    for line, row in zip(events, rows, strict=True):
        landed.fields.add(orjson.loads(line), orjson.loads(row[-1]))
        landed.fields.in_columns += sum(value is not None for value in row[:-1])
