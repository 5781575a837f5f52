"""The room's adapters to AWS: S3 for what steps leave behind, Step Functions, Athena, SNS."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deliverywatch.athena import Statement, Status, TimeBudget, Workgroup, run
from deliverywatch.errors import CloudRefused, CloudUnavailable, error_code
from deliverywatch.pipeline.declaration.values import decoded
from deliverywatch.sdk import sendable
from deliverywatch.storage.s3 import ODD, PATIENT, Bucket, owned_by
from deliverywatch.thresholds import PIPELINE_RESULTS_MEGABYTES

# What a function keeps to stop a query and to report it.
_RESERVE_SECONDS = 15.0
# What a run left behind is worth less than the notice of it: who does not answer soon is not waited for.
_BRIEF = Config(connect_timeout=3, read_timeout=6, retries={"mode": "standard", "total_max_attempts": 2})
_TRANSIENT = {"ThrottlingException", "TooManyRequestsException", "InternalServerException", "ServiceUnavailable"}


def _always() -> float:
    return math.inf


class Artifacts:
    """Objects at `s3://` addresses, in buckets that the account owns, where one is named."""

    def __init__(self, s3: Any = None, account: str = "", seconds_left: Callable[[], float] = _always) -> None:
        self._s3, self._account, self._seconds_left = s3, account, seconds_left

    def fetch(self, address: str) -> bytes | None:
        """Return the object, or None if there is none; one that is too large or comes too late is refused."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        _has_time(self._seconds_left, address)
        stored = Bucket(bucket, self._owned, most_bytes=PIPELINE_RESULTS_MEGABYTES * 1_000_000).read(key)
        return stored.body if stored else None

    @cached_property
    def _owned(self) -> Any:
        return owned_by(self._s3 or boto3.client("s3", config=_BRIEF), self._account)


class StepFunctions:
    """Executions of state machines."""

    def __init__(self, client: Any = None, seconds_left: Callable[[], float] = _always) -> None:
        self._client, self._seconds_left = client or boto3.client("stepfunctions", config=_BRIEF), seconds_left

    def describe(self, arn: str) -> Mapping[str, Any]:
        """Return what DescribeExecution says, or raise CloudRefused or CloudUnavailable."""
        with _translated("Step Functions", "the execution"):
            _has_time(self._seconds_left, "the execution")
            return dict(self._client.describe_execution(executionArn=arn))

    def history(self, arn: str) -> Iterator[Mapping[str, Any]]:
        """Yield the events of an execution, the oldest first, or raise CloudRefused or CloudUnavailable."""
        with _translated("Step Functions", "the history of the execution"):
            pages = self._client.get_paginator("get_execution_history").paginate(executionArn=arn, maxResults=1000)
            for page in pages:
                yield from page["events"]
                _has_time(self._seconds_left, "the rest of the history")

    def definition(self, arn: str) -> object:
        """Return the decoded definition that an execution began with, or raise CloudRefused or CloudUnavailable."""
        with _translated("Step Functions", "the definition of the state machine"):
            _has_time(self._seconds_left, "the definition of the state machine")
            return decoded(self._client.describe_state_machine_for_execution(executionArn=arn)["definition"])

    def map_run(self, arn: str) -> Mapping[str, Any]:
        """Return what DescribeMapRun says, or raise CloudRefused or CloudUnavailable."""
        with _translated("Step Functions", "the items of a distributed Map"):
            _has_time(self._seconds_left, "the items of a distributed Map")
            return dict(self._client.describe_map_run(mapRunArn=arn))


def seconds_left(context: Any) -> Callable[[], float]:
    """Return how to ask Lambda's context how long the function may still run; without one it may for ever."""
    ask = getattr(context, "get_remaining_time_in_millis", None)
    return (lambda: float(ask()) / 1000) if ask else _always


def _has_time(seconds_left: Callable[[], float], what: str) -> None:
    if seconds_left() < _RESERVE_SECONDS:
        raise CloudUnavailable(f"{what} was not read, because the function had no time left.", kind="timeout")


class StateMachines:
    """The state machines of an account; `prefix` is what the ARN of one begins with, up to its name."""

    def __init__(self, prefix: str, client: Any = None) -> None:
        self._prefix, self._client = prefix, client or boto3.client("stepfunctions", config=PATIENT)

    def running(self, state_machine: str) -> Iterator[Mapping[str, Any]]:
        """Yield what ListExecutions says of the executions that run, or raise CloudRefused."""
        with _translated("Step Functions", f"the running executions of {state_machine}"):
            pages = self._client.get_paginator("list_executions").paginate(
                stateMachineArn=f"{self._prefix}{state_machine}", statusFilter="RUNNING"
            )
            for page in pages:
                yield from page["executions"]


class Athena:
    """Queries in one workgroup; each is stopped when its time is over, so that nothing goes on costing."""

    def __init__(self, workgroup: str, seconds_left: Callable[[], float], client: Any = None) -> None:
        self._workgroup, self._seconds_left = workgroup, seconds_left
        self._client = client or boto3.client("athena", config=PATIENT)

    def rows(self, sql: str, database: str) -> list[dict[str, Any]]:
        """Return a query's rows, their values as text.

        Raises:
            CloudRefused: Athena refuses the query, or it fails for good.
            CloudUnavailable: It fails in a way that may pass, or takes too long.
        """
        workgroup = Workgroup(self._client, self._workgroup, database, lambda _: _translated("Athena", "a check"))
        budget = TimeBudget(time.sleep, lambda: self._seconds_left() - _RESERVE_SECONDS)
        execution = run(Statement(sql), workgroup, budget)
        if execution.status is Status.STOPPED:
            raise CloudUnavailable(
                "Athena took longer over a check than the function has, and was stopped.", kind="timeout"
            )
        if execution.status is not Status.SUCCEEDED:
            kind = CloudUnavailable if execution.is_retryable else CloudRefused
            raise kind(f"Athena could not do a check: {execution.reason or 'it gave no reason'}.")
        columns, rows = workgroup.result(execution.id)
        return [dict(zip([name for name, _ in columns], row, strict=True)) for row in rows]


class AlertsTopic:
    """The topic that the notifier listens to."""

    def __init__(self, arn: str) -> None:
        self._arn = arn
        self._client = boto3.client("sns", config=PATIENT)

    def publish(self, notice: Mapping[str, Any]) -> None:
        """Publish a system notice, or raise CloudUnavailable or CloudRefused."""
        with _translated("SNS", "the alerts topic"):
            self._client.publish(TopicArn=self._arn, Message=json.dumps(notice), Subject="DeliveryWatch")


@contextmanager
def _translated(service: str, what: str) -> Iterator[None]:
    try:
        with sendable(CloudRefused):
            yield
    except (ClientError, BotoCoreError, *ODD) as error:
        is_refused = isinstance(error, ClientError) and error_code(error) not in _TRANSIENT
        kind = CloudRefused if is_refused else CloudUnavailable
        raise kind(f"{service} could not be asked for {what}: {error_code(error)}.") from error
