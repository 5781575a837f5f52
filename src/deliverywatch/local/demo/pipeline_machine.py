"""The reference pipeline `sf_user`: its state machine, and what its services answer when all is well.

A Glue job, a check of its rows, dbt run, dbt test, a check of the history. Each failure goes to a step that calls
`pipeline-report` with one of its types of error, and then to a Fail: a failure path that ended in success is never
seen. The definition uses nothing but documented Amazon States Language, and can be taken as an example.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deliverywatch.local.cloud.compute.states import Step

NAME = "sf-user-pipeline-prod"
JOB = "sf-user-ingestion-job"
ARTIFACTS = "sf-user-artifacts"
_GLUE, _INVOKE = "arn:aws:states:::glue:startJobRun.sync", "arn:aws:states:::lambda:invoke"
_HANDLERS = {
    "HandleGlueJobFailure": "glue_job_failure",
    "HandleValidationFailure": "validation_failure",
    "HandleDataQualityFailure": "data_quality_failure",
    "HandleDbtRunFailure": "dbt_run_failure",
    "HandleDbtTestFailure": "dbt_test_failure",
    "HandleSCDValidationFailure": "scd_validation_failure",
}


def definition(functions: Mapping[str, str]) -> dict[str, Any]:
    """Return the state machine, which calls the functions `report` and `validate` by their ARNs."""
    validate = functions["validate"]
    states = {
        "StartGlueJobIngestion": _task(
            _GLUE, {"JobName": JOB}, "ingest", "ValidateGlueJobResults", "HandleGlueJobFailure"
        ),
        "ValidateGlueJobResults": _validation(
            validate, "records", "validation", "CheckDataQuality", "HandleValidationFailure"
        ),
        "CheckDataQuality": {
            "Type": "Choice",
            "Choices": [
                _passed("validation") | {"Next": "StartDbtTransformations"},
                {
                    "Variable": "$.validation.Payload.failed_checks[0]",
                    "StringEquals": "quality",
                    "Next": "LowQuality",
                },
            ],
            "Default": "BadRecords",
        },
        "LowQuality": _noted("ValidationFailed", "HandleDataQualityFailure"),
        "BadRecords": _noted("ValidationFailed", "HandleValidationFailure"),
        "StartDbtTransformations": _dbt("run", "RunDbtTests", "HandleDbtRunFailure"),
        "RunDbtTests": _dbt("test", "ValidateSCDIntegrity", "HandleDbtTestFailure"),
        "ValidateSCDIntegrity": _validation(
            validate, "histories", "history", "CheckSCDIntegrity", "HandleSCDValidationFailure"
        ),
        "CheckSCDIntegrity": {
            "Type": "Choice",
            "Choices": [_passed("history") | {"Next": "PipelineSuccess"}],
            "Default": "BadHistory",
        },
        "BadHistory": _noted("HistoryCheckFailed", "HandleSCDValidationFailure"),
        "PipelineSuccess": {"Type": "Succeed"},
        **{name: _handler(functions["report"], kind) for name, kind in _HANDLERS.items()},
        "PipelineFailed": {
            "Type": "Fail",
            "Error": "PipelineFailed",
            "Cause": "A step failed; the one that handled it says which.",
        },
    }
    return {
        "Comment": "The reference pipeline",
        "StartAt": "StartGlueJobIngestion",
        "TimeoutSeconds": 5400,
        "States": states,
    }


def steps(run: str, at: datetime) -> dict[str, Step]:
    """Return what the services answer in a run that is well, and how long they take."""
    return {
        "StartGlueJobIngestion": Step(600, job(at)),
        "StartDbtTransformations": Step(420, {"Payload": {"run_results": artifact(run, "run")}, "StatusCode": 200}),
        "RunDbtTests": Step(120, {"Payload": {"run_results": artifact(run, "test")}, "StatusCode": 200}),
    }


def artifact(run: str, command: str) -> str:
    """Return where the dbt step of a run puts its results."""
    return f"s3://{ARTIFACTS}/dbt/{run}/{command}_run_results.json"


def job(at: datetime, state: str = "SUCCEEDED", error: str = "", seconds: int = 600) -> dict[str, Any]:
    """Return a run of the Glue job, as `glue:startJobRun.sync` returns it."""
    started = int(at.timestamp() * 1000)
    return {
        "Id": f"jr_{started:x}",
        "JobName": JOB,
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
    parameters = {"FunctionName": "sf-user-dbt-runner-prod", "Payload": {"command": command}}
    return _task(_INVOKE, parameters, f"dbt_{command}", after, failed)


def _noted(error: str, after: str) -> dict[str, Any]:
    return {"Type": "Pass", "Result": {"Error": error, "Cause": ""}, "ResultPath": "$.error", "Next": after}


def _passed(result: str) -> dict[str, Any]:
    return {"Variable": f"$.{result}.Payload.passed", "BooleanEquals": True}


def _handler(function: str, kind: str) -> dict[str, Any]:
    payload = {"error_type": kind, "execution.$": "$$.Execution.Id", "error.$": "$.error"}
    return {
        "Type": "Task",
        "Resource": _INVOKE,
        "Parameters": {"FunctionName": function, "Payload": payload},
        "ResultPath": "$.diagnosis",
        # A report that fails must not hide the failure it was called for.
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.diagnosis", "Next": "PipelineFailed"}],
        "Next": "PipelineFailed",
    }
