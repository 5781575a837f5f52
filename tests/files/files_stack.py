"""A deployed file intake, in the local cloud or in a real account, and what there is to see of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deliverywatch.files.aws import plain
from deliverywatch.local.demo import play

if TYPE_CHECKING:
    from deliverywatch.local.cloud.cloud import LocalCloud

# S3 promises seconds, "on occasion" a minute or longer.
REAL_SECONDS = 180


@dataclass
class Intake:
    """A deployed stack; `settle` returns when the queue is empty."""

    client: Callable[[str], Any]
    outputs: Mapping[str, str]
    settle: Callable[[], None]
    cloud: LocalCloud | None = None
    prefix: str = ""
    uploaded: list[str] = field(default_factory=list)

    @property
    def bucket(self) -> str:
        return self.outputs["FilesBucket"]

    def put(self, key: str, body: bytes = b"a,b\n", **more: str) -> dict[str, Any]:
        self.uploaded.append(key)
        answer: dict[str, Any] = self.client("s3").put_object(
            Bucket=self.bucket, Key=self.prefix + key, Body=body, **more
        )
        return answer

    def delete(self, key: str, **more: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client("s3").delete_object(Bucket=self.bucket, Key=self.prefix + key, **more)
        return answer

    def send(self, body: str) -> str:
        """Send a message as somebody does who should not."""
        answer = self.client("sqs").send_message(QueueUrl=self.outputs["FilesQueueUrl"], MessageBody=body)
        return str(answer["MessageId"])

    def versions(self, key: str) -> list[dict[str, Any]]:
        """The items of a key, oldest first."""
        found = self.client("dynamodb").query(
            TableName=self.outputs["FilesTable"],
            KeyConditionExpression="#object = :object",
            ExpressionAttributeNames={"#object": "object"},
            ExpressionAttributeValues={":object": {"S": f"{self.bucket}/{self.prefix}{key}"}},
            ConsistentRead=True,
        )["Items"]
        return sorted(map(plain, found), key=lambda each: str(each["sequencer"]))

    def waiting(self, queue: str) -> int:
        """How many messages a queue holds, delivered ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(answer["Attributes"][name]) for name in names)

    def log(self) -> list[dict[str, Any]]:
        """The lines that the processor printed as JSON."""
        logs = self.client("logs")
        group = "/aws/lambda/deliverywatch-prod-files-process"
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(line) for line in lines if line.startswith("{")]


def deployed(cloud: LocalCloud, build: Path, **parameters: str) -> Intake:
    """Deploy a build."""
    template = json.loads((build / "template.json").read_text())
    outputs = play.deploy(cloud, template, build, parameters)
    return Intake(cloud.client, outputs, cloud.settle, cloud)


def exhaust(intake: Intake) -> None:
    """Live until every message that fails is put aside: it is visible again after three minutes, five times."""
    assert intake.cloud is not None
    for _ in range(6):
        intake.cloud.clock.advance_to(intake.cloud.clock.now + timedelta(seconds=190))
        intake.cloud.settle()


def wait_for(is_done: Callable[[], bool], seconds: float = REAL_SECONDS) -> None:
    """Wait in a real account, where time passes by itself."""
    deadline = time.monotonic() + seconds
    while not is_done() and time.monotonic() < deadline:
        time.sleep(2)
