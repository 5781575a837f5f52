"""How long the oldest execution has been running is measured for each pipeline, and 0 where none runs."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from deliverywatch.errors import CloudRefused, StoreUnavailable
from deliverywatch.pipeline.aws import StateMachines
from deliverywatch.pipeline.declaration.pipelines import Pipeline
from deliverywatch.pipeline.measure import Ports, measure, oldest_of
from pipeline.pipeline_world import Memory

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ORDERS, BILLS = Pipeline("orders", "orders-etl"), Pipeline("bills", "bills-etl", namespace="Finance")
RUN = "arn:aws:states:eu-west-1:111122223333:execution:orders-etl:night"
MACHINES = "arn:aws:states:eu-west-1:111122223333:stateMachine:"


def started(hours: float, **more: Any) -> dict[str, Any]:
    return {"executionArn": RUN, "startDate": NOW - timedelta(hours=hours), **more}


class Unwritable(Memory):
    """A lake that refuses to be written."""

    def write(self, key: str, body: bytes, metadata: Mapping[str, str] | None = None) -> None:
        raise StoreUnavailable(f"{key} cannot be written ({len(body)} bytes, {metadata}).")


class Running(dict[str, list[dict[str, Any]]]):
    """Running executions by state machine; one that is not there is refused."""

    def running(self, state_machine: str) -> Iterator[Mapping[str, Any]]:
        if state_machine not in self:
            raise CloudRefused(f"{state_machine} is not there.")
        return iter(self[state_machine])


@pytest.mark.parametrize(
    ("executions", "hours"),
    [
        ([], 0),
        ([started(1)], 1),
        ([started(1), started(30), started(2)], 30),
        ([started(300, redriveDate=NOW - timedelta(hours=3)), started(2)], 3),
        ([started(-1)], 0),
        ([{"startDate": "x"}], 0),
    ],
)
def test_the_oldest_counts_from_its_start_or_from_when_it_was_started_again(executions: Any, hours: float) -> None:
    oldest = oldest_of(iter(executions))
    assert (oldest.seconds(NOW) if oldest else 0) == hours * 3600


def test_each_pipeline_has_a_metric_of_its_own_in_its_namespace() -> None:
    lines: list[str] = []
    executions = Running({"orders-etl": [started(3)], "bills-etl": []})
    assert measure([ORDERS, BILLS], Ports(executions, Memory(), lines.append), NOW, "prod") == {
        "orders": 10_800,
        "bills": 0,
    }
    read = [json.loads(line) for line in lines]
    assert [(one["Pipeline"], one["JobType"], one["OldestRunSeconds"]) for one in read] == [
        ("orders", "pipeline", 10_800),
        ("bills", "pipeline", 0),
    ]
    spaces = [one["_aws"]["CloudWatchMetrics"][0]["Namespace"] for one in read]
    assert spaces == ["DeliveryWatch/Pipeline", "Finance"]


def test_a_pipeline_that_cannot_be_looked_at_is_named_and_the_others_are_measured() -> None:
    lines: list[str] = []
    with pytest.raises(CloudRefused, match=r"orders: orders-etl is not there\."):
        measure([ORDERS, BILLS], Ports(Running({"bills-etl": []}), Memory(), lines.append), NOW, "prod")
    assert [json.loads(line)["Pipeline"] for line in lines] == ["bills"]


def test_the_mail_about_a_run_that_hangs_names_it_and_how_to_end_it() -> None:
    store = Memory()
    executions = Running({"orders-etl": [started(3)], "bills-etl": [started(1)]})
    measure([ORDERS, BILLS], Ports(executions, store, lambda _: None), NOW, "prod")
    context = store.json("state/pipeline-orders-missed.json")
    assert context["facts"][0] == {"name": "Oldest run", "value": "night"}
    assert f"stop-execution --execution-arn {RUN}" in context["steps"][0]
    assert "state/pipeline-bills-missed.json" not in store.objects


def test_a_lake_that_cannot_be_written_costs_no_measurement() -> None:
    lines: list[str] = []
    ports = Ports(Running({"orders-etl": [started(3)]}), Unwritable(), lines.append)
    assert measure([ORDERS], ports, NOW, "prod") == {"orders": 10_800}
    assert len(lines) == 1


def test_every_page_of_running_executions_is_read() -> None:
    client = boto3.client("stepfunctions", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    asked = {"stateMachineArn": f"{MACHINES}orders-etl", "statusFilter": "RUNNING"}
    one = {
        "executionArn": "arn:aws:states:eu-west-1:111122223333:execution:orders-etl:a",
        "stateMachineArn": asked["stateMachineArn"],
        "name": "a",
        "status": "RUNNING",
        "startDate": NOW,
    }
    with Stubber(client) as stubbed:
        stubbed.add_response("list_executions", {"executions": [one], "nextToken": "n"}, asked)
        stubbed.add_response("list_executions", {"executions": [one]}, asked | {"nextToken": "n"})
        assert len(list(StateMachines(MACHINES, client).running("orders-etl"))) == 2


def test_a_state_machine_that_is_not_there_is_refused_with_its_name() -> None:
    client = boto3.client("stepfunctions", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stubbed:
        stubbed.add_client_error("list_executions", "StateMachineDoesNotExist")
        with pytest.raises(CloudRefused, match=r"running executions of orders-etl: StateMachineDoesNotExist"):
            list(StateMachines(MACHINES, client).running("orders-etl"))
