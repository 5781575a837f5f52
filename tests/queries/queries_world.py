"""A scheduler service as AWS was recorded: pages, defaults, updates that forget, conflicts, throttling."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from deliverywatch.athena import Execution, Status
from deliverywatch.local.cloud.compute.schedules import refusal
from deliverywatch.queries.aws import Scheduler
from deliverywatch.queries.config.query import Kind, Query
from deliverywatch.queries.schedule import apply
from deliverywatch.queries.schedule.specification import Schedule, Wiring, desired
from deliverywatch.storage import memory

if TYPE_CHECKING:
    from deliverywatch.athena import Statement

GROUP = "deliverywatch-prod-queries"
WIRING = Wiring(
    project="pn",
    executor_arn="arn:aws:lambda:eu-south-1:111122223333:function:execute",
    role_arn="arn:aws:iam::111122223333:role/start",
    dead_letter_arn="arn:aws:sqs:eu-south-1:111122223333:dead",
)
_OPTIONAL = ("Description", "KmsKeyArn", "StartDate", "EndDate")
_PAGE = 3


class Crash(Exception):
    """The function was killed."""


def error(code: str, operation: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message or code}}, operation)


class FakeService:
    """boto3's client of EventBridge Scheduler, as far as it is used.

    `fault` is asked before and after each call: what it returns is raised, so that a call may fail with or without
    having had its effect.
    """

    def __init__(self, fault: Callable[[str, str], Exception | None] = lambda *_: None) -> None:
        self.stored: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.fault = fault

    def get_paginator(self, operation: str) -> FakeService:
        assert operation == "list_schedules"
        return self

    def paginate(self, GroupName: str, NamePrefix: str, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        names = sorted(name for group, name in self.stored if group == GroupName and name.startswith(NamePrefix))
        for first in range(0, len(names) or 1, _PAGE):
            self._around("list_schedules", "before")
            yield {"Schedules": [{"Name": name, "GroupName": GroupName} for name in names[first : first + _PAGE]]}

    def get_schedule(self, **request: Any) -> dict[str, Any]:
        key = self._called("get_schedule", request)
        if key not in self.stored:
            raise error("ResourceNotFoundException", "GetSchedule", f"Schedule {key[1]} does not exist.")
        return {"GroupName": key[0], **self.stored[key], "ResponseMetadata": {}}

    def create_schedule(self, **request: Any) -> None:
        key = self._called("create_schedule", request)
        if key in self.stored:
            raise error("ConflictException", "CreateSchedule", f"Schedule {key[1]} already exists.")
        self._check(request, "CreateSchedule")
        self.stored[key] = self.with_defaults(request)
        self._around("create_schedule", "after")

    def update_schedule(self, **request: Any) -> None:
        key = self._called("update_schedule", request)
        if key not in self.stored:
            raise error("ResourceNotFoundException", "UpdateSchedule", f"Schedule {key[1]} does not exist.")
        self._check(request, "UpdateSchedule")
        self.stored[key] = self.with_defaults(request)
        self._around("update_schedule", "after")

    def delete_schedule(self, **request: Any) -> None:
        key = self._called("delete_schedule", request)
        if key not in self.stored:
            raise error("ResourceNotFoundException", "DeleteSchedule", f"Schedule {key[1]} does not exist.")
        del self.stored[key]
        self._around("delete_schedule", "after")

    @staticmethod
    def _check(request: dict[str, Any], operation: str) -> None:
        if why := refusal(request):
            raise error("ValidationException", operation, why)

    @staticmethod
    def with_defaults(request: dict[str, Any]) -> dict[str, Any]:
        """What AWS answers after a create or an update: recorded in localstack's snapshot of 2025-01."""
        target = {"RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}, **request["Target"]}
        kept = {name: request[name] for name in _OPTIONAL if request.get(name)}
        return {
            "Arn": f"arn:aws:scheduler:eu-south-1:111122223333:schedule/{request.get('GroupName')}/{request['Name']}",
            "Name": request["Name"],
            "ScheduleExpression": request["ScheduleExpression"],
            "ScheduleExpressionTimezone": request.get("ScheduleExpressionTimezone", "UTC"),
            "State": request.get("State", "ENABLED"),
            "ActionAfterCompletion": request.get("ActionAfterCompletion", "NONE"),
            "FlexibleTimeWindow": request["FlexibleTimeWindow"],
            "Target": target,
            **kept,
        }

    def put(self, group: str, request: dict[str, Any]) -> None:
        """Somebody else's hand: store a schedule without being asked."""
        self.stored[group, request["Name"]] = self.with_defaults({"GroupName": group, **request})

    def _called(self, operation: str, request: dict[str, Any]) -> tuple[str, str]:
        self.calls.append((operation, request["Name"]))
        self._around(operation, "before")
        return request["GroupName"], request["Name"]

    def _around(self, operation: str, when: str) -> None:
        problem = self.fault(operation, when)
        if problem is not None:
            raise problem


def query(query_id: str, **fields: Any) -> Query:
    given: dict[str, Any] = {"expression": "cron(0 2 * * ? *)", "sql": "SELECT 1", **fields}
    return Query(query_id, Kind.EXPORT, **given)


def wanted(*queries: Query) -> dict[str, Schedule]:
    return desired(queries, WIRING)


def ports(service: FakeService, lines: list[str] | None = None, seconds_left: float = 600) -> apply.Ports:
    logged: list[str] = [] if lines is None else lines
    return apply.Ports(
        schedules=Scheduler(service, GROUP), log=logged.append, pause=lambda _: None, seconds_left=lambda: seconds_left
    )


class MemoryLake(memory.Memory):
    """The lake in memory; `fault` is asked before and after each write: what it returns is raised."""

    fault: Callable[[str, str], Exception | None] = staticmethod(lambda *_: None)

    def lines(self, location: str) -> Iterator[str]:
        yield from self.objects[location.removeprefix("s3://lake/")].decode().splitlines(keepends=True)

    def copy(self, location: str, key: str, metadata: Mapping[str, str]) -> None:
        self.write_if_unchanged(key, self.objects[location.removeprefix("s3://lake/")], None, metadata)

    def write_lines(self, key: str, lines: Iterable[str], metadata: Mapping[str, str]) -> None:
        self.write_if_unchanged(key, "".join(lines).encode(), None, metadata)

    def _put(self, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self._around(key, "before")
        super()._put(key, body, metadata)
        self._around(key, "after")

    def _around(self, key: str, when: str) -> None:
        problem = self.fault(key, when)
        if problem is not None:
            raise problem


class FakeAthena:
    """Athena that answers each statement with the next of its results: CSV, or an execution that failed."""

    def __init__(self, lake: MemoryLake, *results: str | Execution) -> None:
        self.lake, self.results = lake, list(results)
        self.started: dict[str, tuple[Statement, Execution]] = {}
        self.stopped: list[str] = []
        self.looks_until_over = 1

    def start(self, statement: Statement, token: str = "") -> str:
        if token not in self.started:
            result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
            execution_id = f"e{len(self.started) + 1}"
            self.started[token] = (statement, self._execution(execution_id, result))
        return self.started[token][1].id

    def look(self, execution_id: str) -> Execution:
        self.looks_until_over -= 1
        (execution_of_id,) = [execution for _, execution in self.started.values() if execution.id == execution_id]
        return execution_of_id if self.looks_until_over < 1 else Execution(execution_id, Status.RUNNING)

    def stop(self, execution_id: str) -> None:
        self.stopped.append(execution_id)

    def _execution(self, execution_id: str, result: str | Execution) -> Execution:
        if isinstance(result, Execution):
            return dataclasses.replace(result, id=execution_id)
        self.lake.objects[f"athena-results/{execution_id}.csv"] = result.encode()
        location = f"s3://lake/athena-results/{execution_id}.csv"
        return Execution(execution_id, Status.SUCCEEDED, location, scanned_bytes=25_000_000)
