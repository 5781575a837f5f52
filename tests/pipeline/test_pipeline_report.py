"""Once per failing cause, resolved when the pipeline is well again, and by whichever way it is started."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting import alerting_fakes
from deliverywatch.errors import CloudRefused, InputError, StoreUnavailable
from deliverywatch.pipeline.declaration.values import moment
from deliverywatch.pipeline.diagnosis.advice import links_of
from deliverywatch.pipeline.diagnosis.collect import Run
from deliverywatch.pipeline.diagnosis.evidence import Evidence
from deliverywatch.pipeline.diagnosis.faults import shipped
from deliverywatch.pipeline.diagnosis.runs import execution_of_event
from deliverywatch.pipeline.report import Ports, report
from pipeline.pipeline_world import (
    PIPELINES,
    SF_USER,
    Artifacts,
    Executions,
    Memory,
    dbt,
    event,
    failed,
    good_history,
    states_event,
    step,
    succeeded,
)

NOW = moment("2026-11-21T06:30:00Z")
RESULTS = "s3://artifacts/sf_user/2026-11-21T06-00/run_results.json"
ARN = event("states_failed")["detail"]["executionArn"]
TASK = {"error_type": "glue_job_failure", "execution": ARN}


class World:
    def __init__(self) -> None:
        self.notices: list[dict[str, Any]] = []
        self.store, self.executions = Memory(), Executions(event("states_failed")["detail"])
        self.refusal: Exception | None = None
        self.pipelines = PIPELINES
        self.ports = Ports(
            executions=self.executions,
            artifacts=Artifacts({RESULTS: dbt("v5")}),
            store=self.store,
            topic=self,
            environment="prod",
        )

    def publish(self, notice: Any) -> None:
        if self.refusal:
            raise self.refusal
        self.notices.append(dict(notice))

    def report(self, body: Any) -> dict[str, Any]:
        assert NOW is not None
        if "detail" in body:
            self.executions.description = body["detail"]
        return report(body, self.pipelines, self.ports, NOW, shipped())

    def levels(self) -> list[tuple[str, str]]:
        return [(notice["watch"], notice["level"]) for notice in self.notices]


@pytest.fixture
def world() -> World:
    return World()


def run(name: str, status: str, hour: int, **detail: Any) -> Any:
    stop = moment(f"2026-11-21T{hour:02}:21:10Z")
    assert stop is not None
    arn = ARN.replace("2026-11-21T06-00", name)
    return states_event(status, name=name, executionArn=arn, stopDate=int(stop.timestamp() * 1000), **detail)


SCHEMA = "pipeline-sf_user-orchestrator-schema-change"


def test_a_failure_is_reported_once_and_its_end_once(world: World) -> None:
    world.report(run("a", "FAILED", 6, error="E", cause="cannot resolve 'email'"))
    world.report(run("b", "FAILED", 12, error="E", cause="cannot resolve 'email'"))
    world.report(run("c", "SUCCEEDED", 18))
    world.report(run("d", "SUCCEEDED", 23))
    assert world.levels() == [(SCHEMA, "warning"), (SCHEMA, "warning"), (SCHEMA, "ok")]


def test_each_cause_is_a_watch_of_its_own_and_one_good_run_ends_them_all(world: World) -> None:
    world.report(run("a", "FAILED", 6, error="E", cause="AccessDenied"))
    world.report(run("b", "TIMED_OUT", 12, error="", cause=""))
    world.report(run("c", "SUCCEEDED", 18))
    watches = ["pipeline-sf_user-orchestrator-permission", "pipeline-sf_user-orchestrator-timeout"]
    assert [watch for watch, level in world.levels() if level == "ok"] == watches
    assert world.store.json("state/pipeline/sf_user/told.json")["open"] == {}


def test_what_the_state_machine_reported_itself_its_event_does_not_report_again(world: World) -> None:
    world.executions.events = [
        step("Ingest"),
        failed("States.TaskFailed", event("glue_job_run") | {"JobRunState": "TIMEOUT"}),
    ]
    done = world.report(TASK | {"error": {"Error": "States.TaskFailed", "Cause": "timed out"}})
    assert (done["where"], done["why"], done["severity"], done["retryable"]) == ("ingest", "timeout", "HIGH", True)
    assert world.report(event("states_failed"))["told"] == []
    assert world.levels() == [("pipeline-sf_user-ingest-timeout", "critical")]


def test_a_failure_path_that_ends_in_success_resolves_nothing(world: World) -> None:
    world.report(TASK | {"error": "States.TaskFailed", "cause": "out of memory"})
    world.report(states_event("SUCCEEDED", output="{}"))
    assert [level for _, level in world.levels()] == ["critical"]


def test_a_redrive_that_succeeds_is_well(world: World) -> None:
    world.report(TASK | {"error": "States.TaskFailed", "cause": "out of memory"})
    world.report(states_event("SUCCEEDED", redriveCount=1))
    assert [level for _, level in world.levels()] == ["critical", "ok"]


def test_an_event_that_comes_after_a_later_good_run_is_not_reported(world: World) -> None:
    world.report(run("b", "SUCCEEDED", 12))
    assert world.report(run("a", "FAILED", 6, error="E", cause="x"))["note"] == "a later run was well"
    assert not world.notices


def test_the_context_is_there_before_the_notice(world: World) -> None:
    world.refusal = CloudRefused("SNS says no.")
    with pytest.raises(CloudRefused):
        world.report(event("states_failed"))
    watch = "pipeline-sf_user-ingest-schema-change"
    assert f"state/{watch}.json" in world.store.objects
    world.refusal = None
    assert world.report(event("states_failed"))["told"] == [watch]
    context = world.store.json(f"state/{watch}.json")
    assert context["links"][0]["url"].endswith(ARN)
    assert any("2026-11-21T06-00" in line for line in context["steps"])


def test_the_notice_says_where_why_and_what_to_do(world: World) -> None:
    world.report(event("states_failed"))
    (notice,) = world.notices
    assert notice["title"] == "sf_user: ingest failed, schema change"
    assert notice["sentence"].startswith("`sf_user_ingest`: column email is undefined. The run 2026-11-21T06-00")
    assert "cannot resolve 'email'" in notice["facts"]["Error"]
    assert notice["facts"]["Cause"] == "ingest, schema change"
    assert notice["facts"]["Glue job run"].startswith("sf_user_ingest, jr_")


def test_every_run_leaves_the_context_of_the_alarms_that_measure_it(world: World) -> None:
    world.report(event("states_succeeded"))
    quality = world.store.json("state/pipeline-sf_user-quality.json")
    assert {"name": "Rows with every required value", "value": "5,094 of 5,120"} in quality["facts"]
    slow = world.store.json("state/pipeline-sf_user-slow.json")
    assert {"name": "It took", "value": "1,270 s"} in slow["facts"]


def test_all_contexts_link_the_dashboard(world: World) -> None:
    world.report(event("states_succeeded"))
    contexts = [body for key, body in world.store.objects.items() if key.startswith("state/pipeline-")]
    assert contexts
    assert all(b"#dashboards/dashboard/deliverywatch-prod-pipeline" in body for body in contexts)


@pytest.mark.parametrize(
    "body",
    [
        {"error_type": "glue_job_failure"},
        {},
    ],
)
def test_a_call_that_names_no_execution_raises(world: World, body: Any) -> None:
    with pytest.raises(InputError, match="which execution"):
        world.report(body)


def test_an_error_type_that_nobody_knows_costs_no_notice(world: World) -> None:
    assert world.report(TASK | {"error_type": "bad_luck", "error": "E", "cause": "AccessDenied"})["why"] == "permission"
    assert len(world.notices) == 1


def test_a_damaged_memory_is_an_empty_one(world: World) -> None:
    world.store.objects["state/pipeline/sf_user/told.json"] = b"{"
    assert world.report(event("states_failed"))["told"]


def test_two_that_report_at_once_lose_nothing(world: World) -> None:
    world.store.race = lambda: world.report(run("b", "ABORTED", 12, error="", cause=""))
    world.report(event("states_failed"))
    open_watches = set(json.loads(world.store.objects["state/pipeline/sf_user/told.json"])["open"])
    assert open_watches == {"pipeline-sf_user-ingest-schema-change", "pipeline-sf_user-orchestrator-aborted"}


def test_a_run_of_which_not_all_can_be_read_ends_nothing(world: World) -> None:
    world.report(run("a", "FAILED", 6, error="E", cause="AccessDenied"))
    output = json.dumps({"run_results": "s3://artifacts/sf_user/gone_run_results.json"})
    world.report(run("b", "SUCCEEDED", 12, output=output))
    assert world.levels()[1:] == [("pipeline-sf_user-unproven", "blind")]
    assert "no object at" in world.notices[-1]["sentence"]
    world.report(run("c", "SUCCEEDED", 18))
    assert [level for _, level in world.levels()[2:]] == ["ok", "ok"]


def test_the_newest_results_of_dbt_are_linked_first() -> None:
    addresses = tuple(f"s3://artifacts/dbt/{name}/run_results.json" for name in ("seed", "run", "test"))
    run = Run(SF_USER, execution_of_event(states_event()), Evidence(artifacts=addresses))
    (_, newest, before) = links_of(run)
    assert (newest[0], newest[1].partition("prefix=")[2]) == ("Results of dbt", "dbt/test/run_results.json")
    assert (before[0], before[1].partition("prefix=")[2]) == ("Results of dbt before it", "dbt/run/run_results.json")


def test_results_that_s3_refuses_cost_no_notice(world: World) -> None:
    def refuse(address: str) -> bytes:
        raise StoreUnavailable(f"S3 could not be used for {address}: AccessDenied.")

    world.ports.artifacts.fetch = refuse  # type: ignore[method-assign]
    cause = "dbt exited 1, see s3://other-team/dbt/run_results.json"
    assert world.report(run("a", "FAILED", 6, error="States.TaskFailed", cause=cause))["told"]


def without(name: str) -> list[Any]:
    events = good_history()
    begun = next(
        index for index, one in enumerate(events) if one.get("stateEnteredEventDetails", {}).get("name") == name
    )
    return [*events[:begun], *events[begun + 2 :]]


def test_a_run_that_proves_too_little_is_told_as_that_and_ends_nothing(world: World) -> None:
    world.report(run("a", "FAILED", 6, error="E", cause="AccessDenied"))
    world.executions.events = without("DbtTest")
    world.report(run("b", "SUCCEEDED", 12))
    notice = world.notices[-1]
    assert (notice["watch"], notice["level"]) == ("pipeline-sf_user-unproven", "blind")
    assert (notice["assessment"]["verdict"], notice["assessment"]["sentence"]) == ("too_little", "DbtTest did not run.")
    world.executions.events = good_history()
    world.report(run("c", "SUCCEEDED", 18))
    assert [level for _, level in world.levels()] == ["warning", "blind", "ok", "ok"]


def test_a_failure_that_was_caught_is_told_as_caught_and_ends_nothing(world: World) -> None:
    world.report(run("a", "FAILED", 6, error="E", cause="AccessDenied"))
    world.executions.events = [*without("DbtRun"), step("DbtRun"), failed("DbtError", "no space left on device")]
    world.report(run("b", "SUCCEEDED", 12))
    sentence = world.notices[-1]["sentence"]
    assert "succeeded, and a failure in DbtRun was caught" in sentence
    assert [level for _, level in world.levels()].count("ok") == 0


def test_a_good_run_that_leaves_out_what_had_failed_does_not_end_it(world: World) -> None:
    world.pipelines = (replace(SF_USER, optional=("DbtTest",)),)
    world.executions.events = [step("DbtTest"), failed("E", "AccessDenied")]
    world.report(TASK | {"error": "E", "cause": "AccessDenied"})
    world.executions.events = without("DbtTest")
    assert world.report(run("b", "SUCCEEDED", 12))["told"] == []
    world.executions.events = good_history()
    assert len(world.report(run("c", "SUCCEEDED", 18))["told"]) == 1


def test_a_good_run_around_a_step_that_nobody_declares_does_not_end_its_failure(world: World) -> None:
    world.pipelines = (replace(SF_USER, steps={}, artifacts="", records=None, histories=()),)
    world.executions.machine = {
        "StartAt": "IsFull",
        "States": {
            "IsFull": {"Type": "Choice", "Choices": [{"Next": "Full"}], "Default": "Load"},
            "Full": {"Type": "Task", "Next": "Load"},
            "Load": {"Type": "Task", "End": True, "Catch": [{"Next": "Tell"}]},
            "Tell": {"Type": "Task", "Next": "Bad"},
            "Bad": {"Type": "Fail"},
        },
    }
    world.executions.events = [step("Full"), failed("E", "AccessDenied")]
    world.report(run("a", "FAILED", 6, output=None, error="E", cause="AccessDenied"))
    world.executions.events = [step("Load"), succeeded({})]
    assert world.report(run("b", "SUCCEEDED", 12, output="{}"))["told"] == []
    world.executions.events = [step("Full"), succeeded({}), step("Load"), succeeded({})]
    assert len(world.report(run("c", "SUCCEEDED", 18, output="{}"))["told"]) == 1
    world.executions.events = [step("Load"), failed("E", "AccessDenied"), step("Tell"), failed("E", "AccessDenied")]
    world.report(run("d", "FAILED", 19, output=None, error="E", cause="AccessDenied"))
    world.executions.events = [step("Load"), succeeded({})]
    assert len(world.report(run("e", "SUCCEEDED", 20, output="{}"))["told"]) == 1


def test_a_good_run_from_before_a_failure_does_not_end_it(world: World) -> None:
    world.report(run("b", "FAILED", 12, error="E", cause="AccessDenied"))
    assert world.report(run("a", "SUCCEEDED", 6))["told"] == []
    assert len(world.report(run("c", "SUCCEEDED", 18))["told"]) == 1


def test_low_quality_ends_only_when_the_quality_is_measured_again(world: World) -> None:
    output = json.loads(event("states_succeeded")["detail"]["output"])
    report_of_rows = output["validation"]["Payload"]
    low = {"name": "quality", "topic": "quality", "result": "failed", "sentence": "too low", "table": "users"}
    bad = {**output, "validation": {"Payload": {**report_of_rows, "checks": [low]}}}
    world.report(run("a", "SUCCEEDED", 6, output=json.dumps(bad)))
    assert world.levels() == [("pipeline-sf_user-quality", "critical")]
    unmeasured = {**output, "validation": {"Payload": {**report_of_rows, "scores": {}}}}
    world.report(run("b", "SUCCEEDED", 12, output=json.dumps(unmeasured)))
    assert world.levels()[1:] == [("pipeline-sf_user-unproven", "blind")]
    world.report(run("c", "SUCCEEDED", 18))
    assert world.levels()[2:] == [("pipeline-sf_user-quality", "ok"), ("pipeline-sf_user-unproven", "ok")]


class Mailed(World):
    """Reports whose notices go to the notifier itself."""

    def __init__(self) -> None:
        super().__init__()
        self.notifier = alerting_fakes.World(watches=())

    def publish(self, notice: Any) -> None:
        super().publish(notice)
        self.notifier.tell(alerting_fakes.sns(dict(notice)))

    def of_kind(self, kind: str, hour: int) -> None:
        """Report a run that is good, or is not for one of many reasons."""
        self.executions.events, self.executions.refusal = HISTORIES.get(kind, good_history()), None
        results = dbt("v5").replace(b"2026-11-21T06", f"2026-11-21T{hour:02}".encode())
        output = json.loads(event("states_succeeded")["detail"]["output"])
        if kind == "a job still runs":
            output["ingest"] = {"JobName": "ingest", "Id": f"jr_{hour}", "JobRunState": "RUNNING"}
        if kind == "the history is refused":
            self.executions.refusal = CloudRefused("AccessDenied.")
        bodies = {"no results": None, "results of another day": results.replace(b"-21T", b"-20T")}
        bodies |= {"results are cut": results[:99], "an unknown word": results.replace(b'"pass"', b'"deferred"')}
        self.ports.artifacts.clear()
        if body := bodies.get(kind, results):
            self.ports.artifacts[RESULTS] = body
        status = {"it failed": "FAILED", "it took too long": "TIMED_OUT"}.get(kind, "SUCCEEDED")
        started = moment(f"2026-11-21T{hour:02}:00:00Z")
        error = {} if status == "SUCCEEDED" else {"error": "E", "cause": "AccessDenied"}
        detail = {"output": json.dumps(output), "startDate": int(started.timestamp() * 1000), **error}
        self.report(run(f"{hour}-{kind.replace(' ', '-')}", status, hour, **detail))


HISTORIES = {
    "a failure was caught": [*good_history(), step("More"), failed("E", "no space left on device")],
    "a step did not run": good_history()[2:],
    "a job was not waited for": [
        *good_history(),
        {"type": "TaskSucceeded", "taskSucceededEventDetails":
            {"resourceType": "glue", "resource": "startJobRun", "output": '{"JobRunId": "jr_0"}'}},
    ],
    "it failed": [step("Ingest"), failed("E", "AccessDenied")],
    "nothing is known": [],
}  # fmt: skip
KINDS = (*HISTORIES, "a job still runs", "the history is refused", "no results", "results of another day",
         "results are cut", "an unknown word", "it took too long", "it is good")  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from(KINDS), min_size=2, max_size=7))
def test_whatever_runs_come_only_one_that_is_good_ends_an_incident(kinds: list[str]) -> None:
    world, events = Mailed(), list[str]()
    for hour, kind in enumerate([*kinds, "it is good"], 6):
        world.of_kind(kind, hour)
        new, events = world.notifier.ses.events[len(events) :], list(world.notifier.ses.events)
        assert ("RESOLVED" in new) <= (kind == "it is good"), (kind, new)
    assert events.count("OPENED") == events.count("RESOLVED")
    assert world.store.json("state/pipeline/sf_user/told.json")["open"] == {}
