"""A batch of Firehose -> its answer: each record on its own is `Ok` with its row, `Dropped`, or `ProcessingFailed`.

Contract: docs.aws.amazon.com/firehose/latest/dev/data-transformation-status-model.html. Every record is answered once,
with its own id; a broken one never fails its neighbours. Firehose keeps broken ones under the error prefix without a
reason, so the reasons are stored beside them, by the hash of the record's bytes.
"""

import binascii
import hashlib
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from deliverywatch.email.events import rows
from deliverywatch.email.events.envelopes import event_in
from deliverywatch.email.events.refusals import DROPPED, FAILED, OK, Reason, RefusedError
from deliverywatch.email.events.streams import Stream, error_folder, stream_of
from deliverywatch.email.events.tally import Tally
from deliverywatch.email.events.values import iso
from deliverywatch.errors import InputError

_ARRIVAL = "approximateArrivalTimestamp"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record was refused; its hash leads to it under the error prefix."""

    sha256: str
    reason: Reason
    sentence: str


@dataclass(slots=True)
class Batch:
    """A batch and what became of its records.

    Attributes:
        arrived_at: When Firehose got the newest record; the same when the batch is retried.
        answers: For Firehose, in the order of the records.
        refusals: One for each record that failed, in their order.
        tally: What is counted of the rows, for the metrics.
        misfits: Fields whose value did not fit its column, by how many events had one.
    """

    stream: Stream
    arrived_at: datetime
    answers: list[dict[str, str]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    misfits: Counter[str] = field(default_factory=Counter)


def transformed(event: Mapping[str, Any], campaign_tag: str) -> Batch:
    """Return the batch of a Firehose event; the value of the message tag `campaign_tag` names the campaign.

    Raises:
        InputError: It is another event, such as a test of the console.
    """
    if not isinstance(event, Mapping) or not isinstance(event.get("records"), list):
        raise InputError("The event is not a batch of Firehose: it has no list of records.")
    newest = max((int(record[_ARRIVAL]) for record in event["records"]), default=0)
    batch = Batch(stream_of(event["deliveryStreamArn"]), _time(newest))
    for record in event["records"]:
        batch.answers.append(_answer(batch, record, campaign_tag))
    return batch


def reasons_object(batch: Batch, token: str) -> tuple[str, bytes]:
    """Return the key and body of a batch's refusals, one line of JSON each; the token makes the key unique."""
    key = f"{error_folder(batch.stream)}reasons/dt={batch.arrived_at:%Y-%m-%d}/{token}.ndjson"
    return key, b"".join(orjson.dumps(refusal, option=orjson.OPT_APPEND_NEWLINE) for refusal in batch.refusals)


def _answer(batch: Batch, record: Mapping[str, Any], campaign_tag: str) -> dict[str, str]:
    encoded = record["data"]
    try:
        data = b64decode(encoded)
        if data.isspace() or not data:
            return {"recordId": record["recordId"], "result": DROPPED, "data": encoded}
        row = rows.row(event_in(data), _arrived(record[_ARRIVAL]), campaign_tag)
        line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except RefusedError as error:
        return _refused(batch, record, Refusal(_hash(data), error.reason, str(error)))
    except (binascii.Error, UnicodeError, TypeError, ValueError, RecursionError) as error:
        # Whatever a record holds, it must not fail the batch: its neighbours would be retried three times, and lost.
        sentence = f"The record could not be read: {type(error).__name__}."
        return _refused(batch, record, Refusal(_hash(str(encoded).encode()), Reason.NOT_JSON, sentence))
    misfits = row.get("misfits", ())
    batch.misfits.update(misfits)
    # Whatever is counted needs a time of sending, and of a mail whose own cannot be read the nearest is this.
    batch.tally.add({"sent_at": row["event_time"], **row} if misfits else row)
    return {"recordId": record["recordId"], "result": OK, "data": b64encode(line).decode()}


def _refused(batch: Batch, record: Mapping[str, Any], refusal: Refusal) -> dict[str, str]:
    batch.refusals.append(refusal)
    return {"recordId": record["recordId"], "result": FAILED, "data": record["data"]}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@lru_cache(1024)
def _arrived(milliseconds: int) -> str:
    # What SES hands over together arrived together.
    return iso(_time(milliseconds))


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
