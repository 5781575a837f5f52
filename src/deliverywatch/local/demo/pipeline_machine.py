"""The reference pipeline `sf_user`: its state machine, and what its services answer when all is well.

Ingest (a Glue job) -> Validate -> DbtRun -> DbtTest -> ValidateHistory. Each failure goes to HandleError, which calls
`pipeline-report` with one of its types of error, and then to a Fail: a failure path that ended in success would never
be seen. The definition uses nothing but documented Amazon States Language, and can be taken as an example.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deliverywatch.local.cloud.compute.states import Step

NAME = "sf_user_pipeline"
ARTIFACTS = "sf-user-artifacts"
_GLUE, _INVOKE = "arn:aws:states:::glue:startJobRun.sync", "arn:aws:states:::lambda:invoke"
_TYPES = {
    "IngestFailed": "glue_job_failure",
    "RecordsFailed": "validation_failure",
    "QualityFailed": "data_quality_failure",
    "DbtRunFailed": "dbt_run_failure",
    "DbtTestFailed": "dbt_test_failure",
    "HistoryFailed": "scd_validation_failure",
}


def definition(functions: Mapping[str, str]) -> dict[str, Any]:
    """Return the state machine, which calls the functions `report` and `validate` by their ARNs."""
    passed = {"Variable": "$.validation.Payload.passed", "BooleanEquals": True}
    low = {"Variable": "$.validation.Payload.failed_checks[0]", "StringEquals": "quality"}
    kept = {"Variable": "$.history.Payload.passed", "BooleanEquals": True}
    states = {
        "Ingest": _task(_GLUE, {"JobName": "sf_user_ingest"}, "ingest", "Validate", "IngestFailed"),
        "Validate": _validation(functions["validate"], "records", "validation", "RecordsAreGood", "RecordsFailed"),
        "RecordsAreGood": {
            "Type": "Choice",
            "Choices": [passed | {"Next": "DbtRun"}, low | {"Next": "LowQuality"}],
            "Default": "BadRecords",
        },
        "LowQuality": _noted("ValidationFailed", "QualityFailed"),
        "BadRecords": _noted("ValidationFailed", "RecordsFailed"),
        "DbtRun": _dbt("run", "DbtTest", "DbtRunFailed"),
        "DbtTest": _dbt("test", "ValidateHistory", "DbtTestFailed"),
        "ValidateHistory": _validation(functions["validate"], "histories", "history", "HistoryIsGood", "HistoryFailed"),
        "HistoryIsGood": {"Type": "Choice", "Choices": [kept | {"Next": "Done"}], "Default": "BadHistory"},
        "BadHistory": _noted("HistoryCheckFailed", "HistoryFailed"),
        "Done": {"Type": "Succeed"},
        **{name: _typed(kind) for name, kind in _TYPES.items()},
        "HandleError": _handle_error(functions["report"]),
        "PipelineFailed": {
            "Type": "Fail",
            "Error": "PipelineFailed",
            "Cause": "A step failed; HandleError says which.",
        },
    }
    return {"Comment": "The reference pipeline", "StartAt": "Ingest", "TimeoutSeconds": 5400, "States": states}


def steps(run: str, at: datetime) -> dict[str, Step]:
    """Return what the services answer in a run that is well, and how long they take."""
    return {
        "Ingest": Step(600, job(at)),
        "DbtRun": Step(420, {"Payload": {"run_results": artifact(run, "run")}, "StatusCode": 200}),
        "DbtTest": Step(120, {"Payload": {"run_results": artifact(run, "test")}, "StatusCode": 200}),
    }


def artifact(run: str, command: str) -> str:
    """Return where the dbt step of a run puts its results."""
    return f"s3://{ARTIFACTS}/dbt/{run}/{command}_run_results.json"


def job(at: datetime, state: str = "SUCCEEDED", error: str = "", seconds: int = 600) -> dict[str, Any]:
    """Return a run of the Glue job, as `glue:startJobRun.sync` returns it."""
    started = int(at.timestamp() * 1000)
    return {
        "Id": f"jr_{started:x}",
        "JobName": "sf_user_ingest",
        "JobRunState": state,
        "ErrorMessage": error,
        "StartedOn": started,
        "CompletedOn": started + 1000 * seconds,
        "ExecutionTime": seconds,
        "MaxCapacity": 4,
        "Attempt": 0,
        "Timeout": 60,
        "GlueVersion": "4.0",
        "LogGroupName": "/aws-glue/jobs",
    }


def _task(resource: str, parameters: dict[str, Any], result: str, after: str, failed: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": resource,
        "Parameters": parameters,
        "ResultPath": f"$.{result}",
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": failed}],
        "Next": after,
    }


def _validation(function: str, part: str, result: str, after: str, failed: str) -> dict[str, Any]:
    payload = {
        "pipeline": "sf_user",
        "part": part,
        "since.$": "$$.Execution.StartTime",
        "until.$": "$$.State.EnteredTime",
        "job.$": "$.ingest",
    }
    return _task(_INVOKE, {"FunctionName": function, "Payload": payload}, result, after, failed)


def _dbt(command: str, after: str, failed: str) -> dict[str, Any]:
    parameters = {"FunctionName": "sf-user-dbt", "Payload": {"command": command}}
    return _task(_INVOKE, parameters, f"dbt_{command}", after, failed)


def _noted(error: str, after: str) -> dict[str, Any]:
    return {"Type": "Pass", "Result": {"Error": error, "Cause": ""}, "ResultPath": "$.error", "Next": after}


def _typed(kind: str) -> dict[str, Any]:
    return {"Type": "Pass", "Result": {"type": kind}, "ResultPath": "$.failure", "Next": "HandleError"}


def _handle_error(function: str) -> dict[str, Any]:
    payload = {"error_type.$": "$.failure.type", "execution.$": "$$.Execution.Id", "error.$": "$.error"}
    return {
        "Type": "Task",
        "Resource": _INVOKE,
        "Parameters": {"FunctionName": function, "Payload": payload},
        "ResultPath": "$.diagnosis",
        # A report that fails must not hide the failure it was called for.
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.diagnosis", "Next": "PipelineFailed"}],
        "Next": "PipelineFailed",
    }
