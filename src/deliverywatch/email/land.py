"""A file of raw events -> the objects that the bucket would hold, by way of transform, conversion and error records.

Nothing is taken on trust: afterwards the Parquet objects are read back, and every field of every event is compared with
its row.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deliverywatch.email.events import streams
from deliverywatch.email.events.columns import TABLE_COLUMNS
from deliverywatch.email.events.envelopes import event_in
from deliverywatch.email.events.fields import FieldCount, exact
from deliverywatch.email.events.files import Numbered, numbered
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
        refusals: For each refused record the line it begins on, counted from 1, and the reason.
        fields: The fields of the events that landed, compared with what was read back.
        keys: The objects that were written.
        misfits: Fields whose value did not fit its column, by how many events had one.
        envelopes: Number of events that came in one, by what it is of.
    """

    results: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    refusals: list[tuple[int, Refusal]] = field(default_factory=list)
    fields: FieldCount = field(default_factory=FieldCount)
    keys: list[str] = field(default_factory=list)
    misfits: Counter[str] = field(default_factory=Counter)
    envelopes: Counter[str] = field(default_factory=Counter)


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
    """Land a file of events, in whatever way they are strung together, and check that nothing of it is missing.

    Args:
        lines: Opens the file; it is read twice.
        settings: Where and when it lands.
        store: Gets the objects.
    """
    landed = Landed()
    landing = Landing(destination(settings), settings.arrived_at, settings.token)
    did_land = bytearray()
    documents = ((document, document.data) for document in numbered(lines()))
    for number, batch in enumerate(batches(documents, BATCH_RECORDS, BATCH_BYTES)):
        event = _event([data for _, data in batch], settings)
        answered = transformed(event, settings.campaign_tag)
        results = landing.take(event["records"], answered.answers)
        _count(landed, [document for document, _ in batch], answered, results)
        did_land.extend(result == OK for result in results)
        if answered.refusals:
            _write(landed, store, dict([reasons_object(answered, f"{settings.token}-{number}")]))
    objects = landing.objects()
    _write(landed, store, objects)
    parquet = next((key for key in objects if key.endswith(".parquet")), None)
    if parquet:
        again = zip(numbered(lines()), did_land, strict=True)
        _check(landed, (document.data for document, has_landed in again if has_landed), read_listed(store, parquet))
    return landed


def _event(records: Iterable[bytes], settings: Settings) -> dict[str, Any]:
    arrival = int(settings.arrived_at.timestamp() * 1000)
    numbered_records = [
        {"recordId": str(number), "approximateArrivalTimestamp": arrival, "data": b64encode(record).decode()}
        for number, record in enumerate(records)
    ]
    return {"deliveryStreamArn": f"/{destination(settings).name}", "records": numbered_records}


def _count(landed: Landed, documents: Sequence[Numbered], batch: Batch, results: Sequence[str]) -> None:
    answers = zip(documents, batch.answers, strict=True)
    refused = [document.line for document, answer in answers if answer["result"] not in (OK, DROPPED)]
    landed.refusals += zip(refused, batch.refusals, strict=True)
    landed.results.update(results)
    landed.types.update(batch.tally.types)
    landed.misfits.update(batch.misfits)
    landed.envelopes.update(" in ".join(reversed(document.envelopes)) for document in documents if document.envelopes)


def _write(landed: Landed, store: Store, objects: Mapping[str, bytes]) -> None:
    for key, body in objects.items():
        store.write(key, body)
        landed.keys.append(key)


def _check(landed: Landed, events: Iterable[bytes], body: bytes) -> None:
    # Imported here: it brings pyarrow.
    from deliverywatch.email.events import parquet

    others = [name for name, _ in TABLE_COLUMNS if name != "raw"]
    for event, (raw, *row) in zip(events, parquet.rows(io.BytesIO(body), ["raw", *others]), strict=True):
        landed.fields.add(exact(event_in(event).text), exact(raw))
        landed.fields.in_columns += sum(value is not None for value in row)
