"""The catalogue knows causes, a team can add to it, and what a run says of itself comes before any text."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import ConfigurationError
from deliverywatch.pipeline.checks.validation import Check, Report, Result, Score, Topic, document
from deliverywatch.pipeline.diagnosis.collect import run_of_event
from deliverywatch.pipeline.diagnosis.diagnose import Diagnosis, ReportedError, diagnose
from deliverywatch.pipeline.diagnosis.faults import Why, catalogue_of, shipped
from pipeline.pipeline_world import SF_USER, Artifacts, Executions, dbt, event, failed, states_event, step, succeeded

RESULTS = "s3://artifacts/sf_user/run_results.json"


def diagnosed(
    body: Any,
    history: list[Any] = [],  # noqa: B006
    results: bytes | None = None,
    reported: ReportedError | None = None,
) -> Diagnosis:
    artifacts = Artifacts({RESULTS: results} if results else {})
    events = [*history, *([succeeded({"run_results": RESULTS})] if results else [])]
    run = run_of_event(body, [SF_USER], Executions(body["detail"], events), artifacts)
    diagnosis = diagnose(run, shipped(), reported)
    assert diagnosis is not None
    return diagnosis


def job(state: str = "FAILED", error: str = "") -> dict[str, Any]:
    return dict(event("glue_job_run") | {"JobRunState": state, "ErrorMessage": error})


def broken(step_name: str, error: str, cause: Any = "") -> tuple[Any, list[Any]]:
    text = cause if isinstance(cause, str) else json.dumps(cause)
    return states_event("FAILED", error=error, cause=text), [step(step_name), failed(error, cause)]


def where_and_why(error_type: str, error: str, cause: str = "") -> tuple[str, str]:
    diagnosis = diagnosed(
        states_event("RUNNING", error=None, cause=None), reported=ReportedError(error_type, error, cause)
    )
    return diagnosis.where, diagnosis.cause.why


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("ThrottlingException: Rate exceeded", "throttling"),
        ("Glue.ConcurrentRunsExceededException: Concurrent runs exceeded for sf_user_ingest", "throttling"),
        ("com.amazonaws.SlowDown: Please reduce your request rate", "throttling"),
        ("Glue.ResourceNumberLimitExceededException: Failed to start job run", "quota"),
        ("States.DataLimitExceeded: The state returned a result larger than 262144 characters", "quota"),
        ("AccessDeniedException: User is not authorized to perform: glue:GetTable", "permission"),
        ("Insufficient Lake Formation permission(s) on users", "permission"),
        ("AmazonS3Exception: Forbidden; Status Code: 403", "permission"),
        ("java.net.ConnectException: Connection refused", "dependency"),
        ("SSLError: Connection timed out to salesforce.example.com", "dependency"),
        ("Lambda.ServiceException: service error", "dependency"),
        ("HTTP 503 from the source", "dependency"),
        ("java.lang.OutOfMemoryError: Java heap space", "resource"),
        ("Container killed by YARN for exceeding memory limits. Exit code 137", "resource"),
        ("RuntimeError: [Errno 28] No space left on device", "resource"),
        ("EXHAUSTED_RESOURCES_AT_THIS_SCALE_FACTOR: Query exhausted resources", "resource"),
        ("States.Timeout", "timeout"),
        ("2026-11-21 Task timed out after 900.00 seconds", "timeout"),
        ("AnalysisException: cannot resolve 'email' given input columns: [id, mail]", "schema change"),
        ('Database Error: column "state" does not exist', "schema change"),
        ("COLUMN_NOT_FOUND: line 3:8: Column 'plan' cannot be resolved", "schema change"),
        ("HIVE_PARTITION_SCHEMA_MISMATCH: types are incompatible", "schema change"),
        ("NoSuchKey: The specified key does not exist.", "missing data"),
        ("AnalysisException: Path does not exist: s3://raw/users/dt=2026-11-21", "missing data"),
        ("Runtime Error: 404 Not found: Table raw.users was not found", "missing data"),
        ("EntityNotFoundException: Database sf_raw not found", "missing data"),
        ("One MERGE target table row matched more than one source row", "data rule"),
        ("duplicate key value violates unique constraint", "data rule"),
        ("INVALID_CAST_ARGUMENT: Cannot cast 'x' to INT", "data rule"),
        ("Query was cancelled by the user", "aborted"),
        ("Compilation Error in model dim_users: 'rfe' is undefined", "code"),
        ("KeyError: 'user_id'", "code"),
        ("Runtime.ImportModuleError: No module named 'requests'", "code"),
        ("States.ParameterPathFailure: The JSONPath '$.x' could not be found", "code"),
        ("Got 502 results, configured to fail if != 0", "data rule"),
        ("something else entirely", "unknown"),
        ("", "unknown"),
    ],
)
def test_an_error_text_has_a_cause(words: str, why: str) -> None:
    fault = shipped().fault_of(words)
    assert (fault.why if fault else "unknown") == why


@pytest.mark.parametrize(
    ("error_type", "error", "where", "why"),
    [
        ("glue_job_failure", "States.TaskFailed: java.lang.OutOfMemoryError", "ingest", "resource"),
        ("validation_failure", "fewer than 100 records", "ingest", "missing data"),
        ("data_quality_failure", "score 75", "test", "data rule"),
        ("dbt_run_failure", "Compilation Error in model x", "transform", "code"),
        ("dbt_test_failure", "Got 3 results, configured to fail if != 0", "test", "data rule"),
        ("scd_validation_failure", "2 keys", "integrity", "data rule"),
        ("scd_validation_failure", "AccessDeniedException", "integrity", "permission"),
        ("unknown", "x", "orchestrator", "unknown"),
    ],
)
def test_each_type_of_the_reference_has_its_place(error_type: str, error: str, where: str, why: str) -> None:
    assert where_and_why(error_type, error) == (where, why)


@pytest.mark.parametrize(
    ("state", "why"), [("TIMEOUT", "timeout"), ("STOPPED", "aborted"), ("EXPIRED", "resource"), ("FAILED", "unknown")]
)
def test_the_state_of_a_job_run_says_more_than_any_text(state: str, why: str) -> None:
    diagnosis = diagnosed(*broken("Ingest", "States.TaskFailed", job(state)))
    assert (diagnosis.where, diagnosis.cause.why, diagnosis.step) == ("ingest", why, "Ingest")
    assert diagnosis.jobs[0].state == state


def test_failed_tests_are_rows_that_break_a_rule_and_broken_ones_are_not() -> None:
    document = event("dbt_v4")
    rows = [
        result
        for result in document["results"]
        if result["unique_id"].startswith("test.") and result["status"] == "fail"
    ]
    diagnosis = diagnosed(*broken("DbtRun", "Exception", "dbt exited with 1"), dbt("v4", results=rows))
    assert (diagnosis.where, diagnosis.cause.why, len(diagnosis.nodes)) == ("test", "data rule", 1)
    sql = [result for result in document["results"] if "state" in result["unique_id"]]
    diagnosis = diagnosed(*broken("DbtRun", "Exception", "dbt exited with 1"), dbt("v4", results=sql))
    assert (diagnosis.where, diagnosis.cause.why) == ("transform", "schema change")


@pytest.mark.parametrize(("status", "why"), [("TIMED_OUT", "timeout"), ("ABORTED", "aborted")])
def test_a_run_that_was_ended_is_the_orchestrators(status: str, why: str) -> None:
    diagnosis = diagnosed(states_event(status, error="", cause=""), [step("DbtRun")])
    assert (diagnosis.where, diagnosis.cause.why, diagnosis.step) == ("orchestrator", why, "DbtRun")


def test_a_step_that_watches_never_hides_the_failure_it_was_called_for() -> None:
    body, history = broken("Ingest", "States.TaskFailed", job("TIMEOUT"))
    diagnosis = diagnosed(body, [*history, step("HandleError"), failed("KeyError", "'execution'")])
    assert (diagnosis.where, diagnosis.cause.why) == ("ingest", "timeout")
    alone = diagnosed(*broken("HandleError", "KeyError", "'execution'"))
    assert (alone.where, alone.cause.why) == ("monitor", "code")


def check(topic: Topic, sentence: str = "3 rows violate it") -> Check:
    return Check("check", topic, Result.FAILED, sentence, rows=3, keys=2, total=10, samples=("7", "9"))


@pytest.mark.parametrize(
    ("topic", "where", "why", "error_type"),
    [
        (Topic.RECORDS, "ingest", "missing data", "validation_failure"),
        (Topic.FRESHNESS, "ingest", "missing data", "validation_failure"),
        (Topic.QUALITY, "test", "data rule", "data_quality_failure"),
        (Topic.INTEGRITY, "integrity", "data rule", "scd_validation_failure"),
    ],
)
def test_a_run_that_succeeds_with_a_failed_check_is_not_well(
    topic: Topic, where: str, why: str, error_type: str
) -> None:
    output = json.dumps(document(Report("sf_user", (check(topic),), Score(7, 10), Score(8, 10))))
    diagnosis = diagnosed(states_event(output=output))
    assert (diagnosis.where, diagnosis.cause.why, diagnosis.error_type, diagnosis.topic) == (
        where,
        why,
        error_type,
        topic,
    )


def test_a_failed_check_has_nothing_to_do_with_a_failure_of_dbt() -> None:
    output = json.dumps(document(Report("sf_user", (check(Topic.QUALITY),))))
    diagnosis = diagnosed(
        states_event("RUNNING", output=output, error=None, cause=None),
        reported=ReportedError("dbt_run_failure", "AccessDenied"),
    )
    assert (diagnosis.topic, diagnosis.checks, diagnosis.cause.why) == (None, (), "permission")


def test_a_failed_check_belongs_to_the_step_that_made_it_and_says_itself_what_it_found() -> None:
    report = document(Report("sf_user", (check(Topic.RECORDS, "3 records are too few."),)))
    history = [step("Ingest"), step("Validate"), succeeded(report), step("HandleError")]
    diagnosis = diagnosed(
        states_event("RUNNING", error=None, cause=None),
        history,
        reported=ReportedError("validation_failure", "ValidationFailed"),
    )
    assert (diagnosis.step, diagnosis.message) == ("Validate", "3 records are too few.")


def test_the_message_is_what_the_step_said_without_its_wrapping() -> None:
    body, history = broken(
        "Validate", "InputError", {"errorType": "InputError", "errorMessage": "No rows.", "trace": []}
    )
    assert diagnosed(body, history).message == "InputError: No rows."


def test_a_rule_of_the_team_is_tried_first_and_may_say_more() -> None:
    rule = {
        "match": ["heap"],
        "why": "quota",
        "where": "ingest",
        "severity": "LOW",
        "retryable": True,
        "actions": ["Call Ann."],
    }
    catalogue = shipped().with_rules({"fault": [rule]})
    fault = catalogue.fault_of("Java heap space")
    assert fault is not None
    cause = catalogue.cause_of(Why.QUOTA, fault)
    assert (fault.why, cause.severity, cause.retryable, cause.actions) == ("quota", "LOW", True, ("Call Ann.",))
    assert catalogue.cause_of(Why.QUOTA).actions != ("Call Ann.",)


@pytest.mark.parametrize(
    ("rule", "word"),
    [
        ({"why": "magic", "match": ["x"]}, "magic"),
        ({"why": "code"}, "nothing under match"),
        ({"why": "code", "match": [""]}, "nothing under match"),
        ({"why": "code", "match": ["("]}, "pattern"),
        ({"why": "code", "match": ["x"], "severity": "high"}, "'high'"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused(rule: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigurationError, match=word):
        shipped().with_rules({"fault": [rule]})


def test_the_catalogue_says_something_about_every_cause_and_part() -> None:
    catalogue = shipped()
    assert all(cause.phrase and cause.actions for cause in catalogue.causes.values())
    assert all(catalogue.advice.values())
    assert {kind.severity for kind in catalogue.types.values()} == {"HIGH", "MEDIUM"}
    with pytest.raises(ConfigurationError, match="says nothing about"):
        catalogue_of({})


@given(st.text(max_size=400), st.text(max_size=400), st.sampled_from(sorted(shipped().types)))
def test_any_text_at_all_gives_a_diagnosis(error: str, cause: str, kind: str) -> None:
    body = states_event("FAILED", error=error, cause=cause)
    diagnosis = diagnosed(body, [step("DbtRun"), failed(error, cause)], reported=ReportedError(kind, error, cause))
    assert len(diagnosis.message) <= 300
    assert diagnosis.cause.actions


def test_what_is_well_has_no_diagnosis() -> None:
    run = run_of_event(event("states_succeeded"), [SF_USER], Executions(), Artifacts())
    assert diagnose(run, shipped()) is None
    assert diagnose(replace(run, problems=("unreadable",)), shipped()) is None
