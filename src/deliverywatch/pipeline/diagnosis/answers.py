"""What a task answered -> the failure it tells of, the work it only started, and the work that it saw end.

Step Functions calls a task succeeded that got an answer, whatever that says: a function that catches everything answers
like a web server, one that is invoked through the SDK answers with its error, and who asks how a job stands is told
that it failed. Formats: those of the services' own APIs, which `resourceType` and `resource` of a history name.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from deliverywatch.messages.untrusted import mapping
from deliverywatch.pipeline.declaration.values import decoded, number, text
from deliverywatch.pipeline.diagnosis.evidence import Failure

# Tasks that answer as soon as the work has begun, by their service and API; with `.sync` they wait for its end.
_ID_OF_STARTED = {
    ("glue", "startJobRun"): "JobRunId",
    ("states", "startExecution"): "ExecutionArn",
    ("batch", "submitJob"): "JobId",
    ("athena", "startQueryExecution"): "QueryExecutionId",
    ("emr-serverless", "startJobRun"): "JobRunId",
}
# The SDK's names of services that Step Functions calls otherwise.
_SERVICES = {"sfn": "states", "emrserverless": "emr-serverless"}
# Not `list...`: lists show what ended long ago, too.
_POLLS = ("describe", "get", "batchGet")
_STATUS = ("Status", "State", "BuildStatus", "ProcessingJobStatus", "TrainingJobStatus", "TransformJobStatus")
_REASONS = ("Cause", "FailureReason", "StateChangeReason", "StatusReason", "StateDetails", "Error")
_ERROR_CODE = 400
_BAD_ENDS = ("FAILED", "TIMED_OUT", "ABORTED", "CANCELLED")
_ENDS = (*_BAD_ENDS, "SUCCEEDED", "SUCCESS", "COMPLETED", "FINISHED")


def failure_in(step: str, kind: str, details: Mapping[str, Any], output: Mapping[str, Any]) -> Failure | None:
    """Return the failure that a task answered with, though it succeeded; `kind` is the type of the history's event."""
    # A function that is a task by its ARN answers without an envelope.
    payload = output if kind.startswith("LambdaFunction") else mapping(decoded(output.get("Payload")))
    # What Lambda says of an exception; a function that passes on another's answer may return it, too.
    if error := text(output.get("FunctionError")) or (payload.get("errorMessage") and text(payload.get("errorType"))):
        return Failure(step, text(payload.get("errorType")) or error, _worded(payload.get("errorMessage")))
    code = number(payload.get("statusCode")) or _digits(payload.get("statusCode"))
    if code >= _ERROR_CODE:
        return Failure(step, f"It answered with statusCode {code:.0f}", _worded(payload.get("body")))
    parts = _parts(output) if _is_poll(details) else iter([output] if output.get("ExecutionArn") else [])
    return next((_failure_of(step, part) for part in parts if _status(part) in _BAD_ENDS), None)


def started_in(details: Mapping[str, Any], output: Mapping[str, Any]) -> str:
    """Return the id of the work that a task started and did not wait for; empty for none."""
    service = text(details.get("resourceType")).removeprefix("aws-sdk:")
    return text(output.get(_ID_OF_STARTED.get((_SERVICES.get(service, service), text(details.get("resource"))), "")))


def ended_in(details: Mapping[str, Any], output: Mapping[str, Any]) -> set[str]:
    """Return the ids, among other texts, of all work that a task was told has ended, well or not."""
    if not _is_poll(details):
        return set()
    ended = [part for part in _parts(output) if _status(part) in _ENDS]
    return {value for part in ended for value in part.values() if isinstance(value, str)}


def _is_poll(details: Mapping[str, Any]) -> bool:
    return text(details.get("resource")).startswith(_POLLS)


def _parts(output: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield an answer and the objects right in it: deeper ones, such as a crawler's last crawl, may be of before."""
    yield output
    for value in output.values():
        for part in value if isinstance(value, list) else [value]:
            yield mapping(part)


def _status(part: Mapping[str, Any]) -> str:
    values = [part.get(name) for name in _STATUS]
    return next(filter(None, (text(value) or text(mapping(value).get("State")) for value in values)), "").upper()


def _failure_of(step: str, part: Mapping[str, Any]) -> Failure:
    said = {**mapping(part.get("Status")), **part}
    cause = next(filter(None, (text(said.get(name)) for name in _REASONS)), "")
    # An execution's error is a name; that of others is all they say.
    return Failure(step, (text(part.get("Error")) if part.get("ExecutionArn") else "") or _status(part), cause)


def _digits(value: object) -> int:
    code = text(value)
    return int(code) if len(code) == 3 and code.isascii() and code.isdigit() else 0


def _worded(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value) if value else ""
