"""The reference pipeline in the local cloud: a healthy history mails nothing, each planted fault exactly one mail."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from deliverywatch.cli import main
from deliverywatch.local.cloud.cloud import LocalCloud
from deliverywatch.local.demo import play
from deliverywatch.local.demo.pipeline_day import MACHINE, MISSED, World, deploy
from deliverywatch.local.demo.pipeline_faults import FAULTS, Fault

pytestmark = pytest.mark.slow

START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=4)
# One fault for each watch, so that all may stay open until one good run ends them.
DISTINCT = tuple({fault.watch: fault for fault in reversed(FAULTS)}.values())[::-1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("pipeline")
    template = play.build(folder, ["pipeline"])
    with LocalCloud(START) as cloud:
        yield deploy(cloud, template, folder)


def open_watches(world: World) -> set[str]:
    records = play.documents(world.cloud, play.lake_bucket(world.cloud), "incidents/")
    return {record["watch"] for record in records if record["level"] != "ok"}


def subjects(world: World) -> list[str]:
    return [mail.subject for mail in world.cloud.outbox()]


def opened(world: World) -> list[str]:
    return [subject for subject in subjects(world) if not subject.startswith("[RESOLVED")]


def test_a_healthy_history_raises_nothing(world: World) -> None:
    assert [world.run() for _ in range(3)] == ["SUCCEEDED"] * 3
    assert (subjects(world), world.cloud.failures) == ([], [])


def test_at_least_fifteen_faults_are_planted() -> None:
    assert len(DISTINCT) >= 15
    assert len(FAULTS) > len(DISTINCT)


@pytest.mark.parametrize("fault", DISTINCT, ids=lambda fault: fault.watch)
def test_a_planted_fault_ends_in_exactly_one_mail_with_the_right_cause(world: World, fault: Fault) -> None:
    before, mails = open_watches(world), len(opened(world))
    assert world.run(fault) == fault.status
    assert len(opened(world)) == mails + 1
    assert open_watches(world) - before == {fault.full_watch}


def test_a_mail_says_what_to_do_and_links_the_run(world: World) -> None:
    mail = next(mail for mail in world.cloud.outbox() if "ingest failed, resource" in mail.subject)
    text = " ".join(mail.text().split())
    for part in ("Java heap space", "WHAT TO DO", "Glue job run: sf-user-ingestion-job", "/states/home?", "/aws-glue"):
        assert part.replace("/aws-glue", "aws-glue") in text


def test_the_command_diagnoses_a_run_as_its_mail_did(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", world.cloud.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    failed, well = diagnosed("run-004"), diagnosed("run-001")
    assert (failed.exit_code, well.exit_code) == (3, 0)
    diagnosis = json.loads(failed.stdout)
    assert (diagnosis["where"], diagnosis["why"], diagnosis["retryable"]) == ("ingest", "resource", False)
    assert json.loads(well.stdout)["well"] is True


def diagnosed(run: str) -> Any:
    arn = f"{MACHINE.replace(':stateMachine:', ':execution:')}:{run}"
    return CliRunner().invoke(main, ["pipeline", "diagnose", arn, "--json", "--region", "us-east-1"])


def test_good_runs_end_them_all_with_one_mail_each(world: World) -> None:
    count = len(opened(world))
    world.run()
    world.run()
    assert open_watches(world) == set()
    assert len(opened(world)) == count == len(DISTINCT)
    assert len(subjects(world)) == 2 * count


def test_a_run_that_does_not_start_is_missed(world: World) -> None:
    (mail,) = world.miss()
    assert "no good run" in mail
    assert open_watches(world) == {MISSED.full_watch}


def test_a_run_that_does_not_end_is_measured_and_has_one_mail(world: World) -> None:
    world.run()
    waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 9999, "End": True}}}
    steps, alarms = world.cloud.client("stepfunctions"), world.cloud.client("cloudwatch")
    steps.update_state_machine(stateMachineArn=MACHINE, definition=json.dumps(waits))
    hanging = steps.start_execution(stateMachineArn=MACHINE, name="hangs", input="{}")["executionArn"]
    mails = world.miss()
    steps.stop_execution(executionArn=hanging)
    names = ["deliverywatch-prod-pipeline-sf_user-hung"]
    assert [alarm["StateValue"] for alarm in alarms.describe_alarms(AlarmNames=names)["MetricAlarms"]] == ["ALARM"]
    stored = world.cloud.bucket(play.lake_bucket(world.cloud)).read("state/pipeline-sf_user-missed.json")
    assert stored is not None
    assert "It runs since" in stored.body.decode()
    assert [("no good run" in mail, "CRITICAL" in mail) for mail in mails] == [(True, True)]
