"""The room's adapters to S3: the lake's bucket, and the file of queries where it lies in any bucket."""

import codecs
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.errors import SourceRefused, SourceUnavailable, error_code
from deliverywatch.queries.config.source import Fetched, revision_of
from deliverywatch.storage.s3 import Bucket, translated

_CHUNK_BYTES = 256 * 1024


class Lake(Bucket):
    """The lake's bucket, with Athena's results in it."""

    def lines(self, location: str) -> Iterator[str]:
        """Yield the lines of an object of any size, with their ends."""
        bucket, _, key = location.removeprefix("s3://").partition("/")
        with translated(key):
            chunks = self._s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK_BYTES)
            rest = ""
            for text in codecs.iterdecode(chunks, "utf-8"):
                *whole, rest = (rest + text).split("\n")
                yield from (f"{line}\n" for line in whole)
            yield from [rest] if rest else []

    def copy(self, location: str, key: str, metadata: Mapping[str, str]) -> None:
        """Copy an object to where none is yet."""
        bucket, _, source = location.removeprefix("s3://").partition("/")
        about = {"Metadata": dict(metadata), "MetadataDirective": "REPLACE", "ContentType": "text/csv"}
        with translated(key):
            self._s3.copy_object(
                Bucket=self._name, Key=key, CopySource={"Bucket": bucket, "Key": source}, IfNoneMatch="*", **about
            )


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
            if error_code(error) in {"304", "NotModified"}:
                return None
            raise SourceRefused(
                f"{self.url} cannot be read: {error_code(error)}.",
                kind="s3",
                next_step="Check QueriesConfigUrl, and that the bucket's policy lets the reconciler's role read it.",
            ) from error
        except BotoCoreError as error:
            raise SourceUnavailable(f"{self.url} cannot be reached: {type(error).__name__}.") from error
        return Fetched(body, revision_of(body), answer["ETag"])
