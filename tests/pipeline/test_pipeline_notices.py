"""What a failure's notice says, in the order in which it is read: cause, step, node, runs, command, account."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deliverywatch.messages.notice import FACT_LIMIT, from_document, to_document
from deliverywatch.pipeline.diagnosis.advice import cause_line
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.diagnose import Diagnosis, diagnose
from deliverywatch.pipeline.diagnosis.evidence import Evidence
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.diagnosis.runs import Status, execution_of_event
from deliverywatch.pipeline.outputs import notices
from deliverywatch.pipeline.outputs.notified_causes import GoodRun
from deliverywatch.pipeline.report import examine
from pipeline.pipeline_world import SF_USER, event, states_event

END = datetime(2026, 11, 21, 6, 21, tzinfo=UTC)
EXECUTION = replace(execution_of_event(event("states_failed")), stopped_at=END)
RUN = Run(SF_USER, EXECUTION, Evidence())
GOOD = GoodRun("2026-11-21T00-00", END - timedelta(hours=6, minutes=21), END - timedelta(hours=6), 5120)
ARN = EXECUTION.arn
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:sf_user_pipeline"


def facts(run: Run = RUN, last_good: GoodRun | None = GOOD, now: datetime = END) -> dict[str, str]:
    explanation = examine(run, shipped())[1]
    assert explanation is not None
    return dict(notices.of_failure(run, explanation, last_good, END, now).facts)


def test_this_run_stands_beside_the_last_good_one() -> None:
    names = facts()
    assert names["This run"] == "2026-11-21T06-00, started 2026-11-21 06:00 UTC, took 21 min 0 s"
    assert names["Last good run"] == "2026-11-21T00-00, started 2026-11-21 00:00 UTC, took 21 min 0 s, 5,120 records"
    assert names["Account"] == "111122223333, us-east-1"
    assert facts(last_good=None)["Last good run"] == "none is known"


@pytest.mark.parametrize(("count", "words"), [(0, "0 s"), (1, "0 s, redriven once"), (2, "0 s, redriven 2 times")])
def test_a_run_that_was_redriven_says_so(count: int, words: str) -> None:
    run = replace(RUN, execution=replace(EXECUTION, redrive_count=count))
    assert facts(run)["This run"].endswith(words)


@pytest.mark.parametrize("status", [Status.FAILED, Status.TIMED_OUT, Status.ABORTED])
def test_a_standard_run_is_redriven_for_fourteen_days(status: Status) -> None:
    run = replace(RUN, execution=replace(EXECUTION, status=status))
    redrive = f"aws stepfunctions redrive-execution --execution-arn {ARN} --region us-east-1"
    assert facts(run, now=END + timedelta(days=14))["To go on where it failed"] == redrive
    assert "To go on where it failed" not in facts(run, now=END + timedelta(days=14, minutes=1))


@pytest.mark.parametrize(
    "run",
    [
        replace(RUN, evidence=Evidence(is_in_fail_state=True)),
        replace(RUN, execution=replace(EXECUTION, status=Status.FAILED, stopped_at=END - timedelta(days=15))),
        replace(RUN, execution=replace(EXECUTION, error="States.NoChoiceMatched")),
    ],
    ids=["ended by a Fail", "late", "its definition is wrong"],
)
def test_where_a_redrive_leads_nowhere_it_is_started_again_with_its_input(run: Run) -> None:
    names = facts(run)
    describe = f"aws stepfunctions describe-execution --execution-arn {ARN} --region us-east-1"
    assert names["Its input"] == f"{describe} --query input --output text > input.json"
    start = f"aws stepfunctions start-execution --state-machine-arn {MACHINE} --region us-east-1"
    assert names["To start it again"] == f"{start} --input file://input.json"
    assert "To go on where it failed" not in names


def test_an_express_run_is_never_redriven() -> None:
    arn = "arn:aws:states:us-east-1:111122223333:express:sf_user_pipeline:a:b"
    express = replace(RUN, execution=replace(EXECUTION, arn=arn))
    assert MACHINE in facts(express)["To start it again"]
    assert not {"Its input", "To go on where it failed"} & facts(express).keys()


def test_commands_are_whole_however_long_the_names_are() -> None:
    arn = f"arn:aws-us-gov:states:us-gov-west-1:111122223333:execution:{'m' * 80}:{'e' * 80}"
    execution = replace(EXECUTION, arn=arn, state_machine="m" * 80, name="e" * 80)
    for evidence in (Evidence(), Evidence(is_in_fail_state=True)):
        commands = [
            fact for fact in facts(replace(RUN, execution=execution, evidence=evidence)).values() if "aws " in fact
        ]
        assert commands
        assert all(len(command) <= FACT_LIMIT for command in commands)


def test_the_order_is_that_of_reading_and_survives_the_way() -> None:
    explanation = examine(replace(RUN, problems=("x was not read.",)), shipped())[1]
    assert explanation is not None
    run = replace(RUN, problems=("x was not read.", "y.", "z.", "z.", "w."))
    notice = notices.of_failure(run, replace(explanation, step="Ingest"), GOOD, END, END)
    names = [name for name, _ in from_document(to_document(notice)).facts]
    order = ["Step", "This run", "Last good run", "To go on where it failed", "Account", "Cause", "Severity", "Retry"]
    assert [name for name in names if name in order] == order
    assert dict(notice.facts)["Not read"] == "x was not read. y. z. And 1 more."


def diagnosis(**changes: Any) -> Diagnosis:
    failed = diagnose(Run(SF_USER, execution_of_event(states_event("FAILED")), Evidence()), shipped())
    assert failed is not None
    return replace(failed, **{"line": "", "message": "", "subject": "", "checks": (), **changes})


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"subject": "customers", "line": "column rfe is undefined."}, "`customers`: column rfe is undefined"),
        ({"subject": "unique_id", "message": "test.a.unique_id: Got 2 results"}, "`unique_id`: Got 2 results"),
        ({"subject": "load", "message": "java.lang.Error: no heap"}, "`load`: java.lang.Error: no heap"),
        ({"message": "a timeout"}, "a timeout"),
        ({"subject": "Ingest"}, ""),
    ],
)
def test_the_first_line_is_the_cause_after_what_it_is_about(changes: dict[str, str], line: str) -> None:
    assert cause_line(diagnosis(**changes)) == line
