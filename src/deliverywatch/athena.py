"""A statement -> Athena's answer: started once, waited for with growing pauses, stopped when its time is up.

A statement is started with a token: the same token gives the same execution, so that a run that is started twice
queries, and pays, once (docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html).
"""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from deliverywatch.errors import DeliveryWatchError, Rejected, Retryable

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 10.0
_GROWTH = 1.5
# An execution goes on while we cannot see it, so this many looks in a row may fail: some 20 seconds.
_BLIND_LOOKS = 10
# How often to run a statement that Athena itself calls retryable.
_TRIES = 3


class Status(StrEnum):
    """Athena's words and one of ours: STOPPED means that we stopped it because it took too long."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    STOPPED = "STOPPED"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, with a literal for each `?` in it, and the database of its bare tables; empty for the usual one."""

    sql: str
    parameters: tuple[str, ...] = ()
    database: str = ""


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution as Athena describes it.

    Attributes:
        location: Of its CSV: `s3://bucket/key`.
        reason: Why it failed; empty if it did not.
        is_retryable: Whether Athena says that another try may succeed.
    """

    id: str
    status: Status
    location: str = ""
    scanned_bytes: int = 0
    seconds: float = 0.0
    reason: str = ""
    is_retryable: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.status not in (Status.QUEUED, Status.RUNNING)


class Athena(Protocol):
    """Athena. Every method raises a Retryable if trying again helps, else a Rejected."""

    def start(self, statement: Statement, token: str = "") -> str:
        """Start a statement and return the execution's id; the same one for the same token."""

    def look(self, execution_id: str) -> Execution:
        """Return an execution as it is now."""

    def stop(self, execution_id: str) -> None:
        """Stop an execution, so that it costs no more."""


@dataclass(frozen=True, slots=True)
class TimeBudget:
    """How long to wait for an answer; `pause` sleeps for the given seconds."""

    pause: Callable[[float], None]
    seconds_left: Callable[[], float]


def run_once(name: str, statement: Statement, athena: Athena, budget: TimeBudget) -> Execution:
    """Return a statement's finished execution; one that Athena calls retryable was tried several times.

    The name must be the same whenever the same run is started again.

    Raises:
        Retryable: Athena accepted no statement in the whole time, or could not be reached.
    """
    try:
        for number in range(_TRIES):
            execution = run(statement, athena, budget, token_of(name, statement, number))
            if not execution.is_retryable:
                break
    except Rejected as error:
        # Athena does not even start it: the statement is invalid, or our role lacks a right.
        return Execution("", Status.FAILED, reason=str(error))
    return execution


def token_of(name: str, statement: Statement, number: int = 0) -> str:
    """Return the token of one try; another statement under the same name gets another."""
    database = [statement.database] if statement.database else []
    text = "\n".join([name, str(number), statement.sql, *statement.parameters, *database])
    return hashlib.sha256(text.encode()).hexdigest()


def run(statement: Statement, athena: Athena, budget: TimeBudget, token: str = "") -> Execution:
    """Return a statement's finished execution.

    Raises:
        Retryable: Athena accepted no statement in the whole time, or could not be reached.
        Rejected: Athena refuses the statement, or the caller.
    """
    # Without a token a start that seemed to fail is not retried: both might run, and be billed.
    execution_id = _started(statement, token, athena, budget) if token else athena.start(statement)
    try:
        return _waited(execution_id, athena, budget)
    except Retryable:
        raise  # a new start with the same token finds it
    except BaseException:
        with suppress(DeliveryWatchError):
            athena.stop(execution_id)
        raise


def _started(statement: Statement, token: str, athena: Athena, budget: TimeBudget) -> str:
    seconds = _FIRST_PAUSE_SECONDS
    while True:
        try:
            return athena.start(statement, token)
        except Retryable:
            if budget.seconds_left() <= seconds:
                raise
        budget.pause(seconds)
        seconds = min(_LONGEST_PAUSE_SECONDS, seconds * _GROWTH)


def _waited(execution_id: str, athena: Athena, budget: TimeBudget) -> Execution:
    seconds, blind_looks = _FIRST_PAUSE_SECONDS, 0
    execution = Execution(execution_id, Status.QUEUED)
    while True:
        try:
            execution, blind_looks = athena.look(execution_id), 0
        except Retryable:
            blind_looks += 1
            if blind_looks > _BLIND_LOOKS:
                raise
        if execution.is_over:
            return execution
        if budget.seconds_left() <= seconds:
            athena.stop(execution_id)
            reason = "it took too long and was stopped"
            return Execution(execution_id, Status.STOPPED, scanned_bytes=execution.scanned_bytes, reason=reason)
        budget.pause(seconds)
        seconds = min(_LONGEST_PAUSE_SECONDS, seconds * _GROWTH)


class Workgroup:
    """Athena with one workgroup, which sets the location of results and the scan limit of a query."""

    def __init__(
        self, client: Any, name: str, database: str, translated: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        """Keep what every call needs; `translated` raises boto3's errors as ours, about a given subject."""
        self._client, self._name, self._translated = client, name, translated
        self._database = database

    def start(self, statement: Statement, token: str = "") -> str:
        """Start a statement and return the execution's id; the same one for the same token."""
        database = statement.database or self._database
        optional: dict[str, Any] = {
            "ClientRequestToken": token,
            "ExecutionParameters": list(statement.parameters),
            "QueryExecutionContext": {"Database": database} if database else {},
        }
        with self._translated("The query"):
            answer = self._client.start_query_execution(
                QueryString=statement.sql,
                WorkGroup=self._name,
                **{name: value for name, value in optional.items() if value},
            )
        return str(answer["QueryExecutionId"])

    def look(self, execution_id: str) -> Execution:
        """Return an execution as it is now."""
        with self._translated("The query"):
            answer = self._client.get_query_execution(QueryExecutionId=execution_id)["QueryExecution"]
        status, statistics = answer["Status"], answer.get("Statistics", {})
        error = status.get("AthenaError") or {}
        return Execution(
            id=execution_id,
            status=Status(status["State"]),
            location=answer.get("ResultConfiguration", {}).get("OutputLocation", ""),
            scanned_bytes=int(statistics.get("DataScannedInBytes") or 0),
            seconds=statistics.get("TotalExecutionTimeInMillis", 0) / 1000,
            reason=str(error.get("ErrorMessage") or status.get("StateChangeReason") or ""),
            is_retryable=bool(error.get("Retryable")),
        )

    def stop(self, execution_id: str) -> None:
        """Stop an execution; what it has read so far is billed."""
        with self._translated("The query"):
            self._client.stop_query_execution(QueryExecutionId=execution_id)

    def result(self, execution_id: str) -> tuple[list[tuple[str, str]], list[tuple[str | None, ...]]]:
        """Return the columns (name and type) and the rows, as text, of a query that succeeded."""
        columns: list[tuple[str, str]] = []
        rows: list[tuple[str | None, ...]] = []
        with self._translated("The query's result"):
            for page in self._client.get_paginator("get_query_results").paginate(QueryExecutionId=execution_id):
                result = page["ResultSet"]
                columns = [(column["Name"], column["Type"]) for column in result["ResultSetMetadata"]["ColumnInfo"]]
                rows += [tuple(cell.get("VarCharValue") for cell in row["Data"]) for row in result["Rows"]]
        return columns, rows[1:]  # the first row repeats the names
