"""The pusher's queue over boto3."""

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import QueueUnavailable, error_code
from deliverywatch.sdk import sendable

_CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 4})
# What SendMessageBatch takes at most.
_MESSAGES_PER_CALL = 10
_BYTES_PER_CALL = 256 * 1024


def client(service: str) -> Any:
    """Return a client for a function, which cannot wait long."""
    return boto3.client(service, config=_CONFIG)


class Queue:
    """A queue of SQS."""

    def __init__(self, sqs: Any, url: str, trace: str = "") -> None:
        self._sqs = sqs
        self._url = url
        header = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
        self._more = {"MessageSystemAttributes": header} if trace else {}

    def send(self, bodies: Sequence[str]) -> None:
        """Send all messages, in as few calls as they fit into."""
        for chunk in _chunks(bodies):
            entries = [{"Id": str(number), "MessageBody": body, **self._more} for number, body in enumerate(chunk)]
            try:
                with sendable(QueueUnavailable):
                    answer = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise QueueUnavailable(f"SQS took no message: {error_code(error)}.") from error
            if refused := answer.get("Failed", []):
                codes = ", ".join(sorted({str(entry["Code"]) for entry in refused}))
                raise QueueUnavailable(f"SQS refused {len(refused)} of {len(entries)} messages: {codes}.")


def _chunks(bodies: Sequence[str]) -> list[list[str]]:
    chunks: list[list[str]] = []
    room_bytes = 0
    for body in bodies:
        size_bytes = len(body.encode())
        if not chunks or len(chunks[-1]) == _MESSAGES_PER_CALL or size_bytes > room_bytes:
            chunks.append([])
            room_bytes = _BYTES_PER_CALL
        chunks[-1].append(body)
        room_bytes -= size_bytes
    return chunks
