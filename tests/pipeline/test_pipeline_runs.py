"""What Step Functions and Glue say is read as it is, and what a run tells of itself is found wherever it stands."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from deliverywatch.errors import InputError
from deliverywatch.pipeline.checks.validation import Check, Counts, Report, Result, Score, Topic, document
from deliverywatch.pipeline.diagnosis import evidence
from deliverywatch.pipeline.diagnosis.history import of_history
from deliverywatch.pipeline.diagnosis.runs import Status, execution_of_event, job_run_of
from pipeline.pipeline_world import event, failed, states_event, step, succeeded

FEW = Check("minimum_records", Topic.RECORDS, Result.FAILED, "too few", "users")


def test_an_event_is_an_execution() -> None:
    execution = execution_of_event(event("states_succeeded"))
    assert (execution.state_machine, execution.name) == ("sf_user_pipeline", "2026-11-21T06-00")
    assert (execution.status, execution.duration_seconds) == (Status.SUCCEEDED, 1270)
    assert execution.is_whole


@pytest.mark.parametrize("part", ["inputDetails", "outputDetails"])
def test_an_event_that_was_cut_says_so(part: str) -> None:
    assert not execution_of_event(states_event(**{part: {"included": False}})).is_whole


@pytest.mark.parametrize("change", [{"status": "DONE"}, {"executionArn": "sf_user"}, {"startDate": None}])
def test_an_event_that_lacks_the_essential_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InputError, match="executionArn, status or startDate"):
        execution_of_event(states_event(**change))


def test_an_event_of_another_kind_is_refused() -> None:
    with pytest.raises(InputError, match="Status Change"):
        execution_of_event(event("glue_state_change"))


@pytest.mark.parametrize(
    ("state", "is_final", "is_good"),
    [("SUCCEEDED", True, True)]
    + [(state, True, False) for state in ("FAILED", "TIMEOUT", "STOPPED", "ERROR", "EXPIRED")]
    + [(state, False, False) for state in ("STARTING", "RUNNING", "STOPPING", "WAITING")],
)
def test_a_job_run_is_judged_by_its_state(state: str, is_final: bool, is_good: bool) -> None:
    run = job_run_of(event("glue_job_run") | {"JobRunState": state})
    assert run is not None
    assert (run.is_final, run.is_good) == (is_final, is_good)


def test_a_job_run_has_its_id_and_its_units() -> None:
    run = job_run_of(event("glue_job_run"))
    assert run is not None
    assert (run.id[:3], run.seconds, run.dpu_seconds) == ("jr_", 605, 2420)
    billed = job_run_of(event("glue_job_run") | {"DPUSeconds": 1000.5})
    assert billed is not None
    assert billed.dpu_seconds == 1000.5


def test_an_output_has_jobs_artifacts_and_the_validation() -> None:
    collected = evidence.of_outputs([execution_of_event(event("states_succeeded")).output])
    assert [run.job for run in collected.jobs] == ["sf_user_ingest"]
    assert collected.artifacts == ("s3://artifacts/sf_user/2026-11-21T06-00/run_results.json",)
    assert collected.report is not None
    assert (collected.report.counts.processed, collected.report.quality.percent) == (
        5120,
        pytest.approx(99.492, abs=1e-3),
    )


@pytest.mark.parametrize("part", ["s3://a/", "s3://b/run_results_", "s3://a/run_results.jsonx", "run_results", "s3:/"])
def test_a_long_text_full_of_beginnings_of_addresses_is_read_at_once(part: str) -> None:
    began = time.process_time()
    assert evidence.of_outputs(["s3://a/" + part * (200_000 // len(part))]).artifacts == ()
    assert time.process_time() - began < 0.3


def test_addresses_that_stand_close_together_are_each_an_address() -> None:
    text = "s3://b/dt=1/run_results.json,s3://c/prod_sources.json|s3://d/run_results-2.json."
    found = ("s3://b/dt=1/run_results.json", "s3://c/prod_sources.json", "s3://d/run_results-2.json")
    assert evidence.of_outputs([text]).artifacts == found


def test_what_was_tried_again_with_success_is_no_failure() -> None:
    events = [
        step("Ingest"),
        failed("States.TaskFailed"),
        succeeded(event("glue_job_run")),
        step("DbtRun"),
        failed("X", "y"),
    ]
    collected = of_history(events)
    assert [(failure.step, failure.error) for failure in collected.failures] == [("DbtRun", "X")]
    assert len(collected.jobs) == 1


def test_a_failed_glue_job_stands_in_the_cause() -> None:
    events = [step("Ingest"), failed("States.TaskFailed", event("glue_job_run") | {"JobRunState": "TIMEOUT"})]
    assert evidence.job_failures(of_history(events))[0].state == "TIMEOUT"


def test_a_job_run_that_glue_tried_again_with_success_is_well() -> None:
    first = event("glue_job_run") | {"JobRunState": "FAILED", "Id": "jr_1"}
    collected = evidence.of_outputs([first, event("glue_job_run") | {"Attempt": 1}])
    assert len(collected.jobs) == 2
    assert not evidence.job_failures(collected)


def test_an_output_that_nests_without_end_is_read_to_a_depth() -> None:
    text = json.dumps(event("glue_job_run"))
    for _ in range(40):
        text = json.dumps({"inner": text}) if len(text) < 1e5 else text
    assert evidence.of_outputs([text]) is not None


def test_validations_of_rows_and_of_histories_are_one_report_and_the_later_word_stands() -> None:
    rows = Report("sf_user", (FEW,), quality=Score(9, 10), counts=Counts(processed=10), age_hours=2.0)
    again = replace(rows, checks=(replace(FEW, result=Result.PASSED),), quality=Score(10, 10))
    history = Report("sf_user", (), integrity=Score(3, 4), counts=Counts(created=1, updated=2, deleted=0))
    merged = evidence.of_outputs([document(part) for part in (rows, again, history)]).report
    assert merged == Report("sf_user", again.checks, Score(10, 10), Score(3, 4), Counts(10, 1, 2, 0), 2.0)


def follows(number: int, earlier: int, body: dict[str, Any]) -> dict[str, Any]:
    return body | {"id": number, "previousEventId": earlier}


def test_a_failure_in_one_branch_is_not_put_down_to_another() -> None:
    events = [
        follows(1, 0, step("Both", "Parallel")),
        follows(2, 1, step("DbtRun")),
        follows(3, 1, step("Ingest")),
        follows(4, 2, failed("X", "y")),
        follows(5, 3, succeeded(event("glue_job_run"))),
    ]
    assert [(failure.step, failure.error) for failure in of_history(events).failures] == [("DbtRun", "X")]
