"""What errors of AWS, dbt and the warehouses turn out to be, however they are wrapped and whatever they quote."""

import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.pipeline.diagnosis.advice import watch_of
from deliverywatch.pipeline.diagnosis.diagnose import Diagnosis
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.diagnosis.unwrap import details_of
from deliverywatch.pipeline.diagnosis.words import reading_of
from pipeline.pipeline_world import dbt, failed, states_event, step
from pipeline.test_pipeline_faults import broken, diagnosed, job

CAUSES = Path(__file__).with_name("causes")


def texts(name: str) -> list[dict[str, Any]]:
    return list(tomllib.loads((CAUSES / f"{name}.toml").read_text(encoding="utf-8"))["text"])


def diagnosis_of(text: dict[str, Any]) -> Diagnosis:
    """What is said of a text when it stands where such a text stands."""
    if "glue" in text:
        return diagnosed(*broken("Ingest", "States.TaskFailed", job("FAILED", text["glue"])))
    if "dbt" in text:
        node = {"unique_id": "model.shop.orders", "status": "error", "message": text["dbt"], "timing": []}
        return diagnosed(*broken("DbtRun", "Exception", "dbt ended with 1"), dbt("v6", results=[node]))
    return diagnosed(*broken("DbtRun", text["error"], text["cause"]))


def outcome(text: dict[str, Any]) -> str:
    cause = diagnosis_of(text).cause
    if (cause.why, cause.retryable, cause.next) == (text["why"], text["retry"], text["next"]):
        return "right"
    return "no rule" if cause.why == "unknown" else f"wrong: {text['source']} {cause.why} {cause.next}"


def test_the_errors_that_the_rules_were_written_with_have_their_cause_retry_and_next_step() -> None:
    outcomes = Counter(map(outcome, texts("tuned")))
    assert outcomes == {"right": outcomes.total()}
    assert outcomes.total() >= 600


def test_of_errors_that_no_rule_was_written_with_more_than_85_percent_are_right_and_none_is_wrong() -> None:
    outcomes = Counter(map(outcome, texts("held")))
    assert outcomes["right"] >= 0.85 * outcomes.total()
    assert set(outcomes) <= {"right", "no rule"}
    assert outcomes.total() >= 35


def test_a_model_that_is_called_like_a_fault_is_none() -> None:
    text = 'Database Error in model quota_limits (models/timeouts/quota_limits.sql)\n  syntax error at or near "form"'
    assert diagnosis_of({"dbt": text}).cause.why == "code"


@pytest.mark.parametrize(
    "quoted",
    [
        'The JSONPath \'$.x\' could not be found in the input \'{"job":{"Timeout":28,"m":"',
        "KeyError: 'AccessDenied: connection timed out, quota exceeded'",
        "Compilation Error in model throttled (models/out_of_memory.sql)\n  'access_denied' is undefined",
        "TypeError: unsupported operand, see s3://timed-out/access/denied/quota/limit_exceeded.json",
        "NameError: name 'deadlock' is not defined (arn:aws:lambda:eu-west-1:1:function:connection-reset)",
    ],
)
def test_what_an_error_quotes_is_not_what_went_wrong(quoted: str) -> None:
    assert diagnosed(*broken("DbtRun", "States.Runtime", quoted)).cause.why == "code"


SAYS_NOTHING = """\
Step DbtRun failed because the upstream job 'load_quota' did not finish
Model access_denied_events failed
Exception: data for tenant 'limit exceeded' not loaded
RuntimeError: Job sf_user_ingest ended as FAILED
subprocess.CalledProcessError: Command '['dbt', 'build', '--select', 'permission_denied']' returned exit status 2.
The state machine load-timeouts failed
Exception: memory usage was 45 %
AirflowException: Task access_denied failed
Exception: Model 'connection refused' in schema 'deadlock'
Load of s3://bucket/timed-out/x failed
OrderCancelledError: order 17
PaymentTimeoutError: payment 12
InvalidOrderException: order 4 has no lines
CustomerNotFoundException: customer 4711
QuotaModelError
ValidationFailed: the discount of 12 orders exceeds the maximum allowed
Exception: the customer could not find the parcel"""


@pytest.mark.parametrize("words", SAYS_NOTHING.splitlines())
def test_an_error_that_says_nothing_has_no_cause_however_its_names_sound(words: str) -> None:
    assert shipped().fault_of(words) is None


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("AccessDenied", "permission"), ("KMSAccessDenied", "permission"), ("ExpiredToken", "permission"),
        ("Throttling", "throttling"), ("TooManyRequests", "throttling"), ("RequestThrottled", "throttling"),
        ("ServiceQuotaExceeded", "quota"), ("LimitExceeded", "quota"), ("PayloadTooLarge", "quota"),
        ("ResourceNotFound", "missing data"), ("EntityNotFound", "missing data"), ("NoSuchEntity", "missing data"),
        ("InternalServer", "dependency"), ("ServiceUnavailable", "dependency"), ("Conflict", "dependency"),
        ("InsufficientCapacity", "resource"), ("OperationTimeout", "timeout"), ("Validation", "code"),
        ("InvalidParameterValue", "code"), ("MalformedPolicyDocument", "code"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    ("error", "cause"),
    [("Glue.{}Exception", ""), ("ClientError", "An error occurred ({}Exception) when calling the X operation: y")],
)
def test_what_a_code_ends_with_says_the_cause_for_every_service(code: str, why: str, error: str, cause: str) -> None:
    fault, _ = shipped().fault_in(details_of(error.format(code), cause.format(code)))
    assert fault is not None
    assert fault.why == why


def nested(depth: int, error: str, cause: str) -> tuple[str, str]:
    """An execution that failed with an error in so many executions that started it."""
    for number in range(depth):
        body = {"ExecutionArn": f"arn:{number}", "Input": '{"a": "timed out"}', "Status": "FAILED"}
        error, cause = "States.TaskFailed", json.dumps(body | {"Error": error, "Cause": cause})
    return error, cause


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_an_error_is_told_through_executions_that_start_executions(depth: int) -> None:
    diagnosis = diagnosed(*broken("Child", *nested(depth, "S3.AccessDenied", "Access Denied")))
    assert (diagnosis.cause.why, diagnosis.message) == ("permission", "S3.AccessDenied: Access Denied")


@pytest.mark.parametrize("kept", [120, 300, 500])
def test_a_cause_that_was_cut_says_what_it_still_holds(kept: int) -> None:
    task = {"StopCode": "EssentialContainerExited", "Reason": "OutOfMemoryError: killed", "Attachments": [9] * 999}
    diagnosis = diagnosed(*broken("DbtRun", "States.TaskFailed", json.dumps(task)[:kept]))
    assert (diagnosis.cause.why, diagnosis.line) == ("resource", "OutOfMemoryError: killed")


@pytest.mark.parametrize(
    ("cause", "why", "line"),
    [
        ({"Status": "TIMED_OUT", "ExecutionArn": "arn"}, "timeout", "it ended as TIMED_OUT"),
        ({"Status": "ABORTED", "ExecutionArn": "arn"}, "aborted", "it ended as ABORTED"),
        ({"Containers": [{"ExitCode": 0}, {"ExitCode": 137}]}, "resource", "it ended with exit code 137"),
        ({"Build": {"BuildStatus": "FAILED", "Phases": [{"Contexts": [{"StatusCode": "CLIENT_ERROR",
          "Message": "AccessDenied: no"}]}]}}, "permission", "CLIENT_ERROR: AccessDenied: no"),
        ({"Step": {"Status": {"State": "FAILED", "FailureDetails": {"Reason": "Unknown Error.",
          "Message": "java.lang.OutOfMemoryError"}}}}, "resource", "OutOfMemoryError"),
        ({"QueryExecution": {"Status": {"AthenaError": {"Retryable": True, "ErrorCategory": 1,
          "ErrorMessage": "INTERNAL_ERROR"}}}}, "dependency", "INTERNAL_ERROR"),
    ],
)  # fmt: skip
def test_each_service_has_its_words_unwrapped(cause: dict[str, Any], why: str, line: str) -> None:
    diagnosis = diagnosed(*broken("Step", "States.TaskFailed", cause))
    assert (diagnosis.cause.why, diagnosis.line) == (why, line)


@pytest.mark.parametrize("retryable", [True, False])
def test_athena_knows_itself_whether_to_try_again(retryable: bool) -> None:
    status = {"AthenaError": {"Retryable": retryable, "ErrorMessage": "Query exhausted resources"}}
    diagnosis = diagnosed(*broken("Step", "States.TaskFailed", {"QueryExecution": {"Status": status}}))
    assert (diagnosis.cause.why, diagnosis.cause.retryable) == ("resource", retryable)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        # The class of a SQLSTATE, where no rule knows the state itself.
        ("x, SQLSTATE: 0AKD0", "code"), ("x, SQLSTATE: 22KD1", "data rule"), ("x, SQLSTATE: 28P99", "permission"),
        ("x, SQLSTATE: 40003", "dependency"), ("x, SQLSTATE: 53X00", "resource"), ("x, SQLSTATE: 54KD1", "quota"),
        ("x, SQLSTATE: 58KD0", "dependency"), ("x, SQLSTATE: 42KD9", "code"),
        # An earlier statement failed; everything that has no class.
        ("x, SQLSTATE: 25P02", "unknown"), ("x, SQLSTATE: XX000", "unknown"), ("x, SQLSTATE: HY000", "unknown"),
        ("[Errno 28] x", "resource"), ("[Errno 30] x", "code"), ("[Errno 111] x", "dependency"),
        ("[Errno 999] x", "unknown"),
        ("it left with exit code 139", "code"), ("exit code -9", "resource"), ("exit code 143", "unknown"),
        ("(1054, 'odd')", "schema change"), ("(2013, 'odd')", "dependency"), ("(1406, 'odd')", "data rule"),
        ("InternalError: (1146, 'odd')", "missing data"), ("ORA-12541: odd", "dependency"),
        ("(4711, 'odd')", "unknown"),
        ("2003 (HY000): odd", "dependency"), ("1054 (42S22): odd", "schema change"), ("1999 (HY000): odd", "unknown"),
        ("('Odd.', ConnectionError('Timed out.'))", "dependency"),
        ("ValueError(\"column 'a' does not exist\")", "schema change"),
        ("java.sql.SQLSyntaxErrorException: odd", "code"), ("501 Received http2 header with status: 404", "unknown"),
        ("java.sql.SQLSyntaxErrorException: Access denied for user 'a'@'b' to database 'c'", "permission"),
        ("/opt/x.so: invalid ELF header", "code"), ("PARTITION BY expression must be odd", "code"),
        ("[42000] [Microsoft][ODBC Driver 18 for SQL Server]odd", "code"), ("[HY000] [Simba][Hardy] odd", "unknown"),
        # Where a server points at a place in a statement.
        ("odd\n  LINE 18:  ( x", "code"), ("odd at [330:21]", "code"), ("line 3:21: odd", "code"),
        ("odd (line 9, pos 10)", "code"), ("odd in line 4", "unknown"),
        ("db.errors.UndefinedColumn: odd", "schema change"),
        ("AnalysisException: \"cannot resolve 'a' given input columns\"", "schema change"),
    ],
)  # fmt: skip
def test_a_class_or_a_number_says_the_cause_of_words_that_nobody_wrote_down(words: str, why: str) -> None:
    assert diagnosis_of({"dbt": f"Database Error in model a (models/a.sql)\n  {words}"}).cause.why == why


ENDED = {"StopCode": "EssentialContainerExited", "StoppedReason": "Essential container in task exited"}


@pytest.mark.parametrize(
    ("cause", "line"),
    [
        (ENDED | {"Containers": [{"ExitCode": 1}]}, "Essential container in task exited (exit code 1)"),
        ({"StatusReason": "Essential container", "Container": {"ExitCode": 3}}, "Essential container (exit code 3)"),
        ({"Containers": [{"ExitCode": 2, "Reason": "odd"}]}, "odd (exit code 2)"),
        ({"Containers": [{"ExitCode": 1}]}, "it ended with exit code 1"),
    ],
)
def test_an_end_that_no_rule_knows_is_told_with_its_exit_code(cause: dict[str, Any], line: str) -> None:
    diagnosis = diagnosed(*broken("DbtRun", "States.TaskFailed", cause))
    assert (diagnosis.cause.why, diagnosis.line.removeprefix("EssentialContainerExited: ")) == ("unknown", line)


def test_a_node_tells_its_own_error_where_no_rule_knows_it_and_another_is_another_incident() -> None:
    one = diagnosis_of({"dbt": "Runtime Error in model a (models/a.sql)\n  the gremlins came"})
    other = diagnosis_of({"dbt": "Runtime Error in model b (models/b.sql)\n  the flux capacitor is upside down"})
    assert (one.subject, one.line) == ("a", "the gremlins came")
    assert watch_of("shop", one) != watch_of("shop", other)


DENIED = [step("DbtRun"), failed("S3.AccessDenied", "Access Denied"), failed("S3.AccessDenied", "Access Denied")]


def test_a_timeout_that_hides_a_refusal_is_a_refusal() -> None:
    whole = diagnosed(states_event("TIMED_OUT", error="States.Timeout", cause=""), DENIED)
    of_step = diagnosed(states_event("FAILED", error="States.Timeout", cause=""), [*DENIED, failed("States.Timeout")])
    assert (whole.cause.why, whole.where) == (of_step.cause.why, of_step.where) == ("permission", "transform")


def test_a_refusal_that_was_caught_has_nothing_to_do_with_a_later_timeout() -> None:
    diagnosis = diagnosed(states_event("TIMED_OUT", error="States.Timeout", cause=""), [*DENIED, step("Wait")])
    assert (diagnosis.cause.why, diagnosis.where) == ("timeout", "orchestrator")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ('Database Error\n  column "rfe" does not exist\n  compiled code at x', "column rfe is undefined"),
        ("Compilation Error\n  'rfe' is undefined. This can happen.", "rfe is undefined"),
        ("Database Error\n  COLUMN_NOT_FOUND: line 3:8: Column 'rfe' cannot be resolved", "column rfe is undefined"),
        ('Database Error\n  relation "raw.users" does not exist', "table raw.users does not exist"),
        ("Database Error\n  deadlock detected\n  compiled code at x", "deadlock detected"),
        ("Database Error\n  deadlock detected\n  DETAIL:  Process 7 waits\n  HINT:  See the log", "deadlock detected"),
        ("Runtime Error\n  503 GET https://x.example/a?b=c: \n  Try again", "503 Try again"),
        ("Database Error\n  server closed the connection\n  \tThis probably means it", "server closed the connection"),
    ],
)
def test_the_cause_is_a_line_about_the_node(said: str, line: str) -> None:
    diagnosis = diagnosis_of({"dbt": said.replace("Error", "Error in model customers (models/customers.sql)", 1)})
    assert (diagnosis.subject, diagnosis.line) == ("customers", line)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("An error occurred while calling o13.save. org.apache.hudi.HoodieException: Clash", "HoodieException: Clash"),
        (":HTTPDriver for http://c returned response code 404)\n Code: 60. DB::Exception: Odd", "Odd"),
        ('TrinoUserError(type=USER_ERROR, name=ODD, message="It is odd", query_id=2024_1)', "It is odd"),
        ("Job aborted due to stage failure: a, most recent failure: b (TID 8, ): java.lang.OopsError", "OopsError"),
        ("CannotStartContainerError: OCI runtime create failed: process_linux.go:4: no such file",
         "CannotStartContainerError: no such file"),
        ("RequestId: 1-2 Error: Runtime exited: signal: killed", "Runtime exited: signal: killed"),
        ("line 12:3: Table lake.raw.usage does not exist", "table lake.raw.usage does not exist"),
    ],
)  # fmt: skip
def test_what_stands_around_an_error_does_not_fill_its_line(said: str, line: str) -> None:
    assert diagnosed(*broken("Ingest", "States.TaskFailed", job("FAILED", said))).line == line


def watch(words: str) -> str:
    return watch_of("shop", diagnosed(*broken("DbtRun", "Exception", words)))


def test_another_unknown_error_is_another_incident_and_the_same_with_other_ids_is_not() -> None:
    first = watch("Frobnication of 'orders' (run 4711) ended in s3://lake/a/b with 3 gremlins")
    assert watch("Frobnication of 'users' (run 4712) ended in s3://lake/c with 17 gremlins") == first
    assert watch("The flux capacitor of 'orders' is upside down") != first


hostile_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.just("{\"Cause\": \"[{"),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["Cause", "Error", "Reason", "ExitCode", "Status", "Retryable", "errorMessage", "x"]),
        inner, max_size=4),
    max_leaves=25,
)  # fmt: skip


@given(hostile_json, st.integers(0, 400), st.text(max_size=40))
def test_no_cause_whatever_it_holds_stops_a_diagnosis(value: object, kept: int, error: str) -> None:
    whole = json.dumps(value)
    for cause in (whole, whole[:kept], json.dumps({"Cause": whole, "Reason": value})):
        diagnosis = diagnosed(*broken("DbtRun", error, cause))
        assert len(diagnosis.message) <= 300 and len(diagnosis.line) <= 160


@pytest.mark.parametrize(
    "cause",
    [
        '{"Cause": "' * 9_000,
        "[" * 90_000,
        json.dumps({"Reason": "x (" * 30_000}),
        json.dumps([{"Reason": f"{number}"} for number in range(20_000)]),
        "a.b_c/" * 30_000,
        "'\" `" * 40_000,
        "Error Code: " * 20_000,
    ],
)
def test_a_huge_cause_is_read_as_far_as_it_matters(cause: str) -> None:
    shipped().fault_in(details_of("States.TaskFailed", cause))
    assert all(len(reading_of(detail).words) <= len(cause) + 1 for detail in details_of("E", cause)[:50])
