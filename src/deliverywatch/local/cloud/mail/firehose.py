"""Firehose in simulated time: records wait in buffers, the deployed transform answers, objects appear.

MiniStack writes one object a record at once, and drops what a transform fails. Here the two waits of the real service
are kept (a minute for the transform, the stream's own for the object), and its rules of conversion are the room's.
"""

import base64
import json
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deliverywatch.email.events.refusals import FAILED
from deliverywatch.email.firehose.landing import Destination, Landing
from deliverywatch.local.cloud.cloudwatch.metrics import Point, Publisher
from deliverywatch.local.cloud.emulator import hooks
from deliverywatch.local.cloud.emulator.clock import Clock

_FIREHOSE = "services.firehose"
_BATCH_RECORDS = 500
_RETRIES = 3


@dataclass(slots=True)
class _Buffers:
    """What waits in one delivery stream: records for the transform, and what it answered for the object."""

    config: Mapping[str, Any]
    arn: str
    records: list[dict[str, Any]] = field(default_factory=list)
    records_since: datetime | None = None
    answered: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = field(default_factory=list)
    answered_since: datetime | None = None


class Firehose:
    """Every delivery stream of the local cloud."""

    def __init__(self, clock: Clock, publisher: Publisher, client: Callable[[str], Any]) -> None:
        self._clock = clock
        self._publisher = publisher
        self._client = client
        self._lock = threading.Lock()
        self._streams: dict[str, _Buffers] = {}

    def install(self, placed: hooks.Hooks) -> None:
        """Take every record that MiniStack would have written at once."""
        placed.replace(_FIREHOSE, "_deliver_records_to_s3", lambda _: self._take)

    def run_due(self) -> None:
        """Transform and deliver what has waited for long enough."""
        for name, buffers in list(self._streams.items()):
            transform_seconds = _processor(buffers.config).get("BufferIntervalInSeconds", 60)
            if self._is_due(buffers.records_since, transform_seconds):
                self._transform(name, buffers)
            if self._is_due(buffers.answered_since, buffers.config["BufferingHints"]["IntervalInSeconds"]):
                self._deliver(name, buffers)

    def _is_due(self, since: datetime | None, seconds: str | int) -> bool:
        return since is not None and self._clock.now - since >= timedelta(seconds=int(seconds))

    def flush(self) -> None:
        """Deliver all that waits, whatever the time."""
        for name, buffers in list(self._streams.items()):
            if buffers.records:
                self._transform(name, buffers)
            if buffers.answered:
                self._deliver(name, buffers)

    def _take(self, stream: Mapping[str, Any], destination: Mapping[str, Any], records: Sequence[Any]) -> None:
        now = self._clock.now
        arrival = int(now.timestamp() * 1000)
        with self._lock:
            buffers = self._streams.setdefault(stream["name"], _Buffers(destination["config"], stream["arn"]))
            buffers.config = destination["config"]
            buffers.records_since = buffers.records_since or now
            for record_id, data in records:
                encoded = base64.b64encode(data).decode()
                record = {"recordId": record_id, "approximateArrivalTimestamp": arrival, "data": encoded}
                buffers.records.append(record)
        self._measure(stream["name"], {"IncomingRecords": len(records)})

    def _transform(self, name: str, buffers: _Buffers) -> None:
        with self._lock:
            records, buffers.records = buffers.records, []
            since, buffers.records_since = buffers.records_since, None
        for first in range(0, len(records), _BATCH_RECORDS):
            batch = records[first : first + _BATCH_RECORDS]
            buffers.answered.append((batch, self._answers(name, buffers, batch)))
        buffers.answered_since = buffers.answered_since or since

    def _answers(self, name: str, buffers: _Buffers, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        function = _lambda_arn(buffers.config)
        if not function:
            return [{**record, "result": "Ok"} for record in records]
        event = {"invocationId": uuid.uuid4().hex, "deliveryStreamArn": buffers.arn, "records": records}
        for _ in range(1 + _RETRIES):
            answer = self._client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
            if "FunctionError" not in answer:
                answers: list[dict[str, Any]] = json.loads(answer["Payload"].read())["records"]
                return answers
        self._measure(name, {"ExecuteProcessing.Success": 0})
        return [{**record, "result": FAILED} for record in records]

    def _deliver(self, name: str, buffers: _Buffers) -> None:
        answered, buffers.answered = buffers.answered, []
        since, buffers.answered_since = buffers.answered_since, None
        oldest = since or self._clock.now
        landing = Landing(self._destination(name, buffers.config), oldest, uuid.uuid4().hex)
        results = [result for records, answers in answered for result in landing.take(records, answers)]
        bucket = buffers.config["BucketARN"].rpartition(":")[2]
        for key, body in landing.objects().items():
            self._client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        failed = results.count("format-conversion-failed")
        age = (self._clock.now - oldest).total_seconds()
        self._measure(
            name, {"DeliveryToS3.Success": 1, "DeliveryToS3.DataFreshness": age, "FailedConversion.Records": failed}
        )

    def _destination(self, name: str, config: Mapping[str, Any]) -> Destination:
        conversion = config["DataFormatConversionConfiguration"]
        schema = conversion["SchemaConfiguration"]
        names = {"DatabaseName": schema["DatabaseName"], "Name": schema["TableName"]}
        table = self._client("glue").get_table(**names)["Table"]
        reads = conversion["InputFormatConfiguration"]["Deserializer"].get("OpenXJsonSerDe") or {}
        return Destination(
            name=name,
            prefix=config["Prefix"],
            error_prefix=config["ErrorOutputPrefix"],
            columns=[(column["Name"], column["Type"]) for column in table["StorageDescriptor"]["Columns"]],
            table={"databaseName": schema["DatabaseName"], "tableName": schema["TableName"]},
            is_case_insensitive=str(reads.get("CaseInsensitive", True)).lower() == "true",
            codec=conversion["OutputFormatConfiguration"]["Serializer"]["ParquetSerDe"]["Compression"].lower(),
            lambda_arn=_lambda_arn(config),
        )

    def _measure(self, name: str, values: Mapping[str, float]) -> None:
        dimensions = (("DeliveryStreamName", name),)
        points = [Point("AWS/Firehose", metric, dimensions, self._clock.now, value) for metric, value in values.items()]
        self._publisher.submit(f"firehose/{name}", points)


def _lambda_arn(config: Mapping[str, Any]) -> str:
    return str(_processor(config).get("LambdaArn", ""))


def _processor(config: Mapping[str, Any]) -> dict[str, Any]:
    processors = (config.get("ProcessingConfiguration") or {}).get("Processors") or []
    return {
        parameter["ParameterName"]: parameter["ParameterValue"]
        for processor in processors
        for parameter in processor.get("Parameters") or ()
    }
