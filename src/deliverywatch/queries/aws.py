"""The room's adapters to AWS: a schedule group, the lake and a file in S3, the alerts topic, a token in SSM.

An endpoint other than AWS comes from boto3's own `AWS_ENDPOINT_URL`; nothing here knows of it.
"""

from __future__ import annotations

import codecs
import errno
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from datetime import datetime
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, cast

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch import emf
from deliverywatch.errors import InputError, ServiceBusy, ServiceRefused, SourceRefused, SourceUnavailable, error_code
from deliverywatch.queries.config.source import Fetched, revision_of
from deliverywatch.queries.run.record import NAMESPACE, Emit
from deliverywatch.queries.schedule.pace import Pace
from deliverywatch.queries.schedule.specification import Schedule, from_service
from deliverywatch.sdk import sendable
from deliverywatch.storage import s3

if TYPE_CHECKING:
    from deliverywatch.queries.config.http_source import Http

# Adaptive mode retries throttling, 5xx and broken connections with jitter; the flow retries conflicts.
_CONFIG = Config(
    connect_timeout=3, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 5}, max_pool_connections=16
)

_CALLS_PER_SECOND, _LISTS_PER_SECOND = 200.0, 20.0
_BURST = 50
_CHUNK_BYTES = 256 * 1024
_MISSING = {"ResourceNotFoundException"}
_BUSY = {
    "ConflictException", "ThrottlingException", "InternalServerException", "ServiceUnavailableException",
    "TooManyRequestsException",
}  # fmt: skip
_SERVER_ERROR = 500


class Scheduler:
    """The schedules of one group; safe to use from several threads."""

    def __init__(self, client: Any, group: str) -> None:
        self._client, self._group = client, group
        self._pace = Pace(_CALLS_PER_SECOND, _BURST, clock=time.monotonic, sleep=time.sleep)
        self._listing = Pace(_LISTS_PER_SECOND, _BURST, clock=time.monotonic, sleep=time.sleep)

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names in the group that begin so; the group is named by us, so that no other is read."""
        with translated(f"The schedules of the group {self._group}"):
            pages = self._client.get_paginator("list_schedules").paginate(
                GroupName=self._group, NamePrefix=prefix, PaginationConfig={"PageSize": 100}
            )
            for page in pages:
                self._listing.wait()
                yield from (schedule["Name"] for schedule in page["Schedules"])

    def get(self, name: str) -> Schedule | None:
        """Return a schedule, or None."""
        self._pace.wait()
        with translated(f"The schedule {name}"):
            try:
                return from_service(self._client.get_schedule(GroupName=self._group, Name=name))
            except ClientError as error:
                if error_code(error) in _MISSING:
                    return None
                raise

    def create(self, schedule: Schedule) -> None:
        """Make a schedule."""
        self._pace.wait()
        with translated(f"The schedule {schedule.name}"):
            self._client.create_schedule(GroupName=self._group, **schedule.request())

    def update(self, schedule: Schedule) -> None:
        """Replace a schedule; what the request leaves out falls back to the service's defaults."""
        self._pace.wait()
        with translated(f"The schedule {schedule.name}", _MISSING):
            self._client.update_schedule(GroupName=self._group, **schedule.request())

    def delete(self, name: str) -> None:
        """Delete a schedule, if it exists."""
        self._pace.wait()
        with translated(f"The schedule {name}"):
            try:
                self._client.delete_schedule(GroupName=self._group, Name=name)
            except ClientError as error:
                if error_code(error) not in _MISSING:
                    raise


def names_in(client: Any, group: str, prefix: str) -> list[str]:
    """Return the names in any group that begin so; none if there is no such group."""
    try:
        return [name for name in Scheduler(client, group).names(prefix) if name.startswith(prefix)]
    except ServiceRefused as error:
        if isinstance(error.__cause__, ClientError) and error_code(error.__cause__) in _MISSING:
            return []
        raise


class Lake(s3.Bucket):
    """The lake's bucket, with Athena's results in it."""

    def lines(self, location: str) -> Iterator[str]:
        """Yield the lines of an object of any size, with their ends."""
        bucket, _, key = location.removeprefix("s3://").partition("/")
        with s3.translated(key):
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
        with s3.translated(key):
            self._s3.copy_object(
                Bucket=self._name, Key=key, CopySource={"Bucket": bucket, "Key": source}, IfNoneMatch="*", **about
            )

    def write_lines(self, key: str, lines: Iterable[str], metadata: Mapping[str, str]) -> None:
        """Store lines where no object is yet; they go through a file, as they may be more than the memory holds."""
        with TemporaryFile() as file:
            try:
                file.writelines(line.encode() for line in lines)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                raise InputError(
                    "The result has cells that a spreadsheet would run, and is too large to be written without them.",
                    next_step="Select fewer rows, or leave out texts that begin with '=', '+', '-' or '@'.",
                ) from error
            file.seek(0)
            self.write_if_unchanged(key, cast("bytes", file), None, metadata)


class S3File:
    """The file of queries as an object of a given bucket: `s3://bucket/key`."""

    def __init__(self, client: Any, url: str) -> None:
        self.url, self._s3 = url, client

    def fetch(self, etag: str) -> Fetched | None:
        """Return the file, or None if it is the one with this etag."""
        bucket, _, key = self.url.removeprefix("s3://").partition("/")
        try:
            with sendable(SourceRefused):
                answer = self._s3.get_object(Bucket=bucket, Key=key, **({"IfNoneMatch": etag} if etag else {}))
            body = answer["Body"].read()
        except ClientError as error:
            if error_code(error) in {"304", "NotModified"}:
                return None
            raise SourceRefused(
                f"{self.url} cannot be read: {error_code(error)}.",
                kind="s3",
                next_step="Check QueriesConfigUrl, that this account owns the bucket, and that its policy lets the "
                "reconciler's role read it.",
            ) from error
        except BotoCoreError as error:
            raise SourceUnavailable(f"{self.url} cannot be reached: {type(error).__name__}.") from error
        return Fetched(body, revision_of(body), answer["ETag"])


class Topic:
    """The alerts topic."""

    def __init__(self, client: Any, arn: str) -> None:
        self._sns, self._arn = client, arn

    def publish(self, message: Mapping[str, Any]) -> None:
        """Publish a notice."""
        with translated("The alerts topic"):
            self._sns.publish(TopicArn=self._arn, Message=json.dumps(message, ensure_ascii=False))


def client(service: str) -> Any:
    """Return the client of a service for a Lambda function."""
    return boto3.client(service, config=_CONFIG)


def emitter(environment: str, log: Callable[[str], None]) -> Emit:
    """Return what writes metrics to the log, from which CloudWatch takes them."""

    def emit(metrics: Mapping[str, tuple[float, str]], stamp: datetime, properties: Mapping[str, Any]) -> None:
        log(emf.document(NAMESPACE, {"Environment": environment}, metrics, stamp, properties))

    return emit


def http() -> Http:
    """Return what the file is fetched from Git with."""
    return cast("Http", urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=20), maxsize=1))


def token(parameter: str) -> str:
    """Return the secret of an SSM parameter, or raise ServiceRefused; an empty name has none."""
    if not parameter:
        return ""
    with translated(f"The SSM parameter {parameter}"):
        answer = client("ssm").get_parameter(Name=parameter, WithDecryption=True)
        return str(answer["Parameter"]["Value"]).strip()


@contextmanager
def translated(what: str, busy: Set[str] = frozenset()) -> Iterator[None]:
    """Raise what boto3 raises as one of our errors about `what`; after the codes in `busy` it helps to look again."""
    try:
        with sendable(ServiceRefused):
            yield
    except ClientError as error:
        code, message = error_code(error), error.response.get("Error", {}).get("Message", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = ServiceBusy if code in _BUSY or code in busy or status >= _SERVER_ERROR else ServiceRefused
        raise kind(f"{what}: {error.operation_name} answered {code}: {message}".rstrip(": ")) from error
    except BotoCoreError as error:
        raise ServiceBusy(f"{what}: AWS cannot be reached ({error}).") from error
    except s3.ODD as error:
        raise ServiceBusy(f"{what}: AWS's answer could not be read ({type(error).__name__}: {error}).") from error
