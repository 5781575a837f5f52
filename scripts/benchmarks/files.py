"""Messages a second through the handler of the file intake: with a table in memory, and against the emulator.

In memory the plain way is `json.loads` and a dict that the last message wins: what it costs to read the messages at
all. Against the emulator it is an unconditional `put_item` after the other. Memory is flat if a run of many batches
ends with what it had after the first ones.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import Figure

if TYPE_CHECKING:
    from deliverywatch.files.records.items import Item
    from deliverywatch.local.cloud.cloud import LocalCloud

OBJECTS = 1_000
MEGABYTE = 1_000_000
LIMIT_MEGABYTES = 5.0
IN_MEMORY, AGAINST_EMULATOR = 50_000, 3_000
SETTINGS = {
    "DELIVERYWATCH_ENVIRONMENT": "bench",
    "DELIVERYWATCH_ITEM_DAYS": "0",
    "DELIVERYWATCH_TOMBSTONE_DAYS": "30",
    "DELIVERYWATCH_RECEIVE_COUNT": "5",
    "DELIVERYWATCH_WATCHED_BUCKET": "incoming",
    "DELIVERYWATCH_TABLE_LAYOUT": "versions",
}


class Memory:
    """A table with the real one's rule for events; it stands in for failures and the lake too."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], Item] = {}

    def keep(self, item: Item) -> bool:
        stored = self.items.get(key := (item["object"], item["version"]))
        is_newer = stored is None or stored["sequencer"] < item["sequencer"]
        if is_newer:
            self.items[key] = item
        return is_newer

    def record(self, failures: Any) -> None:
        raise SystemExit(f"A message of the benchmark failed: {failures[0].problem}")

    def update(self, change: Callable[[bytes | None], bytes]) -> None:
        raise SystemExit(f"A message of the benchmark became a dead letter: {change(None)!r}")


def events(count: int, size: int, start: int = 0, bucket: str = "incoming") -> Iterator[dict[str, Any]]:
    """Events of SQS with so many messages each, about 1,000 objects in turn, each newer than the one before."""
    for first in range(start, start + count, size):
        yield {"Records": [_message(number, bucket) for number in range(first, min(first + size, start + count))]}


def _message(number: int, bucket: str) -> dict[str, Any]:
    stored = {
        "key": f"in/orders+{number % OBJECTS}.csv",
        "size": 1204,
        "eTag": f"{number:032x}",
        "sequencer": f"{number:016X}",
    }
    record = {
        "eventVersion": "2.6",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        # Of what is older than tombstones the bucket would be asked, too.
        "eventTime": f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%dT%H:%M:%S}.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDAINPONIXQXHT3IKHL2"},
        "requestParameters": {"sourceIPAddress": "205.255.255.255"},
        "responseElements": {"x-amz-request-id": "D82B88E5F771F645", "x-amz-id-2": "vlR7PnpV2Ce81l0PRw6jlUpck7Jo5Zs="},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "828aa6fc-f7b5-4305-8584-487c791949c1",
            "bucket": {"name": bucket, "ownerIdentity": {"principalId": "A"}, "arn": f"arn:aws:s3:::{bucket}"},
            "object": stored,
        },
    }
    return {
        "messageId": f"{number:036d}",
        "receiptHandle": "AQEBzWwaftRI0KuVm4tP+/7q1rGgNqicHq",
        "body": json.dumps({"Records": [record]}),
        "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000"},
        "eventSource": "aws:sqs",
        "awsRegion": "eu-west-1",
    }


def in_memory(size: int) -> Figure:
    """Messages a second of processor time through the handler, in batches of so many."""
    batches = list(events(IN_MEMORY // 5, size))
    ours, plain = (_rate(way, batches, time.process_time) for way in (_handled(), _plain()))
    return Figure(
        f"file messages a second, in memory, by {size:,}",
        f"{ours:,.0f}",
        f"{plain:,.0f} json.loads into a dict; wanted: 3,000",
        ours / plain,
        ours >= 3_000,
    )


def memory(size: int) -> Figure:
    """How much more memory the process holds after 50,000 messages than after the first 5,000."""
    handle = _handled()
    for number, event in enumerate(events(IN_MEMORY, size)):
        handle(event)
        if number == IN_MEMORY // size // 10:
            before = _resident_megabytes()
    grown = _resident_megabytes() - before
    return Figure(
        f"file messages in memory, by {size:,}, MB grown",
        f"{grown:.1f}",
        f"{LIMIT_MEGABYTES:.1f} MB at most, from message 5,000 to 50,000",
        grown / LIMIT_MEGABYTES,
        grown <= LIMIT_MEGABYTES,
    )


def against_emulator(cloud: LocalCloud, outputs: Mapping[str, str], size: int) -> Figure:
    """Messages a second of real time through the deployed function, its own process, in batches of so many.

    Each asks S3 for its object, as the content type is of an item.
    """
    function = "deliverywatch-prod-files-process"
    cloud.invoke(function, {"Records": []})

    def invoked(event: dict[str, Any]) -> None:
        answer = cloud.invoke(function, event)
        if answer.payload != {"batchItemFailures": []}:
            raise SystemExit(f"A batch failed: {answer.payload}")

    # Newer than those of the batches before, or nothing would be written.
    batches = list(events(AGAINST_EMULATOR, size, start=size * IN_MEMORY, bucket=outputs["FilesBucket"]))
    ways = (invoked, _put(cloud, outputs["FilesTable"]))
    ours, plain = (_rate(way, batches, time.perf_counter) for way in ways)
    return Figure(
        f"file messages a second, emulator, by {size:,}",
        f"{ours:,.0f}",
        f"{plain:,.0f} put_item one by one; wanted: 300",
        ours / plain,
        ours >= 300,
    )


def figures() -> Iterator[Figure]:
    """All figures of this module."""
    for size in (10, 1_000):
        yield in_memory(size)
        yield memory(size)
    from deliverywatch.local.cloud.cloud import LocalCloud
    from deliverywatch.local.demo import play

    with tempfile.TemporaryDirectory() as folder:
        template = play.build(Path(folder), ["files"])
        noon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
        with LocalCloud(noon) as cloud:
            outputs = play.deploy(cloud, template, Path(folder), {})
            for number in range(OBJECTS):
                cloud.client("s3").put_object(Bucket=outputs["FilesBucket"], Key=f"in/orders {number}.csv", Body=b"1")
            for size in (10, 1_000):
                yield against_emulator(cloud, outputs, size)


def _handled() -> Callable[[dict[str, Any]], None]:
    """The handler with a table in memory in place of its ports."""
    from deliverywatch.files import aws, handle_process, process

    os.environ.update(SETTINGS)
    table = Memory()
    # Writers as the function has them, though here they have nothing to wait for.
    ports = process.Ports(table=table, failures=table, lake=table, spread=ThreadPoolExecutor(aws.WRITERS).map)
    handle_process._ports = lambda *_, **__: ports  # type: ignore[assignment]  # noqa: SLF001 - it takes none

    def handle(event: dict[str, Any]) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            handle_process.handler(event, None)

    return handle


def _plain() -> Callable[[dict[str, Any]], None]:
    table: dict[str, Any] = {}

    def handle(event: dict[str, Any]) -> None:
        for message in event["Records"]:
            for record in json.loads(message["body"])["Records"]:
                table[record["s3"]["object"]["key"]] = record["s3"]["object"]

    return handle


def _put(cloud: LocalCloud, table: str) -> Callable[[dict[str, Any]], None]:
    dynamodb = cloud.client("dynamodb")

    def handle(event: dict[str, Any]) -> None:
        for message in event["Records"]:
            put = json.loads(message["body"])["Records"][0]["s3"]["object"]
            item = {"object": {"S": put["key"]}, "version": {"S": "plain"}, "etag": {"S": put["eTag"]}}
            dynamodb.put_item(TableName=table, Item=item)

    return handle


def _rate(handle: Callable[[dict[str, Any]], None], events: list[dict[str, Any]], clock: Callable[[], float]) -> float:
    """Messages a second."""
    began = clock()
    for event in events:
        handle(event)
    return sum(len(event["Records"]) for event in events) / (clock() - began)


def _resident_megabytes() -> float:
    with Path("/proc/self/statm").open(encoding="utf-8") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
