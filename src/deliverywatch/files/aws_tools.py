"""The command line's ports over boto3: looking into queues and tables, listing the bucket, redriving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import QueueUnavailable, StoreUnavailable, TableUnavailable
from deliverywatch.files.aws import make_visible, plain
from deliverywatch.files.records.dead_letters import DeadLetter
from deliverywatch.files.records.events import State
from deliverywatch.files.records.items import as_read
from deliverywatch.files.records.layout import Layout
from deliverywatch.files.verify import Listed
from deliverywatch.sdk import sendable
from deliverywatch.storage.s3 import ODD

_MESSAGES_PER_CALL = 10
_ITEMS_PER_CALL = 100
# Long enough to read a queue once. The alarm looks at the maximum of five minutes, so hiding messages for seconds does
# not end an incident.
_PEEK_SECONDS = 30


class DeadLetters:
    """A queue of dead letters."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def peek(self, limit: int) -> list[DeadLetter]:
        """Return at most `limit` messages and leave them in the queue."""
        messages: dict[str, dict[str, Any]] = {}
        with _translated(QueueUnavailable, "The queue of dead letters could not be read"):
            while len(messages) < limit:
                received = {message["MessageId"]: message for message in self._receive(limit - len(messages))}
                # In a long queue the first ones are visible again before the last one is read.
                if received.keys() <= messages.keys():
                    break
                messages |= received
            letters = [DeadLetter(name, message["Body"], _sent_at(message)) for name, message in messages.items()]
            receipts = [message["ReceiptHandle"] for message in messages.values()]
        # Without it they are seen again half a minute later.
        with suppress(QueueUnavailable), _translated(QueueUnavailable, "The dead letters could not be shown at once"):
            make_visible(self._sqs, self._url, receipts)
        return letters

    def _receive(self, count: int) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(_MESSAGES_PER_CALL, count),
            VisibilityTimeout=_PEEK_SECONDS,
            # Long polling: all servers of SQS answer, not a sample.
            WaitTimeSeconds=2,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        return list(answer.get("Messages", []))


class Redrive:
    """SQS's own way of moving all messages of a queue of dead letters."""

    def __init__(self, sqs: Any, source_url: str, target_url: str) -> None:
        self._sqs = sqs
        self._urls = (source_url, target_url)

    def start(self, per_second: int | None) -> str:
        """Begin to move all messages back, and return SQS's handle of the task."""
        source, target = (self._arn(url) for url in self._urls)
        rate = {"MaxNumberOfMessagesPerSecond": per_second} if per_second else {}
        with _translated(QueueUnavailable, "The dead letters could not be redriven"):
            # The destination is named, because what EventBridge and the pusher put aside came from no queue.
            answer = self._sqs.start_message_move_task(SourceArn=source, DestinationArn=target, **rate)
            return str(answer["TaskHandle"])

    def status(self) -> Mapping[str, Any]:
        """Return the newest task as ListMessageMoveTasks describes it; empty if there is none."""
        with _translated(QueueUnavailable, "The redrive could not be followed"):
            answer = self._sqs.list_message_move_tasks(SourceArn=self._arn(self._urls[0]), MaxResults=1)
            return dict(answer["Results"][0]) if answer.get("Results") else {}

    def _arn(self, url: str) -> str:
        with _translated(QueueUnavailable, "The queue could not be asked for its ARN"):
            answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
            return str(answer["Attributes"]["QueueArn"])


class Reasons:
    """The table of failures."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def of(self, message_ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        """Return the items, by message id."""
        items: dict[str, Mapping[str, Any]] = {}
        with _translated(TableUnavailable, "The reasons could not be read"):
            for first in range(0, len(message_ids), _ITEMS_PER_CALL):
                keys = [{"message_id": {"S": name}} for name in message_ids[first : first + _ITEMS_PER_CALL]]
                answer = self._dynamodb.batch_get_item(RequestItems={self._table: {"Keys": keys}})
                items |= {item["message_id"]: item for item in map(plain, answer["Responses"].get(self._table, []))}
        return items


class Items:
    """The table of items, read."""

    def __init__(self, dynamodb: Any, table: str, layout: Layout = Layout.VERSIONS) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._layout = layout

    def versions(self, name: str) -> list[dict[str, Any]]:
        """Return all items of an object, named bucket/key; in a table by key that is one at most, of its bucket."""
        field, *_ = self._layout.key
        value = name.partition("/")[2] if self._layout is Layout.S3_KEY else name
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "#field = :value",
            "ExpressionAttributeNames": {"#field": field},
            "ExpressionAttributeValues": {":value": {"S": value}},
            "ConsistentRead": True,
        }
        with _translated(TableUnavailable, "The table could not be read"):
            pages = self._dynamodb.get_paginator("query").paginate(**request)
            items = [as_read(plain(item)) for page in pages for item in page["Items"]]
        # By key alone, the key of another bucket may be the same.
        return [item for item in items if item["object"] == name]

    def of_bucket(self, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield the items of a bucket's keys with a prefix; this scans the whole table."""
        names = ("key", "version", "state", "etag", "event_time")
        request = {
            "TableName": self._table,
            "FilterExpression": "begins_with(#object, :object)",
            "ProjectionExpression": ", ".join(f"#{name}" for name in names),
            "ExpressionAttributeNames": {f"#{name}": name for name in (*names, "object")},
            "ExpressionAttributeValues": {":object": {"S": f"{bucket}/{prefix}"}},
            "ConsistentRead": True,
        }
        with _translated(TableUnavailable, "The table could not be read"):
            for page in self._dynamodb.get_paginator("scan").paginate(**request):
                yield from map(plain, page["Items"])


class VersionListing:
    """A bucket's listing; ListObjectVersions works on buckets without versions too."""

    def __init__(self, s3: Any, name: str) -> None:
        self._s3 = s3
        self._name = name

    def listing(self, prefix: str) -> Iterator[Listed]:
        """Yield every version of every key with a prefix, delete markers included."""
        listing = {"Bucket": self._name, "Prefix": prefix}
        with _translated(StoreUnavailable, f"The bucket {self._name} could not be listed"):
            for page in self._s3.get_paginator("list_object_versions").paginate(**listing):
                yield from _entries(page)

    def latest(self, key: str) -> Listed | None:
        """Return the version that S3 calls the latest of a key, which may be a delete marker; None without any.

        The first of a listing is the newest version of the key itself: all others that begin so come after it.
        """
        with _translated(StoreUnavailable, f"The bucket {self._name} could not be listed"):
            page = self._s3.list_object_versions(Bucket=self._name, Prefix=key)
            return next((listed for listed in _entries(page) if listed.key == key and listed.is_latest), None)


def _entries(page: Mapping[str, Any]) -> list[Listed]:
    listed_at = _date(page)
    versions = [_listed(entry, State.PRESENT, listed_at) for entry in page.get("Versions", [])]
    return versions + [_listed(entry, State.DELETE_MARKER, listed_at) for entry in page.get("DeleteMarkers", [])]


def _date(page: Mapping[str, Any]) -> datetime:
    """Return when S3 answered, by S3's own clock, which also stamps the events."""
    date = page["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(date).astimezone(UTC) if date else datetime.now(UTC)


def _listed(entry: Mapping[str, Any], state: State, listed_at: datetime) -> Listed:
    etag = entry.get("ETag")
    return Listed(
        key=entry["Key"],
        version=entry.get("VersionId") or "null",
        state=state,
        etag=etag.strip('"') if etag else None,
        size_bytes=entry.get("Size"),
        last_modified=entry["LastModified"].astimezone(UTC),
        listed_at=listed_at,
        is_latest=entry.get("IsLatest"),
    )


def _sent_at(message: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)


@contextmanager
def _translated(kind: type[QueueUnavailable | TableUnavailable | StoreUnavailable], what: str) -> Iterator[None]:
    try:
        with sendable(kind):
            yield
    except (BotoCoreError, ClientError) as error:
        raise kind(f"{what}: {error}", next_step="Check your rights and the stack's name, then try again.") from error
    except ODD as error:
        sentence = f"{what}: AWS's answer could not be read ({type(error).__name__}: {error})."
        raise kind(
            sentence, next_step="Run it again; if it persists, look for a proxy between here and AWS."
        ) from error
