"""The room's adapters to AWS: a schedule group, the alerts topic and a token in SSM; `aws_lake` has S3's.

An endpoint other than AWS comes from boto3's own `AWS_ENDPOINT_URL`; nothing here knows of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch import emf
from deliverywatch.errors import ServiceBusy, ServiceRefused, error_code
from deliverywatch.queries.run.record import NAMESPACE, Emit
from deliverywatch.queries.schedule.pace import Pace
from deliverywatch.queries.schedule.specification import Schedule, from_service

if TYPE_CHECKING:
    from deliverywatch.queries.config.http_source import Http

# Adaptive mode retries throttling, 5xx and broken connections with jitter; the flow retries conflicts.
_CONFIG = Config(
    connect_timeout=3, read_timeout=20, retries={"mode": "adaptive", "total_max_attempts": 5}, max_pool_connections=16
)

_CALLS_PER_SECOND, _LISTS_PER_SECOND = 200.0, 20.0
_BURST = 50
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
        yield
    except ClientError as error:
        code, message = error_code(error), error.response.get("Error", {}).get("Message", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = ServiceBusy if code in _BUSY or code in busy or status >= _SERVER_ERROR else ServiceRefused
        raise kind(f"{what}: {error.operation_name} answered {code}: {message}".rstrip(": ")) from error
    except BotoCoreError as error:
        raise ServiceBusy(f"{what}: AWS cannot be reached ({error}).") from error
