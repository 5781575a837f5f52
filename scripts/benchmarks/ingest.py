"""Pages of history -> Parquet bytes, ours against the plain way, on the same pages in the same process.

The plain way is `json.loads`, `pa.Table.from_pylist` and `pq.write_table` with pyarrow's defaults. It stores what
ClickSend sends, types included. Ours is as plain, an object per row and an Arrow array per column, and judges each row,
leaves out what is personal, hashes numbers and removes duplicates beside it: a ratio of 0.6 to 1 is as it should be.
"""

import io
import json
import random
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from measure import Figure, medians

from deliverywatch.sms.clicksend.pages import parse_page
from deliverywatch.sms.clicksend.recipients import Recipients
from deliverywatch.sms.clicksend.records import Recorder
from deliverywatch.sms.lake.merge import merge

HOUR = datetime(2026, 11, 21, 11, tzinfo=UTC)
PAGE_ROWS = 100
WORDS = [
    "your",
    "code",
    "is",
    "order",
    "parcel",
    "tomorrow",
    "confirmed",
    "delivery",
    "reply",
    "stop",
    "to",
    "thank",
    "you",
]
CARRIERS = (("AU", "Telstra", "+6140000"), ("AU", "Optus", "+6140001"), ("NZ", "Spark", "+6421000"))
OUTCOMES = (
    *[("Sent", "201", "Message delivered to the handset", "4", "Message delivered to the handset")] * 92,
    *[("Sent", "200", "Success: Message accepted", "3", None)] * 4,
    *[("Failed", "301", "Absent Subscriber. The subscriber is offline.", "12", "Unknown error")] * 3,
    ("Failed", "301", "Rejected by the recipient network.", "15", "Unknown error"),
)


def pages(count: int, seed: int = 1) -> list[bytes]:
    """Answers of ClickSend with so many rows of one hour, 25 fields and about 670 bytes each."""
    dice = random.Random(seed)
    rows = [_row(dice, int(HOUR.timestamp()) + index * 3600 // count) for index in range(count)]
    return [_page(rows[first : first + PAGE_ROWS], count) for first in range(0, count, PAGE_ROWS)]


def ours(bodies: list[bytes]) -> bytes:
    """Pages to the bytes of an object of the lake."""
    recorder = Recorder(HOUR + timedelta(hours=1), Recipients(b"k" * 32))
    pages_read = (parse_page(body).rows for body in bodies)
    records = recorder.records(pages_read, HOUR, HOUR + timedelta(hours=1))
    return merge(None, {record.message_id: record for record in records}, token="benchmark").body or b""


def plain(bodies: list[bytes]) -> bytes:
    """Pages to Parquet as one would write it first."""
    rows = [row for body in bodies for row in json.loads(body)["data"]["data"]]
    return _written(pa.Table.from_pylist(rows))


def speed(count: int, rounds: int) -> Figure:
    """Rows a second, medians of interleaved rounds."""
    bodies = pages(count)
    ways = (lambda: ours(bodies)), (lambda: plain(bodies))
    ours_seconds, plain_seconds = medians(*ways, rounds=rounds, clock=time.process_time)
    return Figure(
        f"pages to Parquet, {count:,} rows, rows a second",
        f"{count / ours_seconds:,.0f}",
        f"{count / plain_seconds:,.0f} json.loads + from_pylist + write_table",
        plain_seconds / ours_seconds,
    )


def size(count: int) -> Figure:
    """Bytes a row of the same table, our settings of the writer against pyarrow's."""
    body = ours(pages(count))
    # With ordinary types, as somebody would build it who knows nothing of dictionaries.
    default = _written(pq.read_table(io.BytesIO(body)).replace_schema_metadata(None))
    return Figure(
        f"Parquet, {count:,} rows, bytes a row",
        f"{len(body) / count:.1f}",
        f"{len(default) / count:.1f} pyarrow's defaults, same table",
        len(body) / len(default),
    )


def figures(rounds: int = 5) -> Iterator[Figure]:
    """All figures of this module."""
    yield speed(1_000, rounds * 5)
    yield speed(100_000, rounds)
    yield size(1_000)
    yield size(100_000)


def _row(dice: random.Random, second: int) -> dict[str, Any]:
    status, code, text, error, error_text = dice.choice(OUTCOMES)
    country, carrier, prefix = dice.choice(CARRIERS)
    return {
        "direction": "out",
        "date": second,
        "to": f"{prefix}{dice.randrange(10_000):04d}",
        "body": " ".join(dice.choices(WORDS, k=10)),
        "status": status,
        "from": "+61400000099",
        "schedule": str(second),
        "status_code": code,
        "status_text": text,
        "error_code": error,
        "error_text": error_text,
        "message_id": str(uuid.UUID(int=dice.getrandbits(128))).upper(),
        "message_parts": dice.choice((1, 1, 1, 2)),
        "message_price": dice.choice(("0.0792", "0.1584")),
        "from_email": None,
        "list_id": None,
        "custom_string": f"order:{dice.randrange(10**6)}",
        "contact_id": None,
        "user_id": 600_000,
        "subaccount_id": 700_000,
        "country": country,
        "carrier": carrier,
        "first_name": "Jo",
        "last_name": "Doe",
        "_api_username": "someone",
    }


def _page(rows: list[dict[str, Any]], total: int) -> bytes:
    data = {"total": total, "per_page": PAGE_ROWS, "current_page": 1, "last_page": -(-total // PAGE_ROWS), "data": rows}
    envelope = {"http_code": 200, "response_code": "SUCCESS", "response_msg": "Here are your data.", "data": data}
    return json.dumps(envelope).encode()


def _written(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
