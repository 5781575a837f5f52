"""What one run did -> one line of JSON in the lake, a row of the table `query_runs`, and its metrics.

`queries/runs/dt=YYYY-MM-DD/<id>/HHMMSS.json`, by the UTC day and time at which the run was due. It is written once, at
the end: whoever is started again for the same time reads it and does nothing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from deliverywatch.storage.records import document_of
from deliverywatch.thresholds import ATHENA_LEAST_BYTES, ATHENA_USD_PER_TERABYTE

FOLDER = "queries/runs/"
NAMESPACE = "DeliveryWatch/Queries"
_TERABYTE = 2**40
# Takes metrics (name -> value and unit), their time, and what the log line holds beside them.
Emit = Callable[[Mapping[str, tuple[float, str]], datetime, Mapping[str, Any]], None]

COLUMNS = [
    ("query_id", "string", "The query"),
    ("due", "string", "When it was due, UTC"),
    ("status", "string", "succeeded, failed or stopped"),
    ("finished_at", "string", "UTC; of a scheduled run, counted from when it was due"),
    ("seconds", "double", "How long it took, waiting included"),
    ("scanned_bytes", "bigint", "What Athena read"),
    ("cost_usd", "double", "What Athena bills for it, at list price"),
    ("rows", "bigint", "Rows of the result"),
    ("export", "string", "Where its result was exported to; empty if it was not"),
    ("execution_id", "string", "Of Athena"),
    ("revision", "string", "Of the file of queries"),
    ("reason", "string", "Why it did not succeed; empty if it did"),
    ("alerts", "string", "The alerts that held, separated by commas"),
    ("unmeasured", "string", "The alerts that could not be measured, and why; empty if all could"),
]


class Status(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Record:
    """One run."""

    query_id: str
    due: str
    status: Status
    scanned_bytes: int
    cost_usd: float
    rows: int
    execution_id: str
    revision: str
    reason: str
    alerts: str
    finished_at: str = ""
    seconds: float = 0.0
    export: str = ""
    unmeasured: str = ""

    def line(self) -> bytes:
        """Return the line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False).encode() + b"\n"

    def metrics(self) -> dict[str, tuple[float, str]]:
        """Return the metrics of the run; failures are counted as zeros too, so that their alarm sees a quiet hour."""
        return {
            "Executions": (1, "Count"),
            "ExecutionFailures": (int(self.status is not Status.SUCCEEDED), "Count"),
            "ScannedBytes": (self.scanned_bytes, "Bytes"),
            "CostUsd": (self.cost_usd, "None"),
            "Seconds": (self.seconds, "Seconds"),
        }


def key_of(query_id: str, due: datetime, number: int = 1) -> str:
    """Return where the record of a run lies that was due then (UTC); only by hand there is more than one."""
    again = f"-{number}" if number > 1 else ""
    return f"{FOLDER}dt={due:%Y-%m-%d}/{query_id}/{due:%H%M%S}{again}.json"


def read(body: bytes) -> Record:
    """Return the run that a record describes: what it lacks is empty, what only a later version knows is left out.

    Raises:
        ValueError: It cannot be read.
    """
    content = document_of(body)
    kinds = {part.name: part.type for part in fields(Record)}
    empty = {name: 0 if kind in (int, float) else "" for name, kind in kinds.items()}
    known = {name: content[name] for name in kinds if content.get(name) is not None}
    return Record(**empty | known | {"status": Status(content["status"])})


def cost_usd(scanned_bytes: int) -> float:
    """Return what Athena bills for a query; one that read nothing was not billed."""
    billed = max(scanned_bytes, ATHENA_LEAST_BYTES) if scanned_bytes else 0
    return round(billed / _TERABYTE * ATHENA_USD_PER_TERABYTE, 6)
