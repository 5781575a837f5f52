"""One buffer of a delivery stream: answered records -> the objects that Firehose would write."""

import io
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from deliverywatch.email.events.parquet import Codec, Writer
from deliverywatch.email.events.refusals import FAILED, OK
from deliverywatch.email.firehose import delivery
from deliverywatch.email.firehose.conversion import Conversion, MalformedError


@dataclass(frozen=True, slots=True)
class Destination:
    """How a delivery stream is configured.

    Attributes:
        name: Of the delivery stream.
        columns: Name and Glue type, as the table has them.
        table: `databaseName` and `tableName`, for error records.
        is_case_insensitive: The deserializer's `CaseInsensitive`, which the product's stack turns off.
    """

    name: str
    prefix: str
    error_prefix: str
    columns: Sequence[tuple[str, str]]
    table: dict[str, str]
    is_case_insensitive: bool = False
    codec: Codec = "gzip"
    lambda_arn: str = ""


class Landing:
    """Takes records until the buffer is full; `objects` then returns what Firehose writes."""

    def __init__(self, destination: Destination, arrived_at: datetime, token: str) -> None:
        """Open a buffer whose oldest record came at `arrived_at`; the token makes the objects' names unique."""
        self._to, self._arrived_at, self._token = destination, arrived_at, token
        self._conversion = Conversion(destination.columns, is_case_insensitive=destination.is_case_insensitive)
        self._sink = io.BytesIO()
        self._writer: Writer | None = None
        self._errors: dict[str, list[bytes]] = {}

    def take(self, records: Sequence[Mapping[str, object]], answers: Sequence[Mapping[str, str]]) -> list[str]:
        """Take a batch, with one answer of the transform for each record, in any order.

        Returns:
            What became of each record: its result, or `format-conversion-failed`.
        """
        by_id = {answer["recordId"]: answer for answer in answers}
        return [self._take(str(record["data"]), by_id[str(record["recordId"])]) for record in records]

    def objects(self) -> dict[str, bytes]:
        """Return what Firehose writes, by key."""
        objects = {self._key(self._to.error_prefix, kind): b"".join(lines) for kind, lines in self._errors.items()}
        if self._writer:
            self._writer.close()
            objects[self._key(self._to.prefix, "", ".parquet")] = self._sink.getvalue()
        return objects

    def _take(self, came: str, answer: Mapping[str, str]) -> str:
        if answer["result"] == FAILED:
            line = delivery.processing_error(came, self._arrived_at, self._to.lambda_arn)
            self._errors.setdefault(delivery.PROCESSING_FAILED, []).append(line)
        if answer["result"] != OK:
            return answer["result"]
        data = b64decode(answer["data"])
        try:
            row = self._conversion.row(data)
        except MalformedError as error:
            line = delivery.conversion_error(b64encode(data).decode(), self._arrived_at, str(error), self._to.table)
            self._errors.setdefault(delivery.CONVERSION_FAILED, []).append(line)
            return delivery.CONVERSION_FAILED
        if self._writer is None:
            self._writer = Writer(self._sink, self._to.columns, self._to.codec)
        self._writer.add(row)
        return OK

    def _key(self, prefix: str, kind: str, extension: str = "") -> str:
        name = delivery.object_name(self._to.name, self._arrived_at, self._token, extension)
        return delivery.evaluated(prefix, self._arrived_at, kind) + name
