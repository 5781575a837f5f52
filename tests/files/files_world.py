"""Notifications as S3 sends them, the messages they come in, and a table in memory with the rule of the real one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from deliverywatch.errors import TableUnavailable
from deliverywatch.files import process
from deliverywatch.files.records.items import Item, Retention
from deliverywatch.files.records.sqs import messages_of

if TYPE_CHECKING:
    from deliverywatch.files.records.failures import Failure

EVENTS = Path(__file__).parents[1] / "events"
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
KEEP = Retention(item_days=0, tombstone_days=30)
BUCKET = "incoming"


def recorded(name: str) -> Any:
    """An event of tests/events, without its prefix `files_`."""
    return json.loads((EVENTS / f"files_{name}.json").read_text())


def s3_record(
    key: str = "a.csv",
    sequencer: str = "0055AED6DCD90281E5",
    name: str = "ObjectCreated:Put",
    version: str | None = None,
    second: int = 0,
) -> dict[str, Any]:
    """One record of a notification, its key encoded as S3 does it."""
    entry: dict[str, Any] = {"key": quote_plus(key), "sequencer": sequencer}
    if name.startswith("ObjectCreated"):
        entry |= {"size": 1204, "eTag": f"etag-{sequencer}"}
    if version:
        entry["versionId"] = version
    return {
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": f"{NOON + timedelta(seconds=second):%Y-%m-%dT%H:%M:%S}.000Z",
        "eventName": name,
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"}, "object": entry},
    }


def body(*records: dict[str, Any]) -> str:
    """The body in which S3 sends records to a queue."""
    return json.dumps({"Records": records})


def sqs_event(*bodies: str, receive_count: int = 1) -> dict[str, Any]:
    """What Lambda gets: the bodies as messages m0, m1 and so on."""
    attributes = {"ApproximateReceiveCount": str(receive_count)}
    return {
        "Records": [
            {"messageId": f"m{number}", "body": each, "attributes": attributes} for number, each in enumerate(bodies)
        ]
    }


def supersedes(new: Item, stored: Item | None) -> bool:
    """Whether the new item takes the stored one's place; an event that came before, or comes again, does not.

    It is the condition of the table's one write (`aws.Table.keep`), in Python.
    """
    if stored is None:
        return True
    listed_at = stored.get("listed_at", "")
    if "listed_at" in new:
        is_later = bool(stored["event_time"] < new["listed_at"] and listed_at < new["listed_at"])
        is_elsewhere = "is_latest" in new and "listed_at" in stored and new["is_latest"] != stored.get("is_latest")
        return is_later and (is_elsewhere or _content(new) != _content(stored))
    return bool(stored["sequencer"] < new["sequencer"] and listed_at <= new["event_time"])


def merged(new: Item, stored: Item | None) -> Item:
    """Return what the table holds once the new item took the stored one's place.

    What was found in a listing keeps the sequencer that was there: events from before it stay late.
    """
    if stored is None or "listed_at" not in new:
        return new
    return {**new, "sequencer": stored["sequencer"]}


def _content(one: Item) -> tuple[Any, ...]:
    return one["state"], one["version"], one.get("etag")


class MemoryTable:
    """The table in memory."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}

    def place(self, item: Item) -> tuple[str, str]:
        return item["object"], item["version"]

    def keep(self, item: Item) -> bool:
        key = self.place(item)
        stored = self.items.get(key)
        if not supersedes(item, stored):
            return False
        self.items[key] = merged(item, stored)
        return True

    def replace(self, item: Item) -> bool:
        return self.place(item) in self.items and self.keep(item)

    def versions(self, key: str) -> list[Item]:
        return [item for (name, _), item in self.items.items() if name == f"{BUCKET}/{key}"]


class RefusingTable(MemoryTable):
    """A table that cannot be reached for some objects."""

    def __init__(self, *objects: str) -> None:
        super().__init__()
        self.objects = objects

    def keep(self, item: Item) -> bool:
        if item["key"] in self.objects:
            raise TableUnavailable("DynamoDB could not be used for items: ThrottlingException.")
        return super().keep(item)


class MemoryFailures:
    """Keeps the failures that were recorded."""

    def __init__(self) -> None:
        self.kept: list[Failure] = []

    def record(self, failures: Sequence[Failure]) -> None:
        self.kept.extend(failures)


class MemoryLake:
    """Keeps the context that was written."""

    def __init__(self) -> None:
        self.body: bytes | None = None

    def update(self, change: Callable[[bytes | None], bytes]) -> None:
        self.body = change(self.body)


def run(
    event: Any, table: process.Table, failures: MemoryFailures | None = None, lake: MemoryLake | None = None
) -> process.Report:
    """Process an event."""
    ports = process.Ports(table=table, failures=failures or MemoryFailures(), lake=lake or MemoryLake())
    return process.process(messages_of(event), NOON, ports, process.Settings(KEEP, most_receives=5))
