"""An S3 bucket as the store: the only module that knows how S3 answers conditional requests.

docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html. For an endpoint other than AWS set boto3's own
`AWS_ENDPOINT_URL`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, IncompleteReadError
from botocore.httpsession import URLLib3SSLError
from botocore.parsers import ResponseParserError

from deliverywatch.errors import StoreConflict, StoreUnavailable, error_code
from deliverywatch.sdk import sendable
from deliverywatch.storage.store import Stored

# Adaptive mode retries 5xx, throttling and broken connections with jitter, and slows down when throttled; a connection
# that breaks while a body is read is left to whoever reads.
PATIENT = Config(connect_timeout=3, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 6})

# A body that broke off: botocore wraps all of urllib3's errors but those of TLS.
_BROKEN_OFF = (HTTPClientError, IncompleteReadError, URLLib3SSLError)
_READS = 3
# What an answer raises that lacks members, has others in their place, or is no XML.
ODD = (KeyError, TypeError, AttributeError, ValueError, ResponseParserError)
# GetObject answers with a code; HeadObject has no body and answers with the status only.
_ABSENT = {"NoSuchKey", "404", "NotFound"}
# Changed since it was read, or being changed right now.
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "412", "409"}
# Of botocore: PutObject has them since 1.35, DeleteObject since 1.35.72, CopyObject since 1.40 (October 2025).
_HEADERS = {"IfMatch": "If-Match", "IfNoneMatch": "If-None-Match"}
_ASIDE = "deliverywatch_conditions"
_CONTENT_TYPES = {
    ".csv": "text/csv",
    ".eml": "message/rfc822",
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
}


class Bucket:
    """Objects of one S3 bucket."""

    def __init__(self, name: str, client: Any = None, config: Config = PATIENT, most_bytes: int = 0) -> None:
        """Take a bucket by name; without a client of S3, boto3 makes one with this config when it is first needed.

        With `most_bytes` a larger object is refused, as one that S3 does not give.
        """
        self._name, self._given, self._config, self._most_bytes = name, client, config, most_bytes

    def read(self, key: str) -> Stored | None:
        """Return the object, or None."""
        with translated(key):
            return self._read(key, _READS)

    def metadata(self, key: str) -> Mapping[str, str] | None:
        """Return the object's metadata without reading its body, or None if there is no object."""
        with translated(key):
            answer = self._unless_absent(key, self._s3.head_object)
            return None if answer is None else dict(answer["Metadata"])

    def write(self, key: str, body: bytes) -> None:
        """Store the object whatever was there."""
        with translated(key):
            self._s3.put_object(Bucket=self._name, Key=key, Body=body, ContentType=_content_type(key))

    def write_if_unchanged(
        self, key: str, body: bytes, etag: str | None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Store the object if the present one has this etag; with None, if there is no object."""
        fields = {"ContentType": _content_type(key), "Metadata": dict(metadata or {})}
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with translated(key, deleted_is_changed=True):
            self._s3.put_object(Bucket=self._name, Key=key, Body=body, **fields, **condition)

    def delete(self, key: str) -> None:
        """Delete the object; one that is gone is not a failure."""
        with translated(key):
            self._s3.delete_object(Bucket=self._name, Key=key)

    def delete_if_unchanged(self, key: str, etag: str) -> None:
        """Delete the object if the present one has this etag; one that is gone is not a failure."""
        self._unless_absent(key, self._s3.delete_object, IfMatch=etag)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix, sorted."""
        return [key for key, _ in self.sizes(prefix)]

    def sizes(self, prefix: str) -> list[tuple[str, int]]:
        """Return keys and bytes of the objects whose keys begin with a prefix, sorted."""
        with translated(prefix or self._name):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
            return sorted((item["Key"], item["Size"]) for page in pages for item in page.get("Contents", []))

    def _read(self, key: str, tries: int) -> Stored | None:
        answer = self._unless_absent(key, self._s3.get_object)
        if answer and 0 < self._most_bytes < answer["ContentLength"]:
            raise StoreUnavailable(f"{key} has {answer['ContentLength']:,} bytes, which is too large to be read.")
        try:
            return None if answer is None else Stored(answer["Body"].read(), answer["ETag"])
        except _BROKEN_OFF:
            if tries == 1:
                raise
        return self._read(key, tries - 1)

    def _unless_absent(self, key: str, call: Callable[..., dict[str, Any]], **condition: str) -> dict[str, Any] | None:
        with translated(key):
            try:
                return call(Bucket=self._name, Key=key, **condition)
            except ClientError as error:
                if error_code(error) in _ABSENT:
                    return None
                raise

    @cached_property
    def _s3(self) -> Any:
        return _conditional(self._given or boto3.client("s3", config=self._config))


def account_of(context: Any) -> str:
    """Return the account that a function runs in, from Lambda's context; empty where there is none."""
    # arn:aws:lambda:<region>:<account>:function:<name>
    parts = str(getattr(context, "invoked_function_arn", "")).split(":")
    return parts[4] if len(parts) > 4 else ""


def owned_by(client: Any, account: str) -> Any:
    """Return a client of S3 for buckets that this account must own: a deleted name can be anybody's next.

    Buckets whose names are given are read with it; without an account it checks nothing.
    """
    if not account:
        return client
    client.meta.events.register("before-parameter-build.s3", partial(_expect_owner, account))
    return client


def _expect_owner(account: str, params: dict[str, Any], model: Any, **_: Any) -> None:
    if "ExpectedBucketOwner" in model.input_shape.members:
        params.setdefault("ExpectedBucketOwner", account)


def _conditional(client: Any) -> Any:
    """Return a client that sends conditions even if its SDK is from before S3 had them: they are headers."""
    client.meta.events.register("before-parameter-build.s3", _set_aside, unique_id="deliverywatch-set-aside")
    client.meta.events.register("before-call.s3", _add_headers, unique_id="deliverywatch-add-headers")
    return client


def _set_aside(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    lacking = [name for name in _HEADERS if name in params and name not in model.input_shape.members]
    context[_ASIDE] = {_HEADERS[name]: params.pop(name) for name in lacking}


def _add_headers(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    params["headers"].update(context.get(_ASIDE, {}))


@contextmanager
def translated(key: str, *, deleted_is_changed: bool = False) -> Iterator[None]:
    """Raise S3's errors as one of the store's two: StoreConflict for a condition that does not hold, StoreUnavailable.

    With `deleted_is_changed` a 404 answers a condition: somebody deleted the object meanwhile.
    """
    try:
        with sendable(StoreUnavailable):
            yield
    except (ClientError, BotoCoreError, URLLib3SSLError, *ODD) as error:
        if error_code(error) in (_CHANGED | _ABSENT if deleted_is_changed else _CHANGED):
            raise StoreConflict(f"{key} was written by somebody else meanwhile.") from error
        raise StoreUnavailable(f"S3 could not be used for {key}: {error_code(error)}.") from error


def _content_type(key: str) -> str:
    return _CONTENT_TYPES.get(PurePosixPath(key).suffix, "application/octet-stream")
