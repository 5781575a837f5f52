"""A batch of Firehose -> its answer: each record on its own is `Ok` with its row, `Dropped`, or `ProcessingFailed`.

Contract: docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html. Every record is answered once,
with its own id; a broken one never fails its neighbours. Firehose keeps those under the error prefix without saying
what was wrong with them, so the reasons are kept beside them, by the hash of the record's bytes.
"""

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from deliverywatch.email.events import rows
from deliverywatch.email.events.refusals import DROPPED, FAILED, OK, Reason, RefusedError
from deliverywatch.email.events.streams import Stream, error_folder, stream_of
from deliverywatch.email.events.tally import Tally
from deliverywatch.email.events.values import iso


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record was refused; the hash finds it again under the error prefix."""

    sha256: str
    reason: Reason
    sentence: str


@dataclass(slots=True)
class Batch:
    """What became of a batch.

    Attributes:
        stream: Whose delivery stream it came from.
        arrived_at: When Firehose got the newest record; of a batch that is tried again it is the same.
        answers: For Firehose, in the order of the records.
        refusals: Of the records that failed, in their order.
        tally: What the rows say, for the metrics.
    """

    stream: Stream
    arrived_at: datetime
    answers: list[dict[str, str]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)


def transformed(event: Mapping[str, Any], campaign_tag: str) -> Batch:
    """Return what becomes of a batch.

    Args:
        event: As Firehose hands it to its function.
        campaign_tag: Name of the message tag that names the newsletter or campaign.
    """
    newest = max(map(_arrived, event["records"]), default=datetime.fromtimestamp(0, UTC))
    batch = Batch(stream_of(event["deliveryStreamArn"]), newest)
    for record in event["records"]:
        batch.answers.append(_answer(batch, record, campaign_tag))
    return batch


def reasons_object(batch: Batch, token: str) -> tuple[str, bytes]:
    """Return key and body of the reasons of a batch's refusals, one line of JSON each.

    Args:
        batch: At least one of its records was refused.
        token: Of this invocation, so that no two write the same object.
    """
    key = f"{error_folder(batch.stream)}reasons/dt={batch.arrived_at:%Y-%m-%d}/{token}.ndjson"
    return key, b"".join(orjson.dumps(_told(each), option=orjson.OPT_APPEND_NEWLINE) for each in batch.refusals)


def reasons_in(bodies: Iterable[bytes]) -> dict[str, Refusal]:
    """Return the refusals in objects of reasons, by the hash of the record."""
    lines = [orjson.loads(line) for body in bodies for line in body.splitlines()]
    return {each["sha256"]: Refusal(each["sha256"], Reason(each["reason"]), each["sentence"]) for each in lines}


def refusals_by_reason(refusals: Sequence[Refusal]) -> dict[str, int]:
    """Return how many records were refused for which reason."""
    found: dict[str, int] = {}
    for each in refusals:
        found[each.reason] = found.get(each.reason, 0) + 1
    return found


def _told(refusal: Refusal) -> dict[str, str]:
    return {"sha256": refusal.sha256, "reason": refusal.reason, "sentence": refusal.sentence}


def _answer(batch: Batch, record: Mapping[str, Any], campaign_tag: str) -> dict[str, str]:
    encoded = record["data"]
    try:
        data = b64decode(encoded)
        if data.isspace() or not data:
            return {"recordId": record["recordId"], "result": DROPPED, "data": encoded}
        row = rows.row(rows.parse(data), iso(_arrived(record)), campaign_tag)
        line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except RefusedError as error:
        return _refused(batch, record, Refusal(_hash(data), error.reason, str(error)))
    except (binascii.Error, UnicodeError, TypeError, ValueError, RecursionError) as error:
        # Nothing that a record holds may fail the batch: its neighbours would be tried again, three times, and lost.
        sentence = f"The record could not be read: {type(error).__name__}."
        return _refused(batch, record, Refusal(_hash(str(encoded).encode()), Reason.NOT_JSON, sentence))
    batch.tally.add(row)
    return {"recordId": record["recordId"], "result": OK, "data": b64encode(line).decode()}


def _refused(batch: Batch, record: Mapping[str, Any], refusal: Refusal) -> dict[str, str]:
    batch.refusals.append(refusal)
    return {"recordId": record["recordId"], "result": FAILED, "data": record["data"]}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _arrived(record: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(record["approximateArrivalTimestamp"]) / 1000, UTC)
