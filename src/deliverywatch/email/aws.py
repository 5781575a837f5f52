"""The room's adapters to AWS: the bucket of the events, and the delivery streams.

An endpoint other than AWS comes from boto3's own `AWS_ENDPOINT_URL`; nothing here knows of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import StoreConflict, StoreUnavailable

# Adaptive mode retries 5xx, throttling and broken connections with jitter, and slows down when told to.
_CONFIG = Config(connect_timeout=3, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 6})

# What S3 answers when the condition of a write does not hold: changed, being changed, or deleted meanwhile.
_OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey", "404"}
_ATTEMPTS = 6


class Bucket:
    """Objects of one S3 bucket."""

    def __init__(self, name: str, client: Any = None) -> None:
        """Open it.

        Args:
            name: The bucket.
            client: Of S3; one of the environment's account if none.
        """
        self._name = name
        self._s3 = client or boto3.client("s3", config=_CONFIG)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix, sorted."""
        with _translated(prefix):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            return sorted(each["Key"] for page in pages for each in page.get("Contents", ()))

    def read(self, key: str) -> bytes:
        """Return an object."""
        with _translated(key):
            body: bytes = self._s3.get_object(Bucket=self._name, Key=key)["Body"].read()
            return body

    def write(self, key: str, body: bytes) -> None:
        """Store an object whatever is there."""
        with _translated(key):
            self._s3.put_object(Bucket=self._name, Key=key, Body=body)

    def update(self, key: str, change: Callable[[bytes | None], bytes]) -> None:
        """Replace an object by what it is changed to; who wrote meanwhile is not overwritten.

        Raises:
            StoreConflict: Others kept winning.
        """
        for _ in range(_ATTEMPTS):
            with _translated(key):
                body, etag = self._with_etag(key)
                condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
                if self._put_if(key, change(body), condition):
                    return
        raise StoreConflict(f"{key} was written by somebody else {_ATTEMPTS} times in a row.")

    def _with_etag(self, key: str) -> tuple[bytes | None, str]:
        try:
            answer = self._s3.get_object(Bucket=self._name, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None, ""
            raise
        return answer["Body"].read(), answer["ETag"]

    def _put_if(self, key: str, body: bytes, condition: dict[str, str]) -> bool:
        try:
            self._s3.put_object(Bucket=self._name, Key=key, Body=body, ContentType="application/json", **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] in _OVERTAKEN:
                return False
            raise
        return True

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
        with _translated(key):
            self._s3.delete_object(Bucket=self._name, Key=key)


class DeliveryStream:
    """One delivery stream of Firehose."""

    def __init__(self, name: str, client: Any = None) -> None:
        """Open it.

        Args:
            name: The delivery stream.
            client: Of Firehose; one of the environment's account if none.
        """
        self._name = name
        self._firehose = client or boto3.client("firehose", config=_CONFIG)

    def put(self, records: Sequence[bytes]) -> list[int]:
        """Send at most 500 records; returns the places of those that Firehose did not take."""
        batch = [{"Data": record} for record in records]
        with _translated(self._name):
            answer = self._firehose.put_record_batch(DeliveryStreamName=self._name, Records=batch)
        return [place for place, each in enumerate(answer["RequestResponses"]) if each.get("ErrorCode")]


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        raise StoreUnavailable(f"AWS could not be used for {what}: {code}.") from error
