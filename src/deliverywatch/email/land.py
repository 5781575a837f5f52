"""A file of raw events -> the objects that the bucket would hold, by way of transform, conversion and error records.

Nothing is taken on trust: afterwards the Parquet objects are read back, and every field of every event is compared with
its row.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from deliverywatch.email.events import streams
from deliverywatch.email.events.columns import TABLE_COLUMNS
from deliverywatch.email.events.fields import FieldCount
from deliverywatch.email.events.refusals import DROPPED, OK
from deliverywatch.email.firehose.batches import batches
from deliverywatch.email.firehose.landing import Destination, Landing
from deliverywatch.email.transform import Batch, Refusal, reasons_object, transformed
from deliverywatch.storage.store import Store, read_listed

if TYPE_CHECKING:
    from deliverywatch.email.events.streams import Stream

# What Firehose hands its function at a time: 1 MB, as the stack sets it, and never more than 500 records here.
BATCH_BYTES = 1024 * 1024
BATCH_RECORDS = 500


@dataclass(frozen=True, slots=True)
class Settings:
    """Where and when a file lands.

    Attributes:
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
        results: Number of records by result.
        types: Number of events that landed, by type.
        refusals: For each refused record its line, counted from 1, and the reason.
        fields: The fields of the events that landed, compared with what was read back.
        keys: The objects that were written.
    """

    results: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[int, Refusal]] = field(default_factory=list)
    fields: FieldCount = field(default_factory=FieldCount)
    keys: list[str] = field(default_factory=list)


def destination(settings: Settings) -> Destination:
    """Return the destination of a stream as the stack configures it."""
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
        settings: Where and when it lands.
        store: Gets the objects.
    """
    landed = Landed()
    landing = Landing(destination(settings), settings.arrived_at, settings.token)
    did_land = bytearray()
    for number, numbered in enumerate(batches(enumerate(lines()), BATCH_RECORDS, BATCH_BYTES)):
        event = _event(numbered, settings)
        batch = transformed(event, settings.campaign_tag)
        results = landing.take(event["records"], batch.answers)
        _count(landed, batch, results, len(did_land))
        did_land.extend(result == OK for result in results)
        if batch.refusals:
            _write(landed, store, dict([reasons_object(batch, f"{settings.token}-{number}")]))
    objects = landing.objects()
    _write(landed, store, objects)
    parquet = next((key for key in objects if key.endswith(".parquet")), None)
    if parquet:
        events = (line for line, has_landed in zip(lines(), did_land, strict=True) if has_landed)
        _check(landed, events, read_listed(store, parquet))
    return landed


def _event(numbered: Iterable[tuple[int, bytes]], settings: Settings) -> dict[str, Any]:
    arrival = int(settings.arrived_at.timestamp() * 1000)
    records = [
        {"recordId": str(number), "approximateArrivalTimestamp": arrival, "data": b64encode(line).decode()}
        for number, line in numbered
    ]
    return {"deliveryStreamArn": f"/{destination(settings).name}", "records": records}


def _count(landed: Landed, batch: Batch, results: Iterable[str], lines_before: int) -> None:
    results_by_line = enumerate((answer["result"] for answer in batch.answers), lines_before + 1)
    failed = [line for line, result in results_by_line if result not in (OK, DROPPED)]
    landed.refusals += zip(failed, batch.refusals, strict=True)
    landed.results.update(results)
    landed.types.update(batch.tally.types)


def _write(landed: Landed, store: Store, objects: Mapping[str, bytes]) -> None:
    for key, body in objects.items():
        store.write(key, body)
        landed.keys.append(key)


def _check(landed: Landed, events: Iterable[bytes], body: bytes) -> None:
    # Imported here: it brings pyarrow.
    from deliverywatch.email.events import parquet

    rows = parquet.rows(io.BytesIO(body), [name for name, _ in TABLE_COLUMNS])
    for line, row in zip(events, rows, strict=True):
        landed.fields.add(orjson.loads(line), orjson.loads(row[-1]))
        landed.fields.in_columns += sum(value is not None for value in row[:-1])
