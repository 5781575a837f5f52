"""The room's adapters to S3: the lake's bucket, and the file of queries where it lies in any bucket."""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import SourceRefused, SourceUnavailable, StoreConflict, StoreUnavailable
from deliverywatch.queries.config.lake import Stored
from deliverywatch.queries.config.source import Fetched, revision_of

_NO_OBJECT = {"NoSuchKey", "404", "NotFound"}
_OVERTAKEN = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_CHUNK_BYTES = 256 * 1024


class Bucket:
    """The lake's bucket; docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html."""

    def __init__(self, client: Any, name: str) -> None:
        self._s3, self._name = client, name

    def read(self, key: str) -> Stored | None:
        """Return an object, or None if there is none."""
        with _stored(key):
            try:
                answer = self._s3.get_object(Bucket=self._name, Key=key)
                return Stored(answer["Body"].read(), answer["ETag"])
            except ClientError as error:
                if _code(error) in _NO_OBJECT:
                    return None
                raise

    def write(self, key: str, body: bytes) -> None:
        """Store an object, whatever was there."""
        self._put(key, body)

    def create(self, key: str, body: bytes) -> None:
        """Store an object that is not there yet."""
        self._put(key, body, IfNoneMatch="*")

    def replace(self, key: str, body: bytes, etag: str | None) -> None:
        """Store an object in place of this one, or of none."""
        self._put(key, body, **({"IfMatch": etag} if etag else {"IfNoneMatch": "*"}))

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin so, in order."""
        with _stored(prefix):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            return [each["Key"] for page in pages for each in page.get("Contents", ())]

    def lines(self, location: str) -> Iterator[str]:
        """Yield the lines of an object of any size, with their ends."""
        bucket, _, key = location.removeprefix("s3://").partition("/")
        with _stored(key):
            chunks = self._s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK_BYTES)
            rest = ""
            for text in codecs.iterdecode(chunks, "utf-8"):
                *whole, rest = (rest + text).split("\n")
                yield from (f"{line}\n" for line in whole)
            yield from [rest] if rest else []

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return what was stored beside an object, or None if there is none."""
        with _stored(key):
            try:
                return dict(self._s3.head_object(Bucket=self._name, Key=key)["Metadata"])
            except ClientError as error:
                if _code(error) in _NO_OBJECT:
                    return None
                raise

    def copy(self, location: str, key: str, metadata: Mapping[str, str]) -> None:
        """Copy an object to where none is yet."""
        bucket, _, source = location.removeprefix("s3://").partition("/")
        about = {"Metadata": dict(metadata), "MetadataDirective": "REPLACE", "ContentType": "text/csv"}
        with _stored(key):
            self._s3.copy_object(
                Bucket=self._name, Key=key, CopySource={"Bucket": bucket, "Key": source}, IfNoneMatch="*", **about
            )

    def _put(self, key: str, body: bytes, **condition: str) -> None:
        with _stored(key):
            self._s3.put_object(Bucket=self._name, Key=key, Body=body, ContentType="application/json", **condition)


class S3File:
    """The file of queries as an object of any bucket: `s3://bucket/key`."""

    def __init__(self, client: Any, url: str) -> None:
        self.url, self._s3 = url, client

    def fetch(self, etag: str) -> Fetched | None:
        """Return the file, or None if it is the one with this etag."""
        bucket, _, key = self.url.removeprefix("s3://").partition("/")
        try:
            answer = self._s3.get_object(Bucket=bucket, Key=key, **({"IfNoneMatch": etag} if etag else {}))
            body = answer["Body"].read()
        except ClientError as error:
            if _code(error) in {"304", "NotModified"}:
                return None
            raise SourceRefused(
                f"{self.url} cannot be read: {_code(error)}.",
                kind="s3",
                next_step="Check QueriesConfigUrl, and that the bucket's policy lets the reconciler's role read it.",
            ) from error
        except BotoCoreError as error:
            raise SourceUnavailable(f"{self.url} cannot be reached: {type(error).__name__}.") from error
        return Fetched(body, revision_of(body), answer["ETag"])


@contextmanager
def _stored(key: str) -> Iterator[None]:
    """Tell what S3 answers as one of our errors."""
    try:
        yield
    except ClientError as error:
        if _code(error) in _OVERTAKEN:
            raise StoreConflict(f"{key} was written by somebody else meanwhile.") from error
        raise StoreUnavailable(f"S3 refuses {error.operation_name} of {key}: {_code(error)}.") from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"S3 cannot be reached for {key}: {type(error).__name__}.") from error


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
