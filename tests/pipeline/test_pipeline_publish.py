"""Every end of an execution is published, failures too, and each execution is counted once."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverywatch.errors import ConfigurationError, StoreConflict
from deliverywatch.pipeline.outputs import metrics
from deliverywatch.pipeline.publish import Ports, publish
from pipeline.pipeline_world import PIPELINES, Artifacts, Executions, Memory, dbt, event, failed, states_event, step

ADDRESS = "s3://artifacts/sf_user/2026-11-21T06-00/run_results.json"


class World:
    def __init__(self, **ports: Any) -> None:
        self.lines: list[str] = []
        self.store = Memory()
        self.executions = ports.get("executions", Executions())
        artifacts = ports.get("artifacts", Artifacts({ADDRESS: dbt("v5")}))
        self.ports = Ports(executions=self.executions, artifacts=artifacts, store=self.store, emit=self.lines.append)

    def publish(self, body: Any) -> dict[str, Any]:
        return publish(body, PIPELINES, self.ports, "prod")

    def values(self) -> dict[str, float]:
        """What CloudWatch would sum up, by metric."""
        sums: dict[str, float] = {}
        for document in map(json.loads, self.lines):
            for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                key = f"{document['JobType']}/{metric['Name']}"
                sums[key] = sums.get(key, 0) + document[metric["Name"]]
        return sums


def test_a_good_run_publishes_what_each_part_of_it_did() -> None:
    world = World()
    done = world.publish(event("states_succeeded"))
    assert (done["pipeline"], done["status"], done["unknown"]) == ("sf_user", "SUCCEEDED", {})
    values = world.values()
    assert (
        values | {"pipeline/ExecutionDuration": 1270, "pipeline/JobSuccess": 1, "glue/ExecutionDuration": 605} == values
    )
    assert values | {"validation/RecordsProcessed": 5120, "validation/DataAgeHours": 1.25} == values
    assert values | {"scd2/RecordsCreated": 12, "scd2/RecordsUpdated": 31, "scd2/RecordsDeleted": 2} == values
    assert values | {"dbt/DbtModelsRun": 2, "dbt/DbtTestsWarned": 1, "dbt/DbtTestsFailed": 0} == values


def test_records_are_never_taken_from_the_arguments_of_a_job() -> None:
    world = World()
    world.publish(event("states_succeeded"))
    assert 999999 not in world.values().values()


def test_no_data_is_no_score() -> None:
    world = World()
    world.publish(event("states_succeeded"))
    assert "scd2/SCDIntegrityScore" not in world.values()


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_every_other_end_is_published_too(status: str) -> None:
    world = World()
    world.publish(states_event(status))
    assert world.values()["pipeline/JobSuccess"] == 0
    assert world.values()["glue/JobSuccess"] == 0


def test_dimensions_are_bounded_and_ids_are_properties() -> None:
    world = World()
    world.publish(event("states_succeeded"))
    for document in map(json.loads, world.lines):
        (directive,) = document["_aws"]["CloudWatchMetrics"]
        assert directive["Dimensions"] == [["Environment", "Pipeline", "JobType"]]
        assert directive["Namespace"] == "DeliveryWatch/Pipeline"
        assert document["execution"].endswith("2026-11-21T06-00")
        published = {name for job_type, name in metrics.PUBLISHED if job_type == document["JobType"]}
        assert {metric["Name"] for metric in directive["Metrics"]} <= published


def test_an_event_that_comes_twice_counts_once() -> None:
    world = World()
    world.publish(event("states_succeeded"))
    once = list(world.lines)
    assert world.publish(event("states_succeeded"))["metrics"] == 0
    assert world.lines == once


def test_a_redrive_corrects_the_counters_where_they_were_and_adds_no_run() -> None:
    world = World(artifacts=Artifacts({ADDRESS: dbt("v4")}))
    first = states_event("FAILED", output=event("states_succeeded")["detail"]["output"])
    world.publish(first)
    stamp = json.loads(world.lines[0])["_aws"]["Timestamp"]
    before, world.lines[:] = len(world.lines), []
    world.ports.artifacts[ADDRESS] = dbt("v5")  # type: ignore[index]
    world.publish(states_event(redriveCount=1, stopDate=stamp + 3_600_000))
    values = world.values()
    assert before
    assert values["pipeline/JobSuccess"] == 1
    assert values["dbt/DbtTestsFailed"] == -1
    assert "validation/RecordsProcessed" not in values
    stamps = {json.loads(line)["_aws"]["Timestamp"] for line in world.lines if "DbtTestsFailed" in line}
    assert stamps == {stamp}


def test_an_event_older_than_the_last_redrive_counts_nothing() -> None:
    world = World()
    world.publish(states_event(redriveCount=2))
    assert world.publish(states_event("FAILED", redriveCount=1))["metrics"] == 0


def test_two_at_once_count_once() -> None:
    world, other = World(), World()
    other.ports = Ports(
        executions=other.executions,
        artifacts=world.ports.artifacts,
        store=world.store,
        emit=other.lines.append,
    )
    world.store.race = lambda: other.publish(event("states_succeeded"))
    world.publish(event("states_succeeded"))
    assert (len(world.lines), len(other.lines) > 0) == (0, True)


def test_what_the_event_leaves_out_is_fetched() -> None:
    whole = states_event()["detail"]
    world = World(executions=Executions(whole))
    world.publish(event("states_truncated"))
    assert world.executions.calls == {"describe": 1, "history": 1, "definition": 1}
    assert world.values()["validation/RecordsProcessed"] == 5120


def test_a_failed_run_is_read_from_its_history() -> None:
    job = event("glue_job_run") | {"JobRunState": "TIMEOUT"}
    world = World(executions=Executions(history=[step("Ingest"), failed("States.TaskFailed", job)]))
    world.publish(states_event("FAILED", cause="stopped"))
    assert world.values()["glue/JobSuccess"] == 0


def test_a_run_that_goes_on_is_not_counted() -> None:
    world = World()
    assert world.publish(states_event("RUNNING", stopDate=None, error="x"))["metrics"] == 0
    assert not world.store.objects


def test_results_that_cannot_be_read_are_named_in_the_log_and_the_rest_is_emitted() -> None:
    world = World(artifacts=Artifacts({ADDRESS: b"{"}))
    (problem,) = world.publish(event("states_succeeded"))["not_read"]
    assert "cannot be read" in problem
    assert "pipeline/ExecutionDuration" in world.values()
    assert "pipeline/JobSuccess" not in world.values()


def test_a_state_machine_that_nobody_declared_raises() -> None:
    body = json.loads(json.dumps(event("states_succeeded")).replace("sf_user_pipeline", "other"))
    with pytest.raises(ConfigurationError, match="'other'"):
        World().publish(body)


def test_a_store_that_never_lets_the_write_through_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda *_: 0)  # the pauses between tries
    world = World()

    def overtaken(key: str, *_: object) -> None:
        raise StoreConflict(f"{key} changed")

    world.store.write_if_unchanged = overtaken  # type: ignore[method-assign,assignment]
    with pytest.raises(StoreConflict):
        world.publish(event("states_succeeded"))
    assert not world.lines


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["v4", "v5", "v6"])), min_size=1, max_size=6))
def test_however_ends_arrive_the_sums_are_those_of_the_last_redrive(ends: list[tuple[int, str]]) -> None:
    world = World()
    for redrive, version in ends:
        world.ports.artifacts[ADDRESS] = dbt(version)  # type: ignore[index]
        world.publish(states_event(redriveCount=redrive))
    accepted, last = -1, ""
    for redrive, version in ends:
        accepted, last = (redrive, version) if redrive > accepted else (accepted, last)
    alone = World(artifacts=Artifacts({ADDRESS: dbt(last)}))
    alone.publish(event("states_succeeded"))
    counters = {key: value for key, value in alone.values().items() if key.startswith("dbt/Dbt")}
    assert {key: world.values()[key] for key in counters} == counters


@pytest.mark.parametrize(("stopped_ms", "is_counted"), [(1795243000000, True), (1795242070000, False)])
def test_a_redrive_that_only_the_history_has_is_counted_and_one_that_is_still_to_end_is_not(
    stopped_ms: int, is_counted: bool
) -> None:
    redriven = {"type": "ExecutionRedriven", "timestamp": 1795242500.0, "executionRedrivenEventDetails": {}}
    world = World(executions=Executions(history=[redriven]))
    first = World()
    first.publish(states_event())
    world.store.objects = dict(first.store.objects)
    done = world.publish(states_event(stopDate=stopped_ms))
    assert bool(done["metrics"]) == is_counted
