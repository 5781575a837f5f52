"""The processor's ports over boto3: the table of items, the table of failures, the queue, the context in the lake."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import QueueUnavailable, StoreConflict, StoreUnavailable, TableUnavailable, error_code
from deliverywatch.files.records.layout import Layout
from deliverywatch.sdk import sendable
from deliverywatch.storage.records import update_record, whole_document
from deliverywatch.storage.s3 import Bucket
from deliverywatch.storage.store import Change

if TYPE_CHECKING:
    from deliverywatch.files.records.failures import Failure
    from deliverywatch.files.records.items import Item

log = logging.getLogger(__name__)

# A function has 30 seconds for its batch; SQS redelivers what is still throttled then.
_RETRIES = {"mode": "standard", "total_max_attempts": 4}
# An event waits 5 ms for DynamoDB and 20 for S3, which shows the content type. Eight at a time wait 3 ms each, and take
# 2.3 ms of a whole processor: with 512 MB, which are 0.29 of one, more at a time would not be faster.
WRITERS = 8
# What a run keeps for the messages that it has begun, and to write down why the others failed.
_RESERVE_MILLISECONDS = 5_000
_FAILED = (BotoCoreError, ClientError)

# The rule of `items`, checked by DynamoDB in the write itself, so that of two writers only one can be the newer.
_NEWER_EVENT = "(#sequencer < :sequencer AND (attribute_not_exists(listed_at) OR listed_at <= :event_time))"
_NEWER_LISTING = (
    "(event_time < :listed_at AND (attribute_not_exists(listed_at) OR listed_at < :listed_at) AND "
    "(#state <> :state OR %s))"
)
# What only listings know may have got another place among the versions of its key.
_OTHER_PLACE = "(attribute_exists(listed_at) AND (attribute_not_exists(is_latest) OR is_latest <> :is_latest))"
# Whether there need not be an item, or has to be one.
_OR_ABSENT, _ONLY_OVER = "attribute_not_exists(#object) OR ", "attribute_exists(#object) AND "
_OTHER_CONTENT = "attribute_not_exists(etag) OR etag <> :etag"

# What a batch of SQS, and BatchWriteItem, take at most.
_MESSAGES_PER_CALL = 10
_PUTS_PER_CALL = 25
# What an item has only of some states, and a listing must not leave of the state before.
_OPTIONAL = ("size_bytes", "file_size", "etag", "is_latest", "content_type", "metadata", "checksums", "expires_at")


def client(service: str) -> Any:
    """Return a client for a function, which cannot wait long; boto3's own check of requests would cost time."""
    config = Config(connect_timeout=2, read_timeout=5, retries=_RETRIES, parameter_validation=False)
    return boto3.client(service, config=config)


def has_time(context: Any) -> Callable[[], bool]:
    """Return how to learn whether a run has the time to begin a message; without Lambda's context it always has."""
    left = getattr(context, "get_remaining_time_in_millis", None)
    return lambda: left is None or left() > _RESERVE_MILLISECONDS


class Table:
    """The table of items; threads may share one."""

    def __init__(self, dynamodb: Any, name: str, layout: Layout = Layout.VERSIONS) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._layout = layout

    def keep(self, item: Item) -> bool:
        """Write an item if it is newer than the stored one, and return whether it was."""
        return self._written(item, _OR_ABSENT)

    def replace(self, item: Item) -> bool:
        """Write an item if an older one is stored, and return whether it was."""
        return self._written(item, _ONLY_OVER)

    def _written(self, item: Item, unless: str) -> bool:
        write = self._put_listed if "listed_at" in item else self._put
        with _translated(self._name):
            try:
                write(item, unless)
            except ClientError as error:
                if error_code(error) == "ConditionalCheckFailedException":
                    return False
                raise
        return True

    def _put(self, item: Item, unless: str) -> None:
        self._dynamodb.put_item(
            TableName=self._name,
            Item=typed(item),
            ConditionExpression=unless + _NEWER_EVENT,
            ExpressionAttributeNames={"#object": "object", "#sequencer": "sequencer"},
            ExpressionAttributeValues=typed({":sequencer": item["sequencer"], ":event_time": item["event_time"]}),
        )

    def _put_listed(self, item: Item, unless: str) -> None:
        """Keep the stored sequencer, so that events before it still count as late; drop the former object's details."""
        key = {name: item[name] for name in self._layout.key}
        fields = {name: value for name, value in item.items() if name not in key and name != "sequencer"}
        sets = [f"#{name} = :{name}" for name in fields]
        removed = [name for name in _OPTIONAL if name not in fields]
        differs = _OTHER_CONTENT if "etag" in item else "attribute_exists(etag)"
        differs = f"{differs} OR {_OTHER_PLACE}" if "is_latest" in item else differs
        differs = f"{differs} OR #version <> :version" if "version" in fields else differs
        values = {f":{name}": value for name, value in fields.items()} | {":sequencer": item["sequencer"]}
        self._dynamodb.update_item(
            TableName=self._name,
            Key=typed(key),
            UpdateExpression=f"SET {', '.join(sets)}, #sequencer = if_not_exists(#sequencer, :sequencer)"
            f" REMOVE {', '.join(removed)}",
            ConditionExpression=unless + _NEWER_LISTING % differs,
            ExpressionAttributeNames={f"#{name}": name for name in (*fields, "object", "sequencer")},
            ExpressionAttributeValues=typed(values),
        )


class Failures:
    """Why messages failed, by message id."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def record(self, failures: Sequence[Failure]) -> None:
        """Store failures; one that cannot be stored is logged and stops nothing."""
        # A batch may not write an item twice; SQS may deliver a message twice in one batch.
        items = {failure.message_id: failure.as_item() for failure in failures}.values()
        puts = [{"PutRequest": {"Item": typed(item)}} for item in items]
        chunks = [puts[first : first + _PUTS_PER_CALL] for first in range(0, len(puts), _PUTS_PER_CALL)]
        # The reasons are in the function's log too, and must not cost the batch its good messages.
        try:
            with _translated(self._name):
                unprocessed = sum(map(self._unprocessed, chunks))
        except TableUnavailable as error:
            log.warning("The reasons of %d failures could not be kept: %s", len(puts), error)
            return
        if unprocessed:
            log.warning("The reasons of %d failures could not be kept: DynamoDB left them", unprocessed)

    def _unprocessed(self, puts: list[dict[str, Any]]) -> int:
        """Write, and return how many puts DynamoDB left undone twice, which it does not report as an error."""
        for _ in range(2):
            answer = self._dynamodb.batch_write_item(RequestItems={self._name: puts})
            puts = answer.get("UnprocessedItems", {}).get(self._name, [])
            if not puts:
                break
        return len(puts)


class Queue:
    """The queue that the messages came from."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def return_at_once(self, receipts: Sequence[str]) -> None:
        """Let messages be redelivered now; if that fails, they come back after the visibility timeout."""
        try:
            with sendable(QueueUnavailable):
                make_visible(self._sqs, self._url, receipts)
        except (*_FAILED, QueueUnavailable) as error:
            log.warning("%d messages that cannot be processed wait for nothing: %s", len(receipts), error_code(error))


class Lake:
    """One object of the lake: the context document of a mail."""

    def __init__(self, s3: Any, bucket: str, key: str) -> None:
        self._bucket, self._key = Bucket(bucket, s3), key

    def update(self, change: Callable[[bytes | None], bytes]) -> None:
        """Replace the object by what `change` makes of it; a batch does not fail if that cannot be done."""
        try:
            update_record(self._bucket, self._key, whole_document, lambda body: Change(change(body), None))
        except (StoreConflict, StoreUnavailable) as error:
            log.warning("%s is left as it is: %s", self._key, error)


def make_visible(sqs: Any, url: str, receipts: Sequence[str]) -> None:
    """Make received messages visible again at once."""
    for first in range(0, len(receipts), _MESSAGES_PER_CALL):
        entries = [
            {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
            for number, receipt in enumerate(receipts[first : first + _MESSAGES_PER_CALL])
        ]
        sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)


def typed(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields in the typed form of DynamoDB's API."""
    return {name: _typed(value) for name, value in fields.items()}


def _typed(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)} if isinstance(value, int) else {"M": typed(value)}


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of typed fields of DynamoDB's API."""
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    if kind == "M":
        return plain(content)
    if kind == "N":
        return int(content) if content.lstrip("-").isdigit() else float(content)
    # Kinds that this version does not write.
    if kind == "L":
        return [_plain(item) for item in content]
    return None if kind == "NULL" else content


@contextmanager
def _translated(table: str) -> Iterator[None]:
    try:
        with sendable(TableUnavailable):
            yield
    except _FAILED as error:
        raise TableUnavailable(f"DynamoDB could not be used for {table}: {error_code(error)}.") from error
