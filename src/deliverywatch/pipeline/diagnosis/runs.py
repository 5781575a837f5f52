"""What Step Functions and Glue say of a run -> executions and job runs.

Formats: docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html (event, 248 KB at most),
API_DescribeExecution of Step Functions, and API_JobRun of Glue, which is also the output of `glue:startJobRun.sync`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from deliverywatch.errors import InputError
from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.values import decoded, moment, number, text

# docs.aws.amazon.com/step-functions/latest/dg/concepts-nested-workflows.html
_STARTED_BY = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"
EVENT_TYPE = "Step Functions Execution Status Change"


class Status(StrEnum):
    """How an execution stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    ABORTED = "ABORTED"
    PENDING_REDRIVE = "PENDING_REDRIVE"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens, unless somebody redrives it."""
        return self in (Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT, Status.ABORTED)


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a state machine, which is named without the ARN around it.

    A redrive starts it again from where it failed; the ARN stays the same. It is whole if input and output are all
    there; an event leaves out what is too large. `started_by` is the ARN of the execution that started it, where that
    says so in the input, as Step Functions recommends.
    """

    arn: str
    state_machine: str
    name: str
    status: Status
    started_at: datetime
    stopped_at: datetime | None = None
    output: Any = None
    error: str = ""
    cause: str = ""
    redrive_count: int = 0
    is_whole: bool = True
    started_by: str = ""

    @property
    def duration_seconds(self) -> float | None:
        """From start to stop; None while it runs."""
        return (self.stopped_at - self.started_at).total_seconds() if self.stopped_at else None


# FAILED is a run whose script failed, ERROR one that Glue could not carry out; EXPIRED waited too long for workers.
_GOOD, _BAD = "SUCCEEDED", ("FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED")


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a Glue job.

    Attributes:
        dpu_seconds: As Glue bills it where it says so (FLEX, auto-scaling).
        attempt: 0 for the first; Glue's own retries count on, and name the run before them in `previous_id`.
        step: The state that it ran in; empty where only an output has it.
    """

    id: str
    job: str
    state: str
    seconds: float = 0.0
    dpu_seconds: float | None = None
    error: str = ""
    attempt: int = 0
    previous_id: str = ""
    step: str = ""

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return self.state == _GOOD or self.state in _BAD

    @property
    def is_good(self) -> bool:
        """Whether it ended well."""
        return self.state == _GOOD


def execution_of_event(event: object) -> Execution:
    """Return the execution of an EventBridge event; raise InputError for any other event."""
    body = mapping(event)
    if body.get("detail-type") != EVENT_TYPE:
        raise InputError(f"The event is not a '{EVENT_TYPE}'.")
    return execution_of(mapping(body.get("detail")))


def execution_of(description: Mapping[str, Any]) -> Execution:
    """Return the execution of an answer of DescribeExecution, or of the detail of an event: the fields are the same.

    Raises InputError where it has no usable ARN, status or start.
    """
    arn, status = text(description.get("executionArn")), description.get("status")
    started_at = moment(description.get("startDate"))
    if arn.count(":") < 7 or status not in list(Status) or started_at is None:
        raise InputError("The description of the execution lacks a usable executionArn, status or startDate.")
    return Execution(
        arn=arn,
        state_machine=arn.split(":")[6],
        name=arn.split(":")[7],
        status=Status(str(status)),
        started_at=started_at,
        stopped_at=moment(description.get("stopDate")),
        output=decoded(description.get("output")),
        error=text(description.get("error")),
        cause=text(description.get("cause")),
        redrive_count=int(number(description.get("redriveCount")) or 0),
        is_whole=_is_included(description, "input") and _is_included(description, "output"),
        started_by=text(mapping(decoded(description.get("input"))).get(_STARTED_BY)),
    )


def running(arn: str, started_at: datetime) -> Execution:
    """Return an execution of which nothing is known but its ARN and that it goes on; InputError for no ARN of one."""
    return execution_of({"executionArn": arn, "status": "RUNNING", "startDate": started_at})


def _is_included(description: Mapping[str, Any], name: str) -> bool:
    return mapping(description.get(f"{name}Details")).get("included", True) is not False


def job_run_of(value: object) -> JobRun | None:
    """Return the Glue job run that a JSON object is, or None if it is something else."""
    run = mapping(value)
    state = text(run.get("JobRunState")).upper()
    if not state or not run.get("JobName"):
        return None
    seconds = number(run.get("ExecutionTime")) or 0.0
    return JobRun(
        id=text(run.get("Id")),
        job=text(run.get("JobName")),
        state=state,
        seconds=seconds,
        dpu_seconds=_dpu_seconds(run, seconds),
        error=text(run.get("ErrorMessage")) or text(run.get("StateDetail")),
        attempt=int(number(run.get("Attempt")) or 0),
        previous_id=text(run.get("PreviousRunId")),
    )


def _dpu_seconds(run: Mapping[str, Any], seconds: float) -> float | None:
    billed, capacity = number(run.get("DPUSeconds")), number(run.get("MaxCapacity"))
    if billed is not None:
        return billed
    return capacity * seconds if capacity is not None else None
