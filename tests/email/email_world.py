"""Events, records and answers as the tests of this room need them."""

import copy
import json
from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deliverywatch.email.events.refusals import Reason
from deliverywatch.email.transform import Batch, Refusal, transformed

EVENTS = Path(__file__).parents[1] / "events"
DOCUMENTED: list[dict[str, Any]] = json.loads((EVENTS / "ses_documented.json").read_text())
ODD: dict[str, dict[str, Any]] = json.loads((EVENTS / "ses_odd.json").read_text())
TYPES = [event["eventType"] for event in DOCUMENTED]
ARRIVED = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ARN = "arn:aws:firehose:us-east-1:111122223333:deliverystream/email-events-newsletter-prod"


def event(event_type: str, **block: Any) -> dict[str, Any]:
    """A documented event, with members of its block replaced."""
    found = copy.deepcopy(DOCUMENTED[TYPES.index(event_type)])
    name = next(name for name in found if name not in ("eventType", "mail"))
    found[name].update(block)
    return found


def line(content: object) -> bytes:
    """As SES sends it to Firehose: one object, and a line break."""
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def records(*data: bytes) -> list[dict[str, Any]]:
    arrival = int(ARRIVED.timestamp() * 1000)
    return [
        {"recordId": f"record-{number}", "approximateArrivalTimestamp": arrival, "data": b64encode(one).decode()}
        for number, one in enumerate(data)
    ]


def reasons_in(body: bytes) -> dict[str, Refusal]:
    """The refusals in an object of reasons, by the hash of the record."""
    lines = [json.loads(line) for line in body.splitlines()]
    return {each["sha256"]: Refusal(each["sha256"], Reason(each["reason"]), each["sentence"]) for each in lines}


def answered(*data: bytes, tag: str = "campaign") -> Batch:
    """What the transform says of records."""
    return transformed({"deliveryStreamArn": ARN, "records": records(*data)}, tag)
