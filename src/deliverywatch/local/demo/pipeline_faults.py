"""Everything that is planted into the reference pipeline, each with the watch that must mail it, once."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from deliverywatch.local.cloud.compute.states import Step
from deliverywatch.local.demo.pipeline_machine import artifact, job
from deliverywatch.local.demo.pipeline_tables import Left, node

Steps = dict[str, Step]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong in one run, the watch that mails it, and how the execution ends.

    `steps` makes what the services answer otherwise, from the name of the run and its start.
    """

    text: str
    watch: str
    left: Left = field(default_factory=Left)
    steps: Callable[[str, datetime], Steps] = field(default=lambda _run, _at: {})
    status: str = "FAILED"

    @property
    def full_watch(self) -> str:
        """The name of the watch."""
        return f"pipeline-sf_user-{self.watch}"


def _glue(state: str, error: str, seconds: int = 300) -> Callable[[str, datetime], Steps]:
    def answer(_run: str, at: datetime) -> Steps:
        cause = json.dumps(job(at, state, error, seconds))
        return {"StartGlueJobIngestion": Step(seconds, error=("States.TaskFailed", cause))}

    return answer


def _refused(error: str, cause: str) -> Callable[[str, datetime], Steps]:
    return lambda _run, _at: {"StartGlueJobIngestion": Step(2, error=(error, cause))}


def _dbt(command: str, step: str) -> Callable[[str, datetime], Steps]:
    def answer(run: str, _at: datetime) -> Steps:
        message = f"dbt {command} ended with 1, see {artifact(run, command)}"
        cause = json.dumps({"errorType": "DbtError", "errorMessage": message})
        return {step: Step(60, error=("DbtError", cause))}

    return answer


def _lasting(seconds: int, *, is_stopped: bool = False, is_too_long: bool = False) -> Callable[[str, datetime], Steps]:
    return lambda _run, at: {
        "StartGlueJobIngestion": Step(seconds, job(at, seconds=seconds), is_stopped=is_stopped, is_too_long=is_too_long)
    }


_MODEL, _TEST = "model.sf_user.dim_sf_user_scd", "test.sf_user.unique_dim_sf_user_scd_user_id"
_WRONG_CODE = [node(_MODEL, "error", message="Compilation Error in model dim_sf_user_scd: 'rfe' is undefined")]
_NO_TABLE = [
    node(
        _MODEL, "error", message="Database Error in model dim_sf_user_scd: TABLE_NOT_FOUND: Table 'sf_raw_prod.sf_user'"
    )
]
_ROWS = [node(_TEST, "fail", 12, "Got 12 results, configured to fail if != 0")]
_BROKEN = [
    node(
        _TEST, "error", message='Database Error in test unique_dim_sf_user_scd_user_id: column "user_id" does not exist'
    ),
]
_FAILED_BATCH = [
    node(
        _MODEL,
        "success",
        message="Database Error in model dim_sf_user_scd: TABLE_NOT_FOUND: Table 'sf_raw_prod.sf_user'",
    )
    | {"batch_results": {"successful": [["2026-11-19", "2026-11-20"]], "failed": [["2026-11-20", "2026-11-21"]]}}
]
_RUN, _TEST_STEP = _dbt("run", "StartDbtTransformations"), _dbt("test", "RunDbtTests")

# In the order in which they are played.
FAULTS = (
    Fault("The Glue job runs out of memory", "ingest-resource",
          steps=_glue("FAILED", "java.lang.OutOfMemoryError: Java heap space")),
    Fault("The Glue job is over its time", "ingest-timeout", steps=_glue("TIMEOUT", "", 3000)),
    Fault("The Glue job may not read the source's bucket", "ingest-permission",
          steps=_glue("FAILED", "AccessDeniedException: not authorized to perform: s3:GetObject")),
    Fault("Too many runs of the Glue job at once", "ingest-throttling",
          steps=_refused("Glue.ConcurrentRunsExceededException", "Concurrent runs exceeded for sf-user-ingestion-job")),
    Fault("The source does not answer", "ingest-dependency",
          steps=_glue("FAILED", "java.net.ConnectException: Connection refused")),
    Fault("The source renamed a column", "ingest-schema-change",
          steps=_glue("FAILED", "AnalysisException: cannot resolve 'Division' given input columns: [Id, Division__c]")),
    Fault("Somebody stops the Glue job", "ingest-aborted", steps=_glue("STOPPED", "")),

    Fault("The source delivers 3 rows", "records", Left(row_count=3)),
    Fault("The source delivers nothing", "records", Left(row_count=0)),
    Fault("The source delivers what is 9 hours old", "stale", Left(age=timedelta(hours=9))),
    Fault("A fifth of the users has no name", "quality", Left(empty_count=48)),

    Fault("A model of dbt does not compile", "transform-code", Left(results={"run": _WRONG_CODE}), _RUN),
    Fault("A table that a model reads is gone", "transform-missing-data", Left(results={"run": _NO_TABLE}), _RUN),
    Fault("A test of dbt finds 12 rows", "test-data-rule", Left(results={"test": _ROWS}), _TEST_STEP),
    Fault("The SQL of a test of dbt is broken", "test-schema-change", Left(results={"test": _BROKEN}), _TEST_STEP),
    Fault("A test of dbt finds rows, and its step says it is fine", "test-data-rule", Left(results={"test": _ROWS}),
          status="SUCCEEDED"),
    Fault("The results that dbt wrote are cut off", "unproven", Left(results={"run": None}), status="SUCCEEDED"),
    Fault("The results of dbt hold no node", "unproven", Left(results={"run": []}), status="SUCCEEDED"),
    Fault("The results of dbt are those of the day before", "unproven", Left(results_age=timedelta(days=1)),
          status="SUCCEEDED"),
    Fault("A batch of a model failed, and dbt calls it a success", "transform-missing-data",
          Left(results={"run": _FAILED_BATCH}), status="SUCCEEDED"),

    Fault("Versions of 12 users overlap", "integrity", Left(overlapping_count=12)),
    Fault("12 users have two current versions", "integrity", Left(twice_current_count=12)),

    Fault("A run takes over an hour", "slow", steps=_lasting(3600), status="SUCCEEDED"),
    Fault("A run is over the limit of its state machine", "orchestrator-timeout",
          steps=_lasting(5400, is_too_long=True), status="TIMED_OUT"),
    Fault("Somebody aborts a run", "orchestrator-aborted", steps=_lasting(120, is_stopped=True), status="ABORTED"),
)  # fmt: skip
